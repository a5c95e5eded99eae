"""Deeds of rules in virtual time, through the real REST client on the sandbox: once, however often they are sent."""

from __future__ import annotations

import msgspec
import pytest

from router.errors import RemoteUnavailable
from router.incidents.orders import DID, PATIENCE_MS, Guard, Orders
from router.model.delivery import Accepted, Delivery, DeliveryState, Outcome, Priority, Rejected, Unavailable
from router.model.event import ACTIONS, Event
from router.model.wish import Moment, Order, Verb, Wish
from router.sandbox.faults import Fault
from router.sandbox.settings import READ_ONLY_TOKEN
from tests.support.following import ADA, World

GRACE = "grace@example.test"


@pytest.fixture(params=["webhooks", "polling"])
async def world(request) -> World:
    world = await World(hears=request.param == "webhooks").open()
    await world.send(1)
    await world.run(35)
    return world


def orders_of(world: World) -> Orders:
    return Orders(follower=world.follower, hand=world.client, ask=world.ask, clock=world.clock, endpoint="api")


def delivery(world: World, verb: Verb, wish: Wish, *, moment: Moment = "opened", number: int = 1) -> Delivery:
    order = Order(verb=verb, wish=wish, moment=moment)
    key = f"rule/00112233/{number}"
    event = Event(
        team="", routing_key="channel:x", dedup_key=key, action="act", at=0, details={"order": msgspec.to_builtins(order)}
    )
    return Delivery(
        id=100, channel=ACTIONS, team="", routing_key="channel:x", dedup_key=key, action="act", priority=Priority.UPDATE,
        created_at=world.clock.now(), body=Orders.encode(event), rule="disk-full",
    )  # fmt: skip


async def send(world: World, verb: Verb, wish: Wish, **more) -> Outcome:
    return await orders_of(world).send(delivery(world, verb, wish, **more))


WISHES: list[tuple[Verb, Wish]] = [
    ("note", Wish(note="runbook: https://wiki/disk")),
    ("responders", Wish(users=(GRACE,), message="help", link="https://wiki/db")),
    ("status", Wish(message="we are on it")),
    ("priority", Wish(priority="P1")),
    ("escalate", Wish(level=2)),
    ("reassign", Wish(user=GRACE)),
    ("snooze", Wish(seconds=3_600)),
]


@pytest.mark.parametrize(("verb", "wish"), WISHES, ids=[verb for verb, _ in WISHES])
async def test_a_deed_is_done_once_although_its_answer_was_lost(world: World, verb: Verb, wish: Wish) -> None:
    moment: Moment = "acknowledged" if verb == "snooze" else "escalation" if verb == "escalate" else "opened"
    assert await send(world, verb, wish, moment=moment) == Accepted(status=200, receipt=world.there())
    await world.run(70)
    (before,) = world.sandbox.incidents()
    pages = len(world.sandbox.pages())
    assert isinstance(await send(world, verb, wish, moment=moment), Accepted)
    await world.run(70)
    (there,) = world.sandbox.incidents()
    assert (there.notes, there.responders, there.priority, there.level) == (
        before.notes, before.responders, before.priority, before.level,
    )  # fmt: skip
    if verb != "escalate":
        assert len(world.sandbox.pages()) == pages
    mine = [row.entry for row in world.store.reader().audit(incident=1) if row.entry.what == DID[verb]]
    assert mine[0].who == "rule disk-full"
    assert "@" not in mine[0].text
    assert all(fact != ("1", "resolved") for fact in world.told())


async def test_a_note_whose_answer_was_lost_is_found(world: World) -> None:
    world.sandbox.add_fault(Fault(kind="lost_503", face="rest", skip=2, count=1), world.clock.now())
    wish = Wish(note="runbook")
    assert isinstance(await send(world, "note", wish), Unavailable)
    assert world.sandbox.incidents()[0].notes == ("runbook",)
    assert isinstance(await send(world, "note", wish), Accepted)
    assert world.sandbox.incidents()[0].notes == ("runbook",)


async def test_a_page_not_shown_yet_is_waited_for() -> None:
    world = await World(hears=True).open()
    await world.send(1, tell=False, arrives=False)
    early = delivery(world, "note", Wish(note="x"))
    found = await orders_of(world).send(early)
    assert isinstance(found, Unavailable)
    assert (found.is_early, found.retry_after_ms) == (True, 2_000)
    early.attempts = 9
    found = await orders_of(world).send(early)
    assert isinstance(found, Unavailable)
    assert found.retry_after_ms == 60_000
    world.clock.at += PATIENCE_MS + 1
    found = await orders_of(world).send(early)
    assert isinstance(found, Rejected)
    assert found.is_needless


