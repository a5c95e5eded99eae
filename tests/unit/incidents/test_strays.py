"""What PagerDuty has open under keys of ours that the store does not know, in virtual time against the sandbox."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from router.engine.keys import dedup_key, digest, episode_id
from router.errors import RemoteUnavailable, StoreUnavailable
from router.incidents import strays as module
from router.incidents.actions import CannotAct
from router.incidents.strays import FORGET_MS, FRESH_MS, Stray
from router.model.delivery import Outcome, Rejected, Throttled, Unavailable
from router.model.incident import Incident
from router.model.severity import Severity
from router.sandbox.facade import ServiceChange
from router.sandbox.settings import OrchestrationSpec, ServiceSpec
from tests.support.following import ADA, World
from tests.support.stores import START

OTHERS_KEY = "c3" * 16
ORCHESTRATION = OrchestrationSpec(name="all", key="R0" + "D" * 30, field="source", routes={"s": "payments"})


def key_of(number: int, rule: str = "rule") -> str:
    """As the engine makes them, of an earlier life."""
    return dedup_key(rule, digest(("n",), (str(number),)), episode_id(START - 86_400_000, number))


async def opened(world: World, *numbers: int, team: str = "payments") -> World:
    for number in numbers:
        world.event(team, key_of(number))
    await world.run(1)
    return world


async def looked(world: World) -> Sequence[Stray]:
    world.clock.at += FRESH_MS
    return (await world.strays.look()).strays


def there(world: World, number: int) -> str:
    return next(one.status for one in world.sandbox.incidents() if key_of(number) in one.dedup_keys)


@pytest.fixture
async def world() -> World:
    return await World().open()


async def test_what_the_store_does_not_know_is_shown_and_told_of_and_nothing_is_resolved(world: World) -> None:
    await world.send(1)
    await opened(world, 7)
    await opened(world, 8, team="platform")
    for one in world.sandbox.incidents():
        if key_of(8) in one.dedup_keys:
            world.sandbox.acknowledge(one.id, world.clock.now(), user=ADA)
    seven, eight = await looked(world)
    assert (seven.dedup_key, seven.teams, seven.rule, seven.opened_at) == (key_of(7), ("payments",), "rule", START - 86_400_000)
    assert (seven.title, seven.status, seven.holder, seven.open_here) == (key_of(7), "triggered", "", 0)
    assert (eight.teams, eight.status, eight.holder) == (("platform",), "acknowledged", "Ada Example")
    assert {one.number for one in world.sandbox.incidents() if one.id in {seven.pagerduty_id, eight.pagerduty_id}} == {
        seven.number, eight.number,
    }  # fmt: skip
    assert f"2 open incidents that came from here and that the database does not know (#{seven.number}, #{eight.number})" in (
        world.bell.told_of_strays
    )
    assert world.strays.figures() == {"stray_incidents": 2}
    await world.run(60)
    assert (there(world, 7), world.resent) == ("triggered", [])
    findings = [one for one in await world.reconciler.run() if one.kind == "stray"]
    assert [(one.team, one.incident, one.mended) for one in findings] == [("payments", 0, False), ("platform", 0, False)]


async def test_what_is_known_of_another_form_or_of_another_sender_is_none(world: World) -> None:
    world.sandbox.add_service(ServiceSpec(name="others", keys=(OTHERS_KEY,)), world.clock.now())
    await world.send(1)
    world.event("payments", "srv01/HTTP")
    world.event("payments", "rule/0011/1-1")
    await opened(world, 7, team=OTHERS_KEY)  # another router's, in a service of its own
    assert await looked(world) == ()
    assert world.bell.told_of_strays == ""


async def test_a_second_integration_of_our_service_is_another_senders(world: World) -> None:
    world.sandbox.add_service(ServiceSpec(name="shared", keys=("a2" * 16, OTHERS_KEY)), world.clock.now())
    world.ways.teams_with_key = lambda keys: {"payments"} if "a2" * 16 in keys else set()  # type: ignore[method-assign]
    await opened(world, 7, team=OTHERS_KEY)
    await opened(world, 8, team="a2" * 16)
    assert [stray.dedup_key for stray in await looked(world)] == [key_of(8)]


async def test_the_same_problem_open_here_is_named(world: World) -> None:
    await opened(world, 7)
    again = dedup_key("rule", digest(("n",), ("7",)), episode_id(START, 1))
    incident = Incident(
        number=1, rule="rule", group=digest(("n",), ("7",)), dedup_key=again, teams=("payments",), service="payment-api",
        name="CardError", summary="s", severity=Severity.ERROR, status="open", opened_at=START,
    )  # fmt: skip
    await world.commit(incident, [])
    assert [stray.open_here for stray in await looked(world)] == [1]


async def test_those_that_are_named_are_resolved_under_their_own_key_and_kept_in_the_audit_record(world: World) -> None:
    await opened(world, 7, 8)
    seven, eight = await looked(world)
    (done,) = (await world.strays.resolve([seven.number], reason="put back", who="ann")).items
    assert (done.number, done.dedup_key, done.team, done.taken, done.reason) == (seven.number, key_of(7), "payments", True, "")
    (sent,) = world.resent
    assert (sent.action, sent.dedup_key, sent.routing_key) == ("resolve", key_of(7), "env:payments")
    assert msgspec.json.decode(sent.body) == {"event_action": "resolve", "dedup_key": key_of(7)}
    await world.run(1)
    assert (there(world, 7), there(world, 8)) == ("resolved", "triggered")
    (row,) = world.store.reader().audit()
    assert (row.entry.who, row.entry.what, row.entry.team) == ("ann", "resolved a stray", "payments")
    assert row.entry.text == f"PagerDuty's #{seven.number}, {key_of(7)}: put back"
    assert [stray.number for stray in (await world.strays.look()).strays] == [eight.number], "at once, not as of a moment ago"
    await world.strays.resolve([], everything=True, reason="put back", who="ann")
    await world.run(1)
    assert await looked(world) == ()
    assert world.bell.told_of_strays == ""


async def test_in_a_grouped_incident_only_our_alert_ends(world: World) -> None:
    world.sandbox.set_service(ServiceChange(name="payments", alert_grouping=True), world.clock.now())
    await world.send(1)
    await opened(world, 7)
    (stray,) = await looked(world)
    await world.strays.resolve([stray.number], reason="x", who="ann")
    await world.run(1)
    assert await looked(world) == ()
    assert world.page().status == "triggered"
    assert there(world, 7) == "triggered", "the other alert keeps it open"


async def test_nothing_is_resolved_that_is_no_stray(world: World) -> None:
    await world.send(1)
    await opened(world, 7)
    (known,) = [one.number for one in world.sandbox.incidents() if key_of(7) not in one.dedup_keys]
    with pytest.raises(CannotAct, match=f"no stray is open in PagerDuty's incident #{known}"):
        await world.strays.resolve([known], reason="x", who="ann")
    assert world.resent == []


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Throttled(), "too many calls"),
        (Unavailable(cause="HTTP 503"), "HTTP 503"),
        (Rejected(cause="Invalid routing key"), "Invalid routing key"),
    ],
)
async def test_what_pagerduty_does_not_take_is_told_and_not_in_the_audit_record(
    world: World, outcome: Outcome, reason: str
) -> None:
    async def send(_delivery: object) -> Outcome:
        return outcome

    await opened(world, 7)
    world.strays._send = send
    (done,) = (await world.strays.resolve([], everything=True, reason="x", who="ann")).items
    assert not done.taken
    assert reason in done.reason
    assert list(world.store.reader().audit()) == []


async def test_a_store_that_fails_afterwards_takes_nothing_back(world: World) -> None:
    async def follow(_step: object) -> None:
        raise StoreUnavailable("busy")

    await opened(world, 7)
    world.store.follow = follow  # type: ignore[method-assign]
    (done,) = (await world.strays.resolve([], everything=True, reason="x", who="ann")).items
    assert done.taken


async def test_without_a_token_nothing_can_be_found_and_the_remedy_is_named() -> None:
    world = await World(token=None).open()
    with pytest.raises(CannotAct, match="api_token"):
        await world.strays.look()


async def test_pagerduty_that_cannot_be_asked_changes_nothing_of_what_is_known(world: World) -> None:
    await opened(world, 7)
    await looked(world)
    world.transport.is_down = True
    with pytest.raises(RemoteUnavailable):
        await looked(world)
    assert world.strays.figures() == {"stray_incidents": 1}
    assert world.bell.told_of_strays


async def test_a_look_of_a_moment_ago_is_answered_again(world: World) -> None:
    await opened(world, 7)
    await looked(world)
    calls = world.client.calls
    await world.strays.look()
    assert world.client.calls == calls


async def test_what_did_not_change_is_not_asked_again(world: World) -> None:
    await world.send(1)
    await opened(world, 7)
    await looked(world)
    calls = world.client.calls
    await looked(world)
    assert world.client.calls - calls == 2, "the list, and the incident with the stray"
    world.clock.at += FORGET_MS
    calls = world.client.calls
    await looked(world)
    assert world.client.calls - calls == 4, "the service and the other incident besides"
    world.ways.references_by_team = lambda: {"payments": "env:exchanged"}  # type: ignore[method-assign]
    calls = world.client.calls
    await looked(world)
    assert world.client.calls - calls == 4


async def test_one_look_has_a_bounded_number_of_calls_and_the_next_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_ASKED", 5)
    for number in range(1, 6):
        await world.send(number)
    await world.run(3)
    await opened(world, 7)
    calls = world.client.calls
    first = await world.strays.look()
    assert (world.client.calls - calls, first.not_asked) == (6, 2), "the list, the service, four incidents"
    assert [stray.dedup_key for stray in first.strays] == [key_of(7)], "those that are followed are asked about last"
    world.clock.at += FRESH_MS
    second = await world.strays.look()
    assert (second.not_asked, len(second.strays)) == (0, 1)


async def test_a_look_that_could_not_ask_about_all_does_not_say_that_all_is_well(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.bell.strays("so many")
    monkeypatch.setattr(module, "MAX_ASKED", 0)
    await world.send(1)
    await world.run(1)
    assert (await world.strays.look()).not_asked == 1
    assert world.bell.told_of_strays == "so many"


async def test_what_is_remembered_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_REMEMBERED", 2)
    for number in range(1, 6):
        await world.send(number)
    await world.run(1)
    await world.strays.look()
    assert len(world.strays._nothing_in) == 2


async def test_by_an_orchestrations_key() -> None:
    """The incident is in a service of PagerDuty's choosing, among whose integrations none is ours."""
    world = await World(orchestrations=(ORCHESTRATION,)).open()
    world.ways.teams_with_key = lambda _keys: set()  # type: ignore[method-assign]
    world.ways.orchestrated = {"east": ORCHESTRATION.key, "west": ORCHESTRATION.key}
    await opened(world, 7, team="east")
    await opened(world, 8, team="payments")  # by the service's own key, which is another's here
    (stray,) = await looked(world)
    assert (stray.dedup_key, stray.teams) == (key_of(7), ("east", "west"))
    done = await world.strays.resolve([stray.number], reason="x", who="ann")
    assert [(one.team, one.taken) for one in done.items] == [("east", True), ("west", True)]
    await world.run(1)
    assert there(world, 7) == "resolved"


