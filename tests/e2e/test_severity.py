"""What becomes worse while its incident is open, through the real daemon and on the wire."""

from __future__ import annotations

import json

import pytest

from tests.support.daemon import Daemon, alert, eventually, off_loop

pytestmark = pytest.mark.timeout(120)

RULES = "rules: [{id: everything, group_by: [service]}]"


def told(daemon: Daemon) -> list[tuple[str, str]]:
    """(action, severity) of what PagerDuty took, oldest first."""
    rows = daemon.get("/v1/deliveries?limit=100")[1]["items"]
    taken = sorted(row["id"] for row in rows if row.get("state") == "delivered")
    bodies = [daemon.get(f"/v1/deliveries/{number}")[1]["body"] for number in taken]
    return [(body["event_action"], body.get("payload", {}).get("severity", "")) for body in bodies]


async def test_a_severity_that_rises_while_the_episode_is_open_is_told_to_pagerduty_and_updates_are_spaced(
    make_daemon, pagerduty
) -> None:
    daemon = await off_loop(make_daemon, RULES)
    await off_loop(daemon.post_alerts, alert(instance="a", severity="info"))
    await eventually(lambda: len(pagerduty.sandbox.incidents()) == 1)
    await off_loop(daemon.post_alerts, alert(instance="b", severity="warning"))
    await eventually(
        lambda: told(daemon) == [("trigger", "info"), ("trigger", "warning")], what="the first rise is told at once"
    )
    await off_loop(daemon.post_alerts, alert(instance="c", severity="error"), alert(instance="d", severity="critical"))
    causes = lambda: [row["decision"].get("cause", "") for row in daemon.get("/v1/decisions")[1]["items"]]  # noqa: E731
    await eventually(
        lambda: any(cause.startswith("error to critical, told in ") for cause in causes()), what="the next ones wait"
    )
    assert told(daemon) == [("trigger", "info"), ("trigger", "warning")]
    assert len(pagerduty.sandbox.incidents()) == 1  # under one dedup key

    await off_loop(daemon.kill)
    await off_loop(daemon.start)  # what waits is told after the restart, too: it follows from the rows
    listed = json.loads((await off_loop(daemon.run_command, "incidents", "--output", "json")).stdout)["items"]
    assert [incident["severity"] for incident in listed] == [4]
