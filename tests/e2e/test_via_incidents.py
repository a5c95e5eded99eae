"""The real process paging a team by incidents made over REST: one problem, one incident, whatever gets lost."""

from __future__ import annotations

import asyncio

import pytest

from router.sandbox.faults import Fault
from router.sandbox.settings import DEFAULT_TOKEN
from tests.support.daemon import Daemon, alert, eventually, off_loop

pytestmark = pytest.mark.timeout(120)

RULES = """
rules:
  - id: everything
    match: {service: "payment-*"}
    group_by: [service, name, instance]
    actions: {opened: [{note: "runbook of {{ name }}"}]}
"""
ADA = "ada@example.test"


@pytest.fixture
async def daemon(make_daemon, pagerduty) -> Daemon:
    service = next(one["id"] for one in pagerduty.sandbox.services() if one["name"] == "payments")
    made = make_daemon(
        RULES,
        start=False,
        pagerduty={
            "events_url": pagerduty.url, "api_url": pagerduty.url, "rate": "unlimited", "api_token": "env:PD_TOKEN", "from": ADA,
        },
        teams={
            "payments": {"services": ["payment-*"], "pagerduty": {"via": "incidents", "service": service}, "fallback": "platform"},
            "platform": {"services": ["*"], "pagerduty": {"routing_key": "env:KEY_PLATFORM"}},
        },
    )  # fmt: skip
    made.environment |= {"PD_TOKEN": DEFAULT_TOKEN}
    return await off_loop(made.start)


async def state(daemon: Daemon) -> str:
    status, found = await off_loop(daemon.get, "/v1/incidents/1")
    return found["pages"][0]["state"] if status == 200 and found["pages"] else ""


async def until(daemon: Daemon, wanted: str) -> None:
    for _ in range(300):
        if await state(daemon) == wanted:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"not {wanted} but {await state(daemon)}\n{daemon.log}")


async def test_a_page_is_made_followed_and_resolved(daemon: Daemon, pagerduty) -> None:
    await off_loop(daemon.post_alerts, alert(instance="a"))
    await until(daemon, "confirmed")
    (made,) = pagerduty.sandbox.incidents()
    assert made.incident_key.startswith("everything/")
    assert pagerduty.sandbox.requests(face="events") == []
    pagerduty.sandbox.acknowledge(made.id, pagerduty.now(), user=ADA)
    await until(daemon, "acknowledged")
    await eventually(lambda: pagerduty.sandbox.incidents()[0].notes == ("runbook of CardError",))
    await off_loop(daemon.post_alerts, alert(instance="a", ends_in="-1"))
    await eventually(lambda: pagerduty.sandbox.incidents()[0].status == "resolved")
    sent = await off_loop(daemon.run_command, "send", "--team", "payments")
    assert "alert-router drill" in sent.stderr


async def test_a_lost_answer_and_a_crash_make_no_second_incident(daemon: Daemon, pagerduty) -> None:
    pagerduty.sandbox.add_fault(Fault(kind="lost_503", face="rest", skip=1, count=1), pagerduty.now())
    await off_loop(daemon.post_alerts, alert(instance="a"))
    await eventually(pagerduty.sandbox.incidents)
    await off_loop(daemon.kill)
    await off_loop(daemon.start)
    await until(daemon, "confirmed")
    assert len(pagerduty.sandbox.incidents()) == 1
    assert len(pagerduty.sandbox.pages(reason="triggered", service="payments")) == 1


async def test_what_pagerduty_refuses_goes_to_the_fallback(daemon: Daemon, pagerduty) -> None:
    pagerduty.sandbox.add_fault(Fault(kind="403", face="rest"), pagerduty.now())
    await off_loop(daemon.post_alerts, alert(instance="a"))
    await eventually(lambda: {one.service for one in pagerduty.sandbox.incidents()} == {"platform"})
