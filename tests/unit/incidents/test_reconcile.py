"""What PagerDuty has open against what we hold open, in virtual time."""

from __future__ import annotations

import msgspec
import pytest

from router.incidents.reconcile import SETTLED_MS
from router.model.delivery import Delivery, DeliveryState, Outcome, Throttled
from router.sandbox.facade import ServiceChange
from tests.support.following import ADA, World

SETTLED_SECONDS = SETTLED_MS // 1000 + 1


@pytest.fixture
async def world() -> World:
    """Webhooks are configured and none arrives any more."""
    world = await World(hears=True).open()
    await world.send(1)
    await world.run(2)
    (subscription,) = {delivery.subscription_id for delivery in world.sandbox.webhooks()}
    world.sandbox.disable_webhooks(subscription, world.clock.now(), 10 * 86_400_000)
    world.follower.poll = _never  # type: ignore[method-assign]  # so that only reconciling finds out
    return world


async def _never() -> None:
    return


async def found(world: World, *, dry_run: bool = False) -> list[tuple[str, int, bool]]:
    return [(one.kind, one.incident, one.mended) for one in await world.reconciler.run(dry_run=dry_run)]


async def test_nothing_is_wrong(world: World) -> None:
    assert await found(world) == []
    without = await World(token=None).open()
    assert await found(without) == []


@pytest.mark.parametrize("what", ["acknowledge", "resolve"])
async def test_news_that_was_missed(world: World, what: str) -> None:
    getattr(world.sandbox, what)(world.there(), world.clock.now(), user=ADA)
    for _ in range(2):
        assert await found(world, dry_run=True) == [("missed_news", 1, True)]
    assert world.told() == []
    assert await found(world) == [("missed_news", 1, True)]
    assert world.told() == [("1", f"{what}d")]
    assert [one for one in await found(world) if one[0] != "open_here"] == []


async def test_a_page_we_had_not_heard_of(world: World) -> None:
    await world.send(2)
    world.clock.at += 1_000
    world.sandbox.advance(world.clock.now())
    await world.follower._take_sent()
    assert await found(world, dry_run=True) == [("missed_news", 2, True)]
    assert await found(world) == [("missed_news", 2, True)]
    assert world.page(2).status == "triggered"
    world.sandbox.set_service(ServiceChange(name="payments", on_call=False), world.clock.now())
    await world.send(3)
    await world.follower._take_sent()
    assert await found(world) == []
    world.clock.at += SETTLED_MS
    assert await found(world) == [("unconfirmed", 3, False)]


async def test_a_resolve_that_got_lost_is_sent_again(world: World) -> None:
    incident = await world.ask(lambda reader: reader.incident(1))
    await world.close(incident, arrives=False)
    assert await found(world) == [], "it may be on its way"
    await world.run(SETTLED_SECONDS)
    assert await found(world, dry_run=True) == [("open_there", 1, True)]
    assert world.resent == []
    assert await found(world) == [("open_there", 1, True)]
    assert [delivery.action for delivery in world.resent] == ["resolve"]
    assert world.audit()[-1] == "resolve_sent_again"
    await world.run(2)
    assert await found(world) == [("missed_news", 1, True)]
    assert world.page().status == "resolved"


async def test_a_resolve_that_pagerduty_takes_no_call_for_now_is_left_to_the_next_run(world: World) -> None:
    incident = await world.ask(lambda reader: reader.incident(1))
    await world.close(incident, arrives=False)
    await world.run(SETTLED_SECONDS)
    reconciler = world.reconciler

    async def refuse(_delivery: Delivery) -> Outcome:
        return Throttled(retry_after_ms=1)

    reconciler._resend = refuse
    (finding,) = await reconciler.run()
    assert (finding.mended, finding.reason.endswith("takes no more calls with its key now")) == (False, True)
    assert "resolve_sent_again" not in world.audit()
    assert await found(world) == [("open_there", 1, True)]


async def test_a_resolve_that_went_out_a_moment_ago_is_given_time_however_long_it_is_over(world: World) -> None:
    incident = await world.ask(lambda reader: reader.incident(1))
    long_ago = msgspec.structs.replace(incident, status="closed", closed_at=world.clock.now())
    await world.run(SETTLED_SECONDS)
    await world.commit(long_ago, [world.delivery(incident.dedup_key, team, "resolve") for team in incident.teams])
    assert await found(world) == []
    assert world.resent == []
    await world.run(SETTLED_SECONDS)
    assert await found(world) == [("open_there", 1, True)]


async def test_what_a_person_opened_again_stays_open(world: World) -> None:
    incident = await world.ask(lambda reader: reader.incident(1))
    await world.close(incident)
    await world.run(1)
    await found(world)
    there = world.there()
    await world.client._update(there, {"status": "triggered"})
    world.follower.register.put(msgspec.structs.replace(world.page(), status="triggered"))
    await world.run(SETTLED_SECONDS)
    assert [one for one in await found(world) if one[0] == "open_there"] == [("open_there", 1, False)]
    assert world.resent == []


async def test_what_other_alerts_keep_open_is_left() -> None:
    world = await World(hears=True).open()
    world.sandbox.set_service(ServiceChange(name="payments", alert_grouping=True), world.clock.now())
    first = await world.send(1)
    await world.run(1)
    await world.send(2)
    await world.run(65)
    await world.close(first)
    await world.run(SETTLED_SECONDS)
    assert await found(world) == [("open_there", 1, False)]
    assert world.resent == []


async def test_resolved_there_and_firing_here_is_listed(world: World) -> None:
    world.sandbox.resolve(world.there(), world.clock.now(), user=ADA)
    await found(world)
    (finding,) = await world.reconciler.run()
    assert (finding.kind, finding.mended) == ("open_here", False)
    assert "Ada Example" in finding.reason


async def test_a_key_no_team_has_any_more_is_named(world: World) -> None:
    reconciler = world.reconciler
    reconciler._references = lambda: {"env:other"}
    (finding,) = await reconciler.run()
    assert finding.kind == "unknown_key"
    assert "env:payments" in finding.reason


async def test_a_page_that_is_a_dead_letter_is_named(world: World) -> None:
    incident = await world.send(7, tell=False, arrives=False)
    (sent,) = world.store.reader().deliveries(dedup_key=incident.dedup_key)
    await world.store.record([msgspec.structs.replace(sent, state=DeliveryState.DEAD, reason="HTTP 400: Invalid routing key")])
    (finding,) = [one for one in await world.reconciler.run() if one.incident == 7]
    assert (finding.kind, finding.mended) == ("open_here", False)
    assert finding.reason == "firing for us; its page is a dead letter: HTTP 400: Invalid routing key"
