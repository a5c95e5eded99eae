"""The real process and people in PagerDuty: every page is followed to somebody who has it, by webhooks or by asking."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from router.sandbox.facade import ServiceChange
from router.sandbox.faults import Fault
from router.sandbox.settings import DEFAULT_TOKEN
from tests.support.daemon import Daemon, alert, eventually, off_loop

pytestmark = pytest.mark.timeout(120)

RULES = """
rules:
  - id: everything
    match: {service: "payment-*"}
    group_by: [service, name, instance]
    summary: "problem at {{ labels.instance }}."
"""
ADA = "ada@example.test"


def settings(pagerduty, *, webhooks: bool, confirm_within: str = "5m", **more: Any) -> dict[str, Any]:
    section = {
        "events_url": pagerduty.url, "api_url": pagerduty.url, "rate": "unlimited", "api_token": "env:PD_TOKEN", "from": ADA,
    }  # fmt: skip
    if webhooks:
        section["webhook_secrets"] = ["env:PD_SECRET"]
    return {
        "pagerduty": section | more,
        "teams": {
            "payments": {
                "services": ["payment-*"],
                "pagerduty": {"routing_key": "env:KEY_PAYMENTS", "confirm_within": confirm_within},
                "fallback": "platform",
            },
            "platform": {"services": ["*"], "pagerduty": {"routing_key": "env:KEY_PLATFORM"}},
        },
    }


@pytest.fixture(params=["webhooks", "polling"])
async def daemon(request, make_daemon, pagerduty) -> Daemon:
    return await started(make_daemon, pagerduty, webhooks=request.param == "webhooks")


async def started(make_daemon, pagerduty, *, webhooks: bool, **more: Any) -> Daemon:
    daemon = make_daemon(RULES, start=False, **settings(pagerduty, webhooks=webhooks, **more))
    daemon.environment |= {"PD_TOKEN": DEFAULT_TOKEN, "PD_SECRET": "none yet, at least sixteen"}
    if webhooks:
        made = pagerduty.sandbox.subscribe(f"http://127.0.0.1:{daemon.port}/v1/pagerduty/webhook")
        daemon.environment["PD_SECRET"] = made.secret
    return await off_loop(daemon.start)


async def page_of(daemon: Daemon, number: int = 1) -> dict[str, Any]:
    status, found = await off_loop(daemon.get, f"/v1/incidents/{number}")
    assert status == 200, found
    return found["pages"][0]


async def until(daemon: Daemon, state: str, number: int = 1, seconds: float = 25.0) -> dict[str, Any]:
    for _ in range(int(seconds * 10)):
        status, found = await off_loop(daemon.get, f"/v1/incidents/{number}")
        if status == 200 and found["pages"] and found["pages"][0]["state"] == state:
            return found["pages"][0]
        await asyncio.sleep(0.1)
    raise AssertionError(f"not {state}: {found}\n{daemon.log}")


def person(pagerduty, what: str, incident: str, **words: str) -> None:
    """Ada does something in PagerDuty, and the webhooks about it go out."""
    getattr(pagerduty.sandbox, what)(incident, pagerduty.now(), user=ADA, **words)
    pagerduty.tick()


async def test_a_page_is_followed_from_the_alert_to_the_last_note(daemon: Daemon, pagerduty) -> None:
    await off_loop(daemon.post_alerts, alert(instance="a"))
    (incident,) = await eventually(pagerduty.sandbox.incidents)
    page = await until(daemon, "confirmed")
    assert page["page"]["pagerduty_id"] == incident.id
    person(pagerduty, "acknowledge", incident.id)
    page = await until(daemon, "acknowledged")
    assert page["page"]["acknowledged_by"] == "Ada Example"
    person(pagerduty, "annotate", incident.id, content="the disk is full")
    person(pagerduty, "resolve", incident.id, note="made room")
    page = await until(daemon, "resolved")
    assert page["page"]["resolved_by"] == "Ada Example"
    shown = await off_loop(daemon.run_command, "incidents", "show", "1")
    for text in ("Ada Example", "the disk is full", "made room", "acknowledged", "resolved"):
        assert text in shown.stdout, shown.stdout
    found = (await off_loop(daemon.get, "/v1/incidents/1"))[1]
    assert found["incident"]["status"] == "closed"
    assert found["decisions"][0]["reason"] == "resolved_in_pagerduty"
    assert "Ada Example" in found["headline"]
    assert len(pagerduty.sandbox.pages(reason="triggered")) == 1


async def test_acting_from_here_goes_round_in_no_circle(daemon: Daemon, pagerduty) -> None:
    await off_loop(daemon.post_alerts, alert(instance="a"))
    await until(daemon, "confirmed")

    async def command(*arguments: str) -> str:
        done = await off_loop(daemon.run_command, "incidents", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "acknowledged" in await command("ack", "1")
    assert (await page_of(daemon))["state"] == "acknowledged"
    await command("note", "1", "looking")
    await command("reassign", "1", "grace@example.test")
    await command("escalate", "1", "--level", "2")
    await command("snooze", "1", "--for", "1m")
    await command("ack", "1")
    await command(
        "responders",
        "1",
        "--user",
        "grace@example.test",
        "--policy",
        "platform escalation",
        "--message",
        "help",
        "--link",
        "https://x/1",
    )
    await command("status", "1", "cards work again")
    await command("priority", "1", "P1")
    (there,) = pagerduty.sandbox.incidents()
    assert (there.priority, there.responders) == ("P1", ("Grace Example (pending)", "Ada Example (pending)"))
    await command("resolve", "1", "--note", "made room")
    await until(daemon, "resolved")
    await asyncio.sleep(1.0)  # the webhooks of all that are in
    (there,) = pagerduty.sandbox.incidents()
    assert there.status == "resolved"
    found = (await off_loop(daemon.get, "/v1/incidents/1"))[1]
    audit = [(entry["who"], entry["what"]) for entry in found["audit"]]
    for verb in ("acknowledge", "note", "reassign", "escalate", "snooze", "resolve"):
        assert any(who.endswith("this machine") and what == f"asked to {verb}" for who, what in audit), verb
    assert audit.count(("Ada Example", "resolved")) == 1
    reasons = [decision["reason"] for decision in found["decisions"]]
    assert reasons.count("resolved_in_pagerduty") == 1
    assert len(pagerduty.sandbox.pages(reason="triggered")) == 1
    refused = await off_loop(daemon.run_command, "incidents", "ack", "1")
    assert refused.returncode == 1
    assert "resolved" in refused.stderr
    unknown = await off_loop(daemon.run_command, "incidents", "ack", "99")
    assert "no incident 99" in unknown.stderr


async def test_a_lost_202_is_one_page_and_confirmed(daemon: Daemon, pagerduty) -> None:
    pagerduty.sandbox.add_fault(Fault(kind="reset_after", face="events", count=1), pagerduty.now())
    await off_loop(daemon.post_alerts, alert(instance="a"))
    await until(daemon, "confirmed")
    assert len(pagerduty.sandbox.incidents()) == 1
    assert len(pagerduty.sandbox.pages(reason="triggered")) == 1


@pytest.mark.parametrize("mode", ["webhooks", "polling"])
@pytest.mark.parametrize("why", ["on_call", "suppressed", "disabled"])
async def test_a_page_that_reaches_nobody_goes_to_the_fallback_once(make_daemon, pagerduty, mode: str, why: str) -> None:
    change = ServiceChange(name="payments", **{why: why != "on_call"})
    pagerduty.sandbox.set_service(change, pagerduty.now())
    daemon = await started(make_daemon, pagerduty, webhooks=mode == "webhooks", confirm_within="2s")
    await off_loop(daemon.post_alerts, alert(instance="a"))
    story = await until(daemon, "missed")
    assert "reached nobody" in story["sentence"]

    def titles() -> list[str]:
        return sorted(incident.title for incident in pagerduty.sandbox.incidents())

    await eventually(lambda: len(titles()) == 2, what="the fallback and the router's own alert")
    assert "PageNotConfirmed" in titles()[0] + titles()[1]
    assert [incident.service for incident in pagerduty.sandbox.incidents()] == ["platform", "platform"]
    for _ in range(100):
        pages = (await off_loop(daemon.get, "/v1/incidents/1"))[1]["pages"]
        if {story["team"]: story["state"] for story in pages} == {"payments": "missed", "platform": "confirmed"}:
            break
        await asyncio.sleep(0.1)
    else:
        raise AssertionError(pages)
    await off_loop(daemon.kill)
    await off_loop(daemon.start)
    await asyncio.sleep(2.5)
    assert len(titles()) == 2, "also after a restart"
    assert daemon.metric("alert_router_pages_missed_total") == 0


async def rest(pagerduty, method: str, path: str, body: dict[str, Any]) -> None:
    headers = {
        "authorization": f"Token token={DEFAULT_TOKEN}", "accept": "application/vnd.pagerduty+json;version=2",
        "content-type": "application/json", "from": ADA,
    }  # fmt: skip
    answer = pagerduty.sandbox.receive(method, path, headers, json.dumps(body).encode(), pagerduty.now())
    assert answer.status < 300, answer.body
    pagerduty.tick()


async def test_merged_incidents_are_followed_to_where_they_went(daemon: Daemon, pagerduty) -> None:
    await off_loop(daemon.post_alerts, alert(instance="a"))
    await until(daemon, "confirmed", 1)
    await off_loop(daemon.post_alerts, alert(instance="b"))
    await until(daemon, "confirmed", 2)
    first, second = pagerduty.sandbox.incidents()
    sources = {"source_incidents": [{"id": second.id, "type": "incident_reference"}]}
    await rest(pagerduty, "PUT", f"/incidents/{first.id}/merge", sources)
    for _ in range(200):
        merged = (await page_of(daemon, 2))["page"]
        if merged["pagerduty_id"] == first.id:
            break
        await asyncio.sleep(0.1)
    assert (merged["pagerduty_id"], merged["status"]) == (first.id, "triggered")
    assert (await off_loop(daemon.get, "/v1/incidents/2"))[1]["incident"]["status"] == "open", "a merge is no fix"
    person(pagerduty, "acknowledge", first.id)
    await until(daemon, "acknowledged", 1)
    await until(daemon, "acknowledged", 2)
    person(pagerduty, "resolve", first.id)
    await until(daemon, "resolved", 1)
    await until(daemon, "resolved", 2)


async def test_an_incident_that_is_opened_again_is_followed_again(daemon: Daemon, pagerduty) -> None:
    await off_loop(daemon.post_alerts, alert(instance="a"))
    await off_loop(daemon.post_alerts, alert(instance="b"))  # keeps the service in view where PagerDuty is asked
    await until(daemon, "confirmed", 1)
    await until(daemon, "confirmed", 2)
    incident = next(one for one in pagerduty.sandbox.incidents() if one.title == "problem at a.")
    number = 1 if (await page_of(daemon, 1))["page"]["pagerduty_id"] == incident.id else 2
    person(pagerduty, "resolve", incident.id)
    await until(daemon, "resolved", number)
    await rest(
        pagerduty, "PUT", f"/incidents/{incident.id}", {"incident": {"type": "incident_reference", "status": "triggered"}}
    )
    await until(daemon, "confirmed", number)
    assert (await page_of(daemon, number))["page"]["reopened"] == 1
    found = await off_loop(daemon.run_command, "reconcile", "--dry-run", "--output", "json")
    assert found.returncode == 0, found.stderr
    person(pagerduty, "resolve", incident.id)
    await until(daemon, "resolved", number)


async def test_what_happened_while_the_subscription_was_disabled_is_found_out(make_daemon, pagerduty) -> None:
    daemon = await started(make_daemon, pagerduty, webhooks=True)
    await off_loop(daemon.post_alerts, alert(instance="a"), alert(instance="b"))
    await until(daemon, "confirmed", 1)
    await until(daemon, "confirmed", 2)
    (subscription,) = {delivery.subscription_id for delivery in pagerduty.sandbox.webhooks()}
    pagerduty.sandbox.disable_webhooks(subscription, pagerduty.now(), 86_400_000)
    first, second = pagerduty.sandbox.incidents()
    person(pagerduty, "acknowledge", first.id)
    person(pagerduty, "resolve", second.id)
    dry = await off_loop(daemon.run_command, "reconcile", "--dry-run", "--output", "json")
    rows = json.loads(dry.stdout)["items"]
    assert sorted((row["kind"], row["mended"]) for row in rows) == [("missed_news", True)] * 2
    assert (await page_of(daemon, 1))["state"] == "confirmed", "a dry run changes nothing"
    done = await off_loop(daemon.run_command, "reconcile")
    assert done.stdout.count("missed_news") == 2, done.stdout + done.stderr
    states = {(await page_of(daemon, number))["state"] for number in (1, 2)}
    assert states == {"acknowledged", "resolved"}
    again = await off_loop(daemon.run_command, "reconcile")
    assert "agree" in again.stdout


async def test_a_resolve_that_may_still_be_on_its_way_is_not_sent_again(make_daemon, pagerduty) -> None:
    """PagerDuty answers 202 and forgets; only after two minutes is that sure."""
    daemon = await started(make_daemon, pagerduty, webhooks=True)
    await off_loop(daemon.post_alerts, alert(instance="a"))
    await until(daemon, "confirmed")
    pagerduty.sandbox.set_switches({"accepted_loss_probability": 1.0})
    await off_loop(daemon.post_alerts, alert(instance="a", ends_in="-1"))
    await eventually(lambda: len(pagerduty.sandbox.requests(face="events")) == 2)
    await asyncio.sleep(0.3)
    pagerduty.sandbox.set_switches({"accepted_loss_probability": 0.0})
    early = await off_loop(daemon.run_command, "reconcile")
    assert "agree" in early.stdout, "it may still be on its way"
    (incident,) = pagerduty.sandbox.incidents()
    assert incident.status == "triggered"


@pytest.mark.parametrize("style", ["two_valid_first", "two_valid_second", "with_v2", "blanks"])
async def test_a_secret_is_exchanged_without_a_gap(make_daemon, pagerduty, style: str) -> None:
    pagerduty.sandbox.set_switches({"webhook_signature": style})
    daemon = await started(make_daemon, pagerduty, webhooks=True)
    await off_loop(daemon.post_alerts, alert(instance="a"))
    await until(daemon, "confirmed", seconds=10)
    assert daemon.metric("alert_router_webhooks_total", result="forged") == 0


async def test_a_secret_that_was_forgotten_comes_into_force_by_a_reload(make_daemon, pagerduty) -> None:
    daemon = make_daemon(RULES, start=False, **settings(pagerduty, webhooks=True, webhook_secrets=["file:hook.secret"]))
    daemon.environment["PD_TOKEN"] = DEFAULT_TOKEN
    secret = daemon.folder / "hook.secret"
    secret.write_text("the one before, long ago")
    secret.chmod(0o600)
    await off_loop(daemon.start)
    made = pagerduty.sandbox.subscribe(f"http://127.0.0.1:{daemon.port}/v1/pagerduty/webhook")
    await off_loop(daemon.post_alerts, alert(instance="a"))
    await eventually(lambda: daemon.metric("alert_router_webhooks_total", result="forged") == 1)
    secret.write_text(made.secret)
    assert (await off_loop(daemon.request, "POST", "/-/reload"))[0] == 200
    await off_loop(daemon.post_alerts, alert(instance="b"))
    await until(daemon, "confirmed", 2, seconds=10)
    assert "restart_needed" not in daemon.log


@pytest.mark.parametrize("style", ["wrong_secret", "missing", "other_body"])
async def test_what_is_not_signed_by_pagerduty_changes_nothing(make_daemon, pagerduty, style: str) -> None:
    pagerduty.sandbox.set_switches({"webhook_signature": style, "webhook_unknown_every": 0})
    daemon = await started(make_daemon, pagerduty, webhooks=True)
    for name in "abc":
        await off_loop(daemon.post_alerts, alert(instance=name))
    await eventually(lambda: daemon.metric("alert_router_webhooks_total", result="forged") >= 3)
    assert daemon.metric("alert_router_webhooks_total", result="taken") == 0
    assert (await page_of(daemon))["state"] == "sent"
    outcomes = {outcome for delivery in pagerduty.sandbox.webhooks() for _, outcome in delivery.outcomes}
    assert outcomes == {401}
    if style != "missing":
        await eventually(
            lambda: any("WebhooksRefused" in incident.title for incident in pagerduty.sandbox.incidents()),
            what="the router says so",
        )


async def test_repeated_unknown_foreign_and_unsigned_webhooks(make_daemon, pagerduty) -> None:
    pagerduty.sandbox.set_switches({"webhook_duplicate_every": 1, "webhook_unknown_every": 1, "webhook_foreign_every": 1})
    daemon = await started(make_daemon, pagerduty, webhooks=True)
    await off_loop(daemon.post_alerts, alert(instance="a"))
    await until(daemon, "confirmed")
    (incident,) = pagerduty.sandbox.incidents()
    person(pagerduty, "acknowledge", incident.id)
    person(pagerduty, "resolve", incident.id, note="made room")
    await until(daemon, "resolved")
    await eventually(lambda: daemon.metric("alert_router_webhooks_total", result="repeated") >= 4)
    assert daemon.metric("alert_router_webhooks_total", result="ignored") >= 4
    for _ in range(50):
        audit = [entry["what"] for entry in (await off_loop(daemon.get, "/v1/incidents/1"))[1]["audit"]]
        if "resolution" in audit:
            break
        await asyncio.sleep(0.1)
    assert sorted(audit) == ["acknowledged", "confirmed", "resolution", "resolved"]
    await eventually(lambda: all(delivery.state == "delivered" for delivery in pagerduty.sandbox.webhooks()))


async def test_webhooks_that_came_before_a_crash_have_their_effect_after_it(make_daemon, pagerduty) -> None:
    daemon = await started(make_daemon, pagerduty, webhooks=True)
    await off_loop(daemon.post_alerts, alert(instance="a"))
    (incident,) = await eventually(pagerduty.sandbox.incidents)
    await until(daemon, "confirmed")
    pagerduty.sandbox.add_fault(Fault(kind="503", face="rest"), pagerduty.now())
    await off_loop(daemon.post_alerts, alert(instance="b"))  # whose webhook cannot be understood without asking
    await eventually(lambda: daemon.metric("alert_router_webhooks_waiting") >= 1)
    await off_loop(daemon.kill)
    person(pagerduty, "acknowledge", incident.id)  # is refused, and comes again
    pagerduty.sandbox.clear_faults()
    await off_loop(daemon.start)
    await until(daemon, "confirmed", 2)
    pagerduty.skip(61_000)
    await until(daemon, "acknowledged", 1)


async def test_a_drill_proves_the_whole_way(make_daemon, pagerduty) -> None:
    daemon = await started(make_daemon, pagerduty, webhooks=True)
    done = await off_loop(daemon.run_command, "drill", "--team", "payments", "--service", "payment-api", "--output", "json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["confirmed_seconds"] < 30
    (incident,) = pagerduty.sandbox.incidents()
    assert (incident.status, incident.service) == ("resolved", "payments")
    unknown = await off_loop(daemon.run_command, "drill", "--team", "nobody")
    assert unknown.returncode == 2
    pattern = await off_loop(daemon.run_command, "drill", "--team", "payments")
    assert "--service" in pattern.stderr


ACTING = """
rules:
  - id: everything
    match: {service: "payment-*"}
    group_by: [service, name, instance]
    actions:
      opened: [{note: "runbook of {{ name }}"}, {priority: P2}, {status: "looking into {{ service }}"}]
      acknowledged: [{responders: {users: grace@example.test, message: "help {{ service }}", link: "https://wiki/x"}}]
      closed: [{note: "over"}]
    escalate: [{after: 2s, level: 2}, {after: 4s, page: platform}]
