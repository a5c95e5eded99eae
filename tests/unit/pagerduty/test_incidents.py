"""Pages as incidents in virtual time, through the real REST client on the sandbox: one problem, one incident."""

from __future__ import annotations

import msgspec
import pytest

from router.model.alert import Link
from router.model.delivery import Accepted, Delivery, Outcome, Priority, Rejected, Unavailable
from router.model.event import INCIDENTS_REFERENCE, Event, EventAction
from router.model.severity import Severity
from router.pagerduty.incidents import DOUBTFUL_ATTEMPTS, SETTLED_MS, IncidentsClient, Wanted, encode, place_of
from router.sandbox.faults import Fault
from router.sandbox.settings import READ_ONLY_TOKEN
from tests.support.following import ADA, World

KEY = "rule/00112233/1"


@pytest.fixture
async def world() -> World:
    return await World(hears=False).open()


def reference(world: World, *, policy: str = "", urgency: str = "severity", team: str = "payments") -> str:
    service = next(one["id"] for one in world.sandbox.services() if one["name"] == team)
    return f"{INCIDENTS_REFERENCE}{service}/{policy}/{urgency}"


def delivery(world: World, action: EventAction = "trigger", *, to: str = "", attempts: int = 0, **more) -> Delivery:
    event = Event(
        team="payments", routing_key=to or reference(world), dedup_key=KEY, action=action, at=world.clock.now(),
        **{"summary": "cards fail", "source": "payment-api", "details": {"count": 3}, **more},
    )  # fmt: skip
    return Delivery(
        id=1, team="payments", routing_key=event.routing_key, dedup_key=KEY, action=action, priority=Priority.ERROR,
        created_at=world.clock.now(), body=encode(event), attempts=attempts,
    )  # fmt: skip


async def send(world: World, *arguments, **more) -> Outcome:
    return await client(world).send(delivery(world, *arguments, **more))


def client(world: World) -> IncidentsClient:
    return IncidentsClient(maker=world.client, clock=world.clock, endpoint="api")


async def test_from_opened_to_resolved(world: World) -> None:
    found = await send(world, links=(Link(href="https://wiki/x", text="Runbook"),))
    (made,) = world.sandbox.incidents()
    assert found == Accepted(status=201, receipt=made.id)
    assert (made.title, made.service, made.urgency, made.incident_key) == ("cards fail", "payments", "high", KEY)
    assert await send(world) == Accepted(status=200, receipt=made.id), "a second time is the same"
    assert isinstance(await send(world, summary="worse", is_update=True, severity=Severity.CRITICAL), Accepted)
    assert world.sandbox.incidents()[0].title == "worse"
    assert isinstance(await send(world, "resolve"), Accepted)
    assert isinstance(await send(world, "resolve"), Accepted)
    assert isinstance(await send(world), Accepted), "a late repeat of the trigger pages nobody again"
    assert [one.status for one in world.sandbox.incidents()] == ["resolved"]
    assert len(world.sandbox.pages(reason="triggered")) == 1


@pytest.mark.parametrize("kind", ["lost_503", "reset_after"])
async def test_a_lost_answer_makes_no_second_incident(world: World, kind: str) -> None:
    world.sandbox.add_fault(Fault(kind=kind, face="rest", skip=1, count=1), world.clock.now())
    if kind == "lost_503":
        assert isinstance(await send(world), Unavailable)
    else:
        world.sandbox.clear_faults()
        await send(world)
    assert isinstance(await send(world), Accepted)
    assert len(world.sandbox.incidents()) == 1


async def test_a_list_that_lags_makes_no_second_incident_either(world: World) -> None:
    world.sandbox.set_switches({"rest_read_delay_ms": 5_000})
    assert isinstance(await send(world), Accepted)
    found = await send(world)
    assert isinstance(found, Unavailable)
    assert found.is_early, "it may be there and not shown yet"
    early = await send(world, "resolve")
    assert isinstance(early, Unavailable)
    assert early.is_early
    world.clock.at += 6_000
    world.sandbox.advance(world.clock.now())
    assert isinstance(await send(world), Accepted)
    assert isinstance(await send(world, "resolve"), Accepted)
    assert len(world.sandbox.incidents()) == 1


async def test_policy_and_urgency(world: World) -> None:
    found = await world.client._read_all("/escalation_policies", "escalation_policies", [])
    policy = next(row["id"] for row in found if row["name"] == "platform escalation")
    assert isinstance(await send(world, to=reference(world, policy=policy, urgency="low")), Accepted)
    (made,) = world.sandbox.incidents()
    assert (made.policy, made.urgency) == ("platform escalation", "low")


@pytest.mark.parametrize(
    ("severity", "urgency"), [("critical", "high"), ("error", "high"), ("warning", "low"), ("info", "low")]
)
def test_urgency_by_severity(severity: str, urgency: str) -> None:
    event = Event(
        team="t",
        routing_key="incidents:P1//severity",
        dedup_key="k",
        action="trigger",
        at=0,
        severity=Severity[severity.upper()],
    )
    assert msgspec.json.decode(encode(event), type=Wanted).urgency == urgency


async def test_what_is_refused_for_good(world: World) -> None:
    gone = f"{INCIDENTS_REFERENCE}PGONE00//severity"
    found = await send(world, to=gone)
    assert isinstance(found, Rejected)
    assert (found.status, found.is_needless) == (404, False)
    nobody = f"{reference(world).split('/')[0]}/PNOBODY0/severity"
    for attempts in range(DOUBTFUL_ATTEMPTS):
        assert isinstance(await send(world, to=nobody, attempts=attempts), Unavailable)
    assert isinstance(await send(world, to=nobody, attempts=DOUBTFUL_ATTEMPTS), Rejected)
    found = await IncidentsClient(maker=None, clock=world.clock, endpoint="api").send(delivery(world))
    assert isinstance(found, Rejected)
    assert "pagerduty.api_token" in found.cause
    found = await send(world, "change")
    assert isinstance(found, Rejected)
    assert found.is_needless


async def test_a_right_that_is_lacking_is_named() -> None:
    world = await World(token=READ_ONLY_TOKEN).open()
    found = await send(world)
    assert isinstance(found, Rejected)
    assert "incidents.write" in found.cause


async def test_what_was_never_shown_needs_no_resolve_for_ever(world: World) -> None:
    late = delivery(world, "resolve")
    world.clock.at += SETTLED_MS
    found = await client(world).send(late)
    assert isinstance(found, Rejected)
    assert found.is_needless


async def test_an_incident_with_an_alert_of_another_is_left_alone(world: World) -> None:
    world.event("payments", KEY)
    world.clock.at += 1_000
    world.sandbox.advance(world.clock.now())
    assert isinstance(await send(world, "resolve"), Unavailable)
    assert world.sandbox.incidents()[0].status == "triggered"


async def test_pagerduty_away(world: World) -> None:
    world.transport.is_down = True
    assert isinstance(await send(world), Unavailable)
    assert world.sandbox.incidents() == []
    assert ADA


def test_a_routing_key_is_no_place() -> None:
    assert place_of("env:PD_KEY") is None
    place = place_of("incidents:PABC123/PXYZ987/low")
    assert place == ("PABC123", "PXYZ987", "low")
