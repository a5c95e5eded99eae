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
