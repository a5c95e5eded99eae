"""The store's twin in memory: the same promises as the SQLite driver, for tests, the simulation and dry runs.

It is shipped, not a mock: the contract suite runs against both. Work that is given within one turn of the loop becomes
durable together at the next, as in the driver's group commit. Faults are drawn from a function, so that a seed decides;
``crash`` answers a new store that holds exactly what was durable. Must never do: touch the disk, or read a clock of its own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec

from router.clock import Clock
from router.errors import InvariantError, RouterError, StoreFull, StoreUnavailable
from router.model.decision import Decision
from router.model.delivery import Delivery, DeliveryState
from router.model.incident import Incident
from router.model.journal import Entry, Fact
from router.model.transition import StateKind, StateRow
from router.store.base import Commit, DecisionRow, Recovered, Usage
from router.store.pending import Pending, Ticket
from router.store.settings import DEFAULT_SETTINGS, StoreSettings

Operation = Literal["append", "commit", "record"]


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What goes wrong with one call. ``error`` None: nothing but the delay.

    ``is_durable``: the error comes although the work was made durable (a machine that dies between the two, a connection
    lost while committing). The caller cannot know, as in life; an append that failed so is announced to nobody before the
    next start.
    """

    error: RouterError | None = None
    is_durable: bool = False
    delay_seconds: float = 0.0


def full_disk() -> Fault:
    """No room for new alerts."""
    return Fault(error=StoreFull("memory: the disk is full (injected)"))


def no_answer(*, is_durable: bool = False) -> Fault:
    """The store does not answer."""
    return Fault(error=StoreUnavailable("memory: the store does not answer (injected)"), is_durable=is_durable)


def no_faults(_operation: Operation) -> Fault | None:
    """Everything works."""
    return None


class _Tables:
    """What is durable."""

    def __init__(self) -> None:
        self.journal: dict[int, Entry] = {}
        self.last_seq = 0
        self.cursor = 0
        self.decided_at = 0
        self.seen_at = 0
        self.state: dict[tuple[StateKind, int], bytes] = {}
        self.decisions: dict[int, Decision] = {}
        self.next_decision_id = 1
        self.incidents: dict[int, Incident] = {}
        self.deliveries: dict[int, Delivery] = {}
        self.rulesets: dict[str, tuple[int, bytes]] = {}
        self.expiries: dict[int, int] = {}

    def copy(self) -> _Tables:
        """Independent of this one; values are frozen, but for deliveries, which are copied as they go in and out."""
        other = _Tables()
        other.__dict__ |= {name: dict(value) if isinstance(value, dict) else value for name, value in self.__dict__.items()}
        return other


class _Work:
    """One call on its way."""

    __slots__ = ("apply", "commit", "entries", "fault", "future", "ready_at", "ticket")

    def __init__(
        self, apply: Callable[[_Tables], None], fault: Fault | None, ready_at: float, future: asyncio.Future[None]
    ) -> None:
        self.apply = apply
        self.fault = fault
        self.ready_at = ready_at
        self.future = future
        self.entries: list[Entry] = []
        self.ticket: Ticket | None = None
        self.commit: Commit | None = None


