"""The reader's side of history: records by time, number and kind, and the words that search needs. Fits ``history.base.Past``.

One connection, any thread, one question at a time. Must never do: write, or hold up a crawl.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from router.errors import StoreUnavailable
from router.history.base import Found, Holdings, Record
from router.history.sqlite.opening import as_ours, open_for_reading
from router.model.past import Story

_decode = msgspec.json.Decoder(Record).decode
_decode_story = msgspec.json.Decoder(Story).decode
_CHUNK = 2_000

_SEARCH = """
SELECT words.rowid, bm25(words, 8.0, 5.0, 4.0, 1.0), snippet(words, -1, char(2), char(3), '…', 16) FROM words
WHERE words MATCH ? AND words.rowid >= ? ORDER BY rank LIMIT ?
"""


class SqliteHistory:
    """Open from construction to ``close``."""

    def __init__(self, path: Path) -> None:
        """StoreUnusable if there is no history yet, or it cannot be read."""
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = open_for_reading(path)

    def close(self) -> None:
        """Let go. A second call does nothing."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def holdings(self) -> Holdings:
        """How much is here."""
        with self._reading() as connection:
            count, oldest, newest = connection.execute(
                "SELECT count(*), coalesce(min(created_at), 0), coalesce(max(created_at), 0) FROM incidents"
            ).fetchone()
            (unread,) = connection.execute(
                "SELECT count(*) FROM incidents INDEXED BY incidents_unread WHERE unread > 0"
            ).fetchone()
            (todo,) = connection.execute("SELECT count(*) FROM spans WHERE done = 0").fetchone()
            (synced,) = connection.execute("SELECT coalesce(max(until), 0) FROM spans WHERE done = 1").fetchone()
        return Holdings(incidents=count, unread=unread, oldest=oldest, newest=newest, unlisted=todo, synced_until=synced)

    def records(self, *, since: int, until: int) -> Iterator[Record]:
        """Those created at since <= time < until, oldest first, in bounded memory."""
        after = (since, 0)
        while True:
            with self._reading() as connection:
                rows = connection.execute(
                    "SELECT created_at, number, body FROM incidents WHERE (created_at, number) > (?, ?) AND created_at < ? "
                    "ORDER BY created_at, number LIMIT ?",
                    (*after, until, _CHUNK),
                ).fetchall()
            for _, _, body in rows:
                yield _decode(body)
            if len(rows) < _CHUNK:
                return
            after = rows[-1][:2]

    def record(self, number: int) -> Record | None:
        """One by PagerDuty's number."""
        found = self.numbered([number])
        return found[0] if found else None

    def numbered(self, numbers: Sequence[int]) -> list[Record]:
        """These, in this order, as far as they are here."""
        with self._reading() as connection:
            found = [
                connection.execute("SELECT body FROM incidents WHERE number = ?", (number,)).fetchone() for number in numbers
            ]
        return [_decode(row[0]) for row in found if row is not None]

    def story(self, number: int) -> Story | None:
        """What happened to one."""
        with self._reading() as connection:
            row = connection.execute("SELECT body FROM stories WHERE number = ?", (number,)).fetchone()
        return None if row is None else _decode_story(row[0])

    def of_kind(self, kind: str, limit: int) -> list[Record]:
        """The newest of one kind."""
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT body FROM incidents WHERE kind = ? ORDER BY created_at DESC LIMIT ?", (kind, limit)
            ).fetchall()
        return [_decode(body) for (body,) in rows]

    def search(self, expression: str, *, from_number: int, limit: int) -> list[Found]:
        """Best first; ``expression`` is FTS5's own language, made by ``history.searching``."""
        with self._reading() as connection:
            rows = connection.execute(_SEARCH, (expression, from_number, limit)).fetchall()
        return [Found(number=number, score=-score, excerpt=excerpt) for number, score, excerpt in rows]

    def frequency(self, word: str) -> int:
        """In how many incidents a word stands."""
        with self._reading() as connection:
            row = connection.execute("SELECT doc FROM vocabulary WHERE term = ?", (word,)).fetchone()
        return 0 if row is None else int(row[0])

    def spellings_near(self, word: str, limit: int) -> list[str]:
        """Known words that share most pieces of three letters with this one."""
        padded = f"  {word} "
        pieces = dict.fromkeys(padded[position : position + 3] for position in range(len(padded) - 2))
        expression = " OR ".join('"' + piece.replace('"', '""') + '"' for piece in pieces)
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT word FROM spelling_pieces WHERE spelling_pieces MATCH ? ORDER BY rank LIMIT ?", (expression, limit)
            ).fetchall()
        return [spelled.strip() for (spelled,) in rows]

    def newest_number(self) -> int:
        """PagerDuty's number of the newest incident."""
        with self._reading() as connection:
            (newest,) = connection.execute("SELECT coalesce(max(number), 0) FROM incidents").fetchone()
        return int(newest)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._connection is None:
                raise StoreUnavailable(f"the reader of {self._path} is closed")
            try:
                yield self._connection
            except sqlite3.Error as error:
                raise as_ours(error, self._path) from error
