"""Counts what was accepted and is not yet decided. One bound for every driver, so that all of them refuse alike.

Keeps these invariants: an append is taken whole or not at all; what failed to become durable counts no longer; what the
cursor has passed counts no longer. Not thread-safe: used on the event loop only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from router.errors import Overloaded


class Ticket:
    """The place one append holds among the pending: ``count`` entries from ``first_seq`` on, without gaps."""

    __slots__ = ("at", "count", "first_seq", "is_settled")

    def __init__(self, first_seq: int, count: int, at: int) -> None:
        """Not settled: neither announced to the listener nor failed."""
        self.first_seq = first_seq
        self.count = count
        self.at = at
        self.is_settled = False


class Pending:
    """Hands out sequence numbers and knows how many entries wait, and since when."""

    def __init__(self, limit: int) -> None:
        """Nothing waits; the first sequence is 1."""
        self._limit = limit
        self._last_seq = 0
        self._passed_at = 0
        self._count = 0
        self._held: deque[Ticket] = deque()  # in order of sequence, until the cursor has passed them
        self._unannounced: deque[Ticket] = deque()  # only those that can become the oldest, ``at`` rising

    @property
    def count(self) -> int:
        """Entries accepted and not passed by the cursor."""
        return self._count

    @property
    def last_seq(self) -> int:
        """The last sequence given out, or found when the store was opened."""
        return self._last_seq

    def restore(self, last_seq: int, undecided: Iterable[int], *, passed_at: int = 0) -> None:
        """Begin behind ``last_seq`` with these sequences waiting (the listener is not told of them).

        ``passed_at``: the newest time of an entry or a decision.
        """
        self._last_seq = last_seq
        self._passed_at = passed_at
        self._held.clear()
        self._unannounced.clear()
        self._count = 0
        for seq in undecided:
            newest = self._held[-1] if self._held else None
            if newest is not None and newest.first_seq + newest.count == seq:
                newest.count += 1
            else:
                self._held.append(Ticket(seq, 1, 0))
            self._count += 1

    def take(self, count: int, at: int) -> Ticket:
        """A place for this many entries accepted ``at``; Overloaded when that would pass the limit.

        The ticket's ``at`` is what counts: never earlier than what was accepted or decided before, whatever the wall clock did
        meanwhile. That is how the engine takes them anyway, so a replay of the journal decides alike.
        """
        if self._count + count > self._limit:
            raise Overloaded(
                f"{self._count} accepted alerts wait to be decided and {count} more would pass the limit of {self._limit}; "
                "send again in a second, or in smaller requests",
                retry_after_seconds=1,
            )
        at = self._passed_at = max(at, self._passed_at)
        ticket = Ticket(self._last_seq + 1, count, at)
        self._last_seq += count
        self._count += count
        self._held.append(ticket)
        while self._unannounced and self._unannounced[-1].at > at:
            self._unannounced.pop()
        self._unannounced.append(ticket)
        return ticket

    def pass_time(self, decided_at: int) -> None:
        """The engine's time has come to here: nothing is accepted at an earlier one any more."""
        self._passed_at = max(self._passed_at, decided_at)

    def announce(self, ticket: Ticket) -> None:
        """The listener has had these entries."""
        ticket.is_settled = True

    def fail(self, ticket: Ticket) -> None:
        """These entries did not become durable; their sequences stay unused."""
        ticket.is_settled = True
        self._count -= ticket.count
        ticket.count = 0

    def advance(self, cursor: int) -> None:
        """Every entry up to this sequence is decided."""
        held = self._held
        while held and held[0].first_seq <= cursor:
            ticket = held[0]
            passed = min(ticket.count, cursor - ticket.first_seq + 1)
            self._count -= passed
            ticket.count -= passed
            if ticket.count:
                ticket.first_seq = cursor + 1
                return
            held.popleft()

    def oldest_at(self) -> int | None:
        """The least ``at`` of the entries that the listener has not had; None if there are none."""
        waiting = self._unannounced
        while waiting and waiting[0].is_settled:
            waiting.popleft()
        return waiting[0].at if waiting else None
