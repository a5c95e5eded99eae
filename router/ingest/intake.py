"""From a body to a durable journal entry: read, plan, append, apply. A sender is answered only after all four.

Fits ``router.api.doors.Intake``. Keeps two invariants: what was not journalled is not known to the register, and an alert
reported twice at the same moment is journalled once. Must never do: swallow a store's refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import msgspec

from router.clock import Clock
from router.errors import StoreError
from router.ingest.alertmanager import AlertmanagerReader
from router.ingest.batch import Batch
from router.ingest.events import EventReader
from router.ingest.generic import GenericReader
from router.ingest.limits import MAX_BATCH
from router.ingest.register import Plan, Register, Report
from router.ingest.sns import Fetch
from router.ingest.sources import SourceKind, SourceSettings
from router.ingest.webhooks import Headers, Query, WebhookReader
from router.model.alert import Alert
from router.model.journal import AlertReceived, Entry, EventForwarded, Fact
from router.model.receipt import Receipt
from router.model.severity import SeverityScale
from router.telemetry.metrics import Metrics


class Journal(Protocol):
    """The store, as ingest needs it."""

    async def append(self, at: int, facts: Sequence[Fact]) -> Sequence[Entry]:
        """Make these facts durable, all or none."""
        ...

    async def checkpoint_expiries(self, expiries: dict[int, int | None]) -> None:
        """Remember new expiry times by alert row id (None: forget)."""
        ...


async def fetch_nothing(address: str) -> bytes:
    """The fetcher of an intake that was given none."""
    raise OSError(f"{address} is not fetched: there is no way out")


class Intake:
    """One per daemon. ``reconfigure`` swaps sources and severities on reload; the register stays."""

    def __init__(
        self,
        *,
        journal: Journal,
        register: Register,
        clock: Clock,
        metrics: Metrics,
        make_key: Callable[[], str],
        sources: Iterable[SourceSettings] = (),
        scale: SeverityScale | None = None,
        max_batch: int = MAX_BATCH,
        fetch: Fetch = fetch_nothing,
    ) -> None:
        """``make_key`` gives a fresh dedup key for events that carry none; ``fetch`` gets certificates of webhooks' senders."""
        self._journal = journal
        self._register = register
        self._clock = clock
        self._make_key = make_key
        self._metrics = metrics
        self._max_batch = max_batch
        self._fetch = fetch
        self._counts: dict[tuple[str, str], int] = {}  # by source and result
        self._entries: dict[str, int] = {}  # by kind of fact
        metrics.before_render(self._report_counts)
        self.reconfigure(sources, scale or SeverityScale())

    def reconfigure(self, sources: Iterable[SourceSettings], scale: SeverityScale) -> None:
        """From the next body on these sources and spellings count. At most one is of kind alertmanager, one json."""
        sources = tuple(sources)
        alertmanager, generic = _of_kind(sources, "alertmanager"), _of_kind(sources, "json")
        self._alertmanager = AlertmanagerReader(alertmanager, self._register, scale, self._max_batch)
        self._generic = GenericReader(generic, scale, self._max_batch)
        self._events = EventReader(sources, scale, self._make_key)
        self._webhooks = WebhookReader(sources, scale, self._fetch, self._max_batch)

    # -- doors ---------------------------------------------------------------------------------------------------------

    async def take_alertmanager(self, body: bytes) -> Receipt:
        """A body of ``POST /api/v2/alerts``.

        Unreadable for the body as a whole; StoreFull, StoreUnavailable, Overloaded if it cannot be kept.
        """
        return await self._take(self._alertmanager.read(body, self._clock.now()), self._alertmanager.source.name)

    async def take_alerts(self, body: bytes) -> Receipt:
        """A body of ``POST /v1/alerts``; errors as in ``take_alertmanager``."""
        return await self._take(self._generic.read(body, self._clock.now()), self._generic.source.name)

    async def take_event(self, body: bytes) -> Receipt:
        """A body of ``POST /v2/enqueue``; besides the errors of the others: Invalid with every failed check, Unauthorised."""
        now = self._clock.now()
        event = self._events.read(body, now)
        if event.forward is not None:
            return await self._forward(event.forward, now)
        if event.alert is None:
            self._count(event.source, "ignored")
            return Receipt(taken=1, dedup_key=event.dedup_key)
        await self._append(now, [event.alert])
        self._count(event.source, "event")
        return Receipt(taken=1, journalled=1, dedup_key=event.dedup_key)

    async def take_change(self, body: bytes) -> Receipt:
        """A body of ``POST /v2/change/enqueue``; errors as in ``take_event``."""
        event = self._events.read_change(body)
        if event.forward is not None:
            return await self._forward(event.forward, self._clock.now())
        assert event.change is not None
        await self._journal.append(self._clock.now(), [event.change])
        self._entries["change"] = self._entries.get("change", 0) + 1
        self._count(event.source, "change")
        return Receipt(taken=1, journalled=1)

    async def _forward(self, fact: EventForwarded, now: int) -> Receipt:
        """Under a key in shadow: durable, then answered, like any other."""
        await self._journal.append(now, [fact])
        self._entries["forwarded"] = self._entries.get("forwarded", 0) + 1
        self._count(fact.source, "forwarded")
        return Receipt(taken=1, journalled=1, dedup_key=fact.dedup_key)

    def has_credentials(self, name: str) -> bool:
        """Whether the webhook source of this name proves its sender itself, so that no token of ours is needed."""
        return self._webhooks.has_credentials(name)

    async def take_webhook(self, name: str, body: bytes, headers: Headers, query: Query) -> Receipt:
        """A body of ``POST /v1/sources/NAME``; besides the errors of the others: UnknownSource, Unauthorised."""
        batch, ignored = await self._webhooks.read(name, body, headers, query, self._clock.now())
        if ignored:
            self._count(name, "ignored", ignored)
        receipt = await self._take(batch, name)
        return msgspec.structs.replace(receipt, taken=receipt.taken + ignored)

    async def _take(self, batch: Batch, source: str) -> Receipt:
        if batch.resent:
            self._count(source, "resent", batch.resent)
        if batch.refusals:
            self._count(source, "refused", len(batch.refusals))
        found = len(batch.events) + len(batch.reports)
        journalled = 0
        if found:
            try:
                journalled = await self._take_found(batch.events, batch.reports, source)
            except Exception:
                self._count(source, "not_stored", found)
                raise
        return Receipt(taken=batch.resent + found, journalled=journalled, refusals=tuple(batch.refusals))

    async def _take_found(self, events: list[Alert], reports: Sequence[Report], source: str) -> int:
        """Until all of it is durable or known. Reports about an alert in flight wait for its outcome and are planned anew."""
        journalled = 0
        while events or reports:
            now = self._clock.now()
            plan = self._register.plan(reports, now)
            if plan.resent:
                self._count(source, "resent", plan.resent)
            if plan.late:
                self._count(source, "late", plan.late)
            if events or plan.steps:
                await self._commit(plan, events, now)
                journalled += len(events) + len(plan.steps)
                for step in plan.steps:
                    self._count(source, step.kind)
                if events:
                    self._count(source, "event", len(events))
            for other in plan.waits_for:
                await other.settled()
            events, reports = [], plan.waiting
        return journalled

    def _count(self, source: str, result: str, count: int = 1) -> None:
        """A counter's ``inc`` costs 2 µs, this a tenth; handed in when somebody asks for the metrics."""
        key = (source, result)
        self._counts[key] = self._counts.get(key, 0) + count

    def _report_counts(self) -> None:
        counts, self._counts = self._counts, {}
        for (source, result), count in counts.items():
            self._metrics.alerts_received.labels(source, result).inc(count)
        entries, self._entries = self._entries, {}
        for fact, count in entries.items():
            self._metrics.journal_entries.labels(fact).inc(count)

    async def _commit(self, plan: Plan, events: list[Alert], now: int) -> None:
        """One append for everything, so that nothing is half taken."""
        try:
            entries = await self._append(now, plan.alerts + events)
        except BaseException:
            # Also when cancelled: if the append succeeded all the same, the next report makes a second, harmless entry.
            self._register.revert(plan)
            raise
        self._register.apply(plan, entries[: len(plan.steps)], now)

    async def _append(self, now: int, alerts: Sequence[Alert]) -> Sequence[Entry]:
        entries = await self._journal.append(now, [AlertReceived(alert=alert) for alert in alerts])
        self._entries["alert"] = self._entries.get("alert", 0) + len(alerts)
        return entries

    # -- chores, driven by the daemon --------------------------------------------------------------------------------------

    async def expire(self) -> int:
        """Journal a resolve for every alert whose end has passed without a resend; answer how many. Call about once a second.

        A StoreError leaves them firing, to be tried again in five seconds.
        """
        count = 0
        while self._register.has_due(now := self._clock.now()):
            plan = self._register.plan_expired(now)
            if plan.steps:
                await self._commit_expired(plan, now)
                count += len(plan.steps)
            await self._clock.sleep(0)  # many at once must not hold up the doors
        return count

    async def _commit_expired(self, plan: Plan, now: int) -> None:
        try:
            entries = await self._append(now, plan.alerts)
        except BaseException:
            self._register.retry_expiry(plan, self._clock.now())
            raise
        self._register.apply(plan, entries, now)
        for alert in plan.alerts:
            self._count(alert.source, "expired")

    async def checkpoint(self) -> None:
        """Save the expiries that moved; call every few seconds. What a StoreError kept from being saved is saved next time."""
        unsaved = self._register.take_unsaved()
        if not unsaved:
            return
        try:
            await self._journal.checkpoint_expiries(unsaved)
        except StoreError:
            self._register.put_back_unsaved(unsaved)
            raise


def _of_kind(sources: Sequence[SourceSettings], kind: SourceKind) -> SourceSettings:
    """The one source behind a door; under its kind's name if none is configured."""
    for source in sources:
        if source.kind == kind:
            return source
    return SourceSettings(name=kind, kind=kind)
