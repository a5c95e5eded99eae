"""Carries out what rules want done to pages: one delivery of the outbox, one deed in PagerDuty.

Keeps these invariants: a deed that PagerDuty did and whose answer got lost is found there before it is done again (a status
update: in the audit record, if a webhook told of it); nothing is done to a page that is over but what its rule wants done then;
nothing is escalated that somebody has. Must never do: page anybody through a routing key.
"""

from __future__ import annotations

import asyncio

import msgspec

from router.clock import Clock
from router.errors import Overloaded, RemoteRefused, RemoteUnavailable, StoreError
from router.incidents.actions import CannotAct, carry_out
from router.incidents.follower import Follower
from router.incidents.protocols import Ask, Hand, Remote
from router.model.delivery import Accepted, Delivery, Outcome, Rejected, Unavailable
from router.model.event import Event
from router.model.incident import Incident
from router.model.page import MAX_TEXT, AuditEntry, Page, Sighting
from router.model.wish import Order, mistake_of

PATIENCE_MS = 3_600_000
"""A page of which PagerDuty shows no incident for so long gets nothing done."""

FIRST_WAIT_MS = 2_000
LONGEST_WAIT_MS = 60_000
PATIENCE_SECONDS = 10.0
"""How long an escalation waits to hear whether it has a point."""

MAX_AUDIT = 500
"""Entries of the audit record looked through for a status update that was published already."""

DID = {
    "note": "noted by rule",
    "responders": "asked for responders by rule",
    "status": "status published by rule",
    "priority": "priority set by rule",
    "snooze": "snoozed by rule",
    "escalate": "escalated by rule",
    "reassign": "reassigned by rule",
}
"""How the audit record words it."""

_decode = msgspec.json.Decoder(Order).decode


