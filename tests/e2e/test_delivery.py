"""The real process and a PagerDuty in trouble: down, throttling, refusing; storms, dead letters, change events."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import Counter
from typing import Any

import pytest

from router.sandbox.faults import Fault
from tests.support.daemon import KEYS, alert, eventually, off_loop

pytestmark = pytest.mark.timeout(120)

PER_INSTANCE = """
rules:
  - id: everything
    match: {service: "*"}
    group_by: [service, name, instance]
    summary: "{{ name }} at {{ labels.instance }}."
"""


def found(pagerduty) -> list[tuple[str, str]]:
    return [(incident.title, incident.status) for incident in pagerduty.sandbox.incidents()]


def events(pagerduty) -> list[Any]:
    """The accepted and the refused requests, oldest first."""
    return pagerduty.sandbox.requests(face="events")


@pytest.mark.parametrize("kind", ["503", "reset_before", "stopped"])
async def test_an_outage_keeps_the_order_and_costs_few_attempts(make_daemon, pagerduty, kind: str) -> None:
    """Sixty pages and half of their resolves while PagerDuty is down for four seconds."""
    daemon = await off_loop(make_daemon, PER_INSTANCE)
    if kind == "stopped":
        await pagerduty.stop()
    else:
        pagerduty.sandbox.add_fault(Fault(kind=kind, lasts_ms=4_000), pagerduty.now())
    for number in range(60):
        assert await off_loop(daemon.post_alerts, alert(instance=f"n{number}")) == 200
    await eventually(lambda: daemon.get("/v1/stats")[1]["outbox"]["waiting"] == 60)
    for number in range(0, 60, 2):
        assert await off_loop(daemon.post_alerts, alert(instance=f"n{number}", ends_in="-1")) == 200
    await eventually(lambda: daemon.get("/v1/stats")[1]["undecided_entries"] == 0)
    assert daemon.metric("alert_router_outbox_deliveries") >= 30
    assert found(pagerduty) == []
    if kind == "stopped":
        await asyncio.sleep(2.0)
        await pagerduty.start()
    await eventually(lambda: daemon.get("/v1/stats")[1]["outbox"]["waiting"] == 0, seconds=40, what="all delivered")
    open_now = {f"CardError at n{number}." for number in range(1, 60, 2)}
    await eventually(lambda: {title for title, status in found(pagerduty) if status == "triggered"} == open_now)
    titles = [title for title, _ in found(pagerduty)]
    assert len(titles) == len(set(titles)), "nothing was opened twice"
    # A trigger that was never attempted is cancelled with its resolve; of one that may have arrived the resolve still goes.
    order: dict[str, list[str]] = {}
    for entry in events(pagerduty):
        if entry.status == 202:
            body = json.loads(entry.body)
            order.setdefault(body["dedup_key"], []).append(body["event_action"])
    assert set(map(tuple, order.values())) <= {("trigger",), ("resolve",)}
    # Different problems keep their order but for those that are in flight together, each on its own connection.
    numbers = [int(title.partition(" at n")[2].rstrip(".")) for title in titles]
    swapped = sum(one > other for one, other in itertools.combinations(numbers, 2))
    assert swapped < 0.3 * len(numbers) * (len(numbers) - 1) / 2, numbers
    words = ("unavailable", "throttled")
    attempts = "alert_router_delivery_attempts_total"
    failed = sum(daemon.metric(attempts, channel="pagerduty", outcome=word) for word in words)
    assert failed <= 40, "few attempts into the void"


@pytest.mark.timeout(240)
async def test_a_minute_without_pagerduty_loses_nothing_and_costs_about_a_call_a_second(make_daemon, pagerduty) -> None:
    daemon = await off_loop(make_daemon, PER_INSTANCE)
    await pagerduty.stop()
    for number in range(100):
        assert await off_loop(daemon.post_alerts, alert(instance=f"n{number}")) == 200
    await asyncio.sleep(60)
    assert daemon.get("/v1/stats")[1]["outbox"]["waiting"] == 100
    await pagerduty.start()
    wanted = Counter(f"CardError at n{number}." for number in range(100))
    await eventually(lambda: Counter(title for title, _ in found(pagerduty)) == wanted, seconds=60, what="all, once")
    failed = daemon.metric("alert_router_delivery_attempts_total", channel="pagerduty", outcome="unavailable")
    assert failed <= 100, "the probes of a breaker, not a hundred deliveries that try by themselves"


async def test_too_many_requests_waits_as_long_as_it_was_told(make_daemon, pagerduty) -> None:
    pagerduty.sandbox.set_switches({"throttle_retry_after_seconds": 3})
    daemon = await off_loop(make_daemon, PER_INSTANCE)
    pagerduty.sandbox.add_fault(Fault(kind="429", routing_key=KEYS["payments"], count=1), pagerduty.now())
    await off_loop(daemon.post_alerts, alert(instance="first"))
    await eventually(lambda: [entry.status for entry in events(pagerduty)] == [429])
    for number in range(10):
        await off_loop(daemon.post_alerts, alert(instance=f"n{number}"))
    await off_loop(daemon.post_alerts, alert(instance="elsewhere", service="search-api"))
    await eventually(lambda: ("CardError at elsewhere.", "triggered") in found(pagerduty), seconds=2.5, what="other keys go on")
    await eventually(lambda: len(found(pagerduty)) == 12, what="all pages")
    throttled_at = events(pagerduty)[0].at
    early = [e for e in events(pagerduty)[1:] if KEYS["payments"] in e.body.decode() and e.at < throttled_at + 3_000]
    assert early == []
    numbers = [title for title, _ in found(pagerduty) if " n" in title]
    assert numbers == [f"CardError at n{number}." for number in range(10)]
    assert Counter(entry.status for entry in events(pagerduty)) == {429: 1, 202: 12}


async def test_a_storm_digest_names_what_it_holds_and_grows(make_daemon, pagerduty) -> None:
    teams = {
        "payments": {
            "services": ["payment-*"],
            "pagerduty": {"routing_key": "env:KEY_PAYMENTS"},
            "limit": {"incidents": 2, "per": "10m"},
        },
        "platform": {"services": ["*"], "pagerduty": {"routing_key": "env:KEY_PLATFORM"}},
    }
    daemon = await off_loop(make_daemon, PER_INSTANCE, teams=teams)
    for number in range(6):
        await off_loop(daemon.post_alerts, alert(instance=f"n{number}", severity="warning"))
    await eventually(lambda: len(found(pagerduty)) == 3)
    bodies = [json.loads(entry.body) for entry in events(pagerduty)]
    digest_key = bodies[2]["dedup_key"]
    digests = [body for body in bodies if body["dedup_key"] == digest_key]
    assert "n2" in json.dumps(digests[0])
    await off_loop(daemon.post_alerts, *(alert(instance=f"n{number}", severity="warning") for number in range(6, 29)))
    # It is told anew at most once a minute, unless it becomes more severe.
    await off_loop(daemon.post_alerts, alert(instance="n29", severity="error"))

    def newest() -> str:
        return [e.body.decode() for e in events(pagerduty) if json.loads(e.body)["dedup_key"] == digest_key][-1]

    await eventually(lambda: "28" in json.loads(newest())["payload"]["summary"], what="the digest grew")
    assert len(found(pagerduty)) == 3
    # PagerDuty rings once more for the digest, because an error is of high urgency and a warning was not.
    await eventually(lambda: [page.reason for page in pagerduty.sandbox.pages()] == ["triggered"] * 3 + ["urgency_raised"])
    # Critical, from a service that the digest does not hold: somebody has to be woken by name.
    await off_loop(daemon.post_alerts, alert(service="payment-vault", instance="v", severity="critical"))
    await eventually(lambda: ("CardError at v.", "triggered") in found(pagerduty))
    held = [item for item in daemon.get("/v1/incidents?limit=100")[1]["items"] if item.get("storm")]
    assert len(held) == 28
    ended = [alert(instance=f"n{number}", severity="warning", ends_in="-1") for number in range(29)]
    ended.append(alert(instance="n29", severity="error", ends_in="-1"))
    ended.append(alert(service="payment-vault", instance="v", severity="critical", ends_in="-1"))
    await off_loop(daemon.post_alerts, *ended)
    await eventually(lambda: {status for _, status in found(pagerduty)} == {"resolved"}, seconds=40)


async def test_dead_letters_are_listed_retried_and_dropped_by_hand(make_daemon, pagerduty) -> None:
    """PagerDuty refuses for a while (403: a key being rotated); the fallback is paged, then a person retries."""
    daemon = await off_loop(make_daemon, PER_INSTANCE)
    pagerduty.sandbox.add_fault(Fault(kind="403", routing_key=KEYS["payments"]), pagerduty.now())
    await off_loop(daemon.post_alerts, alert(instance="a"), alert(instance="b"))

    async def command(*arguments: str) -> Any:
        return await off_loop(daemon.run_command, *arguments)

    await eventually(lambda: daemon.metric("alert_router_dead_letters") == 2)
    await eventually(lambda: sum(title.startswith("CardError") for title, _ in found(pagerduty)) == 2, what="the fallback")
    await eventually(lambda: any("DeadLetter" in title for title, _ in found(pagerduty)), what="its own alert")
    assert {incident.service for incident in pagerduty.sandbox.incidents()} == {"platform"}

    listed = json.loads((await command("deliveries", "--state", "dead", "--output", "json")).stdout)["items"]
    assert {item["team"] for item in listed} == {"payments"}
    assert all("403" in item["reason"] for item in listed)
    shown = await command("deliveries", "--state", "dead")
    assert "403" in shown.stdout
    first, second = sorted(item["id"] for item in listed)
    assert (await command("deliveries", "show", str(first))).returncode == 0

    still = await command("deliveries", "retry", str(first))
    assert still.returncode == 0, still.stderr
    await eventually(lambda: daemon.get(f"/v1/deliveries/{first}")[1]["delivery"]["attempts"] == 2)
    await eventually(lambda: daemon.get(f"/v1/deliveries/{first}")[1]["delivery"].get("state") == "dead", what="dead again")
    assert sum(title.startswith("CardError") for title, _ in found(pagerduty)) == 2, "the fallback is not paged twice"

    pagerduty.sandbox.clear_faults()
    assert (await command("deliveries", "retry", str(first))).returncode == 0
    await eventually(lambda: any(i.service == "payments" for i in pagerduty.sandbox.incidents()))
    asked = await command("deliveries", "drop", str(second))
    assert asked.returncode == 1, "without a yes nothing is dropped"
    dropped = await command("deliveries", "drop", str(second), "--yes")
    assert dropped.returncode == 0, dropped.stderr
    await eventually(lambda: daemon.metric("alert_router_dead_letters") == 0)
    again = await command("deliveries", "drop", str(second), "--yes")
    assert again.returncode == 1
    assert "cancelled" in again.stderr
    assert (await command("deliveries", "retry", "99999")).returncode == 1
    await eventually(
        lambda: [status for title, status in found(pagerduty) if "DeadLetter" in title] == ["resolved"],
        seconds=20, what="its own alert is over once PagerDuty takes the key again",
    )  # fmt: skip

    ended = [alert(instance=name, ends_in="-1") for name in "ab"]
    await off_loop(daemon.post_alerts, *ended)
    await eventually(lambda: {status for _, status in found(pagerduty)} == {"resolved"}, what="all that was opened is closed")


async def test_change_events_pass_through_to_the_owner(make_daemon, pagerduty) -> None:
    inbound = "9c" * 16
    daemon = make_daemon(PER_INSTANCE, start=False, sources={"deploys": {"kind": "pagerduty", "keys": ["env:INBOUND"]}})
    daemon.environment["INBOUND"] = inbound
    await off_loop(daemon.start)
    change = {
        "routing_key": inbound,
        "payload": {
            "summary": "payment-api 1.2.3 deployed",
            "source": "payment-api",
            "timestamp": "2026-11-20T10:00:00Z",
            "custom_details": {"build": "77"},
        },
        "links": [{"href": "https://ci.example.org/77", "text": "Build 77"}],
    }
    status, answer = await off_loop(daemon.request, "POST", "/v2/change/enqueue", change)
    assert (status, answer) == (202, {"status": "success", "message": "Change event processed"})
    await eventually(lambda: len(pagerduty.sandbox.change_events()) == 1)
    (sent,) = [entry for entry in events(pagerduty) if entry.path == "/v2/change/enqueue"]
    body = json.loads(sent.body)
    assert body["routing_key"] == KEYS["payments"]
    assert body["payload"]["summary"] == "payment-api 1.2.3 deployed"
    assert body["payload"]["custom_details"]["build"] == "77"
    assert body["links"] == change["links"]
    assert pagerduty.sandbox.incidents() == []
    del change["payload"]["summary"]
    status, answer = await off_loop(daemon.request, "POST", "/v2/change/enqueue", change)
    assert status == 400
    assert "summary" in answer["errors"][0]
