"""The store on one SQLite file: the face that the event loop sees.

Keeps the promises of ``router.store.base``. Sequence numbers, bounds and listeners live here, on the loop; everything
that touches the file happens in the writer thread. Must never do: wait for the disk on the loop.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from router.clock import Clock
from router.errors import InvariantError, RouterError, StoreFull, StoreUnavailable, StoreUnusable
from router.model.delivery import Delivery
from router.model.journal import Entry, Fact
from router.model.page import Followed, Webhook
from router.store.base import Commit, Recovered, Usage
from router.store.pending import Pending
from router.store.settings import DEFAULT_SETTINGS, StoreSettings
from router.store.sqlite import following, upkeep
from router.store.sqlite.checkpoints import WRITERS_OWN_PAGES, Checkpointer
from router.store.sqlite.lockfile import LockFile
from router.store.sqlite.opening import open_for_writing, prepare_directory
from router.store.sqlite.outgoing import Outgoing
from router.store.sqlite.reader import SqliteReader, open_reader
from router.store.sqlite.recovery import Found, recover
from router.store.sqlite.retention import Retirement
from router.store.sqlite.schema import MIGRATIONS, Migration
from router.store.sqlite.space import Space
from router.store.sqlite.work import Append, Call, Progress, Step
from router.store.sqlite.writer import Outcome, Writer

_MEASURE_SECONDS = 1.0
_THOROUGH_SECONDS = 600.0


class SqliteStore:
    """One per process and file. All methods are called on the event loop that ``open`` was called on."""

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        settings: StoreSettings = DEFAULT_SETTINGS,
        migrations: Sequence[Migration] = MIGRATIONS,
    ) -> None:
        """Nothing is touched before ``open``."""
        self._path = path
        self._clock = clock
        self._settings = settings
        self._migrations = migrations
        self._pending = Pending(settings.max_pending)
        self._space = Space(path, settings, clock)
        self._writer: Writer | None = None
        self._outgoing: Outgoing | None = None
        self._checkpointer = Checkpointer(path)
        self._lock: LockFile | None = None
        self._is_open = False
        self._listener: Callable[[Sequence[Entry]], None] | None = None
        self._unusable: StoreUnusable | None = None
        self._failing = ""  # why the newest write failed, if it did
        self._failed_commit: tuple[Commit, Step] | None = None
        self._measured_at = float("-inf")
        self._thorough_at = float("-inf")
        self._retired: dict[str, int] = {}  # where the last retirement ended
        self._next_decision_id = 1
        self._step = 0
        self._cursor = 0
        self._handed_over = 0  # the last sequence the listener has had

    async def open(self) -> Recovered:
        """Lock, check, migrate, recover. StoreUnusable says what is wrong with the file and what to do."""
        if self._writer is not None:
            raise InvariantError(f"{self._path} was opened before by this store")
        loop = asyncio.get_running_loop()
        writer = Writer(
            path=self._path,
            connect=self._connect,
            measure=self._measure,
            settle=self._settle,
            loop=loop,
            max_group=self._settings.max_group,
        )
        self._writer = writer
        self._outgoing = Outgoing(loop, writer.put)

        def begin(connection: sqlite3.Connection) -> Found:
            found = recover(connection)
            writer.count_from(found.entries, found.last_seq)
            self._measure(connection, at_once=True)
            return found

        writer.start()
        try:
            found: Found = await self._call(self._outgoing, begin)
        except BaseException:
            await self._end(writer)
            raise
        self._checkpointer.start()
        self._is_open = True
        recovered = found.recovered
        undecided = recovered.undecided
        passed_at = max(recovered.decided_at, undecided[-1].at if undecided else 0)
        self._pending.restore(found.last_seq, (entry.seq for entry in undecided), passed_at=passed_at)
        self._next_decision_id = found.next_decision_id
        self._step = found.step
        self._cursor = recovered.cursor
        self._handed_over = found.last_seq
        return recovered

    def subscribe(self, listener: Callable[[Sequence[Entry]], None]) -> None:
        """Who gets the durable entries, in order."""
        self._listener = listener

    async def append(self, at: int, facts: Sequence[Fact], *, reserved: bool = False) -> Sequence[Entry]:
        """Journal these facts, all or none; StoreFull, StoreUnavailable or Overloaded when that cannot be."""
        outgoing = self._running()
        if not facts:
            return ()
        if not reserved and (refusal := self._space.refusal()):
            raise StoreFull(refusal)
        ticket = self._pending.take(len(facts), at)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        try:
            entries = [Entry(seq=seq, at=ticket.at, fact=fact) for seq, fact in enumerate(facts, ticket.first_seq)]
            work = Append(entries, ticket, future)
        except Exception as error:
            self._pending.fail(ticket)
            raise InvariantError(f"a fact cannot be written as JSON: {error}") from error
        outgoing.put(work)
        await future
        return entries

    def oldest_pending_at(self) -> int | None:
        """The ``at`` of the oldest appended entry that the listener has not had yet."""
        return self._pending.oldest_at()

    async def commit(self, commit: Commit) -> None:
        """One step of the processor. One that failed may be given again (the same object): it is taken once."""
        outgoing = self._running()
        if not self._cursor <= commit.cursor <= self._pending.last_seq:
            raise InvariantError(
                f"the cursor cannot move from {self._cursor} to {commit.cursor}; the last entry is {self._pending.last_seq}"
            )
        self._pending.pass_time(commit.decided_at)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._failed_commit is not None and self._failed_commit[0] is commit:
            work = self._failed_commit[1]
            work.future = future
            work.is_repeat = True
        else:
            self._step += 1
            work = Step(commit, step=self._step, first_decision_id=self._next_decision_id, future=future)
            self._next_decision_id += len(commit.decisions)
        # Decisions that send nothing let nobody wait, unless there is more to decide behind them.
        outgoing.put(work, is_patient=not work.sends and commit.cursor >= self._handed_over)
        try:
            await future
        except RouterError:
            self._failed_commit = (commit, work)
            raise
        self._failed_commit = None

    async def record(self, deliveries: Sequence[Delivery]) -> None:
        """The progress of these deliveries: attempts, next time, state."""
        outgoing = self._running()
        if not deliveries:
            return
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        outgoing.put(Progress(deliveries, future))
        await future

    async def keep_webhook(self, webhook: Webhook) -> bool:
        """Durable when it returns; False: it was kept before. StoreFull when there is no room, and it comes again later."""
        writer = self._running()
        if refusal := self._space.refusal():
            raise StoreFull(refusal)
        is_new: bool = await self._call(writer, following.keeping(webhook))
        return is_new

    async def follow(self, step: Followed) -> None:
        """What was learnt of pages, in one transaction."""
        await self._call(self._running(), following.writing(step))

    async def checkpoint_expiries(self, expiries: dict[int, int | None]) -> None:
        """Remember new expiry times, and that we were alive now (so an empty one is worth calling, too)."""
        for part in upkeep.expiry_parts(expiries):
            await self._call(self._running(), part)
        now = self._clock.now()
        await self._call(self._running(), lambda connection: upkeep.see(connection, now))

    async def save_ruleset(self, version: str, at: int, texts: bytes) -> None:
        """Keep the texts of a rule set, for replay and explain."""
        await self._call(self._running(), lambda connection: upkeep.save_ruleset(connection, version, at, texts))

    async def retire(self, *, before_at: int, max_bytes: int) -> int:
        """Delete history in small pieces, so that no commit waits long for one. ``max_bytes`` 0: by age alone.

        Goes on where the last call ended; every ten minutes it looks at everything, for what had to stay may go by then.
        """
        self._running()
        assert self._writer is not None
        now = self._clock.monotonic()
        if now - self._thorough_at >= _THOROUGH_SECONDS:
            self._thorough_at = now
            self._retired = {}
        retirement = Retirement(
            before_at=before_at, max_bytes=max_bytes, count_retired=self._writer.count_retired, begin=self._retired
        )
        while not await self._call(self._running(), retirement.step):
            pass
        self._retired = retirement.reached
        await self._call(self._running(), lambda connection: self._measure(connection, at_once=True))
        return retirement.entries_deleted

    def usage(self) -> Usage:
        """How full it is; figures of pages are as of the last upkeep or second."""
        refusal = self._space.refusal() or self._failing
        if self._unusable is not None:
            refusal = str(self._unusable)
        return Usage(
            bytes_used=self._space.bytes_used,
            bytes_free=self._space.bytes_free,
            journal_entries=0 if self._writer is None else self._writer.entries,
            bytes_log=self._checkpointer.bytes_log,
            refusing=refusal,
        )

    def reader(self) -> SqliteReader:
        """A read-only connection of its own."""
        return open_reader(self._path)

    async def close(self) -> None:
        """Finish what was queued, checkpoint, let go. A second call does nothing."""
        writer, outgoing = self._writer, self._outgoing
        if writer is None or outgoing is None or not self._is_open:
            return
        self._is_open = False
        now = self._clock.now()
        try:
            await asyncio.get_running_loop().run_in_executor(None, self._checkpointer.stop)
            await self._call(outgoing, lambda connection: upkeep.finish(connection, now))
        finally:
            await self._end(writer)

    def _connect(self) -> sqlite3.Connection:
        prepare_directory(self._path)
        self._lock = LockFile(self._path)
        connection = open_for_writing(self._path, self._settings, self._migrations)
        connection.execute(f"PRAGMA wal_autocheckpoint = {WRITERS_OWN_PAGES}")
        return connection

    async def _end(self, writer: Writer) -> None:
        writer.stop()
        await asyncio.get_running_loop().run_in_executor(None, writer.join)
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _running(self) -> Outgoing:
        if self._unusable is not None:
            raise StoreUnusable(str(self._unusable))
        if self._outgoing is None or not self._is_open:
            raise StoreUnavailable(f"{self._path} is not open")
        return self._outgoing

    async def _call(self, outgoing: Outgoing, function: Callable[[sqlite3.Connection], Any]) -> Any:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        outgoing.put(Call(function, future))
        return await future

    def _measure(self, connection: sqlite3.Connection, *, at_once: bool = False) -> None:
        """In the thread after each group: the log has grown. At most once a second: what SQLite says of its pages."""
        self._checkpointer.note()
        self._checkpointer.move_rest(connection)
        now = self._clock.monotonic()
        if not at_once and now - self._measured_at < _MEASURE_SECONDS:
            return
        self._measured_at = now
        with suppress(sqlite3.Error):  # the figures stay what they were; the next write meets the same error and says so
            self._space.bytes_used, self._space.bytes_reusable = upkeep.measure(connection)

    def _settle(self, outcomes: list[Outcome]) -> None:  # noqa: C901  # one branch per kind of work
        """On the loop, once per transaction: answer everybody, then the listener."""
        entries: list[Entry] = []
        for outcome in outcomes:
            work, error = outcome.work, outcome.error
            if error is not None:
                self._note(error)
            elif not isinstance(work, Call):
                self._failing = ""
            if isinstance(work, Append):
                if error is None:
                    self._pending.announce(work.ticket)
                    entries += work.entries
                else:
                    self._pending.fail(work.ticket)
            elif isinstance(work, Step) and error is None:
                self._cursor = max(self._cursor, work.cursor)
                self._pending.advance(work.cursor)
            if not work.future.done():  # the caller may have been cancelled; what it gave is durable all the same
                if error is None:
                    work.future.set_result(outcome.value)
                else:
                    work.future.set_exception(error)
        if entries:
            self._handed_over = entries[-1].seq
            if self._listener is not None:
                self._listener(entries)

    def _note(self, error: RouterError) -> None:
        if isinstance(error, StoreFull):
            self._space.found_full()
        elif isinstance(error, StoreUnusable):
            self._unusable = error
        elif isinstance(error, StoreUnavailable):
            self._failing = str(error)
