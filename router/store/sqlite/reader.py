"""Looking back: a read-only connection of its own, usable beside the daemon, from another process, or with no daemon.

Each method is one short read, so that the log can be checkpointed between them. May be used from any one thread at a
time. Must never do: write, or open the file in a mode that could.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from router.errors import StoreUnavailable
from router.model.delivery import Delivery, DeliveryState
from router.model.incident import Incident
from router.model.journal import Entry
from router.model.page import Page, Webhook
from router.model.transition import StateRow
from router.store.base import AuditRow, DecisionRow
from router.store.sqlite.faults import translate
from router.store.sqlite.following import read_audit, read_page, read_webhook
from router.store.sqlite.opening import open_for_reading
from router.store.sqlite.queries import QUERIES
from router.store.sqlite.recovery import STATE_KINDS
from router.store.sqlite.rows import episode_of, read_decision, read_delivery, read_entry, read_incident
from router.store.sqlite.schema import MIGRATIONS

_END = 2**62
_DISORDER_MS = 3_600_000
"""Entries are in order of acceptance; their times may be out of order by what a wall clock was set back."""


def open_reader(path: Path) -> SqliteReader:
    """For commands: the record as it is now. StoreUnusable if the file is missing, not ours, or of a newer schema."""
    return SqliteReader(path, open_for_reading(path, MIGRATIONS[-1].number))


class SqliteReader:
    """The record of one database."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """Takes the connection over."""
        self._path = path
        self._connection: sqlite3.Connection | None = connection
        self._lock = Lock()

    def entry(self, seq: int) -> Entry | None:
        """One journal entry, or None if it was never there or has been retired."""
        rows = self._rows("entry", (seq,))
        return read_entry(rows[0]) if rows else None

    def entries(
        self, *, after_seq: int = 0, since: int | None = None, until: int | None = None, limit: int = 100
    ) -> list[Entry]:
        """Journal entries in sequence order; ``since`` <= at < ``until``.

        Times are not indexed (that would cost every append): the range is found by halving, and is exact as long as the wall
        clock was not set back by more than an hour.
        """
        first, last = after_seq, _END
        if since is not None:
            first = max(first, self._seq_before(since - _DISORDER_MS))
        if until is not None:
            last = self._seq_before(until + _DISORDER_MS)
        parameters = {
            "after": first,
            "last": last,
            "since": -_END if since is None else since,
            "until": _END if until is None else until,
            "limit": limit,
        }
        return [read_entry(row) for row in self._rows("entries", parameters)]

    def latest_entries(self, *, before_seq: int | None = None, limit: int = 100) -> list[Entry]:
        """Journal entries, newest first."""
        before = _END if before_seq is None else before_seq
        return [read_entry(row) for row in self._rows("latest_entries", (before, limit))]

    def decisions(
        self,
        *,
        alert_seq: int | None = None,
        dedup_key: str | None = None,
        before_id: int | None = None,
        limit: int = 100,
    ) -> list[DecisionRow]:
        """Decisions, newest first; page on with ``before_id``."""
        parameters: dict[str, Any] = {"before_id": _END if before_id is None else before_id, "limit": limit}
        if alert_seq is not None:
            rows = self._rows("decisions_of_alert", parameters | {"alert_seq": alert_seq, "dedup_key": dedup_key or None})
        elif dedup_key:
            key = {"episode": episode_of(dedup_key), "dedup_key": dedup_key}
            rows = self._rows("decisions_of_episode", parameters | key)
        else:
            rows = self._rows("decisions", parameters)
        return [read_decision(row) for row in rows]

    def incidents(
        self, *, status: str | None = None, team: str | None = None, before_number: int | None = None, limit: int = 100
    ) -> list[Incident]:
        """Incidents, newest first."""
        parameters: dict[str, Any] = {"before_number": _END if before_number is None else before_number, "team": team}
        parameters["limit"] = limit
        if status == "open":
            rows = self._rows("incidents_open", parameters)
        else:
            rows = self._rows("incidents", parameters | {"status": status})
        return [read_incident(row) for row in rows]

    def incident(self, number_or_dedup_key: int | str) -> Incident | None:
        """One incident by its number or dedup key."""
        if isinstance(number_or_dedup_key, int):
            rows = self._rows("incident", (number_or_dedup_key,))
        else:
            rows = self._rows("incident_of_episode", (episode_of(number_or_dedup_key), number_or_dedup_key))
        return read_incident(rows[0]) if rows else None

    def deliveries(
        self,
        *,
        state: DeliveryState | None = None,
        dedup_key: str | None = None,
        team: str | None = None,
        channel: str | None = None,
        before_id: int | None = None,
        limit: int = 100,
    ) -> list[Delivery]:
        """Deliveries, newest first; ``channel``: pagerduty, or the name of one."""
        parameters: dict[str, Any] = {
            "before_id": _END if before_id is None else before_id,
            "state": None if state is None else state.value,
            "team": team,
            "channel": channel,
            "limit": limit,
        }
        if dedup_key:
            key = {"episode": episode_of(dedup_key), "dedup_key": dedup_key}
            rows = self._rows("deliveries_of_episode", parameters | key)
        elif state is not None and state is not DeliveryState.DELIVERED:
            rows = self._rows("deliveries_unfinished", parameters)
        else:
            rows = self._rows("deliveries", parameters)
        return [read_delivery(row) for row in rows]

    def delivery(self, delivery_id: int) -> Delivery | None:
        """One delivery with its last attempts."""
        rows = self._rows("delivery", (delivery_id,))
        return read_delivery(rows[0]) if rows else None

    def webhooks(self, *, limit: int = 1000) -> list[Webhook]:
        """Webhooks that were taken and whose effect is not recorded yet, oldest first."""
        return [read_webhook(row) for row in self._rows("webhooks", (limit,))]

    def pages(
        self, *, incident: int | None = None, pagerduty_id: str | None = None, after_incident: int = 0, limit: int = 1000
    ) -> list[Page]:
        """Pages by incident, then team: of one incident, of one of PagerDuty's, or else all that are open there."""
        parameters: dict[str, Any] = {"after": after_incident, "limit": limit}
        if incident is not None:
            rows = self._rows("pages_of_incident", parameters | {"incident": incident})
        elif pagerduty_id is not None:
            rows = self._rows("pages_of_pagerduty", parameters | {"pagerduty_id": pagerduty_id})
        else:
            rows = self._rows("pages_open", parameters)
        return [read_page(row) for row in rows]

    def audit(
        self,
        *,
        incident: int | None = None,
        who: str = "",
        since: int | None = None,
        until: int | None = None,
        before_id: int | None = None,
        after_id: int | None = None,
        limit: int = 100,
    ) -> list[AuditRow]:
        """Who did what, newest first; with ``after_id`` oldest first from there on."""
        parameters: dict[str, Any] = {
            "before_id": _END if before_id is None else before_id,
            "after_id": after_id or 0,
            "since": since or 0,
            "until": _END if until is None else until,
            "who": who,
            "limit": limit,
        }
        if incident is not None:
            rows = self._rows("audit_of_incident", parameters | {"incident": incident})
        else:
            rows = self._rows("audit" if after_id is None else "audit_onwards", parameters)
        return [read_audit(row) for row in rows]

    def state(self, kind: str, *, after_id: int = 0, limit: int = 1000) -> list[StateRow]:
        """Engine state rows of a kind in order of id."""
        for known in STATE_KINDS:
            if known == kind:
                return [StateRow(known, row_id, body) for row_id, body in self._rows(f"state_{kind}", (after_id, limit))]
        return []

    def ruleset(self, version: str) -> bytes | None:
        """The texts of a rule set, as ``save_ruleset`` was given them."""
        rows = self._rows("ruleset", (version,))
        return bytes(rows[0][0]) if rows else None

    def latest_ruleset(self) -> tuple[str, bytes] | None:
        """Version and texts of the rule set that was put in force last."""
        rows = self._rows("latest_ruleset", ())
        return (rows[0][0], bytes(rows[0][1])) if rows else None

    def close(self) -> None:
        """Let go of the file. A second call does nothing."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _rows(self, name: str, parameters: Any) -> list[Any]:
        with self._reading() as connection:
            try:
                return connection.execute(QUERIES[name], parameters).fetchall()
            except OverflowError:  # a number of more than 64 bits, which names nothing that is here
                return []

    def _seq_before(self, at: int) -> int:
        """A sequence with only earlier entries up to it, found by halving."""
        with self._reading() as connection:
            low = connection.execute(QUERIES["first_entry"]).fetchone()
            high = connection.execute(QUERIES["last_entry"]).fetchone()
            if low is None or high is None or low[1] >= at:
                return 0
            before, after = low[0], high[0] + 1  # at(before) < at; `after` is the end or has at(after) >= at
            while before + 1 < after:
                middle = (before + after) // 2
                row = connection.execute(QUERIES["entry_at"], (middle,)).fetchone()
                if row is None or row[0] >= after or row[1] >= at:
                    after = middle  # nothing between middle and `after`, or it is late enough
                else:
                    before = row[0]
            return int(before)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._connection is None:
                raise StoreUnavailable(f"the reader of {self._path} is closed")
            try:
                yield self._connection
            except sqlite3.Error as error:
                raise translate(error, self._path) from error
