"""Who writes: the loop itself, or the writer thread.

A small transaction takes microseconds; a thread to write it takes ten times as long to wake, to win the interpreter's lock
and to wake the loop again. So, where the kernel can sync without a thread (``syncing``), the loop borrows the connection and
writes, and goes on with other work while the kernel makes it durable. The thread does what may take long (a ``Call``, waiting
for another process), and everything on a disk that has shown itself slow, or where there is no such sync.

What is written is announced before it is durable, and a small group's sync waits two turns of the loop: entries are decided
meanwhile, and what is to be sent for them shares their sync. Keeps these invariants: pieces are written, announced and answered
in the order they were given; nobody is answered before a sync that began after the write, save with a failure or where nothing
is promised to the outside; the loop never waits for a lock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from router.errors import StoreUnusable
from router.store.sqlite.work import Append, Call, Grouped
from router.store.sqlite.writer import Outcome

SLOW_SECONDS = 0.05
"""A write on the loop that took longer (a disk whose cache is full, a machine that swaps) sends what follows to the thread."""
SLOW_FOR_SECONDS = 10.0

SMALL = 32
"""Entries that are decided in less time than a sync takes; the sync of more begins at once."""


class Lender(Protocol):
    """The writer, as it is needed here."""

    def put(self, works: Sequence[Grouped | Call]) -> None:
        """To the thread."""
        ...

    def borrow(self, works: Sequence[Grouped]) -> tuple[list[Outcome], list[Grouped | Call]]:
        """Written here, not synced; and what could not be."""
        ...


class Sync(Protocol):
    """The kernel's sync of the log."""

    def submit(self) -> None:
        """Begin; OSError if it cannot."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


class Handover:
    """One per open store, on its loop. ``settle`` gets the outcomes, ``announce`` what is written and not durable yet."""

    def __init__(
        self,
        path: Path,
        loop: asyncio.AbstractEventLoop,
        settle: Callable[[list[Outcome]], None],
        announce: Callable[[list[Outcome]], None],
    ) -> None:
        """Everything goes to the thread until ``quicken``."""
        self._path = path
        self._loop = loop
        self._settle = settle
        self._announce = announce
        self._writer: Lender | None = None
        self._sync: Sync | None = None
        self._slow_until = 0.0
        self._given = 0  # pieces the thread has not answered
        self._unannounced: list[Outcome] = []
        self._held: list[Grouped | Call] = []  # behind what the thread has, or behind a sync
        self._written: list[Outcome] = []  # durable with the next sync
        self._syncing: list[Outcome] = []  # durable with the one under way

    def begin(self, writer: Lender) -> None:
        """Write through this one; its outcomes come to ``answered``."""
        self._writer = writer

    def quicken(self, sync: Sync) -> None:
        """From now on the loop writes where it can; the sync tells ``synced``."""
        self._sync = sync

    def put(self, works: Sequence[Grouped | Call]) -> None:
        """Hand over, in order. What comes while a sync is under way shares the next transaction, and the next sync."""
        if self._held or self._syncing or (self._given and self._is_quick()):
            self._held += works
        else:
            self._advance([*works])

    def answered(self, outcomes: list[Outcome]) -> None:
        """The thread has done these."""
        self._given -= len(outcomes)
        if not self._given:
            self._release()
        self._settle(outcomes)

    def synced(self, error: OSError | None) -> None:
        """What was written before the sync began is durable, or may never be."""
        outcomes, self._syncing = self._syncing, []
        if error is not None:
            outcomes = [Outcome(outcome.work, self._lost(error)) for outcome in outcomes]
        self._release()
        self._settle(outcomes)

    def close(self) -> None:
        """Nothing more comes."""
        if self._sync is not None:
            self._sync.close()
            self._sync = None

    def _is_quick(self) -> bool:
        return self._sync is not None and self._loop.time() >= self._slow_until

    def _release(self) -> None:
        held, self._held = self._held, []
        if held:
            self._advance(held)

    def _advance(self, works: list[Grouped | Call]) -> None:
        """Write here what can be, give the thread the rest, or hold it until what was written before it is durable."""
        outcomes: list[Outcome] = []
        if self._is_quick():
            quick: list[Grouped] = []
            for work in works:
                if isinstance(work, Call):
                    break
                quick.append(work)
            if quick:
                outcomes, left = self._write(quick)
                works = left + works[len(quick) :]
        if works and (self._syncing or self._written or self._unannounced):
            self._held = works
        elif works:
            assert self._writer is not None
            self._given += len(works)
            self._writer.put(works)
        if outcomes:
            self._settle(outcomes)
        if self._unannounced:
            self._tell()

    def _write(self, works: list[Grouped]) -> tuple[list[Outcome], list[Grouped | Call]]:
        """Outcomes that need no sync, and what is left."""
        assert self._writer is not None
        started = self._loop.time()
        outcomes, left = self._writer.borrow(works)
        if left or self._loop.time() - started > SLOW_SECONDS:
            self._slow_until = started + SLOW_FOR_SECONDS
        finished = [outcome for outcome in outcomes if outcome.error is not None or not outcome.work.sends]
        if len(finished) < len(outcomes):
            self._unannounced = [outcome for outcome in outcomes if outcome.error is None and outcome.work.sends]
        return finished, left

    def _tell(self) -> None:
        """Announce what was written, and let the sync begin: at once, or when it has been decided."""
        outcomes, self._unannounced = self._unannounced, []
        is_first = not self._written
        self._written += outcomes
        entries = sum(len(outcome.work.entries) for outcome in outcomes if isinstance(outcome.work, Append))
        try:
            if entries >= SMALL or (is_first and not entries):
                self._begin_sync()
                is_first = False
            self._announce(outcomes)
        finally:
            if is_first:
                # Whoever was told goes on in the next turn, and what it gives is written in the one after.
                self._loop.call_soon(self._loop.call_soon, self._begin_sync)

    def _begin_sync(self) -> None:
        if self._syncing or not self._written:
            return
        assert self._sync is not None
        self._syncing, self._written = self._written, []
        try:
            self._sync.submit()
        except OSError as error:
            self._loop.call_soon(self.synced, error)

    def _lost(self, error: OSError) -> StoreUnusable:
        return StoreUnusable(
            f"{self._path}: the disk failed to keep what was written ({error.strerror}); nobody knows what of the last second "
            "is on it. Look after the disk, then start the router again: it goes on from what is there"
        )
