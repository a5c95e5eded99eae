"""The real process tells a monitor what somebody did in PagerDuty: signed, templated, again until it is taken."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json

import pytest

from router.sandbox.settings import DEFAULT_TOKEN
from tests.support.daemon import eventually, off_loop
from tests.support.peer import Link, answer, peer

pytestmark = pytest.mark.timeout(120)

RULES = """
rules:
  - id: everything
    match: {service: "payment-*"}
    group_by: [service, name]
"""
SECRET = "callback-secret-of-ours"
ADA = "ada@example.test"


async def test_the_monitor_hears_of_both(make_daemon, pagerduty) -> None:
    calls: list[bytes] = []

    async def script(link: Link) -> None:
        while whole := await link.request():
            calls.append(whole)
            await link.send(answer(503 if len(calls) == 1 else 200, b"{}"))

    async with peer(script) as monitor:
        body = {"event": "{{ labels.event_id }}", "state": "{{ state }}", "by": "{{ details.by }}"}
        daemon = make_daemon(
            RULES,
            start=False,
            pagerduty={
                "events_url": pagerduty.url, "api_url": pagerduty.url, "rate": "unlimited", "api_token": "env:PD_TOKEN", "from": ADA,
            },
            channels={
                "back": {
                    "kind": "webhook", "url": f"{monitor.url}/api", "body": body, "signing_secret": "env:SIGNING",
                },
            },
            sources={"tools": {"kind": "json", "callback": {"channel": "back"}}},
        )  # fmt: skip
        daemon.environment |= {"PD_TOKEN": DEFAULT_TOKEN, "SIGNING": SECRET}
        await off_loop(daemon.start)
        alert = {
            "service": "payment-api", "name": "CardError", "severity": "error", "kind": "stateful", "labels": {"event_id": "77"},
        }  # fmt: skip
        assert (await off_loop(daemon.request, "POST", "/v1/alerts", alert))[0] in {200, 202}
        (incident,) = await eventually(pagerduty.sandbox.incidents)
        await eventually(lambda: daemon.metric("alert_router_pages_unacknowledged") == 1)
        pagerduty.sandbox.acknowledge(incident.id, pagerduty.now(), user=ADA)
        await eventually(lambda: len(calls) >= 2, seconds=30)
        pagerduty.sandbox.resolve(incident.id, pagerduty.now(), user=ADA)
        await eventually(lambda: len(calls) >= 3, seconds=30)
        await asyncio.sleep(1)
    bodies = [call.partition(b"\r\n\r\n")[2] for call in calls]
    assert [json.loads(body) for body in bodies] == [
        {"event": "77", "state": "acknowledged", "by": "Ada Example"},
        {"event": "77", "state": "acknowledged", "by": "Ada Example"},
        {"event": "77", "state": "resolved", "by": "Ada Example"},
    ], "refused once, told again, and each once"
    head = calls[0].partition(b"\r\n\r\n")[0].decode().lower()
    at, signature = head.partition("x-alert-router-signature: t=")[2].partition("\r\n")[0].split(",v1=")
    assert signature == hmac.new(SECRET.encode(), f"{at}.".encode() + bodies[0], hashlib.sha256).hexdigest()
    found = (await off_loop(daemon.get, "/v1/incidents/1"))[1]
    causes = [decision["cause"] for decision in found["decisions"] if decision["reason"] == "called_back"]
    assert causes == ["resolved by Ada Example: 1 alert", "acknowledged by Ada Example: 1 alert"]
