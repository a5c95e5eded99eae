"""What is there when a database is opened. Reads by key only: a long journal costs a start nothing."""

from __future__ import annotations

import sqlite3
from typing import get_args

import msgspec

from router.model.journal import Entry
from router.model.transition import StateKind, StateRow
from router.store.base import Recovered
from router.store.sqlite.queries import QUERIES
from router.store.sqlite.rows import read_delivery, read_entry

STATE_KINDS: tuple[StateKind, ...] = get_args(StateKind)
_CHUNK = 1_000
_NO_LIMIT = -1
_BEFORE_ALL = -(2**62)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """``recovered`` for the daemon, and where the driver's own counters go on."""

    recovered: Recovered
    last_seq: int
    next_decision_id: int
    step: int
    entries: int


def recover(connection: sqlite3.Connection) -> Found:
    """Everything after the cursor, the engine's state, the outbox."""
    cursor, decided_at, step, seen_at, entries, entries_until = connection.execute(QUERIES["cursor"]).fetchone()
    undecided: list[Entry] = []
    rows = connection.execute(QUERIES["undecided"], (cursor, _NO_LIMIT))
    while chunk := rows.fetchmany(_CHUNK):
        undecided.extend(map(read_entry, chunk))
    state: list[StateRow] = []
    for kind in STATE_KINDS:
        found = connection.execute(QUERIES[f"state_{kind}"], (_BEFORE_ALL, _NO_LIMIT))
        state.extend(StateRow(kind, row_id, body) for row_id, body in found)
    last_entry = connection.execute(QUERIES["last_entry"]).fetchone() or (0, 0)
    last_decision, last_delivery = connection.execute(QUERIES["last_ids"]).fetchone()
    (after,) = connection.execute(QUERIES["count_after"], (entries_until,)).fetchone()
    return Found(
        recovered=Recovered(
            cursor=cursor,
            decided_at=decided_at,
            state=state,
            undecided=undecided,
            outbox=[read_delivery(row) for row in connection.execute(QUERIES["outbox"])],
            next_delivery_id=(last_delivery or 0) + 1,
            expiries=dict(connection.execute(QUERIES["expiries"])),
            last_seen_at=max(decided_at, seen_at, last_entry[1]),
        ),
        last_seq=max(cursor, last_entry[0]),
        next_decision_id=(last_decision or 0) + 1,
        step=step,
        entries=entries + after,
    )
