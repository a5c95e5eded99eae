"""What a store promises. Written for the rooms that call it: ``ingest`` appends, ``processor`` commits, ``dispatch`` records.

Rules every driver keeps (``tests/integration/store_suite.py`` holds them to it):

- ``append``, ``commit`` and ``record`` return only after what they were given is durable. Calls that wait together share
  one transaction (group commit), and a failing one never takes its neighbours' work along.
- A transition is written whole or not at all. One that sends nothing need not survive a power cut by itself (only the death of
  the process): it follows from entries that do, and is taken again, alike. Whatever is durable after it makes it so too.
- Entries reach the listener in sequence order, each once, on the event loop, only after they are durable.
- Everything is bounded: above ``max_pending`` entries not yet decided, ``append`` raises Overloaded and takes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from router.model.decision import Decision
from router.model.delivery import Delivery, DeliveryState
from router.model.incident import Incident
from router.model.journal import Entry, Fact
from router.model.page import AuditEntry, Followed, Page, Webhook
from router.model.transition import StateRow


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the processor, to be made durable as a whole: the cursor moves with its decisions and deliveries."""

    cursor: int  # every entry up to this sequence is decided
    decided_at: int  # the engine's time after this step
    decisions: list[Decision]
    incidents: list[Incident]
    changes: list[StateRow]
    deliveries: list[Delivery]


class Recovered(msgspec.Struct, frozen=True, kw_only=True):
    """What was there when the store was opened: enough to go on as if nothing had happened."""

    cursor: int
    decided_at: int
    state: list[StateRow]
    undecided: list[Entry]
    outbox: list[Delivery]  # pending, in order of id
    next_delivery_id: int
    expiries: dict[int, int]  # alert row id -> expires_at, as last checkpointed
    last_seen_at: int  # newest time the store knows of; 0: a new store


class DecisionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded decision with its place in the record."""

    id: int
    decision: Decision


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    """An audit entry with its place in the record."""

    id: int
    entry: AuditEntry


class Reader(Protocol):
    """Looking back; never blocks the writer. Every listing is newest first unless said, and bounded by ``limit``."""

    def entry(self, seq: int) -> Entry | None:
        """One journal entry, or None if it was never there or has been retired."""
        ...

    def entries(
        self, *, after_seq: int = 0, since: int | None = None, until: int | None = None, limit: int = 100
    ) -> list[Entry]:
        """Journal entries in sequence order; ``since`` <= at < ``until``."""
        ...

    def latest_entries(self, *, before_seq: int | None = None, limit: int = 100) -> list[Entry]:
        """Journal entries, newest first; page on with ``before_seq``."""
        ...

    def decisions(
        self,
        *,
        alert_seq: int | None = None,
        dedup_key: str | None = None,
        before_id: int | None = None,
        limit: int = 100,
    ) -> list[DecisionRow]:
        """Decisions, newest first; page on with ``before_id``."""
        ...

    def incidents(
        self, *, status: str | None = None, team: str | None = None, before_number: int | None = None, limit: int = 100
    ) -> list[Incident]:
        """Incidents, newest first."""
        ...

    def incident(self, number_or_dedup_key: int | str) -> Incident | None:
        """One incident by its number or dedup key."""
        ...

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
        ...

    def delivery(self, delivery_id: int) -> Delivery | None:
        """One delivery with its last attempts."""
        ...

    def webhooks(self, *, limit: int = 1000) -> list[Webhook]:
        """Webhooks that were taken and whose effect is not recorded yet, oldest first."""
        ...

    def pages(
        self, *, incident: int | None = None, pagerduty_id: str | None = None, after_incident: int = 0, limit: int = 1000
    ) -> list[Page]:
        """Pages by incident, then team: of one incident, of one of PagerDuty's, or else all that are open there."""
        ...

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
        """Who did what, newest first; with ``after_id`` oldest first from there on.

        ``who``: a part of the name, letters A to Z in any case; ``since`` <= at < ``until``.
        """
        ...

    def state(self, kind: str, *, after_id: int = 0, limit: int = 1000) -> list[StateRow]:
        """Engine state rows of a kind in order of id."""
        ...

    def ruleset(self, version: str) -> bytes | None:
        """The texts of a rule set, as ``save_ruleset`` was given them."""
        ...

    def latest_ruleset(self) -> tuple[str, bytes] | None:
        """Version and texts of the rule set that was put in force last; None in a new store."""
        ...

    def close(self) -> None:
        """Let go of the file or connection."""
        ...


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """How full the store is; for metrics and ``/-/ready``."""

    bytes_used: int
    bytes_free: int
    journal_entries: int
    bytes_log: int = 0  # of what was written and is not in the database alone: grows while somebody reads for long
    refusing: str = ""  # why appends are refused, empty if they are not


class Store(Protocol):
    """The writer's side. Opened once per process; all methods are called on the event loop."""

    async def open(self) -> Recovered:
        """Check, migrate, recover. StoreUnusable says what is wrong with the file and what to do."""
        ...

    def subscribe(self, listener: Callable[[Sequence[Entry]], None]) -> None:
        """Who gets the durable entries, in order. Set once, before the first append."""
        ...

    async def append(self, at: int, facts: Sequence[Fact], *, reserved: bool = False) -> Sequence[Entry]:
        """Journal these facts, all or none; StoreFull, StoreUnavailable or Overloaded when that cannot be.

        The entries' time is ``at``, but never before what was accepted or decided earlier: the wall clock may be set back.

        ``reserved``: facts of the router's own (a dead letter, that the disk is full), which may use the room that is kept free
        for delivering what is held.
        """
        ...

    def oldest_pending_at(self) -> int | None:
        """The ``at`` of the oldest appended entry that the listener has not had yet; timers may not run past it."""
        ...

    async def commit(self, commit: Commit) -> None:
        """One step of the processor; LeaseLost if another decides now.

        A commit that raised StoreFull or StoreUnavailable may be given again, the same object: it is taken once.
        """
        ...

    async def record(self, deliveries: Sequence[Delivery]) -> None:
        """The progress of these deliveries: attempts, next time, state."""
        ...

    async def keep_webhook(self, webhook: Webhook) -> bool:
        """Durable when it returns; False: it (or its event, under another id) was kept before, and nothing was written."""
        ...

    async def follow(self, step: Followed) -> None:
        """What was learnt of pages, whole or not at all."""
        ...

    async def checkpoint_expiries(self, expiries: dict[int, int | None]) -> None:
        """Remember new expiry times by alert row id (None: forget). Losing the newest seconds of this is allowed."""
        ...

    async def save_ruleset(self, version: str, at: int, texts: bytes) -> None:
        """Keep the texts of a rule set, for replay and explain."""
        ...

    async def retire(self, *, before_at: int, max_bytes: int) -> int:
        """Delete history older than that, then oldest first until under the size; answer how many journal entries went.

        Never what is undecided, open or pending.
        """
        ...

    def usage(self) -> Usage:
        """How full it is."""
        ...

    def reader(self) -> Reader:
        """A read-only view of its own."""
        ...

    async def close(self) -> None:
        """Finish what was queued, checkpoint, let go."""
        ...
