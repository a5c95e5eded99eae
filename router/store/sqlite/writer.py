"""The one thread that writes, and the group commit.

Everything that waits becomes one transaction; when that fails, its pieces are tried one by one, so that only what is
at fault fails. Commits and records come before appends. After each transaction the event loop is called once, with all
outcomes. Must never do: touch what belongs to the loop (futures, tickets), or write without a transaction.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import msgspec

from router.errors import RouterError
from router.store.sqlite.faults import is_held_by_another, translate
from router.store.sqlite.work import Append, Call, Grouped, Progress, Step, write_entries, write_progress


class Outcome(msgspec.Struct, frozen=True):
    """A piece of work that is done: durable, or failed with ``error``."""

    work: Grouped | Call
    error: RouterError | None = None
    value: Any = None


class Writer:
    """Runs from ``start`` until its ``Call`` to stop has been answered."""

    def __init__(
        self,
        *,
        path: Path,
        connect: Callable[[], sqlite3.Connection],
        measure: Callable[[sqlite3.Connection], None],
        settle: Callable[[list[Outcome]], None],
        loop: asyncio.AbstractEventLoop,
        max_group: int,
    ) -> None:
        """``connect`` runs in the thread, and ``measure`` there after each group; ``settle`` on the loop."""
        self._path = path
        self._connect = connect
        self._measure = measure
        self._settle = settle
        self._loop = loop
        self._max_group = max_group
        self._queue: SimpleQueue[Sequence[Grouped | Call] | None] = SimpleQueue()
        self._appends: deque[Append] = deque()
        self._urgent: list[Step | Progress] = []
        self._calls: deque[Call] = deque()
        self._entries = 0
        self._entries_until = 0
        self._is_syncing = True  # as the connection is opened
        self._thread = Thread(target=self._run, name="store-writer", daemon=True)

    def start(self) -> None:
        """Begin; the first thing given should be a ``Call`` that recovers."""
        self._thread.start()

    def put(self, works: Sequence[Grouped | Call]) -> None:
        """Hand over, in order; never blocks."""
        self._queue.put(works)

    def stop(self) -> None:
        """Everything already given is still done, then the thread ends and the connection is closed."""
        self._queue.put(None)

    def join(self) -> None:
        """Wait for the thread's end."""
        self._thread.join()

    def count_from(self, entries: int, last_seq: int) -> None:
        """The journal's length as recovered; called in the thread, by the ``Call`` that recovers."""
        self._entries = entries
        self._entries_until = last_seq

    def count_retired(self, entries: int) -> tuple[int, int]:
        """So many fewer; answers length and the sequence up to which it counts, for the cursor's row. In the thread."""
        self._entries -= entries
        return self._entries, self._entries_until

    @property
    def entries(self) -> int:
        """Rows in the journal, as of the last transaction; may be read anywhere."""
        return self._entries

    def _run(self) -> None:
        try:
            connection = self._connect()
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to whoever asked first
            self._fail_all(translate(error, self._path))
            return
        try:
            self._serve(connection)
        except Exception as error:
            self._fail_all(translate(error, self._path))
            raise
        finally:
            connection.close()

    def _serve(self, connection: sqlite3.Connection) -> None:
        while self._take():
            outcomes = self._write_group(connection)
            if self._calls:
                outcomes.append(self._call(connection, self._calls.popleft()))
            self._answer(outcomes)
            self._measure(connection)

    def _take(self) -> bool:
        """Sort what waits; blocks while there is nothing. False: told to stop, and nothing waits."""
        queue = self._queue
        block = not (self._appends or self._urgent or self._calls)
        try:
            while True:
                works = queue.get(block=block)
                block = False
                if works is None:
                    queue.put(None)  # found again when all before it is done
                    return bool(self._appends or self._urgent or self._calls)
                for work in works:
                    if isinstance(work, Append):
                        self._appends.append(work)
                    elif isinstance(work, Call):
                        self._calls.append(work)
                    else:
                        self._urgent.append(work)
        except Empty:
            return True

    def _write_group(self, connection: sqlite3.Connection) -> list[Outcome]:
        steps = [work for work in self._urgent if isinstance(work, Step)]
        progress = [work for work in self._urgent if isinstance(work, Progress)]
        self._urgent.clear()
        appends = self._next_appends()
        group: list[Grouped] = [*steps, *progress, *appends]
        if not group:
            return []
        try:
            self._transact(connection, steps, progress, appends)
        except Exception as error:  # noqa: BLE001 - whatever it is, each piece has to be told apart from its neighbours
            if len(group) == 1 or is_held_by_another(error):
                return [Outcome(work, translate(error, self._path)) for work in group]
        else:
            return [Outcome(work) for work in group]
        return [self._write_alone(connection, work) for work in group]

    def _next_appends(self) -> list[Append]:
        appends: list[Append] = []
        size = 0
        while self._appends and (size == 0 or size + len(self._appends[0].entries) <= self._max_group):
            append = self._appends.popleft()
            size += len(append.entries)
            appends.append(append)
        return appends

    def _write_alone(self, connection: sqlite3.Connection, work: Grouped) -> Outcome:
        if isinstance(work, Step):
            work.is_repeat = True  # the group's try may have got further than its error says
        try:
            self._transact(
                connection,
                [work] if isinstance(work, Step) else [],
                [work] if isinstance(work, Progress) else [],
                [work] if isinstance(work, Append) else [],
            )
        except Exception as error:  # noqa: BLE001 - told to its own caller
            return Outcome(work, translate(error, self._path))
        return Outcome(work)

    def _transact(
        self, connection: sqlite3.Connection, steps: list[Step], progress: list[Progress], appends: list[Append]
    ) -> None:
        # Decisions that send nothing follow from entries that are durable: after a power cut they are taken again, alike, so
        # they need no sync of their own (the next one covers them). The process may die at any instant all the same.
        self._sync(connection, is_needed=bool(appends or progress or any(step.sends for step in steps)))
        connection.execute("BEGIN IMMEDIATE")
        try:
            for step in steps:
                step.apply(connection, self._entries, self._entries_until)
            if progress:
                write_progress(connection, progress)
            if appends:
                write_entries(connection, appends)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # a full disk may have rolled back already
                connection.execute("ROLLBACK")
            raise
        if appends:
            self._entries += sum(len(append.entries) for append in appends)
            self._entries_until = appends[-1].entries[-1].seq

    def _sync(self, connection: sqlite3.Connection, *, is_needed: bool) -> None:
        if is_needed is not self._is_syncing:
            connection.execute("PRAGMA synchronous=FULL" if is_needed else "PRAGMA synchronous=NORMAL")
            self._is_syncing = is_needed

    def _call(self, connection: sqlite3.Connection, call: Call) -> Outcome:
        self._sync(connection, is_needed=True)
        try:
            return Outcome(call, None, call.function(connection))
        except Exception as error:  # noqa: BLE001 - told to its own caller
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            return Outcome(call, translate(error, self._path))

    def _answer(self, outcomes: list[Outcome]) -> None:
        if outcomes:
            with suppress(RuntimeError):  # the loop is gone: nobody waits any more
                self._loop.call_soon_threadsafe(self._settle, outcomes)

    def _fail_all(self, error: RouterError) -> None:
        """Nothing can be written: everything given is answered with the reason, until told to stop."""
        self._answer([Outcome(work, error) for work in (*self._urgent, *self._appends, *self._calls)])
        while (works := self._queue.get()) is not None:
            self._answer([Outcome(work, error) for work in works])