class MemoryStore:
    """Holds everything until the process ends, or ``crash``."""

    def __init__(
        self,
        *,
        clock: Clock,
        settings: StoreSettings = DEFAULT_SETTINGS,
        faults: Callable[[Operation], Fault | None] = no_faults,
    ) -> None:
        """``faults`` is asked once for each call of append, commit and record."""
        self._clock = clock
        self._settings = settings
        self._faults = faults
        self._tables = _Tables()
        self._pending = Pending(settings.max_pending)
        self._listener: Callable[[Sequence[Entry]], None] | None = None
        self._queue: deque[_Work] = deque()
        self._is_flushing = False
        self._is_open = False
        self._durable_commit: Commit | None = None  # the last one that was written
        self._cursor = 0

    async def open(self) -> Recovered:
        """What a crashed or closed store left, or nothing."""
        if self._is_open:
            raise InvariantError("memory: was opened before by this store")
        self._is_open = True
        tables = self._tables
        undecided = [entry for seq, entry in sorted(tables.journal.items()) if seq > tables.cursor]
        self._pending.restore(tables.last_seq, (entry.seq for entry in undecided))
        self._cursor = tables.cursor
        newest_at = tables.journal[max(tables.journal)].at if tables.journal else 0
        return Recovered(
            cursor=tables.cursor,
            decided_at=tables.decided_at,
            state=[StateRow(kind, row_id, body) for (kind, row_id), body in sorted(tables.state.items())],
            undecided=undecided,
            outbox=[
                _copied(delivery)
                for _, delivery in sorted(tables.deliveries.items())
                if delivery.state is DeliveryState.PENDING
            ],
            next_delivery_id=max(tables.deliveries, default=0) + 1,
            expiries=dict(tables.expiries),
            last_seen_at=max(tables.decided_at, tables.seen_at, newest_at),
        )

    def crash(self) -> MemoryStore:
        """The process dies now: a new store with what was durable; this one answers nobody any more."""
        self._is_open = False
        self._queue.clear()
        other = MemoryStore(clock=self._clock, settings=self._settings, faults=self._faults)
        other._tables = self._tables.copy()
        return other

    def subscribe(self, listener: Callable[[Sequence[Entry]], None]) -> None:
        """Who gets the durable entries, in order."""
        self._listener = listener

    async def append(self, at: int, facts: Sequence[Fact]) -> Sequence[Entry]:
        """Journal these facts, all or none."""
        self._check_open()
        if not facts:
            return ()
        ticket = self._pending.take(len(facts), at)
        entries = [Entry(seq=seq, at=at, fact=fact) for seq, fact in enumerate(facts, ticket.first_seq)]

        def apply(tables: _Tables) -> None:
            tables.journal.update((entry.seq, entry) for entry in entries)
            tables.last_seq = max(tables.last_seq, entries[-1].seq)

        work = self._work("append", apply)
        work.entries, work.ticket = entries, ticket
        await self._give(work)
        return entries

    def oldest_pending_at(self) -> int | None:
        """The ``at`` of the oldest appended entry that the listener has not had yet."""
        return self._pending.oldest_at()

    async def commit(self, commit: Commit) -> None:
        """One step of the processor. One that failed may be given again (the same object): it is taken once."""
        self._check_open()
        if not self._cursor <= commit.cursor <= self._pending.last_seq:
            raise InvariantError(
                f"the cursor cannot move from {self._cursor} to {commit.cursor}; the last entry is {self._pending.last_seq}"
            )
        deliveries = [_copied(delivery) for delivery in commit.deliveries]
        is_repeat = self._durable_commit is commit

        def apply(tables: _Tables) -> None:
            if not is_repeat:
                _write_commit(tables, commit, deliveries)

        work = self._work("commit", apply)
        work.commit = commit
        await self._give(work)

    async def record(self, deliveries: Sequence[Delivery]) -> None:
        """The progress of these deliveries."""
        self._check_open()
        if not deliveries:
            return
        copies = [_copied(delivery) for delivery in deliveries]

        def apply(tables: _Tables) -> None:
            if unknown := [copy.id for copy in copies if copy.id not in tables.deliveries]:
                raise InvariantError(f"progress was recorded for {len(unknown)} deliveries that were never committed")
            tables.deliveries.update((copy.id, copy) for copy in copies)

        await self._give(self._work("record", apply))

    async def checkpoint_expiries(self, expiries: dict[int, int | None]) -> None:
        """Remember new expiry times, and that we were alive now."""
        self._check_open()
        for alert, expires_at in expiries.items():
            if expires_at is None:
                self._tables.expiries.pop(alert, None)
            else:
                self._tables.expiries[alert] = expires_at
        self._tables.seen_at = max(self._tables.seen_at, self._clock.now())

    async def save_ruleset(self, version: str, at: int, texts: bytes) -> None:
        """Keep the texts of a rule set."""
        self._check_open()
        self._tables.rulesets[version] = (at, texts)

    async def retire(self, *, before_at: int, max_bytes: int) -> int:  # noqa: ARG002 - the protocol's
        """Delete history by age; memory has no size on disk, so ``max_bytes`` bounds nothing here."""
        self._check_open()
        return _retire(self._tables, before_at)

    def usage(self) -> Usage:
        """Only the journal's length means something in memory."""
        return Usage(bytes_used=0, bytes_free=0, journal_entries=len(self._tables.journal))

    def reader(self) -> MemoryReader:
        """A view of what is durable now and later."""
        return MemoryReader(self._tables)

    async def close(self) -> None:
        """Finish what was queued. A second call does nothing."""
        if not self._is_open:
            return
        while self._queue:
            await asyncio.wait([work.future for work in self._queue])
        self._tables.seen_at = max(self._tables.seen_at, self._clock.now())
        self._is_open = False

    def _check_open(self) -> None:
        if not self._is_open:
            raise StoreUnavailable("memory: the store is not open")

    def _work(self, operation: Operation, apply: Callable[[_Tables], None]) -> _Work:
        loop = asyncio.get_running_loop()
        fault = self._faults(operation)
        return _Work(apply, fault, loop.time() + (fault.delay_seconds if fault else 0.0), loop.create_future())

    async def _give(self, work: _Work) -> None:
        self._queue.append(work)
        if not self._is_flushing:
            self._is_flushing = True
            asyncio.get_running_loop().call_soon(self._flush)
        await work.future

    def _flush(self) -> None:
        """Make durable what waits, in order; a slow piece makes those behind it wait, as one writer does."""
        loop = asyncio.get_running_loop()
        announced: list[Entry] = []
        while self._queue:
            if self._queue[0].ready_at > loop.time():
                loop.call_at(self._queue[0].ready_at, self._flush)
                break
            announced += self._settle(self._queue.popleft())
        else:
            self._is_flushing = False
        if announced and self._listener is not None:
            self._listener(announced)

    def _settle(self, work: _Work) -> list[Entry]:
        error = work.fault.error if work.fault else None
        if error is None or (work.fault is not None and work.fault.is_durable):
            try:
                work.apply(self._tables)
            except RouterError as refused:
                error = error or refused
            else:
                self._durable_commit = work.commit or self._durable_commit
        if error is None:
            self._advance(work)
        elif work.ticket is not None:
            self._pending.fail(work.ticket)
        if not work.future.done():
            if error is None:
                work.future.set_result(None)
            else:
                work.future.set_exception(error)
        return work.entries if error is None else []

    def _advance(self, work: _Work) -> None:
        if work.ticket is not None:
            self._pending.announce(work.ticket)
        if work.commit is not None:
            self._cursor = max(self._cursor, work.commit.cursor)
            self._pending.advance(work.commit.cursor)


