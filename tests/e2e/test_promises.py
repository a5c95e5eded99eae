"""The eight promises, each with a test named after it, against the real process and the strict stand-in."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import time
from pathlib import Path

import pytest

from router.sandbox.faults import Fault
from tests.support.daemon import KEYS, alert, config, eventually, off_loop
from tests.support.sending import Sender

pytestmark = pytest.mark.timeout(180)

COUNT_RULES = """
rules:
  - id: three-errors
    match: {service: "payment-*"}
    when: {count: 3, within: 5m}
    page: owner
"""


def titles(pagerduty) -> list[str]:
    return [incident.title for incident in pagerduty.sandbox.incidents()]


RULES_PER_INSTANCE = """
rules:
  - id: everything
    match: {service: "payment-*"}
    group_by: [service, name, instance]
    summary: "problem at {{ labels.instance }}."
"""


async def test_promise_1_answered_2xx_means_durable(make_daemon, pagerduty) -> None:
    """kill -9 at random instants under load: whatever was answered 2xx is paged, and opens exactly one incident."""
    chance = random.Random(1)
    daemon = make_daemon(RULES_PER_INSTANCE, start=False)
    accepted: list[str] = []
    for number in range(6):
        await off_loop(daemon.start)
        with Sender(daemon, f"round{number}") as sender:
            await asyncio.sleep(chance.uniform(0.02, 0.6))
            await off_loop(daemon.kill)
        accepted += sender.accepted
    await off_loop(daemon.start)
    assert len(accepted) > 100

    def all_paged() -> bool:
        return {f"problem at {instance}." for instance in accepted} <= set(titles(pagerduty))

    await eventually(all_paged, seconds=60, what="every accepted alert paged")
    found = titles(pagerduty)
    assert len(found) == len(set(found)), "an incident was opened twice"


async def test_promise_2_every_alert_ends_in_a_recorded_decision_with_a_reason(make_daemon) -> None:
    rules = """
    rules:
      - {id: noise, match: {service: "dev-*"}, drop: development never pages}
      - {id: three, match: {service: "payment-*"}, when: {count: 3, within: 5m}}
    """
    daemon = make_daemon(rules)
    daemon.post_alerts(alert(service="dev-a"), alert(service="payment-a"), alert(service="other"))
    daemon.post_alerts(alert(service="never-seen", ends_in="-5"))
    await asyncio.sleep(0.3)
    status, listed = daemon.get("/v1/decisions")
    assert status == 200
    reasons = {item["decision"]["alert_seq"]: item["decision"]["reason"] for item in listed["items"]}
    assert sorted(reasons.values()) == ["count_not_reached", "dropped_by_rule", "no_rule_matched", "nothing_open"]
    told = daemon.run_command("explain", str(min(reasons)))
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("Not paged by rule noise: a rule says that it never pages (development never pages).")


async def test_promise_3_one_problem_one_incident(make_daemon, pagerduty) -> None:
    """Resends, a second sender, a lost answer and a restart: one incident, and the resolve closes it."""
    daemon = make_daemon(start=False)
    await off_loop(daemon.start)

    pagerduty.sandbox.add_fault(Fault(kind="reset_accepted", count=1), pagerduty.now())
    for _ in range(3):
        assert await off_loop(daemon.post_alerts, alert(), alert()) == 200
    await eventually(lambda: titles(pagerduty))
    await off_loop(daemon.kill)
    await off_loop(daemon.start)
    assert await off_loop(daemon.post_alerts, alert()) == 200
    await asyncio.sleep(1.5)
    assert len(titles(pagerduty)) == 1
    assert len(pagerduty.sandbox.pages()) == 1
    assert await off_loop(daemon.post_alerts, alert(ends_in="-1")) == 200
    await eventually(lambda: [i.status for i in pagerduty.sandbox.incidents()] == ["resolved"])
    actions = [json.loads(entry.body)["event_action"] for entry in pagerduty.sandbox.requests(face="events")]
    assert actions[-1] == "resolve"
    assert set(actions[:-1]) == {"trigger"}


async def test_promise_4_pages_survive_a_template_that_fails(make_daemon, pagerduty) -> None:
    rules = """
    rules:
      - id: broken-template
        match: {service: "payment-*"}
        summary: "{{ (labels.port | int) // 0 }}"
    """
    daemon = await off_loop(make_daemon, rules)
    await off_loop(daemon.post_alerts, alert())
    await eventually(lambda: titles(pagerduty))
    assert "CardError" in titles(pagerduty)[0]


async def test_promise_4_pages_survive_a_broken_rule_file(make_daemon, pagerduty) -> None:
    daemon = await off_loop(make_daemon, RULES_PER_INSTANCE)
    daemon.write_rules("rules: [{id: x, mach: {}}]")
    await eventually(lambda: any("ReloadFailed" in title for title in titles(pagerduty)), what="the router says so")
    await off_loop(daemon.post_alerts, alert(instance="still-here"))
    await eventually(lambda: "problem at still-here." in titles(pagerduty))
    daemon.write_rules(RULES_PER_INSTANCE)
    await eventually(
        lambda: any("ReloadFailed" in i.title and i.status == "resolved" for i in pagerduty.sandbox.incidents()),
        what="the trouble is over",
    )
    daemon.write_rules("rules: [")
    await asyncio.sleep(0.6)
    await off_loop(daemon.kill)
    await off_loop(daemon.start)
    await off_loop(daemon.post_alerts, alert(instance="after-restart"))
    await eventually(lambda: "problem at after-restart." in titles(pagerduty), what="the last good rules, after a restart")


async def test_promise_4_an_unrouted_alert_goes_to_the_default_team(make_daemon, pagerduty) -> None:
    daemon = await off_loop(make_daemon, COUNT_RULES)
    await off_loop(daemon.post_alerts, alert(service="unknown-thing"))
    await eventually(lambda: [i.service for i in pagerduty.sandbox.incidents()] == ["platform"])


async def test_promise_4_a_refused_routing_key_falls_back(make_daemon, pagerduty) -> None:
    daemon = make_daemon(RULES_PER_INSTANCE, start=False)
    daemon.environment["KEY_PAYMENTS"] = "0f" * 16
    await off_loop(daemon.start)
    await off_loop(daemon.post_alerts, alert(instance="x"))
    await eventually(lambda: "problem at x." in titles(pagerduty))
    await eventually(lambda: any("DeadLetter" in title for title in titles(pagerduty)))
    assert {i.service for i in pagerduty.sandbox.incidents()} == {"platform"}
    assert await off_loop(daemon.post_alerts, alert(instance="x", ends_in="-1")) == 200
    await eventually(lambda: any(i.title == "problem at x." and i.status == "resolved" for i in pagerduty.sandbox.incidents()))


async def test_promise_5_limits_merge_and_never_drop(make_daemon, pagerduty) -> None:
    teams = {
        "payments": {
            "services": ["payment-*"],
            "pagerduty": {"routing_key": "env:KEY_PAYMENTS"},
            "limit": {"incidents": 3, "per": "10m"},
        },
        "platform": {"services": ["*"], "pagerduty": {"routing_key": "env:KEY_PLATFORM"}},
    }
    daemon = await off_loop(make_daemon, RULES_PER_INSTANCE, teams=teams)
    for number in range(10):
        await off_loop(daemon.post_alerts, alert(instance=f"n{number}", severity="warning"))
    await eventually(lambda: len(titles(pagerduty)) == 4)
    listed = {"items": []}
    for _ in range(50):  # the last of them may still be on their way to a decision
        status, listed = await off_loop(daemon.get, "/v1/incidents?limit=50")
        assert status == 200
        if len(listed["items"]) == 11:
            break
        await asyncio.sleep(0.1)
    assert len(listed["items"]) == 11
    held = [item for item in listed["items"] if item.get("storm")]
    assert len(held) == 7
    for number in range(10):
        await off_loop(daemon.post_alerts, alert(instance=f"n{number}", severity="warning", ends_in="-1"))
    await eventually(lambda: {i.status for i in pagerduty.sandbox.incidents()} == {"resolved"})


async def test_promise_6_what_we_opened_we_close(make_daemon, pagerduty) -> None:
    """Rule removed, team's services moved, process restarted: the resolve still goes through the key that opened it."""
    daemon = await off_loop(make_daemon, RULES_PER_INSTANCE)
    await off_loop(daemon.post_alerts, alert(instance="x"))
    await eventually(lambda: titles(pagerduty))
    daemon.write_rules("rules: [{id: other, match: {service: nothing-like-it}}]")
    await eventually(lambda: "rules_changed" in daemon.log)
    await off_loop(daemon.kill)
    await off_loop(daemon.start)
    await off_loop(daemon.post_alerts, alert(instance="x", ends_in="-1"))
    await eventually(lambda: [i.status for i in pagerduty.sandbox.incidents()] == ["resolved"])
    assert [i.service for i in pagerduty.sandbox.incidents()] == ["payments"]


