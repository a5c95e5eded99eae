"""The writer's side of history: fits ``history.base.Archive``. Each call is one transaction.

Must never do: stay open longer than a crawl, or run beside another writer (the lock file sees to that).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from router.errors import StoreUnavailable, StoreUnusable
from router.history.base import Record, Span, SpanKind, Unread
from router.history.condensing import record_of
from router.history.sqlite.indexing import index, unindex
from router.history.sqlite.opening import as_ours, open_for_writing
from router.model.past import PastIncident, Story
from router.store.sqlite.lockfile import LockFile, LockHeld

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Record).decode

_KEEP = """
INSERT INTO incidents (number, pagerduty_id, created_at, unread, read_at, kind, body) VALUES (?, ?, ?, 1, 0, ?, CAST(? AS TEXT))
ON CONFLICT (number) DO UPDATE SET unread = max(unread, 1), body = excluded.body
"""
_TELL = """
INSERT INTO incidents (number, pagerduty_id, created_at, unread, read_at, kind, body) VALUES (?, ?, ?, 0, ?, ?, CAST(? AS TEXT))
ON CONFLICT (number) DO UPDATE SET unread = 0, read_at = excluded.read_at, kind = excluded.kind, body = excluded.body
"""

_READ_AGAIN = """
UPDATE incidents SET unread = 1 WHERE number IN (
  SELECT number FROM (
    SELECT number, created_at, read_at,
      max(created_at, coalesce(body ->> 'updated_at', 0), coalesce(body ->> 'resolved_at', 0)) AS changed_at
    FROM incidents WHERE unread = 0 AND body ->> 'notes' > 0
  ) JOIN json_each(?) AS age ON read_at < changed_at + age.value AND changed_at + age.value <= ?
  GROUP BY number ORDER BY created_at DESC LIMIT ?
)
"""
_READ_ALL_AGAIN = """
UPDATE incidents SET unread = 1 WHERE unread = 0 AND created_at >= ? AND created_at < ? AND body ->> 'notes' > 0
"""


class SqliteArchive:
    """Open from construction to ``close``; any thread, one call at a time."""

    def __init__(self, path: Path) -> None:
        """Make or migrate the file. StoreUnusable when another process is writing it, or it cannot be used."""
        self._path = path
        self._one_at_a_time = threading.Lock()
        path.parent.mkdir(mode=0o700, exist_ok=True)
        try:
            self._lock = LockFile(path)
        except LockHeld as error:
            raise InUse(f"history is being synced already, wait for it or stop it: {error}") from error
        try:
            self._connection = open_for_writing(path)
        except BaseException:
            self._lock.release()
            raise

    def close(self) -> None:
        """Let the next one have it; what a thread is writing is written first."""
        with self._one_at_a_time:
            self._connection.close()
        self._lock.release()

    def spans(self, scope: str) -> list[Span]:
        """All pieces of this scope's crawls, done or not, newest first."""
        with self._transaction() as connection:
            return _spans(connection, scope)

    def plan(self, scope: str, spans: Sequence[tuple[SpanKind, int, int]], *, now: int) -> None:
        """Add pieces to work on."""
        with self._transaction() as connection:
            for kind, since, until in spans:
                _add(connection, scope, kind, since, until, now, done=False)

    def split(self, span: Span, at: int) -> None:
        """Instead of this piece its two halves."""
        with self._transaction() as connection:
            (scope,) = connection.execute("SELECT scope FROM spans WHERE id = ?", (span.id,)).fetchone()
            connection.execute("DELETE FROM spans WHERE id = ?", (span.id,))
            for since, until in ((span.since, at), (at, span.until)):
                _add(connection, scope, span.kind, since, until, span.made_at, done=False)

    def finish(self, span: Span) -> None:
        """Mark this piece as done; done pieces that touch become one."""
        with self._transaction() as connection:
            (scope,) = connection.execute("SELECT scope FROM spans WHERE id = ?", (span.id,)).fetchone()
            connection.execute("UPDATE spans SET done = 1 WHERE id = ?", (span.id,))
            done = [each for each in _spans(connection, scope) if each.is_done and each.kind == span.kind]
            done.sort(key=lambda each: each.since)
            merged: list[Span] = []
            for each in done:
                if merged and each.since <= merged[-1].until:
                    last = merged[-1]
                    merged[-1] = msgspec.structs.replace(
                        last, until=max(last.until, each.until), made_at=min(last.made_at, each.made_at)
                    )
                else:
                    merged.append(each)
            if len(merged) < len(done):
                connection.executemany("DELETE FROM spans WHERE id = ?", [(each.id,) for each in done])
                for each in merged:
                    _add(connection, scope, each.kind, each.since, each.until, each.made_at, done=True)

    def keep(self, incidents: Sequence[PastIncident]) -> int:
        """New and changed incidents, their stories to be read; how many were new."""
        new = 0
        with self._transaction() as connection:
            for incident in incidents:
                found = connection.execute("SELECT body FROM incidents WHERE number = ?", (incident.number,)).fetchone()
                before = None if found is None else _decode(found[0])
                if before is not None and _is_unchanged(before, incident):
                    continue
                new += before is None
                record = record_of(incident)
                connection.execute(_KEEP, (record.number, record.pagerduty_id, record.created_at, record.kind, _encode(record)))
        return new

    def note_changes(self, changes: Sequence[tuple[str, int]]) -> list[str]:
        """Something happened to these incidents (id, when): those read before that are unread now. Ids not known here."""
        unknown = []
        with self._transaction() as connection:
            for pagerduty_id, at in changes:
                row = connection.execute("SELECT read_at FROM incidents WHERE pagerduty_id = ?", (pagerduty_id,)).fetchone()
                if row is None:
                    unknown.append(pagerduty_id)
                elif row[0] <= at:
                    connection.execute("UPDATE incidents SET unread = 2 WHERE pagerduty_id = ?", (pagerduty_id,))
        return unknown

    def read_again(self, ages: Sequence[int], *, now: int, limit: int) -> int:
        """Incidents with notes that were read before they reached one of these ages (ms) are unread, newest first; how many.

        An incident's age counts from its last change, as far as it is known.
        """
        with self._transaction() as connection:
            return connection.execute(_READ_AGAIN, (_encode(list(ages)).decode(), now, limit)).rowcount

    def read_all_again(self, *, since: int, until: int) -> int:
        """The same for all incidents with notes that were created in that time."""
        with self._transaction() as connection:
            return connection.execute(_READ_ALL_AGAIN, (since, until)).rowcount

    def unread(self, limit: int) -> list[Unread]:
        """Incidents whose stories have to be read, newest first."""
        with self._transaction() as connection:
            rows = connection.execute(
                "SELECT body, unread FROM incidents INDEXED BY incidents_unread WHERE unread > 0 "
                "ORDER BY created_at DESC LIMIT ?",
                (limit,),
            ).fetchall()
        return [Unread(record=_decode(body), look=unread > 1) for body, unread in rows]

    def count_unread(self) -> int:
        """How many those are."""
        with self._transaction() as connection:
            (count,) = connection.execute(
                "SELECT count(*) FROM incidents INDEXED BY incidents_unread WHERE unread > 0"
            ).fetchone()
        return int(count)

    def tell(self, record: Record, story: Story, *, read_at: int) -> None:
        """An incident with its story, searchable from now on."""
        with self._transaction() as connection:
            connection.execute(
                _TELL, (record.number, record.pagerduty_id, record.created_at, read_at, record.kind, _encode(record))
            )
            connection.execute(
                "INSERT INTO stories (number, body) VALUES (?, CAST(? AS TEXT)) "
                "ON CONFLICT (number) DO UPDATE SET body = excluded.body",
                (record.number, _encode(story)),
            )
            index(connection, record, story)

    def forget(self, number: int) -> None:
        """PagerDuty has no such incident any more."""
        with self._transaction() as connection:
            unindex(connection, number)
            connection.execute("DELETE FROM stories WHERE number = ?", (number,))
            connection.execute("DELETE FROM incidents WHERE number = ?", (number,))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._one_at_a_time:
            connection = self._connection
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except sqlite3.ProgrammingError as error:
                raise StoreUnavailable(f"{self._path} is closed") from error
            except BaseException as error:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise as_ours(error, self._path) from error
                raise


