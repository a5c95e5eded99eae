"""What of an incident is searched, and how it gets into the index. Runs in the transaction that writes the incident.

Names in one piece (``CardError``, ``payment_api``) are indexed in pieces, too, so that "card error" finds them.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable

from router.history.base import Record
from router.history.condensing import RESOLUTION_NOTE
from router.model.past import Story

MAX_TEXT = 20_000
"""Characters of a column that are indexed."""

LONGEST_WORD = 32
_CAMEL = re.compile(r"[a-z]+(?=[A-Z])|[A-Z]+(?=[A-Z][a-z])|[A-Z][a-z]+|[a-z]+|[A-Z]+")
_JOINED = re.compile(r"\b[^\W\d_]+(?:_[^\W_]+)+\b|\b[A-Za-z]*[a-z][A-Z][A-Za-z]*\b|\b[A-Z]+[a-z][A-Za-z]*\b")
_WORD = re.compile(r"\b[^\W\d_]{4,32}\b")


def columns(record: Record, story: Story) -> tuple[str, str, str, str]:
    """Title, resolution, notes, details: all that is searched."""
    notes = [note.text.removeprefix(RESOLUTION_NOTE) for note in story.notes]
    alerts = [f"{alert.summary}\n{alert.details}" for alert in story.alerts[:50]]
    # Alerts of one incident say much the same; each line once.
    lines = dict.fromkeys(line for text in alerts for line in text.splitlines())
    details = "\n".join((record.service, record.rule, record.team, *lines))
    texts = (f"{record.title}", record.resolution, "\n".join(notes), details)
    return tuple(in_pieces(text[:MAX_TEXT]) for text in texts)  # type: ignore[return-value]


def in_pieces(text: str) -> str:
    """The text, and the words inside of names in one piece."""
    pieces: dict[str, None] = {}
    for match in _JOINED.finditer(text):
        for part in match[0].split("_"):
            found = _CAMEL.findall(part)
            if len(found) > 1 or part != match[0]:
                pieces.update(dict.fromkeys(found))
    return f"{text}\n{' '.join(pieces)}" if pieces else text


def index(connection: sqlite3.Connection, record: Record, story: Story) -> None:
    """Searchable by this from now on."""
    new = columns(record, story)
    old = connection.execute(
        "SELECT title, resolution, notes, details FROM texts WHERE number = ?", (record.number,)
    ).fetchone()
    if old == new:
        return
    if old is not None:
        unindex(connection, record.number)
    connection.execute(
        "INSERT INTO texts (number, title, resolution, notes, details) VALUES (?, ?, ?, ?, ?)", (record.number, *new)
    )
    connection.execute(
        "INSERT INTO words (rowid, title, resolution, notes, details) VALUES (?, ?, ?, ?, ?)", (record.number, *new)
    )
    learn(connection, spellings(new))


def unindex(connection: sqlite3.Connection, number: int) -> None:
    """Searchable no more."""
    old = connection.execute("SELECT title, resolution, notes, details FROM texts WHERE number = ?", (number,)).fetchone()
    if old is None:
        return
    connection.execute(
        "INSERT INTO words (words, rowid, title, resolution, notes, details) VALUES ('delete', ?, ?, ?, ?, ?)", (number, *old)
    )
    connection.execute("DELETE FROM texts WHERE number = ?", (number,))


def spellings(texts: Iterable[str]) -> set[str]:
    """The words of these texts that may be mistyped: of four letters and more, without digits."""
    return {word.lower() for text in texts for word in _WORD.findall(text)}


def learn(connection: sqlite3.Connection, words: Iterable[str]) -> None:
    """Know these words from now on."""
    for word in words:
        if connection.execute("INSERT OR IGNORE INTO spellings (word) VALUES (?)", (word,)).rowcount:
            connection.execute("INSERT INTO spelling_pieces (word) VALUES (?)", (f"  {word} ",))