async def test_where_the_keys_of_integrations_are_not_shown_it_is_listed_and_left(world: World) -> None:
    real = world.client.integrations

    async def hidden(service: str) -> dict[str, str]:
        return dict.fromkeys(await real(service), "")

    world.client.integrations = hidden  # type: ignore[method-assign]
    await opened(world, 7)
    (stray,) = await looked(world)
    assert stray.teams == ()
    with pytest.raises(CannotAct, match="resolve it in PagerDuty"):
        await world.strays.resolve([stray.number], reason="x", who="ann")
    assert (await world.strays.resolve([], everything=True, reason="x", who="ann")).items == ()
    assert world.resent == []


async def test_where_an_alert_does_not_say_how_it_came_in_the_service_says_whose_it_is(world: World) -> None:
    real = world.client.alerts

    async def silent(incident: str) -> list[object]:
        return [msgspec.structs.replace(alert, integration="") for alert in await real(incident)]

    world.client.alerts = silent  # type: ignore[method-assign, assignment]
    await opened(world, 7)
    assert [stray.teams for stray in await looked(world)] == [("payments",)]


async def test_an_incident_made_by_rest_has_the_key_itself(world: World) -> None:
    real = world.client.open_incidents

    async def made(services: list[str]) -> list[object]:
        return [msgspec.structs.replace(one, key=key_of(7)) for one in await real(services)]

    world.client.open_incidents = made  # type: ignore[method-assign, assignment]
    await opened(world, 9)
    assert await looked(world) == (), "its service is no team's"
    world.ways.teams_with_service = lambda _service: {"platform"}  # type: ignore[method-assign]
    world.strays._nothing_in.clear()
    assert [(stray.dedup_key, stray.teams) for stray in await looked(world)] == [(key_of(7), ("platform",))]