"""


async def test_what_rules_do_to_a_page(daemon: Daemon, pagerduty) -> None:
    daemon.write_rules(ACTING)
    assert (await off_loop(daemon.request, "POST", "/-/reload"))[0] == 200
    await off_loop(daemon.post_alerts, alert(instance="a"))
    await eventually(lambda: [one.level for one in pagerduty.sandbox.incidents()] == [2])
    (incident,) = pagerduty.sandbox.incidents()
    assert (incident.notes, incident.priority) == (("runbook of CardError",), "P2")
    person(pagerduty, "acknowledge", incident.id)
    await until(daemon, "acknowledged")
    await eventually(lambda: pagerduty.sandbox.incidents()[0].responders == ("Grace Example (pending)",))
    await asyncio.sleep(4)
    assert len(pagerduty.sandbox.incidents()) == 1, "somebody has it: nobody else is paged"
    person(pagerduty, "resolve", incident.id)
    await eventually(lambda: pagerduty.sandbox.incidents()[0].notes == ("runbook of CardError", "over"))
    found = (await off_loop(daemon.get, "/v1/incidents/1"))[1]
    assert {entry["what"] for entry in found["audit"] if entry["who"] == "rule everything"} == {
        "noted by rule", "priority set by rule", "status published by rule", "escalated by rule", "asked for responders by rule",
    }  # fmt: skip
    assert [decision["cause"] for decision in found["decisions"] if decision["reason"] == "acted"][::-1] == [
        "opened: note, priority P2, status", "acknowledged: responders", "closed: note",
    ]  # fmt: skip


async def test_an_escalation_asks_first_whether_somebody_has_it(make_daemon, pagerduty) -> None:
    rules = RULES + "    escalate: [{after: 3s, page: platform}]\n"
    daemon = make_daemon(rules, start=False, **settings(pagerduty, webhooks=True))
    daemon.environment |= {"PD_TOKEN": DEFAULT_TOKEN, "PD_SECRET": "never sent, at least sixteen"}
    await off_loop(daemon.start)
    await off_loop(daemon.post_alerts, alert(instance="a"))
    (incident,) = await eventually(pagerduty.sandbox.incidents)
    for _ in range(50):  # no webhook tells of it; the confirmation is asked for
        if (await page_of(daemon))["state"] == "confirmed":
            break
        await off_loop(daemon.run_command, "reconcile")
    person(pagerduty, "acknowledge", incident.id)
    await eventually(lambda: daemon.metric("alert_router_deliveries_total", state="cancelled") == 1)
    assert len(pagerduty.sandbox.incidents()) == 1
    assert (await page_of(daemon))["state"] == "acknowledged"
    found = (await off_loop(daemon.get, "/v1/deliveries?state=cancelled"))[1]["items"]
    assert [one["reason"] for one in found] == ["Ada Example has it in PagerDuty"]
