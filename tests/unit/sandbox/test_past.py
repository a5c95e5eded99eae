from __future__ import annotations

import json

import pytest

from router.sandbox.control import Control
from router.sandbox.facade import Sandbox
from router.sandbox.past import PastSpec
from router.sandbox.settings import ServiceSpec, Settings
from router.sandbox.switches import Switches

NOW = 1_790_000_000_000
KEY = "a1" * 16


def sandbox(**switches: int) -> Sandbox:
    settings = Settings(services=(ServiceSpec(name="payments", keys=(KEY,)),), switches=Switches(**switches))  # type: ignore[arg-type]
    return Sandbox(settings=settings, now=NOW)


def test_a_past_is_resolved_and_repeatable_and_pages_nobody() -> None:
    spec = PastSpec(incidents=200, since=NOW - 1_000_000_000, until=NOW - 100_000_000, seed=3)
    one, other = sandbox(), sandbox()
    assert one.add_past(spec) == other.add_past(spec)
    shown = one.incidents()
    assert len(shown) == 200
    assert {incident.status for incident in shown} == {"resolved"}
    assert [incident.created_at for incident in shown] == sorted(incident.created_at for incident in shown)
    assert one.pages() == []
    assert one.counts()["open_incidents"] == 0


def test_more_than_is_kept_or_a_time_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="kept_resolved_incidents"):
        sandbox(kept_resolved_incidents=10).add_past(PastSpec(incidents=11, since=0, until=NOW))
    with pytest.raises(ValueError, match="before until"):
        sandbox().add_past(PastSpec(incidents=1, since=5, until=5))


def test_it_can_be_asked_for_over_http() -> None:
    control = Control(sandbox(), lambda _ms: None)
    headers = {"host": "127.0.0.1:1", "content-type": "application/json"}
    body = json.dumps({"incidents": 5, "since": NOW - 1_000_000, "until": NOW}).encode()
    answer = control.receive("POST", "/_sandbox/past", headers, body, NOW)
    assert (answer.status, json.loads(answer.body)) == (200, {"incidents": 5})
    assert control.receive("POST", "/_sandbox/past", headers, b'{"incidents": 0}', NOW).status == 400
