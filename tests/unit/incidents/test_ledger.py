"""Each state of a page, from deliveries and from what PagerDuty said."""

from __future__ import annotations

import msgspec
import pytest

from router.incidents.ledger import PageState, tell_pages
from router.model.delivery import DeliveryState
from router.model.incident import Incident
from router.model.page import Followed, Page
from tests.support.following import World
from tests.support.stores import START


async def story(world: World, incident: Incident, **changes) -> tuple[PageState, str]:
    deliveries = world.store.reader().deliveries(dedup_key=incident.dedup_key)
    deliveries = [msgspec.structs.replace(delivery, **changes) for delivery in deliveries]
    (found,) = tell_pages(world.store.reader(), incident, deliveries)
    return found.state, found.sentence


@pytest.fixture
async def world() -> World:
    return await World(token=None).open()


@pytest.mark.parametrize(
    ("changes", "state", "words"),
    [
        ({}, PageState.SENT, "is not known"),
        ({"state": DeliveryState.PENDING, "attempts": 3}, PageState.QUEUED, "tried 3 times"),
        ({"state": DeliveryState.DEAD, "reason": "HTTP 400"}, PageState.DEAD, "NOT be delivered: HTTP 400"),
        ({"state": DeliveryState.CANCELLED, "reason": "resolved_before_sent"}, PageState.CANCELLED, "never sent"),
    ],
)
async def test_before_pagerduty_says_anything(world: World, changes: dict, state: PageState, words: str) -> None:
    found, sentence = await story(world, await world.send(1), **changes)
    assert found is state
    assert words in sentence


@pytest.mark.parametrize(
    ("changes", "state", "words"),
    [
        ({"missed_at": 5}, PageState.MISSED, "reached nobody"),
        ({"pagerduty_id": "Q1", "status": "triggered", "number": 7}, PageState.CONFIRMED, "incident 7; nobody has ack"),
        (
            {"pagerduty_id": "Q1", "status": "acknowledged", "holder": "Ada", "acknowledged_at": START + 65_400},
            PageState.ACKNOWLEDGED,
            "Ada has it, acknowledged after 1m5s",
        ),
        (
            {"pagerduty_id": "Q1", "status": "triggered", "acknowledged_at": START + 5},
            PageState.CONFIRMED,
            "nobody holds it",
        ),
        (
            {"pagerduty_id": "Q1", "status": "resolved", "resolved_by": "Ada", "resolved_at": START + 120_000},
            PageState.RESOLVED,
            "Ada resolved it after 2m",
        ),
        ({"pagerduty_id": "Q1", "status": "resolved", "resolved_at": 1}, PageState.RESOLVED, "PagerDuty resolved it."),
    ],
)
async def test_what_pagerduty_says_counts(world: World, changes: dict, state: PageState, words: str) -> None:
    incident = await world.send(1)
    page = Page(incident=1, team="payments", dedup_key=incident.dedup_key, **changes)
    await world.store.follow(Followed(pages=(page,)))
    found, sentence = await story(world, incident)
    assert found is state
    assert words in sentence


async def test_what_was_folded_or_is_gone(world: World) -> None:
    incident = await world.send(1)
    (found,) = tell_pages(world.store.reader(), msgspec.structs.replace(incident, storm=9), [])
    assert (found.state, found.sentence) == (PageState.FOLDED, "Storm digest 9 tells of it.")
    (found,) = tell_pages(world.store.reader(), incident, [])
    assert found.state is PageState.DECIDED


async def test_a_fallback_has_a_page_of_its_own(world: World) -> None:
    incident = await world.send(1, "payments", "platform")
    stories = tell_pages(world.store.reader(), incident, world.store.reader().deliveries(dedup_key=incident.dedup_key))
    assert [story.team for story in stories] == ["payments", "platform"]