@pytest.mark.parametrize("has_channel", [False, True])
async def test_promise_6_what_is_open_stays_with_whom_it_paged_when_its_service_changes_hands(
    make_daemon, pagerduty, *, has_channel: bool
) -> None:
    """The owner changes by a reload, it becomes worse, the process is killed, it ends: one incident, closed where it was opened."""
    more = {"channels": {"room": {"kind": "webhook", "url": "http://127.0.0.1:1/room"}}} if has_channel else {}
    daemon = await off_loop(make_daemon, RULES_PER_INSTANCE, **more)
    await off_loop(daemon.post_alerts, alert(instance="x"))
    await eventually(lambda: titles(pagerduty))
    teams = config(pagerduty.url)["teams"]
    teams["payments"]["services"] = []
    daemon.configure({"listen": f"127.0.0.1:{daemon.port}"} | config(pagerduty.url, teams=teams, **more))
    daemon.send_signal(signal.SIGHUP)
    await eventually(lambda: "rules_changed" in daemon.log)
    await off_loop(daemon.post_alerts, alert(instance="x", severity="critical"))
    await eventually(lambda: len(pagerduty.sandbox.requests(face="events")) == 2)
    await off_loop(daemon.kill)
    await off_loop(daemon.start)
    over = [alert(instance="x", severity=severity, ends_in="-1") for severity in ("error", "critical")]
    await off_loop(daemon.post_alerts, *over)
    await eventually(lambda: [i.status for i in pagerduty.sandbox.incidents()] == ["resolved"])
    assert [i.service for i in pagerduty.sandbox.incidents()] == ["payments"]
    sent = [(each.action, each.routing_key) for each in pagerduty.sandbox.requests(face="events")]
    assert sent == [(action, KEYS["payments"]) for action in ("trigger", "trigger", "resolve")]


