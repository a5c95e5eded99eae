"""The alert that a team's pages reach nobody: it is over with a proof that they do, and not before, also over a restart."""

from __future__ import annotations

import pytest

from router.model.page import AuditEntry, Followed
from router.sandbox.facade import ServiceChange
from tests.support.following import World

NEVER = dict.fromkeys(("payments", "platform"), 0)
IN_TIME = 302
"""Seconds after which a page is given up."""


@pytest.fixture(params=["webhooks", "polling"])
async def world(request) -> World:
    return await World(hears=request.param == "webhooks").open()


async def restart(world: World) -> None:
    world.follower = world.make_follower()
    await world.follower._recall()


async def test_it_is_over_with_the_next_page_that_is_confirmed(world: World) -> None:
    await world.send(1, arrives=False)
    await world.run(IN_TIME)
    assert (world.bell.missed, world.bell.confirmed_teams) == (["payments"], [])
    await world.send(2)
    await world.run(35)
    assert world.bell.confirmed_teams == ["payments"]


async def test_one_that_was_confirmed_before_is_no_word_of_the_page_and_it_is_over_when_that_is(world: World) -> None:
    lost = await world.send(1, arrives=False)
    await world.run(1)
    await world.send(2)
    await world.run(IN_TIME)
    assert (world.bell.missed, world.bell.confirmed_teams) == (["payments"], ["payments"])
    await world.run(600)
    assert world.bell.confirmed_teams == ["payments"], "that page still reached nobody"
    await world.close(lost, arrives=False)
    await world.run(1)
    assert world.bell.confirmed_teams == ["payments"] * 2


async def test_one_that_was_sent_before_the_missed_one_proves_nothing(world: World) -> None:
    await world.send(1)
    await world.run(35)
    lost = await world.send(2, arrives=False)
    await world.run(IN_TIME)
    await world.close(lost, arrives=False)
    await world.run(600)
    assert (world.bell.missed, world.bell.confirmed_teams) == (["payments"], ["payments"])


async def test_several_are_over_with_the_last_of_them(world: World) -> None:
    lost = [await world.send(number, arrives=False) for number in (1, 2)]
    await world.run(1)
    await world.send(3)
    await world.run(IN_TIME)
    assert world.bell.missed == ["payments"] * 2
    for incident in lost:
        assert len(world.bell.confirmed_teams) == 1
        await world.close(incident, arrives=False)
        await world.run(1)
    assert len(world.bell.confirmed_teams) == 2


async def test_what_is_missed_after_the_proof_is_not_over_when_what_was_missed_before_is(world: World) -> None:
    first = await world.send(1, arrives=False)
    await world.run(1)
    await world.send(2)
    await world.run(35)
    last = await world.send(3, arrives=False)
    await world.run(IN_TIME)
    for incident in (last, first):
        await world.close(incident, arrives=False)
        await world.run(1)
    assert world.bell.confirmed_teams == ["payments"], "the way was not proven since"


async def test_another_teams_page_proves_nothing(world: World) -> None:
    lost = await world.send(1, arrives=False)
    await world.run(1)
    await world.send(2, "platform")
    await world.run(IN_TIME)
    await world.close(lost, arrives=False)
    await world.run(1)
    assert world.bell.confirmed_teams == ["platform"]


@pytest.mark.parametrize("is_over_before", [True, False])
async def test_a_restart_forgets_neither_the_miss_nor_the_proof(world: World, *, is_over_before: bool) -> None:
    lost = await world.send(1, arrives=False)
    await world.run(1)
    await world.send(2)
    await world.run(IN_TIME)
    world.bell.confirmed_teams.clear()
    if is_over_before:
        await world.close(lost, arrives=False)
        await restart(world)
    else:
        await restart(world)
        assert world.bell.confirmed_teams == []
        await world.close(lost, arrives=False)
        await world.run(1)
    assert world.bell.confirmed_teams == ["payments"]


async def test_what_was_confirmed_when_the_process_died_is_told_by_the_next(world: World) -> None:
    await world.send(1, arrives=False)
    await world.run(IN_TIME)
    entry = AuditEntry(
        at=world.clock.now(), who="alert-router", through="router", what="confirmed", incident=2, team="payments"
    )
    await world.store.follow(Followed(audit=(entry,)))
    await restart(world)
    assert world.bell.confirmed_teams == ["payments"]


async def test_a_restart_after_a_miss_without_a_proof_leaves_it(world: World) -> None:
    world.sandbox.set_service(ServiceChange(name="payments", on_call=False), world.clock.now())
    lost = await world.send(1)
    await world.run(IN_TIME)
    await world.close(lost)
    await restart(world)
    await world.run(10)
    assert world.bell.confirmed_teams == []


async def test_a_webhook_that_is_here_before_the_delivery_is_recorded_is_a_proof() -> None:
    world = await World(hears=True).open()
    await world.send(1, arrives=False)
    await world.run(IN_TIME)
    await world.send(2, tell=False)
    await world.run(2)
    assert world.page(2).status == "triggered"
    assert world.bell.confirmed_teams == ["payments"]
    assert "payments" in world.follower.figures()["page_confirmed_timestamp_seconds"]


async def test_a_reload_holds_for_what_waits_already(world: World) -> None:
    world.follower.configure(NEVER)
    await world.send(1, arrives=False)
    await world.run(IN_TIME)
    assert world.bell.missed == []
    world.follower.configure({"payments": 600_000})
    await world.run(200)
    assert world.bell.missed == []
    await world.run(100)
    assert world.bell.missed == ["payments"]
    world.follower.configure({"payments": 60_000})
    await world.run(600)
    assert len(world.facts()) == 1, "once"


@pytest.mark.parametrize("set_ms", [-600_000, 600_000])
async def test_setting_the_clock_makes_no_page_missed_and_none_wait_longer(world: World, *, set_ms: int) -> None:
    await world.send(1, arrives=False)
    await world.run(5)
    world.clock.set_ms = set_ms
    await world.run(IN_TIME - 10)
    assert world.bell.missed == []
    await world.run(10)
    assert world.bell.missed == ["payments"]


async def test_after_a_restart_a_page_waits_no_longer_than_a_new_one_wherever_the_clock_was_set(world: World) -> None:
    await world.send(1, arrives=False)
    world.clock.set_ms = -3_600_000
    await restart(world)
    await world.run(IN_TIME)
    assert world.bell.missed == ["payments"]


async def test_the_page_of_a_team_that_is_gone_counts_as_missed_after_five_minutes(world: World) -> None:
    await world.send(1, arrives=False)
    world.follower.configure({"platform": 60_000})
    await world.run(62)
    assert world.bell.missed == []
    world.follower = world.make_follower()
    world.follower.configure({"platform": 60_000})
    await world.follower._recall()
    await world.run(IN_TIME - 62)
    assert world.bell.missed == ["payments"]
    assert world.facts()[0].reason.endswith("after 5m")
