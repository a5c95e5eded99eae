"""What waits for one routing key: lanes that may go, by priority and then by age, and lanes that wait for their time. Pure.

Keeps these invariants: a lane stands in at most one place; of two lanes that may go, the one whose first delivery has the
smaller (priority, id) goes first. Entries of a lane that has moved on are left behind, skipped when met, and swept when they
outnumber the valid ones.
"""

from __future__ import annotations

from collections.abc import Collection
from heapq import heapify, heappop, heappush

from router.dispatch.lane import Lane
from router.dispatch.pace import Pace
from router.model.event import PAGERDUTY

_FEW = 64

Entry = tuple[int, int, int, Lane]


class KeyQueue:
    """The lanes of one routing key at one endpoint; ``in_flight`` counts its calls under way."""

    __slots__ = (
        "_ready",
        "_ready_lanes",
        "_tokens",
        "_waiting",
        "_waiting_lanes",
        "channel",
        "endpoint",
        "in_flight",
        "in_ring",
        "last_began_at",
        "name",
        "orderly",
        "pace",
        "wake_at",
    )

    def __init__(self, name: str, endpoint: str, pace: Pace, channel: str = PAGERDUTY) -> None:
        """Nothing waits."""
        self.name = name
        self.channel = channel
        self.endpoint = endpoint
        self.pace = pace
        self.in_flight = 0
        self.in_ring = False
        self.orderly = 0  # calls still to come that go one by one, because they were held back together
        self.last_began_at = 0
        self.wake_at: int | None = None  # of its timer
        self._ready: list[Entry] = []  # (priority, id, token, lane)
        self._waiting: list[Entry] = []  # (not before, id, token, lane)
        self._ready_lanes = 0
        self._waiting_lanes = 0
        self._tokens = 0

    def __len__(self) -> int:
        """Lanes that stand here."""
        return self._ready_lanes + self._waiting_lanes

    @property
    def has_ready(self) -> bool:
        """Whether a lane may go as far as the lane is concerned."""
        return self._ready_lanes > 0

    @property
    def due_at(self) -> int | None:
        """When the next of the waiting lanes may go; None if none waits."""
        waiting = self._waiting
        while waiting and not _is_valid(waiting[0]):
            heappop(waiting)
        return waiting[0][0] if waiting else None

    def put(self, lane: Lane, now: int) -> None:
        """Place a lane anew after its first delivery or its time has changed; one with nothing to send is taken out."""
        self.take_out(lane)
        if not lane.waiting or lane.busy is not None:
            return
        first = lane.waiting[0]
        self._tokens += 1
        if lane.not_before > now:
            lane.token = -self._tokens
            heappush(self._waiting, (lane.not_before, first.id, lane.token, lane))
            self._waiting_lanes += 1
        else:
            lane.token = self._tokens
            heappush(self._ready, (first.priority, first.id, lane.token, lane))
            self._ready_lanes += 1

    def take_out(self, lane: Lane) -> None:
        """The lane stands here no longer; its entry is swept later."""
        if lane.token > 0:
            self._ready_lanes -= 1
            if len(self._ready) > 2 * self._ready_lanes + _FEW:
                self._ready = _swept(self._ready, lane)
        elif lane.token < 0:
            self._waiting_lanes -= 1
            if len(self._waiting) > 2 * self._waiting_lanes + _FEW:
                self._waiting = _swept(self._waiting, lane)
        lane.token = 0

    def ripen(self, now: int) -> None:
        """Lanes whose time has come may go."""
        due_at = self.due_at
        while due_at is not None and due_at <= now:
            lane = heappop(self._waiting)[3]
            self._waiting_lanes -= 1
            lane.token = 0
            self.put(lane, now)
            due_at = self.due_at

    def release(self, now: int) -> None:
        """Lanes that wait may go, but for those whose wait the other side asked for."""
        lanes = [entry[3] for entry in self._waiting if _is_valid(entry) and not entry[3].was_asked]
        for lane in lanes:
            lane.not_before = 0
            self.put(lane, now)

    def pop(self, avoided: Collection[int] = ()) -> Lane | None:
        """The next lane, not one whose first delivery is ``avoided`` as long as there is another."""
        passed: list[Entry] = []
        found: Entry | None = None
        while self._ready:
            entry = heappop(self._ready)
            if not _is_valid(entry):
                continue
            if entry[1] in avoided:
                passed.append(entry)
                continue
            found = entry
            break
        if found is None and passed:
            found = min(passed, key=lambda entry: _position(avoided, entry[1]))
            passed.remove(found)
        for entry in passed:
            heappush(self._ready, entry)
        if found is None:
            return None
        lane = found[3]
        self._ready_lanes -= 1
        lane.token = 0
        return lane


def _is_valid(entry: Entry) -> bool:
    return entry[3].token == entry[2]


def _swept(entries: list[Entry], without: Lane) -> list[Entry]:
    kept = [entry for entry in entries if _is_valid(entry) and entry[3] is not without]
    heapify(kept)
    return kept


def _position(avoided: Collection[int], delivery_id: int) -> int:
    return list(avoided).index(delivery_id)
