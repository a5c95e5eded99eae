"""Moves what the log holds into the database, from a thread and a connection of its own.

A checkpoint writes and syncs hundreds of pages. Done by the writer after a commit, as SQLite does it by itself, everybody who
waits for the next commit waits for it too: at 200 alerts a second that was the difference between 5 and 20 ms for one page in
a hundred. A passive checkpoint beside the writer holds up nobody; the writer's own remains for when this one falls behind. A
log that somebody's long read has made large is cut once all of it is moved: the next write, which begins it anew, may be long
in coming.

Must never do: hold a lock that a writer or reader waits for, but for the moment in which an emptied log is cut; or fail: what
cannot be moved now stays in the log, which is safe.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

from router.store.sqlite.opening import connect

PAUSE_SECONDS = 1.0
"""Between two checkpoints: pages that are written again and again are moved once."""

MANY_GROUPS = 400
"""Transactions after which the next comes at once: a checkpoint that moves much holds up the syncs of the writer, who waits for
the same disk. At 1,000 alerts a second, each its own page, five small ones a second took a fifth off what one page in a hundred
waits at least."""

LONG_PAGES = 4_000
"""Pages from which the log begins anew as soon as it can: 16 MB. A file that is written over is synced in two thirds of the
time that one takes that grows, and a log that never begins anew grows as long as somebody writes."""

REST_PAGES = 1_000
"""At most so much does the writer move for that, in a few milliseconds; else the next checkpoint comes first."""

WRITERS_OWN_PAGES = 16_000
"""Pages in the log at which the writer checkpoints by itself after all: 64 MB."""


class Checkpointer:
    """Runs from ``start`` until ``stop``; sleeps while nothing is written."""

    def __init__(self, path: Path, pause_seconds: float = PAUSE_SECONDS) -> None:
        """The database has been opened for writing."""
        self._path = path
        self._pause_seconds = pause_seconds
        self.bytes_log = 0  # what the log holds, as of the last checkpoint; it begins anew once all of it is moved
        self._groups = 0  # since the last checkpoint
        self._leaves_little = False  # of a long log all is moved but what came meanwhile
        self._written = Event()
        self._is_due = Event()
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="store-checkpointer", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def note(self) -> None:
        """A group was written; by the writer."""
        if not self._written.is_set():
            self._written.set()
        self._groups += 1
        if self._groups == MANY_GROUPS:
            self._is_due.set()

    def move_rest(self, connection: sqlite3.Connection) -> None:
        """In the writer's thread, between two transactions: what came during the last checkpoint, if a long log holds no more.

        Only the writer can do it, for while it writes there is always something new. Its next transaction begins the log anew.
        """
        if self._leaves_little:
            self._leaves_little = False
            with suppress(sqlite3.Error):
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def stop(self) -> None:
        """Blocks until a checkpoint under way has ended."""
        self._stopping.set()
        self._is_due.set()
        self._written.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        with suppress(sqlite3.Error):  # the writer's own checkpoints are left then
            connection = connect(self._path, mode="rw")
            try:
                self._serve(connection)
            finally:
                connection.close()

    def _serve(self, connection: sqlite3.Connection) -> None:
        (page_size,) = connection.execute("PRAGMA page_size").fetchone()
        connection.execute("PRAGMA busy_timeout = 0")
        while True:
            self._written.wait()
            self._is_due.wait(self._pause_seconds)
            self._written.clear()
            self._is_due.clear()
            self._groups = 0
            if self._stopping.is_set():  # looked at last: a stop that comes later sets both again
                return
            with suppress(sqlite3.Error):
                _, frames, moved = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                if moved == frames > WRITERS_OWN_PAGES:
                    _, frames, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                self.bytes_log = max(0, frames) * page_size
                self._leaves_little = frames >= LONG_PAGES and frames - moved <= REST_PAGES
