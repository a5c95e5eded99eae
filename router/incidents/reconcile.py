"""Compares what PagerDuty has open with what we hold open, and mends what can be mended safely; the rest is listed with why.

Mended: news that was missed (webhooks lost while the subscription was disabled), pages that were not confirmed, incidents
whose resolve got lost. Listed only: what a person decided, and strays, of which the store knows nothing. Must never do: open
anything, or close what a person reopened.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec

from router.clock import Clock
from router.incidents.follower import Follower
from router.incidents.following import follow
from router.incidents.protocols import Ask, Remote
from router.incidents.strays import Stray, Strays
from router.model.delivery import Accepted, Delivery, DeliveryState, Outcome, Priority, Throttled
from router.model.incident import Incident
from router.model.page import AuditEntry, Page, Sighting

MAX_RESENT = 100
"""Resolves sent again in one run: they pass the outbox's pace by."""

MAX_COMPARED = 10_000
"""Open incidents of ours that one run looks at, newest first."""

SETTLED_MS = 120_000
"""What we sent less than this ago may still be on its way through PagerDuty."""

FindingKind = Literal["missed_news", "unconfirmed", "open_there", "open_here", "unknown_key", "stray"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One difference."""

    kind: FindingKind
    incident: int
    team: str
    pagerduty_id: str
    reason: str
    mended: bool  # or would be, in a dry run


class Reconciler:
    """``run`` at start, hourly, and when a person asks."""

    def __init__(
        self,
        *,
        follower: Follower,
        ask: Ask,
        resend: Callable[[Delivery], Awaitable[Outcome]],
        references: Callable[[], set[str]],
        strays: Strays,
        clock: Clock,
    ) -> None:
        """``resend``: one more try of a delivery's very bytes. ``references``: the routing keys that teams have now."""
        self._follower = follower
        self._ask = ask
        self._resend = resend
        self._references = references
        self._strays = strays
        self._clock = clock
        self._resent = 0

    async def run(self, *, dry_run: bool = False) -> list[Finding]:
        """All differences; RemoteError if PagerDuty cannot be asked. Without a token there is nothing to compare."""
        remote = self._follower.remote
        if remote is None:
            return []
        self._resent = 0
        findings: list[Finding] = []
        for waiting in list(self._follower.register.waiting.values()):
            findings += await self._compare_waiting(remote, waiting.page, dry_run=dry_run)
        for page in list(self._follower.register.pages.values()):
            findings += await self._compare(remote, page, dry_run=dry_run)
        just_told = {finding.incident for finding in findings}  # the engine may not have closed it yet
        for incident in await self._ask(lambda reader: reader.incidents(status="open", limit=MAX_COMPARED)):
            if incident.number not in just_told:
                findings += await self._compare_open(incident)
        looked = await self._strays.look()
        return findings + [_stray(stray) for stray in looked.strays]

    async def _compare_waiting(self, remote: Remote, page: Page, *, dry_run: bool) -> list[Finding]:
        waiting = self._follower.register.waiting.get((page.incident, page.team))
        if waiting is None:
            return []
        if not dry_run:
            await self._follower.look(waiting)
            is_there = (page.incident, page.team) not in self._follower.register.waiting
        else:
            is_there = bool(await remote.incidents_with_key(page.dedup_key))
        if is_there:
            return [_finding("missed_news", page, "PagerDuty has an incident for it, of which we had not heard", mended=True)]
        if self._clock.now() - page.sent_at < SETTLED_MS:
            return []
        return [_finding("unconfirmed", page, "PagerDuty took it and shows no incident for it", mended=False)]

    async def _compare(self, remote: Remote, page: Page, *, dry_run: bool) -> list[Finding]:
        """A page that is open in PagerDuty, as far as we know."""
        sighting = await remote.incident(page.pagerduty_id)
        if sighting is None:
            return [_finding("open_here", page, "PagerDuty has no such incident any more", mended=False)]
        findings = []
        news = follow(page, sighting, now=self._clock.now()).page
        if news.status != page.status or sighting.merged_into:
            reason = f"it is {sighting.status or 'merged'} in PagerDuty, and was {page.status} as far as we had heard"
            findings.append(_finding("missed_news", page, reason, mended=True))
            if not dry_run:
                (page,) = await self._follower.take([page], sighting)
        if not news.is_open:
            return findings
        incident = await self._ask(lambda reader: reader.incident(page.incident))
        if incident is not None and incident.status == "closed" and self._clock.now() - incident.closed_at >= SETTLED_MS:
            findings += await self._close_there(remote, page, incident, sighting, dry_run=dry_run)
        return findings

    async def _close_there(
        self, remote: Remote, page: Page, incident: Incident, sighting: Sighting, *, dry_run: bool
    ) -> list[Finding]:
        """Open in PagerDuty, over for us."""
        if page.reopened or (sighting.by_person and sighting.status == "triggered" and sighting.at > incident.closed_at):
            return [_finding("open_there", page, "over for us; a person opened it again in PagerDuty", mended=False)]
        mine = [alert for alert in await remote.alerts(page.pagerduty_id) if alert.key == page.dedup_key]
        if mine and all(alert.is_resolved for alert in mine):
            return [_finding("open_there", page, "our alert in it is resolved; other alerts keep it open", mended=False)]
        deliveries = await self._ask(lambda reader: reader.deliveries(dedup_key=page.dedup_key, team=page.team))
        resolve = next((delivery for delivery in deliveries if delivery.action == "resolve"), None)
        if resolve is None:
            return [_finding("open_there", page, "over for us; no resolve of it is recorded", mended=False)]
        if resolve.state is not DeliveryState.DELIVERED:
            reason = f"over for us; its resolve is {resolve.state.value}{': ' if resolve.reason else ''}{resolve.reason}"
            return [_finding("open_there", page, reason, mended=False)]
        if self._clock.now() - resolve.finished_at < SETTLED_MS:
            return []  # it may have been closed long before its resolve could go out
        reason = "over for us; PagerDuty took its resolve and did nothing, so it is sent again"
        if dry_run or self._resent >= MAX_RESENT:
            return [_finding("open_there", page, reason, mended=dry_run)]
        self._resent += 1
        outcome = await self._resend(resolve)
        if isinstance(outcome, Throttled):  # the next run comes
            return [_finding("open_there", page, f"{reason}; PagerDuty takes no more calls with its key now", mended=False)]
        entry = AuditEntry(
            at=self._clock.now(),
            who="alert-router",
            through="router",
            what="resolve_sent_again",
            incident=page.incident,
            team=page.team,
            pagerduty_id=page.pagerduty_id,
        )
        await self._follower.take([page], Sighting(kind="other", pagerduty_id=page.pagerduty_id), more=(entry,))
        return [_finding("open_there", page, reason, mended=isinstance(outcome, Accepted))]

    async def _compare_open(self, incident: Incident) -> list[Finding]:
        """Open for us: is it open there, and through a key that a team still has."""
        pages = await self._ask(lambda reader: reader.pages(incident=incident.number))
        findings = [
            _finding(
                "open_here", page, f"firing for us; {page.resolved_by or 'somebody'} resolved it in PagerDuty", mended=False
            )
            for page in pages
            if page.status == "resolved"
        ]
        known = self._references()
        deliveries = await self._ask(lambda reader: reader.deliveries(dedup_key=incident.dedup_key))
        shown = {page.team for page in pages if page.pagerduty_id}
        for delivery in deliveries:
            is_page = delivery.action == "trigger" and delivery.priority is not Priority.UPDATE and delivery.team
            if is_page and delivery.state is DeliveryState.DEAD and delivery.team not in shown:
                page = Page(incident=incident.number, team=delivery.team, dedup_key=incident.dedup_key)
                reason = f"firing for us; its page is a dead letter: {delivery.reason}"
                findings.append(_finding("open_here", page, reason, mended=False))
        for team, reference in sorted({(delivery.team, delivery.routing_key) for delivery in deliveries if delivery.team}):
            if reference not in known:
                reason = f"opened through {reference}, which no team has any more; its resolve needs that key until then"
                page = Page(incident=incident.number, team=team, dedup_key=incident.dedup_key)
                findings.append(_finding("unknown_key", page, reason, mended=False))
        return findings


def _stray(stray: Stray) -> Finding:
    return Finding(
        kind="stray",
        incident=0,
        team=", ".join(stray.teams),
        pagerduty_id=stray.pagerduty_id,
        reason=f"PagerDuty's #{stray.number} came from here as {stray.dedup_key} and is not known here: see `incidents strays`",
        mended=False,
    )


def _finding(kind: FindingKind, page: Page, reason: str, *, mended: bool) -> Finding:
    return Finding(
        kind=kind, incident=page.incident, team=page.team, pagerduty_id=page.pagerduty_id, reason=reason, mended=mended
    )
