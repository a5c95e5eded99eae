"""What is firing now: recognises resends, changes, resolves and expiry. The only place that knows ``endsAt``.

An alert is known here only once its journal entry is durable: ``plan`` says what has to be journalled and marks those alerts
as in flight, then either ``apply`` (the append succeeded) or ``revert`` (it did not). A report about an alert that is in
flight *waits* for that outcome, so two replicas of Prometheus that send the same new alert at the same moment make one entry.
Resends that change nothing are taken at once: they move an expiry in memory and cost no disk write.

Must never do: touch the store or the clock, or forget an alert that fires.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from router.errors import Overloaded
from router.ingest.sources import SourceSettings
from router.ingest.timestamps import end_by_default
from router.model.alert import Alert
from router.model.journal import AlertReceived, Entry
from router.model.transition import ActiveAlert, StateRow

MAX_FIRING = 2_000_000
"""Alerts firing at once; above it new ones are refused until others resolve."""
MAX_RESOLVED = 65_536
"""Resolved alerts remembered, so that a resent resolve is recognised; the oldest is forgotten."""
EXPIRY_BATCH = 5_000
"""Alerts looked at per call of ``plan_expired``: some 5 ms."""
STRAGGLER_MS = 2 * 60_000
"""How long after a resolve a report that began before it counts as a late replica's, not as firing again."""
CHECKPOINT_SLACK_MS = 2 * 60_000
"""A checkpointed expiry may lag behind by this much; ``restore`` adds it, so a restart never makes an alert expire early."""
EXEMPT_SOURCES = frozenset({"alert-router"})
"""The router's own troubles are cleared by their owner and never expire."""

_BUCKET_MS = 1000
_ACTIVE = msgspec.json.Decoder(ActiveAlert)
_UNCONFIGURED = SourceSettings(name="", kind="json")


class Report(msgspec.Struct, frozen=True, gc=False):
    """What a stateful source said of one alert. ``content`` tells two versions of it apart, ``raw`` is the resend key."""

    alert: Alert
    ends_at: int  # for a firing alert when it expires, for a resolved one when it ended
    is_timeout: bool = False  # ``ends_at`` is our own guess
    raw: bytes = b""
    content: int = 0
    began_at: int = 0  # ``starts_at`` if the sender gave it, else 0: only then it can be compared with other times of theirs


class Firing(msgspec.Struct, gc=False):
    """One alert that fires. Small on purpose, and hidden from the garbage collector: there may be a million.

    In flight until ``row``, the sequence of its first entry, is known; ``flight`` is the only cycle, and ends with the flight.
    """

    alert: Alert
    began_at: int
    raw: bytes
    content: int
    previous: int
    expires_at: int
    is_timeout: bool
    saved_at: int = 0
    bucket: int = 0
    row: int = 0
    flight: Plan | None = None


def _firing(report: Report) -> Firing:
    return Firing(
        report.alert,
        report.began_at,
        report.raw,
        report.content,
        report.content,
        report.ends_at,
        report.is_timeout,
    )


class Step(msgspec.Struct, frozen=True, gc=False):
    """One alert to journal, and what it does to the record once it is durable."""

    kind: Literal["new", "changed", "resolved", "unknown_resolved"]
    report: Report
    record: Firing | None


class Plan:
    """What one request needs journalled, in order, and what has to wait for others."""

    __slots__ = ("_done", "late", "resent", "steps", "waiting", "waits_for")

    def __init__(self) -> None:
        """Empty."""
        self.steps: list[Step] = []
        self.resent = 0
        self.late = 0  # stragglers and stale resolves: known to be old news
        self.waiting: list[Report] = []
        self.waits_for: set[Plan] = set()
        self._done: asyncio.Event | None = None

    @property
    def alerts(self) -> list[Alert]:
        """What to journal."""
        return [step.report.alert for step in self.steps]

    async def settled(self) -> None:
        """Until ``apply`` or ``revert``."""
        if self._done is None:
            self._done = asyncio.Event()
        await self._done.wait()

    def settle(self) -> None:
        """Wake those who wait for this plan's outcome."""
        if self._done is None:
            self._done = asyncio.Event()
        self._done.set()


class _Source:
    """The records of one source, by resend key and by fingerprint, and what it resolved lately."""

    __slots__ = ("by_fingerprint", "by_raw", "resolved")

    def __init__(self) -> None:
        self.by_raw: dict[bytes, Firing] = {}
        self.by_fingerprint: dict[str, Firing] = {}
        self.resolved: dict[str, tuple[int, int]] = {}  # fingerprint -> (ended at, seen at)


