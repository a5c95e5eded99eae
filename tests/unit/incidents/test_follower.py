"""Pages followed in virtual time, by webhooks and by asking: lost, late, repeated, foreign news; PagerDuty away; restarts."""

from __future__ import annotations

import pytest

from router.incidents.follower import BLIND_AFTER_MS, MAX_WEBHOOKS
from router.model.journal import DeliveryFailed
from router.sandbox.facade import ServiceChange
from tests.support.following import ADA, World


@pytest.fixture(params=["webhooks", "polling"])
async def world(request) -> World:
    return await World(hears=request.param == "webhooks").open()


async def test_from_confirmed_to_resolved(world: World) -> None:
    await world.send(1)
    await world.run(35)
    assert (world.page().pagerduty_id, world.page().status) == (world.there(), "triggered")
    assert world.bell.confirmed_teams == ["payments"]
    world.sandbox.acknowledge(world.there(), world.clock.now(), user=ADA)
    await world.run(15)
    assert (world.page().holder, world.told()) == ("Ada Example", [("1", "acknowledged")])
    world.sandbox.resolve(world.there(), world.clock.now(), user=ADA, note="made room")
    await world.run(65)
    assert (world.page().resolved_by, world.page().is_open) == ("Ada Example", False)
    assert world.told() == [("1", "acknowledged"), ("1", "resolved")]
    assert world.audit() == ["confirmed", "acknowledged", "resolved", "resolution"]
    assert world.follower.figures()["pages_unacknowledged"] == 0
    calls = world.client.calls
    await world.run(3600)
    assert world.client.calls == calls, "nothing is open, nothing is asked"


async def test_our_own_resolve_tells_the_engine_nothing(world: World) -> None:
    incident = await world.send(1)
    await world.run(35)
    await world.close(incident)
    await world.run(15)
    assert (world.page().status, world.page().resolved_by) == ("resolved", "Events API V2")
    assert world.told() == []


async def test_two_teams_of_one_incident_are_told_apart(world: World) -> None:
    await world.send(1, "payments", "platform")
    await world.run(65)
    for team in ("payments", "platform"):
        assert world.page(1, team).pagerduty_id == world.there(1, team)
    world.sandbox.acknowledge(world.there(1, "platform"), world.clock.now(), user=ADA)
    await world.run(15)
    assert (world.page(1, "payments").status, world.page(1, "platform").status) == ("triggered", "acknowledged")
    assert [fact.team for fact in world.facts()] == ["platform"]


async def test_incidents_that_share_one_there_are_both_followed(world: World) -> None:
    world.sandbox.set_service(ServiceChange(name="payments", alert_grouping=True), world.clock.now())
    await world.send(1)
    await world.run(1)
    await world.send(2)
    await world.run(65)
    assert world.page(1).pagerduty_id == world.page(2).pagerduty_id
    world.sandbox.resolve(world.there(), world.clock.now(), user=ADA)
    await world.run(15)
    assert sorted(world.told()) == [("1", "resolved"), ("2", "resolved")]


async def test_nobody_got_it(world: World) -> None:
    world.sandbox.set_service(ServiceChange(name="payments", on_call=False), world.clock.now())
    await world.send(1)
    await world.run(299)
    assert world.facts() == []
    await world.run(3)
    (fact,) = world.facts()
    assert isinstance(fact, DeliveryFailed)
    assert (fact.team, fact.action, fact.reason) == (
        "payments", "trigger", "PagerDuty took it and shows no incident after 5m",
    )  # fmt: skip
    assert world.bell.missed == ["payments"]
    assert world.page().missed_at
    world.follower = world.make_follower()
    await world.follower._recall()
    await world.run(1000)
    assert len(world.facts()) == 1, "once, also after a restart"
    world.sandbox.set_service(ServiceChange(name="payments", on_call=True), world.clock.now())
    world.event("payments", "rule/00112233/1")
    await world.run(310)
    assert world.page().status == "triggered", "late is better than never"
    assert world.bell.confirmed_teams == ["payments"]


