"""What PagerDuty answered with 202 and then lost, by its own account, and what is promised of it.

A page that nobody got is told to the team's fallback after ``confirm_within``; a resolve that was lost is sent again (which the
check of open sets finds). Both only where there is a token to ask with: otherwise nobody can know, and nothing is promised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.model.delivery import DeliveryState
from router.model.event import PAGERDUTY
from router.model.journal import DeliveryFailed
from router.sandbox.journal import Entry as Posted
from tests.simulation.rulebook import KEYS

if TYPE_CHECKING:
    from tests.simulation.world import World

LOST = "dropped: lost inside"
CONFIRM_WITHIN_MS = 300_000
SLACK_MS = 90_000
_TEAMS = {key: team for team, key in KEYS.items()}


def find_lost(world: World) -> set[tuple[str, str]]:
    """By team and key: triggers that were taken and lost, and nothing else ever opened."""
    if not world.plan.loses:
        return set()
    posted = _triggers(world)
    lost = {(_TEAMS[each.routing_key], each.dedup_key) for each in posted if each.effect == LOST}
    return lost - {(_TEAMS[each.routing_key], each.dedup_key) for each in posted if each.effect == "opened"}


def check_lost(world: World) -> None:
    """Who did not get a page that went on long enough in the calm has a fallback that did.

    All times are those outside: when PagerDuty was called, when it was durable that the incident is over. Wherever the router's
    clock is set, no page waits longer than one that was sent when that life, or the calm, began.
    """
    tables = world.disk.tables
    told = {
        (fact.team, fact.dedup_key)
        for fact in (entry.fact for entry in tables.journal.values())
        if isinstance(fact, DeliveryFailed)
    }
    taken = {
        (delivery.team, delivery.dedup_key)
        for delivery in tables.deliveries.values()
        if delivery.channel == PAGERDUTY and delivery.action == "trigger" and delivery.state is DeliveryState.DELIVERED
    }
    sent = {(_TEAMS[each.routing_key], each.dedup_key): each.at for each in _triggers(world) if each.effect == LOST}
    for page in sorted(find_lost(world) & taken):
        closed_at = world.watch.closed_at.get(page[1], 0)
        due_at = max(sent[page], world.calm_at, world.watch.started_at) + CONFIRM_WITHIN_MS + SLACK_MS
        if closed_at > due_at and page not in told:
            world.violate(f"PagerDuty lost {page}, it was open till {closed_at} and nobody else was told by {due_at}")


def _triggers(world: World) -> list[Posted]:
    return [each for each in world.sandbox.requests(face="events") if each.action == "trigger"]
