"""The store's twin in memory: the same promises as the SQLite driver, for tests, the simulation and dry runs.

It is shipped, not a mock: the contract suite runs against both. Work that is given within one turn of the loop becomes
durable together at the next, as in the driver's group commit. Faults are drawn from a function, so that a seed decides;
``crash`` answers a new store that holds exactly what was durable. Must never do: touch the disk, or read a clock of its own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from router.clock import Clock
from router.errors import InvariantError, RouterError, StoreFull, StoreUnavailable
from router.model.delivery import Delivery, DeliveryState
from router.model.journal import Entry, Fact
from router.model.page import Followed, Webhook
from router.store.base import Commit, Recovered, Usage
from router.store.pending import Pending, Ticket
from router.store.settings import DEFAULT_SETTINGS, StoreSettings
from router.store.tables import MemoryReader, Tables, copied, moved, retire_history, state_rows, write_commit, write_followed

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


class _Work:
    """One call on its way."""

    __slots__ = ("apply", "commit", "entries", "fault", "future", "ready_at", "ticket")

    def __init__(
        self, apply: Callable[[Tables], None], fault: Fault | None, ready_at: float, future: asyncio.Future[None]
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
        self._tables = Tables()
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
        passed_at = max(tables.decided_at, undecided[-1].at if undecided else 0)
        self._pending.restore(tables.last_seq, (entry.seq for entry in undecided), passed_at=passed_at)
        self._cursor = tables.cursor
        newest_at = tables.journal[max(tables.journal)].at if tables.journal else 0
        return Recovered(
            cursor=tables.cursor,
            decided_at=tables.decided_at,
            state=state_rows(tables),
            undecided=undecided,
            outbox=[
                copied(delivery) for _, delivery in sorted(tables.deliveries.items()) if delivery.state is DeliveryState.PENDING
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

    async def append(self, at: int, facts: Sequence[Fact], *, reserved: bool = False) -> Sequence[Entry]:  # noqa: ARG002
        """Journal these facts, all or none."""
        self._check_open()
        if not facts:
            return ()
        ticket = self._pending.take(len(facts), at)
        entries = [Entry(seq=seq, at=ticket.at, fact=fact) for seq, fact in enumerate(facts, ticket.first_seq)]

        def apply(tables: Tables) -> None:
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
        self._pending.pass_time(commit.decided_at)
        deliveries = [copied(delivery) for delivery in commit.deliveries]
        is_repeat = self._durable_commit is commit

        def apply(tables: Tables) -> None:
            if not is_repeat:
                write_commit(tables, commit, deliveries)

        work = self._work("commit", apply)
        work.commit = commit
        await self._give(work)

    async def record(self, deliveries: Sequence[Delivery]) -> None:
        """The progress of these deliveries."""
        self._check_open()
        if not deliveries:
            return
        copies = [copied(delivery) for delivery in deliveries]

        def apply(tables: Tables) -> None:
            if unknown := [copy.id for copy in copies if copy.id not in tables.deliveries]:
                raise InvariantError(f"progress was recorded for {len(unknown)} deliveries that were never committed")
            tables.deliveries.update((copy.id, moved(tables.deliveries[copy.id], copy)) for copy in copies)

        await self._give(self._work("record", apply))

    async def keep_webhook(self, webhook: Webhook) -> bool:
        """Durable at once; False: it was kept before."""
        self._check_open()
        return self._tables.keep_webhook(webhook)

    async def follow(self, step: Followed) -> None:
        """What was learnt of pages."""
        self._check_open()
        write_followed(self._tables, step)

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
        return retire_history(self._tables, before_at)

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
        loop = asyncio.get_running_loop()
        while self._queue:
            if awaited := [work.future for work in self._queue if not work.future.done()]:
                await asyncio.wait(awaited)
            else:  # whoever asked was cut short, and it is written all the same
                ready = loop.create_future()
                loop.call_at(self._queue[-1].ready_at, ready.set_result, None)
                await ready
        self._tables.seen_at = max(self._tables.seen_at, self._clock.now())
        self._is_open = False

    def _check_open(self) -> None:
        if not self._is_open:
            raise StoreUnavailable("memory: the store is not open")

    def _work(self, operation: Operation, apply: Callable[[Tables], None]) -> _Work:
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
