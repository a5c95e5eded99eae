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

WRITERS_OWN_PAGES = 16_000
"""Pages in the log at which the writer checkpoints by itself after all: 64 MB."""


class Checkpointer:
    """Runs from ``start`` until ``stop``; sleeps while nothing is written."""

    def __init__(self, path: Path, pause_seconds: float = PAUSE_SECONDS) -> None:
        """The database has been opened for writing."""
        self._path = path
        self._pause_seconds = pause_seconds
        self.bytes_log = 0  # what the log holds, as of the last checkpoint; it begins anew once all of it is moved
        self._written = Event()
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="store-checkpointer", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def note(self) -> None:
        """Something was written; from any thread."""
        if not self._written.is_set():
            self._written.set()

    def stop(self) -> None:
        """Blocks until a checkpoint under way has ended."""
        self._stopping.set()
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
            if self._stopping.wait(self._pause_seconds):
                return
            self._written.clear()
            with suppress(sqlite3.Error):
                _, frames, moved = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                if moved == frames > WRITERS_OWN_PAGES:
                    _, frames, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                self.bytes_log = max(0, frames) * page_size
