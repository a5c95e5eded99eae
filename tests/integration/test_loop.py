"""What goes wrong between a 202 and somebody who has it, in both modes: each ends in the right state, and nobody is paged twice."""

from __future__ import annotations

import pytest

from router.incidents.ledger import PageState, tell_pages
from router.model.delivery import Accepted, Delivery, DeliveryState, Outcome
from router.model.event import ACTIONS
from router.model.ruleset import Act, Actions, Rule, Step
from router.pagerduty import rest
from router.rules.template import compile_template
from router.sandbox.facade import ServiceChange
from router.sandbox.faults import Fault
from tests.support.following import ADA, KEYS
from tests.support.loop import Loop

DAY = 86_400


@pytest.fixture(params=["webhooks", "polling"])
async def loop(request) -> Loop:
    return await Loop(hears=request.param == "webhooks").open()


async def paged(loop: Loop) -> None:
    await loop.fire()
    await loop.pass_time(40)


def ledger(loop: Loop, team: str = "payments", number: int = 1) -> PageState:
    """The page's state as people are told it."""
    reader = loop.store.reader()
    incident = reader.incident(number)
    assert incident is not None
    stories = tell_pages(reader, incident, reader.deliveries(dedup_key=incident.dedup_key))
    return next(story.state for story in stories if story.team == team)


async def settle(loop: Loop, seconds: float = 700) -> None:
    """Long enough for whatever is asked seldom."""
    await loop.pass_time(seconds, each=5)


async def test_the_usual_way(loop: Loop) -> None:
    await paged(loop)
    assert ledger(loop) is PageState.CONFIRMED
    loop.sandbox.acknowledge(loop.only(), loop.clock.now(), user=ADA)
    await settle(loop)
    assert ledger(loop) is PageState.ACKNOWLEDGED
    await loop.fire(status="resolved", resolved_by="source")
    await settle(loop)
    assert (ledger(loop), loop.state(), loop.rung()) == (PageState.RESOLVED, "closed", 1)


async def test_a_lost_202(loop: Loop) -> None:
    lost: list[int] = []
    loop.events_client.lose = lambda delivery: not lost.append(delivery.id) and len(lost) == 1
    await paged(loop)
    assert len(lost) >= 2, "it was sent again"
    assert (ledger(loop), loop.rung(), len(loop.sandbox.incidents())) == (PageState.CONFIRMED, 1, 1)
    await loop.crash()
    await settle(loop)
    assert (ledger(loop), loop.rung()) == (PageState.CONFIRMED, 1)


async def test_a_lost_202_and_a_crash(loop: Loop) -> None:
    loop.events_client.lose = lambda _delivery: True
    await loop.fire()
    await loop.pass_time(5)
    await loop.crash()
    loop.events_client.lose = lambda _delivery: False
    await settle(loop)
    assert (ledger(loop), loop.rung(), len(loop.sandbox.incidents())) == (PageState.CONFIRMED, 1, 1)


@pytest.mark.parametrize(
    "change", [{"on_call": False}, {"suppressed": True}, {"disabled": True}, {"maintenance_ms": 7_200_000}]
)
async def test_accepted_and_nobody_got_it(loop: Loop, change: dict) -> None:
    """No one on call, suppressed, disabled, in maintenance."""
    loop.sandbox.set_service(ServiceChange(name="payments", **change), loop.clock.now())
    await loop.fire()
    await settle(loop)
    assert ledger(loop) is PageState.MISSED
    assert ledger(loop, "platform") is PageState.CONFIRMED, "the fallback has it"
    assert (loop.rung(), loop.rung("platform")) == (0, 1)
    await loop.crash()
    await settle(loop)
    assert loop.rung("platform") == 1, "once"
    await loop.fire(status="resolved", resolved_by="source")
    await settle(loop)
    assert (ledger(loop, "platform"), loop.state()) == (PageState.RESOLVED, "closed")


async def test_auto_resolved_by_pagerduty() -> None:
    for hears in (True, False):
        loop = await Loop(hears=hears, auto_resolve_seconds=600).open()
        await paged(loop)
        await settle(loop, 1_300)
        assert (ledger(loop), loop.state()) == (PageState.RESOLVED, "closed")
        assert "Ada" not in loop.page().resolved_by
        assert loop.rung() == 1, "what still fires pages again when it occurs again, not by itself"


async def test_merged(loop: Loop) -> None:
    await paged(loop)
    await loop.fire("Other")
    await loop.pass_time(40)
    first, second = [one.id for one in loop.sandbox.incidents()]
    loop.sandbox.merge(second, loop.clock.now(), user=ADA, into="1")
    await settle(loop)
    assert (ledger(loop, number=2), loop.state(2)) == (PageState.CONFIRMED, "open"), "a merge is no fix"
    loop.sandbox.resolve(first, loop.clock.now(), user=ADA)
    await settle(loop)
    assert (ledger(loop, number=1), ledger(loop, number=2)) == (PageState.RESOLVED, PageState.RESOLVED)
    assert (loop.state(1), loop.state(2), loop.rung()) == ("closed", "closed", 2)