def _copied(delivery: Delivery) -> Delivery:
    return msgspec.structs.replace(delivery)


def _write_commit(tables: _Tables, commit: Commit, deliveries: Sequence[Delivery]) -> None:
    if known := [delivery.id for delivery in deliveries if delivery.id in tables.deliveries]:
        raise InvariantError(f"delivery {known[0]} was committed before")
    for decision in commit.decisions:
        tables.decisions[tables.next_decision_id] = decision
        tables.next_decision_id += 1
    tables.incidents.update((incident.number, incident) for incident in commit.incidents)
    tables.deliveries.update((delivery.id, delivery) for delivery in deliveries)
    for change in commit.changes:
        if change.body is None:
            tables.state.pop((change.kind, change.id), None)
        else:
            tables.state[change.kind, change.id] = change.body
    tables.cursor = commit.cursor
    tables.decided_at = commit.decided_at


def _retire(tables: _Tables, before_at: int) -> int:
    """The same history goes as in the SQLite driver, and the same stays."""
    outbox = [delivery for delivery in tables.deliveries.values() if delivery.state is DeliveryState.PENDING]
    open_keys = {incident.dedup_key for incident in tables.incidents.values() if incident.status == "open"}
    pending_keys = {delivery.dedup_key for delivery in outbox if delivery.dedup_key}
    held_keys = open_keys | pending_keys
    active = {row_id for kind, row_id in tables.state if kind == "alert"}
    kept = active | {delivery.alert_seq for delivery in outbox}
    kept |= {decision.alert_seq for decision in tables.decisions.values() if decision.dedup_key in held_keys}
    gone = [seq for seq, entry in tables.journal.items() if entry.at < before_at and seq <= tables.cursor and seq not in kept]
    for seq in gone:
        del tables.journal[seq]
    for decision_id, decision in list(tables.decisions.items())[:-1]:
        if decision.at < before_at and decision.dedup_key not in held_keys and decision.alert_seq not in active:
            del tables.decisions[decision_id]
    for delivery_id, delivery in list(tables.deliveries.items())[:-1]:
        is_over = delivery.state is not DeliveryState.PENDING and delivery.dedup_key not in open_keys
        if delivery.created_at < before_at and is_over:
            del tables.deliveries[delivery_id]
    for number, incident in list(tables.incidents.items()):
        is_over = incident.status == "closed" and incident.dedup_key not in pending_keys
        if incident.closed_at < before_at and is_over:
            del tables.incidents[number]
    _retire_rulesets(tables, before_at)
    return len(gone)