def _begun_as(report: Report, starts_at: int) -> Report:
    """The same with the earlier of both starts, as Alertmanager merges them."""
    if not starts_at or report.alert.starts_at <= starts_at:
        return report
    return msgspec.structs.replace(report, alert=msgspec.structs.replace(report.alert, starts_at=starts_at))


class Register:
    """One per daemon; every method runs on the event loop and finishes without waiting."""

    def __init__(self, *, max_firing: int = MAX_FIRING) -> None:
        """Nothing fires."""
        self._max_firing = max_firing
        self._sources: dict[str, _Source] = {}
        self._buckets: dict[int, list[Firing]] = {}
        self._bucket_times: list[int] = []
        self._dirty: list[Firing] = []
        self._forgotten: list[int] = []
        self._unsaved: dict[int, int | None] = {}
        self._count = 0

    def __len__(self) -> int:
        """How many alerts fire, those in flight included."""
        return self._count

    def of(self, source: str) -> SourceRegister:
        """The view a payload reader of this source works with."""
        return SourceRegister(self, self._source(source))

    def firing(self, source: str, fingerprint: str) -> Firing | None:
        """The record of an alert that fires."""
        found = self._sources.get(source)
        return found.by_fingerprint.get(fingerprint) if found else None

    def expires_at(self, row: int, source: str, fingerprint: str) -> int | None:
        """When this alert will expire unless it is resent; for the read API."""
        record = self.firing(source, fingerprint)
        return record.expires_at if record is not None and record.row == row else None

    def _source(self, name: str) -> _Source:
        found = self._sources.get(name)
        if found is None:
            found = self._sources[name] = _Source()
        return found

    # -- planning ------------------------------------------------------------------------------------------------------

    def plan(self, reports: Iterable[Report], now: int) -> Plan:
        """What these reports mean, in order. Alerts that need journalling are in flight until apply or revert.

        Overloaded if more would fire than are allowed; then nothing of it is planned.
        """
        plan = Plan()
        for report in reports:
            source = self._source(report.alert.source)
            record = source.by_fingerprint.get(report.alert.fingerprint)
            if record is not None and record.flight is not None:
                plan.waiting.append(report)
                if record.flight is not plan:
                    plan.waits_for.add(record.flight)
            elif report.alert.status == "resolved":
                self._plan_resolve(plan, source, record, report)
            elif record is not None:
                self._plan_resend(plan, source, record, report)
            elif self._is_straggler(source, report, now):
                plan.late += 1
            else:
                self._plan_new(plan, source, report, now)
        return plan

    def _plan_new(self, plan: Plan, source: _Source, report: Report, now: int) -> None:
        if self._count >= self._max_firing:
            self.revert(plan)
            raise Overloaded(f"{self._max_firing} alerts fire already, the most this router keeps", retry_after_seconds=60)
        record = _firing(report)
        # What fires has begun: a sender whose clock is ahead must not make its own resolve look like that of an earlier time.
        record.began_at = min(record.began_at, now)
        record.flight = plan
        source.by_fingerprint[report.alert.fingerprint] = record
        self._count += 1
        plan.steps.append(Step("new", report, record))

    def _plan_resend(self, plan: Plan, source: _Source, record: Firing, report: Report) -> None:
        self._remember_raw(source, record, report.raw)
        if self._is_changed(record, report):
            record.flight = plan
            plan.steps.append(Step("changed", _begun_as(report, record.alert.starts_at), record))
            return
        if report.content not in (record.content, record.previous):
            # Written differently, or first heard again after a restart: the same all the same.
            record.previous = record.content or report.content
            record.content = report.content
        self._extend(record, report)
        plan.resent += 1

    def _plan_resolve(self, plan: Plan, source: _Source, record: Firing | None, report: Report) -> None:
        fingerprint = report.alert.fingerprint
        last = source.resolved.get(fingerprint)
        if record is None:
            if last is not None:
                plan.resent += 1
                source.resolved[fingerprint] = (max(last[0], report.ends_at), last[1])
            else:
                plan.steps.append(Step("unknown_resolved", report, None))
        elif self._is_old_news(record, report, last):
            plan.late += 1
        else:
            record.flight = plan
            plan.steps.append(Step("resolved", report, record))

    @staticmethod
    def _is_changed(record: Firing, report: Report) -> bool:
        """Not if it is what was sent last, or the time before: two replicas that word it differently take turns."""
        if report.content and report.content in (record.content, record.previous):
            return False
        old, new = record.alert, report.alert
        return (
            old.annotations != new.annotations
            or old.generator_url != new.generator_url
            or old.severity != new.severity
            or old.service != new.service
            or old.summary != new.summary
            or old.details != new.details
            or old.links != new.links
            or old.images != new.images
        )

    @staticmethod
    def _is_straggler(source: _Source, report: Report, now: int) -> bool:
        """Whether another replica resolved it already and this one is late: it began before that end."""
        last = source.resolved.get(report.alert.fingerprint)
        return last is not None and 0 < report.began_at < last[0] and now - last[1] < STRAGGLER_MS

    @staticmethod
    def _is_old_news(record: Firing, report: Report, last: tuple[int, int] | None) -> bool:
        """Whether the resolve ends an earlier occurrence than the one that fires now, and only resent or delayed."""
        if not record.began_at or not report.began_at:
            return False  # the sender gives no times to compare
        return report.ends_at < record.began_at or (last is not None and last[0] == report.ends_at)

    # -- outcome -------------------------------------------------------------------------------------------------------

    def apply(self, plan: Plan, entries: Sequence[Entry], now: int) -> None:
        """The plan's alerts are durable, ``entries`` in the order of its steps."""
        for step, entry in zip(plan.steps, entries, strict=True):
            report, record = step.report, step.record
            source = self._source(report.alert.source)
            if record is None or step.kind == "resolved":
                if record is not None:
                    self._drop(source, record)
                if report.alert.resolved_by == "source":
                    self._remember_resolved(source, report, now)
                continue
            record.flight = None
            if step.kind == "new":
                record.row = entry.seq
                self._remember_raw(source, record, report.raw)
                self._schedule(record)
                self._mark_dirty(record)
            else:
                record.alert = report.alert
                record.previous, record.content = record.content, report.content
                self._extend(record, report)
        plan.settle()

    def revert(self, plan: Plan) -> None:
        """The append did not succeed: as if nothing had been said."""
        for step in plan.steps:
            record = step.record
            if record is None:
                continue
            record.flight = None
            if step.kind == "new":
                self._source(step.report.alert.source).by_fingerprint.pop(step.report.alert.fingerprint, None)
                self._count -= 1
        plan.settle()

    def _drop(self, source: _Source, record: Firing) -> None:
        record.flight = None
        record.bucket = -1  # the wheel forgets it when it comes by
        source.by_fingerprint.pop(record.alert.fingerprint, None)
        if source.by_raw.get(record.raw) is record:
            del source.by_raw[record.raw]
        self._count -= 1
        if record.saved_at:
            self._forgotten.append(record.row)
        record.saved_at = -1

    @staticmethod
    def _remember_raw(source: _Source, record: Firing, raw: bytes) -> None:
        if raw and (raw != record.raw or raw not in source.by_raw):
            if source.by_raw.get(record.raw) is record:
                del source.by_raw[record.raw]
            record.raw = raw
            source.by_raw[raw] = record

    @staticmethod
    def _remember_resolved(source: _Source, report: Report, now: int) -> None:
        resolved = source.resolved
        resolved.pop(report.alert.fingerprint, None)
        resolved[report.alert.fingerprint] = (report.ends_at, now)
        if len(resolved) > MAX_RESOLVED:
            del resolved[next(iter(resolved))]

    def _extend(self, record: Firing, report: Report) -> None:
        """The later end counts; but a known one replaces our own guess, as in Alertmanager."""
        ends_at = report.ends_at
        if ends_at < record.expires_at and (report.is_timeout or not record.is_timeout):
            return
        record.expires_at = ends_at
        record.is_timeout = report.is_timeout
        if -(-ends_at // _BUCKET_MS) < record.bucket:
            self._schedule(record)
        self._mark_dirty(record)

    # -- expiry --------------------------------------------------------------------------------------------------------

    def _schedule(self, record: Firing) -> None:
        bucket = -(-record.expires_at // _BUCKET_MS)
        record.bucket = bucket
        found = self._buckets.get(bucket)
        if found is None:
            self._buckets[bucket] = [record]
            heapq.heappush(self._bucket_times, bucket)
        else:
            found.append(record)

    def has_due(self, now: int) -> bool:
        """Whether some alerts may have expired; ``plan_expired`` looks closer."""
        return bool(self._bucket_times) and self._bucket_times[0] <= now // _BUCKET_MS

    def plan_expired(self, now: int, limit: int = EXPIRY_BATCH) -> Plan:
        """Alerts whose end passed without a resend, as resolves to journal.

        Looks at ``limit`` records: call while ``has_due``.
        """
        plan = Plan()
        this_second = now // _BUCKET_MS
        while limit > 0 and self._bucket_times and self._bucket_times[0] <= this_second:
            bucket = self._bucket_times[0]
            records = self._buckets[bucket]
            while records and limit > 0:
                limit -= 1
                self._look(plan, records.pop(), bucket, now)
            if not records:
                del self._buckets[bucket]
                heapq.heappop(self._bucket_times)
        return plan

    def _look(self, plan: Plan, record: Firing, bucket: int, now: int) -> None:
        if record.bucket != bucket:
            return  # resolved meanwhile, or moved to an earlier bucket
        if record.flight is not None:
            record.expires_at = max(record.expires_at, now + _BUCKET_MS)  # its outcome decides; look again in a second
        if record.expires_at > now:
            self._schedule(record)
            return
        # Until this is journalled a resend waits; if the journal refuses, the alert is looked at again.
        record.flight = plan
        alert = msgspec.structs.replace(record.alert, status="resolved", resolved_by="expiry")
        plan.steps.append(Step("resolved", Report(alert, record.expires_at), record))

    def retry_expiry(self, plan: Plan, now: int) -> None:
        """The journal refused the resolves of ``plan_expired``: undo, and look at those alerts again in a few seconds."""
        self.revert(plan)
        for step in plan.steps:
            if step.record is not None:
                step.record.expires_at = now + 5 * _BUCKET_MS
                self._schedule(step.record)

    # -- checkpoint and restart ----------------------------------------------------------------------------------------

    def _mark_dirty(self, record: Firing) -> None:
        if not record.saved_at or abs(record.expires_at - record.saved_at) >= CHECKPOINT_SLACK_MS:
            record.saved_at = record.expires_at
            self._dirty.append(record)

    def take_unsaved(self) -> dict[int, int | None]:
        """What ``Store.checkpoint_expiries`` should know by now: row -> expiry, None to forget. Empties the list."""
        unsaved, self._unsaved = self._unsaved, {}
        for record in self._dirty:
            if record.saved_at > 0 and record.row:
                unsaved[record.row] = record.expires_at
        for row in self._forgotten:
            unsaved[row] = None
        self._dirty.clear()
        self._forgotten.clear()
        return unsaved

    def put_back_unsaved(self, unsaved: Mapping[int, int | None]) -> None:
        """These could not be saved: hand them out again next time."""
        self._unsaved.update(unsaved)

    def restore(
        self,
        rows: Iterable[StateRow],
        undecided: Iterable[Entry],
        expiries: Mapping[int, int],
        now: int,
        sources: Mapping[str, SourceSettings],
    ) -> None:
        """Begin where the last process stopped. Nothing expires before ``now`` plus its source's grace, and none early.

        ``rows`` and ``undecided`` as ``Store.open`` answered them.
        """
        for row in rows:
            if row.kind == "alert" and row.body is not None:
                self._take_back(row.id, _ACTIVE.decode(row.body).alert, expiries, now, sources)
        for entry in undecided:
            if isinstance(entry.fact, AlertReceived):
                self._take_back(entry.seq, entry.fact.alert, expiries, now, sources)

    def _take_back(
        self, row: int, alert: Alert, expiries: Mapping[int, int], now: int, sources: Mapping[str, SourceSettings]
    ) -> None:
        if alert.kind != "stateful" or alert.source in EXEMPT_SOURCES:
            return
        source = self._source(alert.source)
        record = source.by_fingerprint.get(alert.fingerprint)
        if alert.status == "resolved":
            if record is not None:
                self._drop(source, record)
            return
        if record is not None:
            record.alert = alert
            return
        settings = sources.get(alert.source, _UNCONFIGURED)
        saved_at = expiries.get(row, 0)
        known = saved_at + CHECKPOINT_SLACK_MS if saved_at else end_by_default(now, settings.resolve_timeout_ms)
        expires_at = max(known, now + settings.resend_grace_ms)
        record = _firing(Report(alert, expires_at, is_timeout=not saved_at))
        record.row = row
        record.saved_at = saved_at
        source.by_fingerprint[alert.fingerprint] = record
        self._count += 1
        self._schedule(record)
        self._mark_dirty(record)


class SourceRegister:
    """One source's fast lane: a resend that changes nothing is recognised by bytes alone."""

    __slots__ = ("_by_raw", "_register")

    def __init__(self, register: Register, source: _Source) -> None:
        """Made by ``Register.of``."""
        self._register = register
        self._by_raw = source.by_raw

    def resend(self, raw: bytes, content: int, ends_at: int) -> bool:
        """True if this alert fires, said the same before, and its end was moved; False: it needs a closer look."""
        record = self._by_raw.get(raw)
        if record is None or record.flight is not None:
            return False
        if content != record.content and content != record.previous:  # noqa: PLR1714 -- a tuple would be built each time
            return False
        if ends_at <= record.expires_at:
            return not record.is_timeout
        record.expires_at = ends_at
        record.is_timeout = False
        if ends_at - record.saved_at >= CHECKPOINT_SLACK_MS:
            self._register._mark_dirty(record)  # noqa: SLF001 -- the other half of one object
        return True
