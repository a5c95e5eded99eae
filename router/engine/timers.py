"""When something is due: one heap of (due, kind, id).

An entry is stale when its owner is gone or due at another time, and is then passed over. Groups and storms carry their own due
time, since there are many; of the other kinds it is kept here. What fires at one instant fires in order of kind, then id.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from typing import Protocol

GROUP, STORM, SHARED, SILENCE, DIGEST = 0, 1, 2, 3, 4
"""Kinds of timers, in the order they fire at one instant."""

STALE = 1_024
"""Stale entries the heap may hold, besides three for each live one."""


class Owner(Protocol):
    """A group or a storm."""

    due: int  # when its timer fires; 0: none


class Timers:
    """Set, moved and taken; ``count`` of them are set."""

    __slots__ = ("_due", "_groups", "_heap", "_storms", "count")

    def __init__(self) -> None:
        """None is set."""
        self.count = 0
        self._heap: list[tuple[int, int, int]] = []
        self._due: dict[tuple[int, int], int] = {}
        self._groups: Mapping[int, Owner] = {}
        self._storms: Mapping[int, Owner] = {}

    def watch(self, groups: Mapping[int, Owner], storms: Mapping[int, Owner]) -> None:
        """Where groups and storms are found by id."""
        self._groups = groups
        self._storms = storms

    def move(self, kind: int, owner: int, before: int, due: int) -> None:
        """A group's or storm's due time has become another; 0 is none."""
        self.count += (due > 0) - (before > 0)
        if due:
            heapq.heappush(self._heap, (due, kind, owner))
            if len(self._heap) > STALE + 4 * self.count:
                self._heap = sorted([entry for entry in set(self._heap) if self._is_live(entry)])

    def put(self, kind: int, owner: int, due: int) -> None:
        """Of another kind: due then; 0 is none."""
        before = self._due.pop((kind, owner), 0)
        if due:
            self._due[kind, owner] = due
        if due != before:
            self.move(kind, owner, before, due)

    def _is_live(self, entry: tuple[int, int, int]) -> bool:
        due, kind, owner = entry
        if kind > STORM:
            return self._due.get((kind, owner)) == due
        found = self._groups.get(owner) if kind == GROUP else self._storms.get(owner)
        return found is not None and found.due == due

    def earliest(self) -> int:
        """No timer is due before this; 0 if none is set."""
        return self._heap[0][0] if self._heap else 0

    def next(self) -> tuple[int, int, int] | None:
        """The timer due next, which stays; None if there is none."""
        heap = self._heap
        while heap and not self._is_live(heap[0]):
            heapq.heappop(heap)
        return heap[0] if heap else None

    def pop(self) -> None:
        """Take the timer that ``next`` showed."""
        _, kind, owner = heapq.heappop(self._heap)
        if kind == GROUP:
            self._groups[owner].due = 0
        elif kind == STORM:
            self._storms[owner].due = 0
        else:
            del self._due[kind, owner]
        self.count -= 1