async def test_reopened(loop: Loop) -> None:
    await paged(loop)
    await loop.fire("Other")  # of the same service, so that asking goes on
    await loop.pass_time(40)
    there = next(one.id for one in loop.sandbox.incidents() if one.number == 1)
    loop.sandbox.resolve(there, loop.clock.now(), user=ADA)
    await settle(loop)
    assert (ledger(loop), loop.state()) == (PageState.RESOLVED, "closed")
    loop.sandbox.reopen(there, loop.clock.now(), user=ADA)
    await settle(loop)
    assert (ledger(loop), loop.state()) == (PageState.CONFIRMED, "closed"), "theirs is open, our episode stays over"
    assert loop.rung() == 2, "nobody was paged anew by us"


async def test_a_key_rotated_while_a_page_is_open(loop: Loop) -> None:
    await paged(loop)
    old, new = KEYS["payments"], "c7" * 16
    service = next(one["id"] for one in loop.sandbox.services() if one["name"] == "payments")
    loop.sandbox._world.integrations[new] = type(loop.sandbox._world.integrations[old])(
        id="PNEW", key=new, name="new", service_id=service
    )
    teams = loop.ruleset.teams
    loop.events_client.keys["payments-new"] = new
    changed = {
        "payments": type(teams["payments"])(
            name="payments", routing_key="env:payments-new", services=teams["payments"].services
        )
    }
    loop.ruleset = type(loop.ruleset)(version="v2", rules=loop.ruleset.rules, teams=teams | changed, default_team="platform")
    await loop.crash()
    await settle(loop)
    assert (ledger(loop), loop.rung()) == (PageState.CONFIRMED, 1), "the open page stays where it is"
    await loop.fire("Other")
    await loop.pass_time(40)
    assert loop.rung() == 2
    await loop.fire(status="resolved", resolved_by="source")
    await settle(loop)
    assert (ledger(loop), loop.state()) == (PageState.RESOLVED, "closed"), "resolved through the key that opened it"
    found = await loop.reconciler.run(dry_run=True)
    assert [(one.kind, one.incident) for one in found] == [("unknown_key", 2)], "a key that no team has, as far as it knows"


async def test_the_subscription_is_disabled_for_a_day() -> None:
    loop = await Loop(hears=True).open()
    await paged(loop)
    (subscription,) = {delivery.subscription_id for delivery in loop.sandbox.webhooks()}
    loop.sandbox.disable_webhooks(subscription, loop.clock.now(), DAY * 1000)
    await loop.fire("Other")
    await loop.pass_time(60)
    loop.sandbox.acknowledge(next(one.id for one in loop.sandbox.incidents() if one.number == 1), loop.clock.now(), user=ADA)
    await settle(loop)
    assert (ledger(loop), ledger(loop, number=2)) == (PageState.ACKNOWLEDGED, PageState.CONFIRMED)
    loop.sandbox.resolve(next(one.id for one in loop.sandbox.incidents() if one.number == 1), loop.clock.now(), user=ADA)
    await loop.pass_time(DAY, each=60)
    assert (ledger(loop), loop.state()) == (PageState.RESOLVED, "closed")
    assert loop.rung() == 2
    loop.sandbox.acknowledge(next(one.id for one in loop.sandbox.incidents() if one.number == 2), loop.clock.now(), user=ADA)
    await loop.pass_time(3)
    assert ledger(loop, number=2) is PageState.ACKNOWLEDGED, "and then it is heard of at once"


@pytest.mark.parametrize("order", ["late", "repeated", "reordered", "lost"])
async def test_webhooks_in_any_state_end_alike(order: str) -> None:
    loop = await Loop(hears=True).open()
    await paged(loop)
    there = loop.only()
    bodies: list[bytes] = []

    async def hold_back(**_more: object) -> None:
        for delivery in loop.sandbox.webhooks_due(loop.clock.now()):
            loop.sandbox.webhook_answered(delivery.id, 202, loop.clock.now())
            bodies.append(delivery.body)

    loop.hear = hold_back  # type: ignore[method-assign]
    for what in ("acknowledge", "escalate", "resolve"):
        getattr(loop.sandbox, what)(there, loop.clock.now(), user=ADA)
        await loop.pass_time(2)
    given = {"late": bodies, "repeated": bodies * 2, "reordered": bodies[::-1], "lost": []}[order]
    await loop.pass_time(30)
    for body in given:
        await loop.take(body)
    await settle(loop)
    assert (ledger(loop), loop.state(), loop.rung()) == (PageState.RESOLVED, "closed", 1)
    assert [status for _, status in loop.told() if status == "resolved"] == ["resolved"]


