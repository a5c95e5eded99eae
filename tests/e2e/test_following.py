"""The real process and people in PagerDuty: every page is followed to somebody who has it, by webhooks or by asking."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from router.sandbox.settings import DEFAULT_TOKEN
from tests.support.daemon import Daemon, alert, eventually, off_loop

pytestmark = pytest.mark.timeout(120)

RULES = """
rules:
  - id: everything
    match: {service: "*"}
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
    (incident,) = await eventually(pagerduty.sandbox.incidents)
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
    await command("resolve", "1", "--note", "made room")
    await until(daemon, "resolved")
    await asyncio.sleep(1.0)  # the webhooks of all that are in
    (there,) = pagerduty.sandbox.incidents()
    assert there.status == "resolved"
    found = (await off_loop(daemon.get, "/v1/incidents/1"))[1]
    audit = [(entry["who"], entry["what"]) for entry in found["audit"]]
    for verb in ("acknowledge", "note", "reassign", "escalate", "snooze", "resolve"):
        assert ("this machine", f"asked to {verb}") in audit
    assert audit.count(("Ada Example", "resolved")) == 1
    reasons = [decision["reason"] for decision in found["decisions"]]
    assert reasons.count("resolved_in_pagerduty") == 1
    assert len(pagerduty.sandbox.pages(reason="triggered")) == 1
    refused = await off_loop(daemon.run_command, "incidents", "ack", "1")
    assert refused.returncode == 1
    assert "resolved" in refused.stderr
    unknown = await off_loop(daemon.run_command, "incidents", "ack", "99")
    assert "no incident 99" in unknown.stderr
