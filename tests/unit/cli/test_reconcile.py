from __future__ import annotations

import json

from tests.support.answers import ScriptedDaemon
from tests.support.place import Place

FOUND = {
    "kind": "open_there", "incident": 17, "team": "payments", "pagerduty_id": "Q1", "reason": "over for us", "mended": True,
}  # fmt: skip


def test_differences_are_listed(history: Place) -> None:
    with ScriptedDaemon(lambda *_: (200, {"items": [FOUND], "next": None})).listening() as daemon:
        history.configure(listen=daemon.address)
        told = history.run("reconcile")
        dry = history.run("reconcile", "--dry-run")
        found = json.loads(history.run("reconcile", "--output", "json").output)
    assert told.exit_code == 0, told.output
    assert "open_there" in told.output
    assert "WOULD MEND" in dry.output
    assert found["items"] == [FOUND]
    assert [path for _, path, _ in daemon.asked] == ["/v1/reconcile", "/v1/reconcile?dry_run=true", "/v1/reconcile"]


def test_nothing_to_tell_and_nobody_to_ask(history: Place) -> None:
    with ScriptedDaemon(lambda *_: (200, {"items": [], "next": None})).listening() as daemon:
        history.configure(listen=daemon.address)
        assert history.run("reconcile").output == "PagerDuty and the router agree.\n"
    failed = history.run("reconcile")
    assert failed.exit_code == 1
    assert "does not answer" in failed.output
