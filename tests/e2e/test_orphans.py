"""Rules that are edited while their incidents are open, through the real daemon: nothing is orphaned, repeated or lost."""

from __future__ import annotations

import json

import pytest

from tests.support.daemon import Daemon, alert, eventually, off_loop

pytestmark = pytest.mark.timeout(120)

OLD = "rules: [{id: old, match: {service: payment-*}}, {id: rest}]"


async def reload(daemon: Daemon, rules: str) -> None:
    await off_loop(daemon.write_rules, rules)
    status, _ = await off_loop(daemon.request, "POST", "/-/reload")
    assert status == 200


async def test_a_renamed_rule_goes_on_and_a_removed_one_is_listed_and_closed(make_daemon, pagerduty) -> None:
    daemon = await off_loop(make_daemon, OLD)
    await off_loop(daemon.post_alerts, alert())
    await eventually(lambda: len(pagerduty.sandbox.incidents()) == 1, what="it pages")
    await reload(daemon, "rules: [{id: new, renamed_from: old, match: {service: payment-*}}, {id: rest}]")
    await eventually(lambda: daemon.get("/v1/incidents")[1]["items"][0]["rule"] == "new", what="the new name has it")
    assert "rule_leaves_open" not in daemon.log

    await off_loop(daemon.kill)
    await off_loop(daemon.start)
    await reload(daemon, "rules: [{id: rest, match: {severity: info}}]")
    await eventually(lambda: daemon.metric("alert_router_orphaned_incidents") == 1, what="it is left open")
    assert "rule_leaves_open" in daemon.log
    listed = await off_loop(daemon.run_command, "incidents", "orphans")
    assert listed.stdout.splitlines()[1].split()[:3] == ["new", "1", "payments"]
    checked = await off_loop(daemon.run_command, "check", "--skip-secrets", "--output", "json")
    assert [found["code"] for found in json.loads(checked.stdout)] == ["leaves-open"]

    closed = await off_loop(
        daemon.run_command, "incidents", "close", "--rule", "new", "--reason", "moved", "--by", "ann", "--yes"
    )
    assert closed.stdout == "closed: incident 1\n", closed.stderr
    await eventually(lambda: pagerduty.sandbox.incidents()[0].status == "resolved", what="through the key that opened it")
    assert daemon.metric("alert_router_orphaned_incidents") == 0
    (decision,) = [
        each["decision"] for each in daemon.get("/v1/decisions")[1]["items"] if each["decision"]["reason"] == "closed_here"
    ]
    assert decision["cause"] == "by ann: moved"
    shown = await off_loop(daemon.run_command, "incidents", "show", "1")
    assert "ann  closed: moved" in shown.stdout


async def test_given_to_another_rule_afterwards(make_daemon, pagerduty) -> None:
    daemon = await off_loop(make_daemon, OLD)
    await off_loop(daemon.post_alerts, alert())
    await eventually(lambda: len(pagerduty.sandbox.incidents()) == 1)
    await reload(daemon, "rules: [{id: card-errors, match: {service: payment-*}}, {id: rest}]")
    await eventually(lambda: daemon.get("/v1/orphans")[1]["items"], what="it is left open")
    adopted = await off_loop(daemon.run_command, "incidents", "adopt", "old", "card-errors")
    assert adopted.stdout == "rule card-errors goes on with incident 1\n", adopted.stderr
    await eventually(lambda: daemon.get("/v1/orphans")[1]["items"] == [])
    await off_loop(daemon.post_alerts, alert(ends_in="-1"))
    await eventually(lambda: pagerduty.sandbox.incidents()[0].status == "resolved", what="its end closes it")
    assert len(pagerduty.sandbox.incidents()) == 1
