"""How far each page of an incident got, from decided to somebody who has it: deliveries and PagerDuty's word put together.

The first half follows from the deliveries, so nothing is written twice; the second from what PagerDuty said. Must never do:
take a 202 for a page that somebody got.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from router.incidents.register import is_sent_page
from router.model.delivery import Delivery, DeliveryState, Priority
from router.model.incident import Incident
from router.model.page import Page
from router.model.quantity import format_duration
from router.store.base import Reader


class PageState(StrEnum):
    """From first to last; the last three can follow one another in any order."""

    FOLDED = "folded"  # a storm digest tells of it
    DECIDED = "decided"  # no delivery is recorded (any more)
    QUEUED = "queued"  # in the outbox
    DEAD = "dead"  # could not be delivered
    CANCELLED = "cancelled"  # was over before it was sent
    SENT = "sent"  # PagerDuty answered 202: taken, no proof of an incident
    MISSED = "missed"  # and shows no incident, for too long
    CONFIRMED = "confirmed"  # there is an incident
    ACKNOWLEDGED = "acknowledged"  # somebody has it
    RESOLVED = "resolved"


class PageStory(msgspec.Struct, frozen=True, kw_only=True):
    """One page: its state, since when, one sentence, and all that PagerDuty said."""

    team: str
    state: PageState
    since: int
    sentence: str
    page: Page


def tell_pages(reader: Reader, incident: Incident, deliveries: list[Delivery]) -> list[PageStory]:
    """The pages of an incident, in the order in which the teams were told."""
    known = {page.team: page for page in reader.pages(incident=incident.number)}
    triggers: dict[str, Delivery] = {}
    for delivery in sorted(deliveries, key=lambda delivery: delivery.id):
        if delivery.team and delivery.action == "trigger" and delivery.priority is not Priority.UPDATE:
            triggers[delivery.team] = delivery
    teams = dict.fromkeys((*incident.teams, *triggers, *known))
    stories = []
    for team in teams:
        page = known.get(team) or Page(incident=incident.number, team=team, dedup_key=incident.dedup_key)
        trigger = triggers.get(team)
        if trigger is not None and is_sent_page(trigger) and not page.sent_at:
            page = msgspec.structs.replace(page, sent_at=trigger.finished_at)
        stories.append(_tell(incident, page, trigger))
    return stories


def _tell(incident: Incident, page: Page, trigger: Delivery | None) -> PageStory:
    state, since, sentence = _followed(page) if page.pagerduty_id else _delivered(incident, page, trigger)
    return PageStory(team=page.team, state=state, since=since, sentence=sentence, page=page)


def _followed(page: Page) -> tuple[PageState, int, str]:
    where = f"PagerDuty's incident {page.number}" if page.number else f"PagerDuty's incident {page.pagerduty_id}"
    if page.status == "resolved":
        took = _after(page, page.resolved_at)
        return PageState.RESOLVED, page.resolved_at, f"{page.resolved_by or 'PagerDuty'} resolved it{took}."
    if page.status == "acknowledged":
        took = _after(page, page.acknowledged_at)
        return PageState.ACKNOWLEDGED, page.acknowledged_at, f"{page.holder or 'Somebody'} has it, acknowledged{took}."
    if page.acknowledged_at:
        return PageState.CONFIRMED, page.changed_at or page.confirmed_at, f"{where}; nobody holds it acknowledged any more."
    return PageState.CONFIRMED, page.confirmed_at, f"{where}; nobody has acknowledged it yet."


def _after(page: Page, at: int) -> str:
    if not page.sent_at or at < page.sent_at:
        return ""
    return f" after {format_duration((at - page.sent_at) // 1000 * 1000)}"


def _delivered(incident: Incident, page: Page, trigger: Delivery | None) -> tuple[PageState, int, str]:
    if page.missed_at:
        return PageState.MISSED, page.missed_at, "PagerDuty took it and shows no incident for it: it reached nobody."
    if trigger is None:
        if incident.storm:
            return PageState.FOLDED, incident.opened_at, f"Storm digest {incident.storm} tells of it."
        return PageState.DECIDED, incident.opened_at, "No delivery of it is recorded."
    match trigger.state:
        case DeliveryState.PENDING:
            return PageState.QUEUED, trigger.created_at, f"It waits in the outbox, tried {trigger.attempts} times."
        case DeliveryState.CANCELLED:
            return PageState.CANCELLED, trigger.finished_at, f"It was never sent: {trigger.reason}."
        case DeliveryState.DEAD:
            return PageState.DEAD, trigger.finished_at, f"It could NOT be delivered: {trigger.reason}."
        case DeliveryState.DELIVERED:
            sentence = "PagerDuty took it; whether there is an incident is not known."
            return PageState.SENT, trigger.finished_at, sentence
