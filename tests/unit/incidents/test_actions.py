"""Acting from here in virtual time, through the real REST client on the sandbox."""

from __future__ import annotations

import pytest

from router.errors import RemoteRefused
from router.incidents.actions import ASKED, CannotAct, Nowhere
from router.model.wish import Wish
from router.sandbox.settings import READ_ONLY_TOKEN
from tests.support.following import ADA, World


@pytest.fixture(params=["webhooks", "polling"])
async def world(request) -> World:
    world = await World(hears=request.param == "webhooks").open()
    await world.send(1)
    await world.run(35)
    return world


async def test_an_action_has_its_effect_at_once_and_only_once(world: World) -> None:
    (done,) = await world.actions.act(1, "acknowledge", Wish(), who="ops")
    assert (done.team, done.status, done.pagerduty_id) == ("payments", "acknowledged", world.there())
    assert world.told() == [("1", "acknowledged")]
    await world.run(120)
    assert world.told() == [("1", "acknowledged")], "its echo says nothing new"
    (done,) = await world.actions.act(1, "resolve", Wish(note="made room"), who="ops")
    assert done.status == "resolved"
    await world.run(120)
    assert world.told() == [("1", "acknowledged"), ("1", "resolved")]
    asked = [row.entry for row in world.store.reader().audit(incident=1) if row.entry.through == "api"]
    assert [(entry.who, entry.what, entry.text) for entry in asked] == [
        ("ops", "asked to resolve", "made room"),
        ("ops", "asked to acknowledge", ""),
    ]
    told = world.audit()
    assert told.index("asked to acknowledge") + 1 == told.index("acknowledged"), "first that it was asked for"


async def test_the_other_verbs(world: World) -> None:
    await world.actions.act(1, "note", Wish(note="looking"), who="ops")
    await world.actions.act(1, "reassign", Wish(user="grace@example.test"), who="ops")
    await world.actions.act(1, "escalate", Wish(level=2), who="ops")
    await world.actions.act(1, "escalate", Wish(policy="platform escalation"), who="ops")
    await world.actions.act(1, "snooze", Wish(seconds=3_600), who="ops")
    await world.actions.act(1, "priority", Wish(priority="p2"), who="ops")
    await world.actions.act(1, "status", Wish(message="cards work again"), who="ops")
    asked = Wish(users=("grace@example.test",), policies=("platform escalation",), message="help", link="https://wiki/db")
    await world.actions.act(1, "responders", asked, who="ops")
    entries = [row.entry for row in world.store.reader().audit(incident=1) if row.entry.through == "api"][::-1]
    assert [(entry.what, entry.text) for entry in entries] == [
        ("asked to note", "looking"),
        ("asked to reassign", ""),
        ("asked to escalate", "level 2"),
        ("asked to escalate", "platform escalation"),
        ("asked to snooze", "3600 s"),
        ("asked to set the priority", "p2"),
        ("asked to publish a status", "cards work again"),
        ("asked for responders", "1 person, platform escalation, help https://wiki/db"),
    ]
    (there,) = world.sandbox.incidents()
    assert (there.policy, there.priority, there.notes) == ("platform escalation", "P2", ("looking",))
    assert there.responders == ("Grace Example (pending)", "Ada Example (pending)")
    assert [page.user for page in world.sandbox.pages(reason="responder_requested")] == ["Grace Example", "Ada Example"]
    before = world.told()
    await world.run(600)
    assert world.told() == before, "what we did ourselves comes back and says nothing new"
    assert len(world.sandbox.pages(reason="triggered")) == 1
    audit = " ".join(row.entry.text for row in world.store.reader().audit(incident=1))
    assert "@" not in audit, "names, and nothing more of a person"


async def test_every_verb_is_worded() -> None:
    assert len(set(ASKED.values())) == len(ASKED)


async def test_a_page_not_confirmed_yet_is_looked_for(world: World) -> None:
    await world.send(2)
    world.clock.at += 1_000
    world.sandbox.advance(world.clock.now())
    await world.follower._take_sent()
    (done,) = await world.actions.act(2, "acknowledge", Wish(), who="ops")
    assert done.pagerduty_id == world.there(2)


async def test_only_one_team(world: World) -> None:
    await world.send(2, "payments", "platform")
    await world.run(65)
    (done,) = await world.actions.act(2, "acknowledge", Wish(team="platform"), who="ops")
    assert done.team == "platform"
    assert len(await world.actions.act(2, "resolve", Wish(), who="ops")) == 2


async def test_what_cannot_be_done(world: World) -> None:
    actions = world.actions
    with pytest.raises(Nowhere, match="no incident 9"):
        await actions.act(9, "acknowledge", Wish(), who="ops")
    with pytest.raises(Nowhere, match="of team platform"):
        await actions.act(1, "acknowledge", Wish(team="platform"), who="ops")
    for verb, wish in (
        ("note", Wish()), ("note", Wish(note="x" * 70_000)), ("reassign", Wish()), ("escalate", Wish()),
        ("escalate", Wish(level=1, policy="P1")), ("snooze", Wish()), ("snooze", Wish(seconds=700_000)),
        ("responders", Wish(message="x")), ("responders", Wish(users=("a",))), ("status", Wish()), ("priority", Wish()),
    ):  # fmt: skip
        with pytest.raises(CannotAct):
            await actions.act(1, verb, wish, who="ops")
    world.sandbox.resolve(world.there(), world.clock.now(), user=ADA)
    await world.run(300)
    with pytest.raises(CannotAct, match="is resolved"):
        await actions.act(1, "acknowledge", Wish(), who="ops")


async def test_a_token_that_may_only_read_names_the_right() -> None:
    world = await World(token=READ_ONLY_TOKEN).open()
    await world.send(1)
    await world.run(35)
    with pytest.raises(RemoteRefused, match=r"incidents\.write"):
        await world.actions.act(1, "acknowledge", Wish(), who="ops")
    assert world.page().status == "triggered", "reading is enough for following"
    without = await World(token=None).open()
    with pytest.raises(CannotAct, match=r"pagerduty\.api_token"):
        await without.actions.act(1, "acknowledge", Wish(), who="ops")
