"""What the writer thread is given. Each piece of work belongs to one caller and fails alone.

Must never do: wait, or look at anything but its own rows and the connection.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, get_args

from router.errors import InvariantError
from router.model.delivery import Delivery
from router.model.journal import Entry
from router.model.transition import StateKind, StateRow
from router.store.base import Commit
from router.store.pending import Ticket
from router.store.sqlite import rows
from router.store.sqlite.queries import QUERIES, Bulk

_INSERT_JOURNAL = Bulk("insert_journal")
_INSERT_DECISIONS = Bulk("insert_decisions")
_UPSERT_INCIDENTS = Bulk("upsert_incidents")
_INSERT_DELIVERIES = Bulk("insert_deliveries")
_RECORD_DELIVERIES = Bulk("record_deliveries")
_UPSERT_STATE = {kind: Bulk(f"upsert_state_{kind}") for kind in get_args(StateKind)}
_DELETE_STATE = {kind: Bulk(f"delete_state_{kind}") for kind in get_args(StateKind)}


class Append:
    """Entries on their way into the journal."""

    __slots__ = ("entries", "future", "ticket", "values")

    def __init__(self, entries: list[Entry], ticket: Ticket, future: asyncio.Future[Any]) -> None:
        """Encode the entries."""
        self.values = rows.journal_values(entries)
        self.entries = entries
        self.ticket = ticket
        self.future = future


class Step:
    """One commit of the processor. Given again after a failure it must be the same object, or it would be taken twice."""

    __slots__ = ("_statements", "_step", "cursor", "decided_at", "future", "is_repeat", "sends")

    def __init__(self, commit: Commit, *, step: int, first_decision_id: int, future: asyncio.Future[Any]) -> None:
        """Encode the rows."""
        self.cursor = commit.cursor
        self.decided_at = commit.decided_at
        self.future = future
        self.is_repeat = False
        self.sends = bool(commit.deliveries)
        self._step = step
        self._statements: list[tuple[Bulk, list[Any]]] = [
            (_INSERT_DECISIONS, rows.decision_values(first_decision_id, commit.decisions)),
            (_UPSERT_INCIDENTS, rows.incident_values(commit.incidents)),
            (_INSERT_DELIVERIES, rows.delivery_values(commit.deliveries)),
            *_state_statements(commit.changes),
        ]

    def apply(self, connection: sqlite3.Connection, entries: int, entries_until: int) -> None:
        """Write everything and move the cursor; nothing if a first try turned out durable after all."""
        if self.is_repeat and connection.execute(QUERIES["cursor"]).fetchone()[2] == self._step:
            return
        for bulk, values in self._statements:
            bulk.run(connection, values)
        connection.execute(QUERIES["move_cursor"], (self.cursor, self.decided_at, self._step, entries, entries_until))


class Progress:
    """How far deliveries got."""

    __slots__ = ("by_id", "future")

    def __init__(self, deliveries: Sequence[Delivery], future: asyncio.Future[Any]) -> None:
        """Take the figures as they are now; the deliveries go on changing."""
        self.by_id = {delivery.id: rows.progress_values(delivery) for delivery in deliveries}
        self.future = future


class Call:
    """Anything else: run alone, outside the group, between two transactions of it."""

    __slots__ = ("function", "future")

    def __init__(self, function: Callable[[sqlite3.Connection], Any], future: asyncio.Future[Any]) -> None:
        """``function`` is responsible for its own transaction."""
        self.function = function
        self.future = future


Grouped = Append | Step | Progress


def _state_statements(changes: Sequence[StateRow]) -> list[tuple[Bulk, list[Any]]]:
    """At most one change a row in a transition, so the order of these statements does not matter."""
    upserts: dict[str, list[Any]] = {}
    deletes: dict[str, list[Any]] = {}
    for change in changes:
        if change.body is None:
            deletes.setdefault(change.kind, []).append(change.id)
        else:
            upserts.setdefault(change.kind, []).extend((change.id, change.body))
    if unknown := (upserts.keys() | deletes.keys()) - _UPSERT_STATE.keys():
        raise InvariantError(f"there is no table for engine state of kind {min(unknown)!r}; a migration has to add it")
    return [
        *((_DELETE_STATE[kind], values) for kind, values in deletes.items()),
        *((_UPSERT_STATE[kind], values) for kind, values in upserts.items()),
    ]


def write_progress(connection: sqlite3.Connection, works: Sequence[Progress]) -> None:
    """All at once; of a delivery recorded twice the later figures count."""
    merged: dict[int, tuple[Any, ...]] = {}
    for work in works:
        merged |= work.by_id
    touched = _RECORD_DELIVERIES.run(connection, [column for row in merged.values() for column in row])
    if touched != len(merged):
        raise InvariantError(f"progress was recorded for {len(merged) - touched} deliveries that were never committed")


def write_entries(connection: sqlite3.Connection, works: Sequence[Append]) -> None:
    """All at once, in order of sequence."""
    if len(works) == 1:
        _INSERT_JOURNAL.run(connection, works[0].values)
    else:
        _INSERT_JOURNAL.run(connection, [column for work in works for column in work.values])