async def test_what_is_over_needs_no_confirmation(world: World) -> None:
    incident = await world.send(1, arrives=False)
    await world.run(1)
    await world.close(incident, arrives=False)
    await world.run(600)
    assert world.facts() == []
    assert world.bell.missed == []
    assert not world.follower.register.waiting


async def test_not_being_able_to_look_is_not_missing(world: World) -> None:
    await world.send(1)
    world.transport.is_down = True
    await world.run(BLIND_AFTER_MS / 1000 + 60)
    assert world.facts() == []
    assert "cannot be followed" in world.bell.is_blind
    world.transport.is_down = False
    await world.run(70)
    assert world.page().status == "triggered"
    assert world.bell.is_blind == ""
    assert world.bell.missed == []


async def test_a_token_without_rights_is_told_at_once(world: World) -> None:
    world.client._token = lambda: "sandboxwrongtoken001"
    await world.send(1)
    await world.run(35)
    assert "does not know the token" in world.bell.is_blind


async def test_a_restart_goes_on(world: World) -> None:
    await world.send(1)
    await world.run(35)
    await world.send(2, tell=False)  # delivered, and the process died before anybody was told
    world.sandbox.acknowledge(world.there(), world.clock.now(), user=ADA)
    world.follower = world.make_follower()
    await world.follower._recall()
    await world.run(310)
    assert (world.page(1).status, world.page(2).status) == ("acknowledged", "triggered")


@pytest.mark.parametrize("hears", [True, False])
async def test_what_pagerduty_resolves_by_itself_has_no_persons_name(*, hears: bool) -> None:
    world = await World(hears=hears, auto_resolve_seconds=600).open()
    await world.send(1)
    await world.run(620)
    assert (world.page().status, world.told()) == ("resolved", [("1", "resolved")])
    assert "Ada" not in world.page().resolved_by


async def test_a_merge_is_followed(world: World) -> None:
    await world.send(1)
    await world.send(2)
    await world.run(65)
    first, second = world.there(1), world.there(2)
    source = {"source_incidents": [{"id": second, "type": "incident_reference"}]}
    await world.client._write("PUT", f"/incidents/{first}/merge", source, "incidents")
    await world.run(15)
    assert (world.page(2).pagerduty_id, world.page(2).is_open) == (first, True)
    assert world.told() == []
    world.sandbox.resolve(first, world.clock.now(), user=ADA)
    await world.run(15)
    assert sorted(world.told()) == [("1", "resolved"), ("2", "resolved")]


async def test_webhooks_out_of_order_and_again() -> None:
    world = await World(hears=True).open()
    await world.send(1)
    await world.run(2)
    there = world.there()
    for what in ("acknowledge", "resolve"):
        world.clock.at += 1_500
        getattr(world.sandbox, what)(there, world.clock.now(), user=ADA)
    bodies = [delivery.body for delivery in world.sandbox.webhooks()]
    for body in reversed(bodies):
        await world.take(body)
    for body in bodies:
        assert not await world.take(body)
    await world.follower.step()
    assert (world.page().status, world.told()) == ("resolved", [("1", "resolved")])


async def test_lost_webhooks_are_made_up_for() -> None:
    world = await World(hears=True).open()
    await world.send(1)
    await world.run(2)
    assert world.page().status == "triggered"
    (subscription,) = {delivery.subscription_id for delivery in world.sandbox.webhooks()}
    world.sandbox.disable_webhooks(subscription, world.clock.now(), 86_400_000)
    world.sandbox.acknowledge(world.there(), world.clock.now(), user=ADA)
    await world.run(310)
    assert (world.page().holder, world.told()) == ("Ada Example", [("1", "acknowledged")])


async def test_a_page_whose_first_news_is_a_note_is_asked_about_and_followed() -> None:
    """The webhooks before it were lost: nobody would have known who has it, nor that somebody resolved it."""
    world = await World(hears=True).open()

    def only_notes(bodies: list[bytes]) -> list[bytes]:
        return [body for body in bodies if b"incident.annotated" in body]

    await world.send(1)
    world.clock.at += 1_000
    world.sandbox.advance(world.clock.now())
    world.sandbox.acknowledge(world.there(), world.clock.now(), user=ADA)
    world.clock.at += 2_000
    world.sandbox.annotate(world.there(), world.clock.now(), content="on it", user=ADA)
    for _ in range(5):  # one at a time for each incident
        world.clock.at += 1_000
        await world.hear(order=only_notes)
    await world.follower.step()
    assert (world.page().pagerduty_id, world.audit()) == (world.there(), ["confirmed", "noted"])
    await world.run(31)
    assert (world.page().holder, world.told()) == ("Ada Example", [("1", "acknowledged")])


