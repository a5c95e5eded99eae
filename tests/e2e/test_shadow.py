"""An inbound key in shadow: a real daemon passes on what a client sends, as it came, and tells what its rules would have changed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.daemon import KEYS, Daemon, eventually, off_loop

pytestmark = pytest.mark.timeout(60)

INBOUND = "0123456789abcdef0123456789abcdef"
RULES = """
rules:
  - {id: noise, match: {service: dev-*}, drop: development}
  - {id: everything, match: {service: "*"}}
"""


def event(action: str, key: str | None = None, service: str = "payment-api", severity: str = "critical") -> dict[str, Any]:
    payload = {"summary": f"{service} is down", "source": "web1", "component": service, "severity": severity, "class": "Down"}
    found: dict[str, Any] = {"routing_key": INBOUND, "event_action": action, "client": "old tool"}
    if action == "trigger":
        found["payload"] = payload
    return found | ({"dedup_key": key} if key else {})


def send(daemon: Daemon, *arguments: Any) -> str:
    status, answer = daemon.request("POST", "/v2/enqueue", event(*arguments))
    assert status == 202, answer
    return str(answer["dedup_key"])


async def test_events_pass_as_they_came_and_the_report_tells_what_rules_would_change(make_daemon, pagerduty) -> None:
    keys = [{"key": "env:INBOUND", "shadow": "env:KEY_PLATFORM"}]
    daemon = await off_loop(make_daemon, RULES, start=False, sources={"tools": {"kind": "pagerduty", "keys": keys}})
    daemon.environment["INBOUND"] = INBOUND
    await off_loop(daemon.start)

    made = await off_loop(send, daemon, "trigger")
    await off_loop(send, daemon, "trigger", "dev", "dev-web", "warning")
    await eventually(lambda: len(pagerduty.sandbox.incidents()) == 2, what="both events went on")
    titles = {incident.title for incident in pagerduty.sandbox.incidents()}
    assert titles == {"payment-api is down", "dev-web is down"}  # in the client's words, and what a rule drops too
    bodies = [json.loads(entry.body) for entry in pagerduty.sandbox.requests(face="events")]
    sent = [event("trigger", made), event("trigger", "dev", "dev-web", "warning")]
    assert bodies == [each | {"routing_key": KEYS["platform"]} for each in sent]

    await off_loop(daemon.kill)
    await off_loop(daemon.start)
    await off_loop(send, daemon, "resolve", made)
    await eventually(
        lambda: sorted(incident.status for incident in pagerduty.sandbox.incidents()) == ["resolved", "triggered"],
        what="the resolve met its trigger",
    )
    assert len(pagerduty.sandbox.incidents()) == 2
    assert (await off_loop(daemon.get, "/v1/incidents"))[1]["items"] == []  # no page of the rules

    done = await off_loop(daemon.run_command, "shadow", "report", "--since", "1h", "--output", "json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["before"]["by_team"], report["after"]["by_team"]) == ({"platform": 2}, {"payments": 1})
    assert [page["service"] for page in report["lost"]["items"]] == ["dev-web"]
    (row, *_) = (await off_loop(daemon.get, "/v1/decisions"))[1]["items"]
    told = await off_loop(daemon.run_command, "explain", str(row["decision"]["alert_seq"]))
    assert "in shadow" in told.stdout, told.stdout + told.stderr