async def test_promise_7_reload_and_restart_are_invisible(make_daemon, pagerduty) -> None:
    """A count of three survives a reload and two restarts, one clean and one not."""
    daemon = await off_loop(make_daemon, COUNT_RULES)

    async def occur(number: int) -> None:
        assert await off_loop(daemon.post_alerts, alert(instance=f"n{number}")) == 200

    await occur(1)
    assert await off_loop(daemon.stop) == 0
    await off_loop(daemon.start)
    daemon.write_rules(COUNT_RULES + "  - {id: another, match: {service: elsewhere}}\n")
    await eventually(lambda: "rules_changed" in daemon.log)
    await occur(2)
    await asyncio.sleep(0.3)
    await off_loop(daemon.kill)
    await off_loop(daemon.start)
    assert titles(pagerduty) == []
    await occur(3)
    await eventually(lambda: len(titles(pagerduty)) == 1)
    assert await off_loop(daemon.stop) == 0
    await off_loop(daemon.start)
    await asyncio.sleep(0.5)
    assert len(pagerduty.sandbox.pages()) == 1


async def test_promise_8_secrets_show_nowhere(make_daemon, pagerduty, tmp_path: Path) -> None:
    """Planted keys and tokens are looked for in the log, the API, the metrics, the command line and every file on disk."""
    token = "tok-" + "5e" * 16
    inbound = "9c" * 16
    daemon = make_daemon(
        RULES_PER_INSTANCE,
        start=False,
        tokens=[{"name": "all", "token": "env:ADMIN_TOKEN", "scopes": ["read", "write", "ingest", "admin"]}],
        sources={"tools": {"kind": "pagerduty", "keys": ["env:INBOUND"]}},
    )
    daemon.environment |= {"ADMIN_TOKEN": token, "INBOUND": inbound, "KEY_PAYMENTS": "0f" * 16}
    await off_loop(daemon.start)
    bearer = {"Authorization": f"Bearer {token}"}
    shown: list[str] = []
    status, _ = await off_loop(daemon.request, "POST", "/api/v2/alerts", [alert(instance="x")], **bearer)
    assert status == 200
    event = {
        "routing_key": inbound,
        "event_action": "trigger",
        "payload": {"summary": "s", "source": "payment-x", "severity": "error"},
    }
    status, answer = await off_loop(daemon.request, "POST", "/v2/enqueue", event, **bearer)
    assert status == 202, answer
    await eventually(lambda: any("DeadLetter" in title for title in titles(pagerduty)))
    for path in (
        "/metrics",
        "/v1/alerts",
        "/v1/incidents",
        "/v1/deliveries",
        "/v1/decisions",
        "/v1/stats",
        "/v1/rules",
        "/-/ready",
    ):
        status, text = await off_loop(daemon.request, "GET", path, **bearer)
        assert status == 200, (path, text)
        shown.append(json.dumps(text))
    wrong = {"Authorization": f"Bearer {token}x"}
    shown.append(json.dumps(await off_loop(daemon.request, "GET", "/v1/alerts", **wrong)))
    for command in (["alerts"], ["incidents"], ["deliveries", "--output", "json"], ["check"]):
        done = await off_loop(daemon.run_command, *command)
        shown.append(done.stdout + done.stderr)
    assert await off_loop(daemon.stop) == 0
    shown.append(daemon.log)
    secrets = [token, inbound, "0f" * 16, KEYS["platform"]]
    for secret in secrets:
        assert not any(secret in text for text in shown)
        for file in daemon.folder.rglob("*"):
            if file.is_file():
                assert secret.encode() not in file.read_bytes(), f"{file} holds a secret"


async def test_a_clean_stop_keeps_within_its_time(make_daemon, pagerduty) -> None:
    """SIGTERM with PagerDuty hanging: the daemon ends in time, and pages after the next start."""

    daemon = await off_loop(make_daemon, RULES_PER_INSTANCE, shutdown_timeout="3s")
    pagerduty.sandbox.add_fault(Fault(kind="hang"), pagerduty.now())
    await off_loop(daemon.post_alerts, alert(instance="x"))
    await asyncio.sleep(0.3)
    started = time.monotonic()
    assert await off_loop(daemon.stop) == 0
    assert time.monotonic() - started < 6
    pagerduty.sandbox.clear_faults()
    await off_loop(daemon.start)
    await eventually(lambda: titles(pagerduty) == ["problem at x."])