class InUse(StoreUnusable):
    """Another process is syncing now; what is there can be read meanwhile."""


def _is_unchanged(before: Record, incident: PastIncident) -> bool:
    """A list tells ``updated_at`` in whole seconds, so an incident that is open is compared in all it shows."""
    known = record_of(incident)
    names = ("updated_at", "status", "title", "urgency", "priority", "service_id", "merged_into")
    return all(getattr(before, name) == getattr(known, name) for name in names) and before.alerts >= known.alerts


def _spans(connection: sqlite3.Connection, scope: str) -> list[Span]:
    rows = connection.execute(
        "SELECT id, kind, since, until, made_at, done FROM spans WHERE scope = ? ORDER BY until DESC, since DESC, id", (scope,)
    )
    return [
        Span(id=row[0], kind=row[1], since=row[2], until=row[3], made_at=row[4], is_done=bool(row[5]))
        for row in rows.fetchall()
    ]


def _add(  # noqa: PLR0917 - the columns in their order
    connection: sqlite3.Connection, scope: str, kind: str, since: int, until: int, made_at: int, *, done: bool
) -> None:
    connection.execute(
        "INSERT INTO spans (scope, kind, since, until, made_at, done) VALUES (?, ?, ?, ?, ?, ?)",
        (scope, kind, since, until, made_at, int(done)),
    )