async def test_incidents_of_others_cost_one_call() -> None:
    world = await World(hears=True).open()
    world.event("payments", "somebody else's")
    await world.run(2)
    other = world.sandbox.incidents()[0].id
    calls = world.client.calls
    world.sandbox.acknowledge(other, world.clock.now(), user=ADA)
    world.sandbox.resolve(other, world.clock.now(), user=ADA)
    await world.run(2)
    assert world.client.calls == calls
    assert world.facts() == []
    assert world.store.reader().webhooks() == []


async def test_a_webhook_that_cannot_be_understood_now_waits_and_holds_up_no_other() -> None:
    world = await World(hears=True).open()
    await world.send(1)
    await world.run(2)
    await world.send(2)
    world.transport.is_down = True
    await world.run(2)
    world.sandbox.acknowledge(world.there(1), world.clock.now(), user=ADA)
    await world.run(2)
    assert world.page(1).status == "acknowledged"
    assert len(world.store.reader().webhooks()) == 1
    assert world.follower.figures()["webhooks_waiting"] == 1
    world.transport.is_down = False
    world.follower = world.make_follower()
    await world.follower._recall()
    await world.run(10)
    assert world.page(2).status == "triggered"
    assert world.store.reader().webhooks() == []


async def test_a_mistake_of_ours_with_one_webhook_ends_nothing() -> None:
    world = await World(hears=True).open()
    await world.send(1)
    await world.run(2)
    find, asked = world.follower.find, []

    async def find_or_fail(sighting):
        asked.append(sighting.kind)
        if sighting.kind == "acknowledged":
            raise ZeroDivisionError
        return await find(sighting)

    world.follower.find = find_or_fail
    world.sandbox.acknowledge(world.there(), world.clock.now(), user=ADA)
    world.clock.at += 2_000
    world.sandbox.resolve(world.there(), world.clock.now(), user=ADA)
    await world.run(2)
    assert asked == ["acknowledged", "resolved"]
    assert world.page().status == "resolved"
    assert [webhook.event_type for webhook in world.store.reader().webhooks()] == ["incident.acknowledged"]


async def test_without_a_token_only_what_names_our_key_is_understood() -> None:
    world = await World(hears=True, token=None).open()
    await world.send(1)
    await world.run(400)
    assert world.store.reader().pages(incident=1) == []
    assert world.facts() == []
    assert world.store.reader().webhooks() == []
    assert not world.follower.is_full
    world.follower._webhooks.extend([None] * MAX_WEBHOOKS)
    assert world.follower.is_full


async def test_a_long_note_is_read_whole() -> None:
    world = await World(hears=True).open()
    world.sandbox.set_switches({"webhook_note_trim_length": 10})
    await world.send(1)
    await world.run(2)
    world.sandbox.annotate(world.there(), world.clock.now(), content="the whole story of it", user=ADA)
    await world.run(2)
    assert world.store.reader().audit(incident=1)[0].entry.text == "the whole story of it"


async def test_a_page_that_is_resolved_before_it_is_recorded_as_sent_is_looked_for_once() -> None:
    world = await World(hears=True).open()
    world.clock.at += 1
    incident = await world.send(1, tell=False)
    await world.run(1)
    world.sandbox.resolve(world.there(), world.clock.now(), user=ADA)
    await world.run(2)
    assert world.page().status == "resolved"
    for _ in range(2):  # the second time by hand, say
        world.follower.delivered(world.delivery(incident.dedup_key, "payments", "trigger"))
        await world.run(60)
    calls = world.client.calls
    await world.run(60)
    assert world.client.calls == calls
    assert not world.follower.register.waiting