async def test_an_escalation_is_stopped_by_either_way_and_survives_a_restart(loop: Loop) -> None:
    rule = Rule(id="r", group_by=("service", "name"), escalate=(Step(after_ms=120_000, page=("platform",)),))
    loop.ruleset = type(loop.ruleset)(version="v2", rules=(rule,), teams=loop.ruleset.teams, default_team="platform")
    loop.start_over()
    await paged(loop)
    await loop.fire("Other")
    await loop.pass_time(30)
    loop.sandbox.acknowledge(next(one.id for one in loop.sandbox.incidents() if one.number == 1), loop.clock.now(), user=ADA)
    await loop.crash()
    await settle(loop)
    assert loop.rung("platform") == 1, "for the one that nobody had"
    told = {
        delivery.dedup_key: delivery.state for delivery in loop.store.reader().deliveries(limit=100) if delivery.is_escalation
    }
    assert DeliveryState.DELIVERED in told.values()
    assert {one.service for one in loop.sandbox.incidents() if one.number == 3} == {"platform"}


HOSTILE: dict[str, dict] = {
    "lists lag behind": {"rest_read_delay_ms": 3_000},
    "rows move between pages": {"rest_rows_change_between_pages": True},
    "log entries oldest first": {"rest_log_entries_order": "oldest_first"},
    "errors as html": {"rest_error_shape": "html"},
    "throttled without a word": {"rest_bare_throttle": True, "rest_rate_limit_per_minute": 40},
    "nulls": {"rest_nulls": True},
}


@pytest.mark.parametrize("switches", HOSTILE.values(), ids=HOSTILE)
async def test_asking_a_difficult_pagerduty(switches: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "MAX_WAIT_SECONDS", 0.0)  # the clock stands still while a call waits
    loop = await Loop(hears=False).open()
    loop.sandbox.set_switches(switches)
    loop.sandbox.add_fault(
        Fault(kind="503", face="rest", lasts_ms=60_000), loop.clock.now()
    )  # at first it does not answer at all
    loop.sandbox.add_fault(Fault(kind="503", face="rest", probability=0.2), loop.clock.now())
    await paged(loop)
    assert ledger(loop) is PageState.SENT, "nobody can know yet, and nobody else is paged for that"
    await settle(loop, 120)
    assert ledger(loop) is PageState.CONFIRMED
    loop.sandbox.acknowledge(loop.only(), loop.clock.now(), user=ADA)
    await settle(loop, 300)
    assert (ledger(loop), loop.page().holder) == (PageState.ACKNOWLEDGED, "Ada Example")
    loop.sandbox.resolve(loop.only(), loop.clock.now(), user=ADA, note="made room")
    await settle(loop, 300)
    assert (ledger(loop), loop.state(), loop.rung()) == (PageState.RESOLVED, "closed", 1)
    assert [status for _, status in loop.told()] == ["acknowledged", "resolved"]


class Crash(Exception):
    """The process dies after PagerDuty did what was asked, before that is recorded."""


async def test_what_a_rule_does_is_done_once_through_a_crash_after_each(loop: Loop) -> None:
    def words(text: str):
        return compile_template(text)[0]

    opened = (
        Act(verb="note", text=words("runbook of {{ service }}")),
        Act(verb="status", text=words("looking into {{ name }}")),
        Act(verb="responders", text=words("help"), users=("grace@example.test",)),
        Act(verb="priority", priority="P2"),
    )
    rule = Rule(id="r", group_by=("service", "name"), actions=Actions(opened=opened))
    loop.ruleset = type(loop.ruleset)(version="v2", rules=(rule,), teams=loop.ruleset.teams, default_team="platform")
    loop.start_over()
    end, forgotten = loop._end, set()

    async def forget(delivery: Delivery, outcome: Outcome) -> None:
        if delivery.channel == ACTIONS and isinstance(outcome, Accepted) and delivery.id not in forgotten:
            forgotten.add(delivery.id)
            raise Crash
        await end(delivery, outcome)

    loop._end = forget  # type: ignore[method-assign]
    await loop.fire()
    crashes = 0
    for _ in range(200):
        loop.clock.at += 1_000
        try:
            await loop.step()
        except Crash:
            crashes += 1
            await loop.crash()
    assert crashes == len(opened)
    (there,) = loop.sandbox.incidents()
    assert (there.notes, there.priority, there.responders) == (("runbook of pay-api",), "P2", ("Grace Example (pending)",))
    published = [entry for entry in loop.sandbox.requests(face="rest") if entry.path.endswith("/status_updates")]
    assert len(published) == 1
    assert len(loop.sandbox.pages(reason="responder_requested")) == 1
    assert loop.rung() == 1
    assert {one.state for one in loop.store.reader().deliveries(limit=50)} == {DeliveryState.DELIVERED}
