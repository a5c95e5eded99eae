"""Deletes history in pieces of a few milliseconds, oldest first.

Never what is undecided (after the cursor), open (an incident that is not closed, an alert that fires) or pending (a
delivery in the outbox), nor what opened, held and pages those. What only told more of an open incident (its updates) goes
with the rest: an incident may be open for months, and its alerts come and go all the while. The newest row of decisions and
deliveries stays, so that no id is given out twice. The file does not shrink: SQLite fills the freed pages first, and the
reserve counts them as room (returning them to the disk would cost every append the upkeep of a page map).

A run is made every few seconds, so that what becomes old goes as evenly as it came. What has to stay would be looked at each
time over again, so a run may begin where the one before it ended.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping

from router.store.sqlite.queries import QUERIES
from router.store.sqlite.upkeep import measure

_ROWS_PER_STEP = 200  # at most 4 ms
_ENTRIES_PER_ROUND = 2_000  # how much more history goes before the size is looked at again
_PATIENCE_STEPS = 25  # so many without an old row end a table: a clock that was wrong for a while stops nothing behind it
_TABLES = ("entries", "decisions", "deliveries", "incidents")


class Retirement:
    """One run. ``step`` is called in the writer thread until it answers True."""

    def __init__(
        self,
        *,
        before_at: int,
        max_bytes: int,
        count_retired: Callable[[int], tuple[int, int]],
        begin: Mapping[str, int] | None = None,
    ) -> None:
        """By age first, then by size (0: whatever the size). ``begin``: an earlier run's ``reached``; None: the first row."""
        self.entries_deleted = 0
        self._before_at = before_at
        self._max_bytes = max_bytes
        self._count_retired = count_retired
        self._table = 0
        self._after = dict.fromkeys(_TABLES, 0) | dict(begin or {})  # looked at up to here
        self._kept_from: dict[str, int] = {}  # the first row that was too new; the next round goes on there
        self._idle_steps = 0
        self._is_last_round = False

    @property
    def reached(self) -> dict[str, int]:
        """Up to which row of each table everything is deleted, or had to stay."""
        return self._after | {table: row_id - 1 for table, row_id in self._kept_from.items()}

    def step(self, connection: sqlite3.Connection) -> bool:
        """One piece of work; True when nothing is left to do."""
        if self._table < len(_TABLES):
            if self._retire_some(connection, _TABLES[self._table]):
                self._table += 1
                self._idle_steps = 0
            return False
        if self._retire_following(connection):
            return False
        self._retire_rulesets(connection)
        if self._is_last_round or not self._max_bytes or measure(connection)[0] <= self._max_bytes:
            return True
        self._begin_round(connection)
        return False

    def _retire_some(self, connection: sqlite3.Connection, table: str) -> bool:
        """True when the table holds nothing more that is old enough."""
        after = self._after[table]
        rows = connection.execute(QUERIES[f"oldest_{table}"], {"after": after, "limit": _ROWS_PER_STEP}).fetchall()
        if not rows:
            return True
        last = rows[-1][0]
        newer = [row_id for row_id, at in rows if at >= self._before_at]
        if newer:
            self._kept_from.setdefault(table, newer[0])
        if len(newer) < len(rows):
            self._idle_steps = 0
            self._delete(connection, table, {"after": after, "last": last, "before_at": self._before_at})
        else:
            self._idle_steps += 1
        self._after[table] = last
        return len(rows) < _ROWS_PER_STEP or self._idle_steps >= _PATIENCE_STEPS

    def _delete(self, connection: sqlite3.Connection, table: str, parameters: dict[str, int]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        deleted = connection.execute(QUERIES[f"retire_{table}"], parameters).rowcount
        if table == "entries":
            self.entries_deleted += deleted
            connection.execute(QUERIES["count_entries"], self._count_retired(deleted))
        connection.execute("COMMIT")

    def _retire_following(self, connection: sqlite3.Connection) -> bool:
        """Some of what was followed and is over: pages and audit entries go after their incidents. False: nothing is left."""
        parameters = {"before_at": self._before_at, "limit": _ROWS_PER_STEP}
        for name in ("retire_pages", "retire_audit", "retire_webhooks"):
            connection.execute("BEGIN IMMEDIATE")
            deleted = connection.execute(QUERIES[name], parameters).rowcount
            connection.execute("COMMIT")
            if deleted:
                return True
        return False

    def _retire_rulesets(self, connection: sqlite3.Connection) -> None:
        """Those out of force since before the oldest thing that is kept."""
        (oldest_at,) = connection.execute(QUERIES["oldest_kept"], {"before_at": self._before_at}).fetchone()
        connection.execute(QUERIES["retire_rulesets"], {"oldest_at": oldest_at})

    def _begin_round(self, connection: sqlite3.Connection) -> None:
        """Still too large: move the horizon over the next entries, or at last over everything that is decided."""
        for table, row_id in self._kept_from.items():
            self._after[table] = row_id - 1
        self._kept_from.clear()
        rows = connection.execute(
            QUERIES["oldest_entries"], {"after": self._after["entries"], "limit": _ENTRIES_PER_ROUND}
        ).fetchall()
        times = sorted(at for _, at in rows)
        if times:
            usual = times[len(times) * 9 // 10]  # not the greatest: one entry from a wrong clock would take everything along
            self._before_at = (usual if usual >= self._before_at else times[-1]) + 1
        else:
            decided_at = connection.execute(QUERIES["cursor"]).fetchone()[1]
            self._before_at = max(self._before_at, decided_at + 1)
            self._is_last_round = True
        self._table = 0
