"""Every type of webhook that PagerDuty documents: its effect on a page that is followed, or that it has none."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from router.pagerduty.webhook import KINDS, WITHOUT_EFFECT
from router.sandbox.webhook_body import EVENT_TYPES
from tests.support.following import ADA, KEYS, World

GRACE = "grace@example.test"
DOCUMENT = Path(__file__).parents[2] / "docs/howto/follow-pages.md"


@pytest.fixture
async def world() -> World:
    world = await World(hears=True).open()
    await world.send(1)
    await world.send(2)
    await world.run(2)
    return world


def put(world: World, **wanted: Any) -> None:
    """A person changes the incident by hand; the webhooks about it go out."""
    headers = {
        "authorization": "Token token=sandboxtoken00000001",
        "accept": "application/vnd.pagerduty+json;version=2",
        "content-type": "application/json",
        "from": ADA,
    }
    body = json.dumps({"incident": {"type": "incident_reference", **wanted}}).encode()
    answer = world.sandbox.receive("PUT", f"/incidents/{world.there()}", headers, body, world.clock.now())
    assert answer.status == 200, answer.body


def service_id(world: World, name: str) -> str:
    return next(service["id"] for service in world.sandbox.services() if service["name"] == name)


async def happen(world: World, kind: str) -> None:  # noqa: PLR0912 - a table
    """Let it happen in PagerDuty as it would."""
    box, there, now = world.sandbox, world.there(), world.clock.now()
    match kind:
        case "incident.triggered":
            await world.send(3)
        case "incident.acknowledged":
            box.acknowledge(there, now, user=ADA)
        case "incident.unacknowledged":
            box.acknowledge(there, now, user=ADA)
            put(world, status="triggered")
        case "incident.resolved":
            box.resolve(there, now, user=ADA)
        case "incident.reopened":
            box.resolve(there, now, user=ADA)
            await world.run(2)
            box.reopen(there, world.clock.now(), user=ADA)
        case "incident.escalated":
            box.escalate(there, now, user=ADA)
        case "incident.delegated":
            box.escalate(there, now, user=ADA, policy="platform escalation")
        case "incident.reassigned":
            box.reassign(there, now, user=ADA, to=GRACE)
        case "incident.annotated":
            box.annotate(there, now, user=ADA, content="looking")
        case "incident.priority_updated":
            box.prioritise(there, now, user=ADA, priority="P1")
        case "incident.service_updated":
            put(world, service={"id": service_id(world, "platform"), "type": "service_reference"})
        case "incident.responder.added":
            box.request_responders(there, now, user=ADA, to=GRACE, message="please")
        case "incident.responder.replied":
            box.request_responders(there, now, user=ADA, to=GRACE, message="please")
            box.respond(there, now, user=GRACE, answer="join")
        case "incident.status_update_published":
            box.publish_status(there, now, user=ADA, message="on it")
        case "incident.conference_bridge.updated":
            put(world, conference_bridge={"conference_url": "https://meet.example.test/1"})
        case _:
            raise AssertionError(f"no way is known to make {kind} happen")


EFFECTS: dict[str, tuple[list[str], list[str]]] = {
    # type: what the audit record says of page 1, what the engine is told
    "incident.triggered": ([], []),
    "incident.acknowledged": (["acknowledged"], ["acknowledged"]),
    "incident.unacknowledged": (["acknowledged", "unacknowledged"], ["acknowledged", "unacknowledged"]),
    "incident.resolved": (["resolved"], ["resolved"]),
    "incident.reopened": (["resolved", "reopened"], ["resolved", "reopened"]),
    "incident.escalated": (["escalated"], []),
    "incident.delegated": (["delegated"], []),
    "incident.reassigned": (["reassigned"], []),
    "incident.annotated": (["noted"], []),
    "incident.priority_updated": (["priority_updated"], []),
    "incident.service_updated": (["moved"], []),
    "incident.responder.added": (["responder_added"], []),
    "incident.responder.replied": (["responder_added", "responder_replied"], []),
    "incident.status_update_published": (["status_published"], []),
    "incident.conference_bridge.updated": (["bridge_updated"], []),
}


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_its_effect(world: World, kind: str) -> None:
    entries, facts = EFFECTS[kind]
    await happen(world, kind)
    await world.run(3)
    assert kind in {json.loads(delivery.body)["event"]["event_type"] for delivery in world.sandbox.webhooks()}
    assert world.audit() == ["confirmed", *entries]
    assert world.told() == [("1", fact) for fact in facts]
    assert world.page(2).status == "triggered", "the other page is left alone"
    match kind:
        case "incident.triggered":
            assert world.page(3).status == "triggered"
        case "incident.priority_updated":
            assert world.page().priority == "P1"
        case "incident.service_updated":
            assert world.page().service == service_id(world, "platform")
        case "incident.responder.replied":
            assert world.page().responders == (("Grace Example", "accepted"),)
        case "incident.conference_bridge.updated":
            assert world.page().bridge == "https://meet.example.test/1"
        case "incident.reassigned":
            assert world.page().assignees == ("Grace Example",)
        case _:
            pass


@pytest.mark.parametrize("kind", sorted(WITHOUT_EFFECT))
async def test_a_type_without_effect_leaves_no_trace(world: World, kind: str) -> None:
    reference = {"id": world.there(), "type": "incident_reference"}
    data = {"id": "PX", "type": "something_else", "incident": reference, "incident_role_assignments": [{"incident": reference}]}
    event = {"id": "01X", "event_type": kind, "occurred_at": "2030-01-02T03:04:05.678Z", "agent": None, "data": data}
    before = (world.page(), world.audit(), world.facts())
    assert not await world.take(json.dumps({"event": event}).encode())
    await world.run(3)
    assert (world.page(), world.audit(), world.facts()) == before


async def test_a_merge_is_no_fix(world: World) -> None:
    world.sandbox.merge(world.there(2), world.clock.now(), user=ADA, into="1")
    await world.run(3)
    assert (world.page(2).is_open, world.page(2).pagerduty_id) == (True, world.page(1).pagerduty_id)
    assert world.told() == []


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"incident.triggered", "incident.status_update_published"}))
async def test_asking_finds_the_same(kind: str) -> None:
    world = await World(hears=False).open()
    await world.send(1)
    await world.send(2)
    await world.run(5)
    await happen(world, kind)
    await world.run(75)
    entries, facts = EFFECTS[kind]
    found = world.audit()[1:]
    # What came and went between two looks is found where PagerDuty's log tells it; a request and its answer are one then.
    assert found == entries or found == entries[-1:]
    assert world.told() == [("1", fact) for fact in facts]


def test_every_type_is_decided_on_and_documented() -> None:
    assert set(EFFECTS) == set(KINDS)
    assert not WITHOUT_EFFECT & set(KINDS)
    assert set(KINDS) | WITHOUT_EFFECT >= EVENT_TYPES, "the stand-in knows every type that is documented"
    table = DOCUMENT.read_text().partition("## What each webhook does")[2].partition("\n\nRepeats")[0]
    documented = set(re.findall(r"`((?:incident|service|pagey)\.[a-z_.]+)`", table))
    assert documented == set(KINDS) | WITHOUT_EFFECT
    assert set(KEYS) == {"payments", "platform"}
