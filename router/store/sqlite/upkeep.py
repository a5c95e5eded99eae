"""The small jobs between the groups: expiry checkpoints, rule sets, measuring, the last write.

Each runs in the writer thread, in a transaction of its own, and is small enough that a commit behind it hardly waits.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from router.store.sqlite.queries import QUERIES, Bulk

_UPSERT_EXPIRIES = Bulk("upsert_expiries")
_DELETE_EXPIRIES = Bulk("delete_expiries")
_EXPIRIES_PER_PART = 4_096  # about 5 ms


def expiry_parts(expiries: dict[int, int | None]) -> Iterator[Callable[[sqlite3.Connection], None]]:
    """Jobs that write these expiry times."""
    items = iter(expiries.items())
    while part := list(islice(items, _EXPIRIES_PER_PART)):
        kept: list[Any] = [column for item in part if item[1] is not None for column in item]
        forgotten: list[Any] = [alert for alert, expires_at in part if expires_at is None]

        def write(connection: sqlite3.Connection, kept: list[Any] = kept, forgotten: list[Any] = forgotten) -> None:
            connection.execute("BEGIN IMMEDIATE")
            _UPSERT_EXPIRIES.run(connection, kept)
            _DELETE_EXPIRIES.run(connection, forgotten)
            connection.execute("COMMIT")

        yield write


def see(connection: sqlite3.Connection, now: int) -> None:
    """We were alive at ``now``."""
    connection.execute(QUERIES["see"], (now,))


def save_ruleset(connection: sqlite3.Connection, version: str, at: int, texts: bytes) -> None:
    """A rule set saved again is the same rule set: only its time moves."""
    connection.execute(QUERIES["save_ruleset"], (version, at, texts))


def measure(connection: sqlite3.Connection) -> tuple[int, int]:
    """Bytes in pages that hold something, and in free pages inside the file."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size, free * size


def finish(connection: sqlite3.Connection, now: int) -> None:
    """The last write of a clean stop; the log goes into the database and is emptied."""
    see(connection, now)
    connection.execute(QUERIES["set_meta"], ("stopped", "clean"))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