def _retire_rulesets(tables: _Tables, before_at: int) -> None:
    oldest_entry = tables.journal[min(tables.journal)].at if tables.journal else before_at
    oldest_decision = tables.decisions[min(tables.decisions)].at if tables.decisions else before_at
    oldest_at = min(oldest_entry, oldest_decision, before_at)
    times = [at for at, _ in tables.rulesets.values() if at <= oldest_at]
    for version, (at, _) in list(tables.rulesets.items()):
        if any(newer > at for newer in times):
            del tables.rulesets[version]


class MemoryReader:
    """Looks at a memory store's tables; the same answers as the SQLite reader's."""

    def __init__(self, tables: _Tables) -> None:
        """A live view."""
        self._tables: _Tables | None = tables

    def entry(self, seq: int) -> Entry | None:
        """One journal entry, or None."""
        return self._open().journal.get(seq)

    def entries(
        self, *, after_seq: int = 0, since: int | None = None, until: int | None = None, limit: int = 100
    ) -> list[Entry]:
        """Journal entries in sequence order; ``since`` <= at < ``until``."""
        found = (
            entry
            for seq, entry in sorted(self._open().journal.items())
            if seq > after_seq and (since is None or entry.at >= since) and (until is None or entry.at < until)
        )
        return _first(found, limit)

    def decisions(
        self,
        *,
        alert_seq: int | None = None,
        dedup_key: str | None = None,
        before_id: int | None = None,
        limit: int = 100,
    ) -> list[DecisionRow]:
        """Decisions, newest first."""
        found = (
            DecisionRow(id=decision_id, decision=decision)
            for decision_id, decision in sorted(self._open().decisions.items(), reverse=True)
            if (before_id is None or decision_id < before_id)
            and (alert_seq is None or decision.alert_seq == alert_seq)
            and (not dedup_key or decision.dedup_key == dedup_key)
        )
        return _first(found, limit)

    def incidents(
        self, *, status: str | None = None, team: str | None = None, before_number: int | None = None, limit: int = 100
    ) -> list[Incident]:
        """Incidents, newest first."""
        found = (
            incident
            for number, incident in sorted(self._open().incidents.items(), reverse=True)
            if (before_number is None or number < before_number)
            and (status is None or incident.status == status)
            and (team is None or team in incident.teams)
        )
        return _first(found, limit)

    def incident(self, number_or_dedup_key: int | str) -> Incident | None:
        """One incident by its number or dedup key."""
        if isinstance(number_or_dedup_key, int):
            return self._open().incidents.get(number_or_dedup_key)
        found = [incident for incident in self._open().incidents.values() if incident.dedup_key == number_or_dedup_key]
        return max(found, key=lambda incident: incident.number, default=None)

    def deliveries(
        self,
        *,
        state: DeliveryState | None = None,
        dedup_key: str | None = None,
        team: str | None = None,
        before_id: int | None = None,
        limit: int = 100,
    ) -> list[Delivery]:
        """Deliveries, newest first."""
        found = (
            _copied(delivery)
            for delivery_id, delivery in sorted(self._open().deliveries.items(), reverse=True)
            if (before_id is None or delivery_id < before_id)
            and (state is None or delivery.state is state)
            and (not dedup_key or delivery.dedup_key == dedup_key)
            and (team is None or delivery.team == team)
        )
        return _first(found, limit)

    def delivery(self, delivery_id: int) -> Delivery | None:
        """One delivery with its last attempts."""
        found = self._open().deliveries.get(delivery_id)
        return None if found is None else _copied(found)

    def state(self, kind: str, *, after_id: int = 0, limit: int = 1000) -> list[StateRow]:
        """Engine state rows of a kind in order of id."""
        rows = (
            StateRow(row_kind, row_id, body)
            for (row_kind, row_id), body in sorted(self._open().state.items())
            if row_kind == kind and row_id > after_id
        )
        return _first(rows, limit)

    def ruleset(self, version: str) -> bytes | None:
        """The texts of a rule set."""
        found = self._open().rulesets.get(version)
        return None if found is None else found[1]

    def latest_ruleset(self) -> tuple[str, bytes] | None:
        """Version and texts of the newest rule set."""
        newest = max(self._open().rulesets.items(), key=lambda item: item[1][0], default=None)
        return None if newest is None else (newest[0], newest[1][1])

    def close(self) -> None:
        """Let go. A second call does nothing."""
        self._tables = None

    def _open(self) -> _Tables:
        if self._tables is None:
            raise StoreUnavailable("the reader is closed")
        return self._tables


def _first(rows: Any, limit: int) -> list[Any]:
    return [row for _, row in zip(range(limit), rows)]  # noqa: B905 - the shorter one ends it
