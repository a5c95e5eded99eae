"""What PagerDuty answered with 202 and then lost, by its own account, and what is promised of it.

A page that nobody got is told to the team's fallback after ``confirm_within``; a resolve that was lost is sent again (which the
check of open sets finds). Both only where there is a token to ask with: otherwise nobody can know, and nothing is promised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.model.event import PAGERDUTY
from router.model.journal import DeliveryFailed
from tests.simulation.rulebook import KEYS

if TYPE_CHECKING:
    from tests.simulation.world import World

CONFIRM_WITHIN_MS = 300_000
SLACK_MS = 90_000
_TEAMS = {key: team for team, key in KEYS.items()}


def find_lost(world: World) -> set[tuple[str, str]]:
    """By team and key: triggers that were taken and lost, and nothing else ever opened."""
    if not world.plan.loses:
        return set()
    posted = [each for each in world.sandbox.requests(face="events") if each.action == "trigger"]
    lost = {(_TEAMS[each.routing_key], each.dedup_key) for each in posted if each.effect == "dropped: lost inside"}
    return lost - {(_TEAMS[each.routing_key], each.dedup_key) for each in posted if each.effect == "opened"}


def check_lost(world: World) -> None:
    """Who did not get a page that went on long enough in the calm has a fallback that did."""
    tables = world.disk.tables
    if world.plan.has("clock_steps"):
        return  # the times in the record are then not those outside
    told = {
        (fact.team, fact.dedup_key)
        for fact in (entry.fact for entry in tables.journal.values())
        if isinstance(fact, DeliveryFailed)
    }
    incidents = {incident.dedup_key: incident for incident in tables.incidents.values()}
    sent: dict[tuple[str, str], int] = {}
    for delivery in tables.deliveries.values():
        if delivery.channel == PAGERDUTY and delivery.action == "trigger" and delivery.finished_at:
            sent.setdefault((delivery.team, delivery.dedup_key), delivery.finished_at)
    for page in sorted(find_lost(world)):
        incident = incidents.get(page[1])
        if incident is None or page not in sent:
            continue
        due_at = max(sent[page], world.calm_at) + CONFIRM_WITHIN_MS + SLACK_MS
        if incident.closed_at > due_at and page not in told:
            world.violate(f"PagerDuty lost {page}, it was open till {incident.closed_at} and nobody else was told by {due_at}")