async def test_a_page_that_just_appeared_is_looked_for() -> None:
    world = await World(hears=False).open()
    await world.send(1)
    await world.follower._take_sent()
    world.clock.at += 1_000
    world.sandbox.advance(world.clock.now())
    assert isinstance(await send(world, "note", Wish(note="x")), Accepted)
    assert world.page().pagerduty_id == world.there()


async def test_what_is_over_or_in_somebodys_hands_is_left_alone(world: World) -> None:
    world.sandbox.acknowledge(world.there(), world.clock.now(), user=ADA)
    found = await send(world, "escalate", Wish(level=2), moment="escalation")
    assert found == Rejected(cause="Ada Example has acknowledged it", is_needless=True)
    assert world.told()[-1] == ("1", "acknowledged"), "what was seen on the way is news"
    world.sandbox.resolve(world.there(), world.clock.now(), user=ADA)
    found = await send(world, "note", Wish(note="x"))
    assert found == Rejected(cause="Ada Example has resolved it", is_needless=True)
    assert isinstance(await send(world, "note", Wish(note="it is over"), moment="closed"), Accepted)
    assert world.sandbox.incidents()[0].notes == ("it is over",)


async def test_what_is_over_before_it_was_shown(world: World) -> None:
    incident = await world.send(2, arrives=False)
    await world.close(incident, arrives=False)
    found = await send(world, "note", Wish(note="x"), number=2)
    assert isinstance(found, Rejected)
    assert found.is_needless
    assert isinstance(await send(world, "note", Wish(note="x"), number=9), Unavailable)


async def test_a_merged_page_is_followed_to_its_target(world: World) -> None:
    await world.send(2)
    await world.run(70)
    world.sandbox.merge(world.there(1), world.clock.now(), user=ADA, into="2")
    assert isinstance(await send(world, "note", Wish(note="x")), Accepted)
    target = next(one for one in world.sandbox.incidents() if one.number == 2)
    assert target.notes == ("x",)


async def test_a_no_names_what_is_lacking() -> None:
    world = await World(token=READ_ONLY_TOKEN).open()
    await world.send(1)
    await world.run(35)
    found = await send(world, "note", Wish(note="x"))
    assert isinstance(found, Rejected)
    assert "incidents.write" in found.cause
    assert not found.is_needless
    found = await send(world, "note", Wish())
    assert isinstance(found, Rejected)
    assert "needs a text" in found.cause
    without = await World(token=None).open()
    found = await send(without, "note", Wish(note="x"))
    assert isinstance(found, Rejected)
    assert "pagerduty.api_token" in found.cause


class TestGuard:
    """Whether an escalation has a point."""

    @staticmethod
    def escalation(world: World) -> Delivery:
        return msgspec.structs.replace(
            world.delivery("rule/00112233/1", "platform", "trigger"), state=DeliveryState.PENDING, is_escalation=True
        )

    @staticmethod
    async def needless(world: World) -> str:
        return await Guard(follower=world.follower, ask=world.ask).needless(TestGuard.escalation(world))

    async def test_nobody_has_it(self, world: World) -> None:
        assert await self.needless(world) == ""

    @pytest.mark.parametrize(("what", "reason"), [("acknowledge", "has it"), ("resolve", "resolved it")])
    async def test_somebody_does_and_we_had_not_heard(self, world: World, what: str, reason: str) -> None:
        getattr(world.sandbox, what)(world.there(), world.clock.now(), user=ADA)
        assert await self.needless(world) == f"Ada Example {reason} in PagerDuty"
        assert world.told() == [("1", f"{what}d")]

    async def test_what_cannot_be_found_out_holds_nothing_back(self, world: World) -> None:
        world.sandbox.acknowledge(world.there(), world.clock.now(), user=ADA)
        world.transport.is_down = True
        with pytest.raises(RemoteUnavailable):
            await world.client.incident(world.there())
        assert await self.needless(world) == ""
        without = await World(token=None).open()
        assert await self.needless(without) == ""

    async def test_a_merge_is_no_hand(self, world: World) -> None:
        await world.send(2)
        await world.run(70)
        world.sandbox.merge(world.there(1), world.clock.now(), user=ADA, into="2")
        assert await self.needless(world) == ""