async def test_more_strays_than_one_look_asks_about_are_all_found_and_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_ASKED", 3)
    await opened(world, *range(11, 19))
    seen = []
    for _ in range(5):
        found = await looked(world)
        seen.append((len(found), world.strays._last.not_asked))
    assert seen == [(2, 6), (5, 3), (8, 0), (8, 0), (8, 0)]
    number = found[-1].number
    (incident,) = [one.id for one in world.sandbox.incidents() if one.number == number]
    world.sandbox.resolve(incident, world.clock.now(), user=ADA)
    assert len(await looked(world)) == 7, "one that is over is gone at once, asked about or not"


async def test_above_a_hundred_the_rest_is_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RESOLVED", 2)
    await opened(world, 11, 12, 13)
    ended = await world.strays.resolve([], everything=True, reason="x", who="ann")
    assert (len(ended.items), ended.left) == (2, 1)
    await world.run(1)
    ended = await world.strays.resolve([], everything=True, reason="x", who="ann")
    assert (len(ended.items), ended.left) == (1, 0)


async def test_what_is_to_be_resolved_is_asked_about_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ASKED", 2)
    await opened(world, *range(11, 16))
    (last,) = [one.number for one in world.sandbox.incidents() if key_of(15) in one.dedup_keys]
    ended = await world.strays.resolve([last], reason="x", who="ann")
    assert [done.dedup_key for done in ended.items] == [key_of(15)]
