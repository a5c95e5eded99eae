"""What karma reads: the alerts and silences that a real Alertmanager answered its test suite with, sent to the daemon, come back alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Daemon, alert, eventually, off_loop

pytestmark = pytest.mark.timeout(60)

SAMPLES = Path(__file__).parents[1] / "samples"
RULES = """
rules:
  - {id: everything, match: {service: "*"}}
inhibitions:
  - id: critical-says-it
    source: {severity: critical}
    target: {severity: warning}
    equal: [name, cluster, service]
"""


def recorded(name: str) -> Any:
    return json.loads((SAMPLES / f"alertmanager-0.31.0-api-v2-{name}.json").read_text())


def instant(**ahead: float) -> str:
    return (datetime.now(UTC) + timedelta(**ahead)).isoformat()


def as_posted(one: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one[name] for name in ("labels", "annotations", "generatorURL", "startsAt")} | {"endsAt": instant(hours=1)}


def statuses(daemon: Daemon) -> dict[str, dict[str, Any]]:
    return {one["fingerprint"]: one["status"] for one in daemon.get("/api/v2/alerts")[1]}


async def test_alerts_and_silences_that_were_recorded_come_back_alike(make_daemon, pagerduty) -> None:
    daemon = await off_loop(make_daemon, RULES)
    comments = {}
    for silence in recorded("silences"):
        comments[silence["id"]] = silence["comment"]
        fields = {name: silence[name] for name in ("matchers", "comment", "createdBy")}
        posted = fields | {"startsAt": instant(), "endsAt": instant(days=1)}  # the recorded end is decades away
        status, answer = await off_loop(daemon.request, "POST", "/api/v2/silences", posted)
        assert status == 200, answer
        comments[answer["silenceID"]] = silence["comment"]
    await eventually(lambda: len(daemon.get("/api/v2/silences")[1]) == len(recorded("silences")))

    alerts = {one["fingerprint"]: one for group in recorded("alerts-groups") for one in group["alerts"]}
    assert await off_loop(daemon.post_alerts, *map(as_posted, alerts.values())) == 200
    await eventually(lambda: len(statuses(daemon)) == len(alerts))
    found = {one["fingerprint"]: one for one in (await off_loop(daemon.get, "/api/v2/alerts"))[1]}
    assert found.keys() == alerts.keys()  # the fingerprints are Alertmanager's own
    for fingerprint, before in alerts.items():
        now = found[fingerprint]
        assert {name: now[name] for name in ("labels", "annotations", "generatorURL", "startsAt")} == {
            name: before[name] for name in ("labels", "annotations", "generatorURL", "startsAt")
        }
        assert now["status"]["state"] == before["status"]["state"], now
        assert sorted(comments[silence] for silence in now["status"]["silencedBy"]) == sorted(
            comments[silence] for silence in before["status"]["silencedBy"]
        )
    told = {comments[one["id"]]: one["matchers"] for one in (await off_loop(daemon.get, "/api/v2/silences"))[1]}
    assert told == {one["comment"]: one["matchers"] for one in recorded("silences")}


async def test_what_inhibits_an_alert_is_named_by_its_fingerprint(make_daemon, pagerduty) -> None:
    daemon = await off_loop(make_daemon, RULES)
    await off_loop(daemon.post_alerts, alert("Slow", severity="critical", cluster="a"))
    await eventually(lambda: len(pagerduty.sandbox.incidents()) == 1, what="the critical alert pages")
    await off_loop(
        daemon.post_alerts, alert("Slow", severity="warning", cluster="a"), alert("Slow", severity="warning", cluster="b")
    )
    await eventually(lambda: len(statuses(daemon)) == 3)
    shown = (await off_loop(daemon.get, "/api/v2/alerts"))[1]
    (critical,) = [one["fingerprint"] for one in shown if one["labels"]["severity"] == "critical"]
    by_cluster = {one["labels"]["cluster"]: one["status"] for one in shown if one["labels"]["severity"] == "warning"}
    assert by_cluster["a"] == {"state": "suppressed", "silencedBy": [], "inhibitedBy": [critical], "mutedBy": []}
    assert by_cluster["b"]["state"] == "active"
    left = (await off_loop(daemon.get, "/api/v2/alerts?inhibited=false"))[1]
    assert len(left) == 2