class Orders:
    """Fits the daemon's ``Channel``. ``hand`` None: no token is configured."""

    def __init__(self, *, follower: Follower, hand: Hand | None, ask: Ask, clock: Clock, endpoint: str) -> None:
        """``endpoint``: the REST API's host, whose breaker concerns this."""
        self._follower = follower
        self._hand = hand
        self._ask = ask
        self._clock = clock
        self.endpoint = endpoint

    @staticmethod
    def encode(event: Event) -> bytes:
        """The order, as its rule worded it."""
        return msgspec.json.encode(event.details["order"])

    async def send(self, delivery: Delivery) -> Outcome:
        """Once; PagerDuty's no is for good, its silence is not."""
        order = _decode(delivery.body)
        if self._hand is None:
            return Rejected(cause=f"{order.verb} needs pagerduty.api_token (one that may write) and pagerduty.from")
        mistake = mistake_of(order.verb, order.wish)
        if mistake:
            return Rejected(cause=mistake)
        try:
            return await self._carry_out(self._hand, delivery, order)
        except RemoteRefused as error:
            return Rejected(cause=f"{order.verb}: {error}", status=error.status)
        except CannotAct as error:
            return Rejected(cause=str(error), is_needless=True)
        except (RemoteUnavailable, StoreError, Overloaded) as error:
            return Unavailable(cause=str(error))

    async def _carry_out(self, hand: Hand, delivery: Delivery, order: Order) -> Outcome:
        incident = await self._ask(lambda reader: reader.incident(delivery.dedup_key))
        if incident is None:
            return Unavailable(cause="its incident is not recorded yet", retry_after_ms=FIRST_WAIT_MS, is_early=True)
        page = await self._page_of(incident)
        if page is None:
            return self._not_yet(delivery, incident)
        page = (await self._look(hand, page))[0]
        reason = _needless(order, page)
        if reason:
            return Rejected(cause=reason, is_needless=True)
        if await self._is_done(hand, page, order):
            return Accepted(status=200, receipt=page.pagerduty_id)
        if order.verb == "note":
            own = Sighting(kind="other", pagerduty_id=page.pagerduty_id, text=order.wish.note[:MAX_TEXT], by_us=True)
            (page,) = await self._follower.take([page], own)
        sighting = await carry_out(hand, page, order.verb, order.wish)
        entry = AuditEntry(
            at=self._clock.now(),
            who=f"rule {delivery.rule}",
            through="router",
            what=DID[order.verb],
            incident=page.incident,
            team=page.team,
            pagerduty_id=page.pagerduty_id,
            text=order.wish.words,
        )
        news = sighting or Sighting(kind="other", pagerduty_id=page.pagerduty_id)
        await self._follower.take([page], msgspec.structs.replace(news, by_us=True), more=(entry,))
        return Accepted(status=200, receipt=page.pagerduty_id)

    async def _page_of(self, incident: Incident) -> Page | None:
        """The page that PagerDuty showed first: the same at every attempt."""
        for (number, _), waiting in list(self._follower.register.waiting.items()):
            if number == incident.number:
                await self._follower.look(waiting)
        stored = await self._ask(lambda reader: reader.pages(incident=incident.number))
        shown = [page for page in stored if page.pagerduty_id]
        return min(shown, key=lambda page: (page.confirmed_at, page.team), default=None)

    def _not_yet(self, delivery: Delivery, incident: Incident) -> Outcome:
        if incident.status == "closed":
            return Rejected(cause="it was over before PagerDuty showed an incident", is_needless=True)
        if self._clock.now() - delivery.created_at > PATIENCE_MS:
            return Rejected(cause="PagerDuty has shown no incident for an hour", is_needless=True)
        wait_ms = min(LONGEST_WAIT_MS, FIRST_WAIT_MS << min(delivery.attempts, 6))
        return Unavailable(cause="PagerDuty shows no incident for it yet", retry_after_ms=wait_ms, is_early=True)

    async def _look(self, hand: Hand, page: Page) -> list[Page]:
        """How it stands in PagerDuty now, which may be later than what was heard."""
        sighting = await hand.incident(page.pagerduty_id)
        if sighting is None:
            raise CannotAct("PagerDuty has no such incident any more")
        pages = await self._follower.take([page], sighting)
        if sighting.merged_into:
            target = await hand.incident(sighting.merged_into)
            return pages if target is None else await self._follower.take(pages, target)
        return pages

    async def _is_done(self, hand: Hand, page: Page, order: Order) -> bool:
        """Whether an attempt before this one had its effect, although its answer was lost."""
        wish = order.wish
        match order.verb:
            case "note":
                return wish.note in await hand.notes(page.pagerduty_id)
            case "reassign":
                return await hand.is_assigned(page.pagerduty_id, wish.user)
            case "responders":
                return wish.told in await hand.requests(page.pagerduty_id)
            case "status":
                rows = await self._ask(lambda reader: reader.audit(incident=page.incident, limit=MAX_AUDIT))
                said = {(row.entry.what, row.entry.text) for row in rows if row.entry.team == page.team}
                return ("status_published", wish.message) in said or (DID["status"], wish.words) in said
            case _:
                return False  # a second time is the same


def _needless(order: Order, page: Page) -> str:
    who = page.holder or page.resolved_by or "somebody"
    if page.status == "resolved" and order.moment != "closed":
        return f"{who} has resolved it"
    if order.moment == "escalation" and page.status == "acknowledged":
        return f"{who} has acknowledged it"
    return ""


class Guard:
    """Asks PagerDuty, before an escalation pages more people, whether somebody has it already."""

    def __init__(self, *, follower: Follower, ask: Ask) -> None:
        """Asks through the follower's own client; without one nothing is held back."""
        self._follower = follower
        self._ask = ask

    async def needless(self, delivery: Delivery) -> str:
        """Why this escalation has no point any more; empty if it has, or if that cannot be found out now."""
        if self._follower.remote is None:
            return ""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self._ask_around(self._follower.remote, delivery)
        except (TimeoutError, RemoteRefused, RemoteUnavailable, StoreError, Overloaded):
            return ""  # a page too many costs less than one too few

    async def _ask_around(self, remote: Remote, delivery: Delivery) -> str:
        incident = await self._ask(lambda reader: reader.incident(delivery.dedup_key))
        if incident is None:
            return ""
        for page in await self._ask(lambda reader: reader.pages(incident=incident.number)):
            if not page.pagerduty_id or page.team == delivery.team:
                continue
            sighting = await remote.incident(page.pagerduty_id)
            if sighting is None or sighting.merged_into:
                continue
            (now,) = await self._follower.take([page], sighting)
            if now.status == "acknowledged":
                return f"{now.holder or 'somebody'} has it in PagerDuty"
            if now.status == "resolved":
                return f"{now.resolved_by} resolved it in PagerDuty"
        return ""
