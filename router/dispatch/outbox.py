"""What is pending and what may go now: lanes, queues, paces and breakers put together. Pure, ``now`` is an argument.

Keeps these invariants: what ``next`` gives out is in flight until ``end``, and its lane stands still until ``finish`` (or
``back``); routing keys take turns; whatever holds a key back (its pace, a 429, its calls in flight, its endpoint's breaker)
holds back no other key. Every step costs a few heap operations, however much waits.
"""

from __future__ import annotations

import bisect
from collections import deque
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from operator import attrgetter

import msgspec

from router.dispatch.breaker import Breaker
from router.dispatch.lane import CancelReason, Lane, lane_key, plan_waiting
from router.dispatch.pace import Pace
from router.dispatch.queue import KeyQueue
from router.dispatch.settings import Settings
from router.model.delivery import Delivery
from router.model.event import PAGERDUTY

PROBES_REMEMBERED = 4
ORDERLY_SPACING_MS = 20
"""What was held back together (an outage, a 429) goes out in order: a call of its routing key starts when the one before it is
answered, or after this long. So no two of them overtake each other on the way, and fifty a second still go."""
MAX_IDLE_KEYS = 1_024
"""Routing keys whose pace is remembered; above it, those with nothing to do and nothing to remember are let go."""

Cancelled = list[tuple[Delivery, CancelReason]]

_by_id = attrgetter("id")


class Endpoint:
    """A server with its breaker, and the queues that wait for it to answer again."""

    __slots__ = ("breaker", "name", "parked", "probed")

    def __init__(self, name: str, settings: Settings) -> None:
        """Answers, as far as is known."""
        self.name = name
        self.breaker = Breaker(failures=settings.breaker_failures, probe_ms=settings.probe_ms, cap_ms=settings.probe_cap_ms)
        self.parked: dict[str, KeyQueue] = {}
        self.probed: deque[int] = deque(maxlen=PROBES_REMEMBERED)  # ids: one poisonous event must not be every probe


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery in flight."""

    delivery: Delivery
    lane: Lane
    queue: KeyQueue
    endpoint: Endpoint
    began_at: int
    is_probe: bool


class Outbox:
    """Everything pending. ``endpoint_of`` names the server a delivery goes to."""

    def __init__(self, settings: Settings, endpoint_of: Callable[[Delivery], str]) -> None:
        """Empty."""
        self.settings = settings
        self.pending: dict[int, Delivery] = {}
        self.in_flight = 0
        self.endpoints: dict[str, Endpoint] = {}
        self.queues: dict[tuple[str, str], KeyQueue] = {}
        self._endpoint_of = endpoint_of
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._maybe_sent: set[int] = set()
        self._ring: deque[KeyQueue] = deque()
        self._besides = 0  # in flight to other channels than PagerDuty
        self._crowded: dict[str, KeyQueue] = {}  # wait for one of those to end
        self._timers: list[tuple[int, int, KeyQueue]] = []
        self._timers_set = 0

    # what comes in

    def take(self, delivery: Delivery, now: int, *, not_before: int = 0, maybe_sent: bool = False) -> Cancelled:
        """A pending delivery; what it makes needless is returned and is out of its lane, but pending until ``finish``.

        ``maybe_sent``: it may have been accepted although no attempt is recorded, as after a crash.
        """
        key = lane_key(delivery)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(key, self._queue_of(delivery, now))
        queue: KeyQueue = lane.queue
        if not lane.waiting:
            lane.not_before = not_before
        self.pending[delivery.id] = delivery
        if maybe_sent:
            self._maybe_sent.add(delivery.id)
        if lane.waiting:
            bisect.insort(lane.waiting, delivery, key=_by_id)
            return self._plan_anew(lane, now)
        lane.waiting.append(delivery)
        self._place(lane, now)
        if not delivery.attempts:
            self.endpoints[queue.endpoint].breaker.hasten()
        return []

    def back(self, sending: Sending, now: int, *, wait_ms: int, was_asked: bool) -> Cancelled:
        """It was not accepted and waits again, first of its lane, for so long; returns as ``take``."""
        lane = sending.lane
        lane.busy = None
        lane.not_before = now + wait_ms if wait_ms else 0
        lane.was_asked = was_asked
        lane.waiting.insert(0, sending.delivery)
        if len(lane.waiting) > 1:
            return self._plan_anew(lane, now)
        self._place(lane, now)
        return []

    def finish(self, delivery: Delivery, now: int) -> None:
        """It has ended and that is durable: its lane goes on."""
        self.pending.pop(delivery.id, None)
        self._maybe_sent.discard(delivery.id)
        lane = self._lanes.get(lane_key(delivery))
        if lane is not None and lane.busy is delivery:
            lane.busy = None
            lane.not_before = 0
            lane.was_asked = False
            self._place(lane, now)

    def hasten(self, delivery: Delivery, now: int) -> None:
        """Its lane need not wait any longer (pace and breaker still hold)."""
        lane = self._lanes[lane_key(delivery)]
        lane.not_before = 0
        self._place(lane, now)

    def drop(self, delivery: Delivery, now: int) -> bool:
        """Take it out of its lane; False if it is in flight or has ended."""
        if not self.is_waiting(delivery):
            return False
        lane = self._lanes[lane_key(delivery)]
        lane.waiting = [other for other in lane.waiting if other is not delivery]
        self._place(lane, now)
        return True

    def is_waiting(self, delivery: Delivery) -> bool:
        """Whether it stands in its lane: not in flight, not ended."""
        lane = self._lanes.get(lane_key(delivery))
        return lane is not None and any(other is delivery for other in lane.waiting)

    def _is_untouched(self, delivery: Delivery) -> bool:
        return delivery.attempts == 0 and delivery.id not in self._maybe_sent

    def _plan_anew(self, lane: Lane, now: int) -> Cancelled:
        first = lane.waiting[0]
        lane.waiting, cancelled = plan_waiting(lane.waiting, self._is_untouched)
        # What takes the place of a delivery that had to wait waits as long.
        if cancelled or first is not lane.waiting[0] or lane.token == 0:
            self._place(lane, now)
        return cancelled

    def _place(self, lane: Lane, now: int) -> None:
        queue: KeyQueue = lane.queue
        queue.put(lane, now)
        if not lane.waiting and lane.busy is None:
            self._lanes.pop(lane.key, None)
        elif lane.token:
            self._call_up(queue)

    def _queue_of(self, delivery: Delivery, now: int) -> KeyQueue:
        endpoint = self._endpoint_of(delivery)
        queue = self.queues.get((endpoint, delivery.routing_key))
        if queue is None:
            if len(self.queues) >= MAX_IDLE_KEYS:
                self._let_go_of_idle(now)
            if endpoint not in self.endpoints:
                self.endpoints[endpoint] = Endpoint(endpoint, self.settings)
            pacing = self.settings.pacing(delivery.channel)
            queue = KeyQueue(delivery.routing_key, endpoint, Pace(pacing.calls, pacing.window_ms), delivery.channel)
            self.queues[endpoint, delivery.routing_key] = queue
        return queue

    def pace_of(self, delivery: Delivery, now: int) -> Pace:
        """The pace of its routing key."""
        return self._queue_of(delivery, now).pace

    def _let_go_of_idle(self, now: int) -> None:
        idle = [key for key, queue in self.queues.items() if not queue.in_flight and not len(queue) and queue.pace.is_idle(now)]
        for key in idle:
            del self.queues[key]

    # what goes out

    def next(self, now: int) -> Sending | None:
        """The delivery to send now, from the next routing key whose turn it is; None: nothing may go before ``wake_at``."""
        self._wake(now)
        while self._ring:
            queue = self._ring.popleft()
            queue.in_ring = False
            if not self._may_call(queue, now):
                continue
            endpoint = self.endpoints[queue.endpoint]
            is_probe = endpoint.breaker.begin(now)
            lane = queue.pop(endpoint.probed if is_probe else ())
            if lane is None:
                endpoint.breaker.abandon(was_probe=is_probe)
                continue
            delivery = lane.waiting.pop(0)
            lane.busy = delivery
            if is_probe:
                endpoint.probed.append(delivery.id)
            self.in_flight += 1
            self._besides += queue.channel != PAGERDUTY
            queue.in_flight += 1
            queue.orderly -= queue.orderly > 0
            queue.last_began_at = now
            queue.pace.begin()
            self._call_up(queue)
            return Sending(delivery=delivery, lane=lane, queue=queue, endpoint=endpoint, began_at=now, is_probe=is_probe)
        return None

    def _may_call(self, queue: KeyQueue, now: int) -> bool:
        """If not, see to it that the queue is called up when what holds it back is over."""
        if not queue.has_ready or not self._has_room(queue):
            return False  # ``end`` calls it up
        pace = queue.pace
        free_at = pace.free_at(now)
        if free_at is None:
            return False  # ``end`` calls it up
        if free_at > now:
            if pace.paused_until > now:
                queue.orderly = len(queue)
            self._set_timer(queue, free_at)
            return False
        endpoint = self.endpoints[queue.endpoint]
        if not endpoint.breaker.may_call(now):
            endpoint.parked[queue.name] = queue
            queue.orderly = len(queue)
            return False
        if queue.orderly and queue.in_flight and now < queue.last_began_at + ORDERLY_SPACING_MS:
            self._set_timer(queue, queue.last_began_at + ORDERLY_SPACING_MS)  # or ``end`` calls it up
            return False
        return True

    def _has_room(self, queue: KeyQueue) -> bool:
        """Whether one more of its calls may be in flight."""
        if queue.in_flight >= self.settings.in_flight_per_key:
            return False
        if queue.channel == PAGERDUTY:
            return True
        own_bound = self.settings.pacing(queue.channel).in_flight
        if own_bound and queue.in_flight >= own_bound:
            return False
        if self._besides >= self.settings.in_flight_besides:
            self._crowded[queue.name] = queue
            return False
        return True

    def end(self, sending: Sending, now: int) -> None:
        """The call has ended, whatever came of it."""
        queue = sending.queue
        self.in_flight -= 1
        queue.in_flight -= 1
        queue.pace.end(now)
        self._call_up(queue)
        if queue.channel != PAGERDUTY:
            self._besides -= 1
            crowded, self._crowded = self._crowded, {}
            for other in crowded.values():
                self._call_up(other)

    def _call_up(self, queue: KeyQueue) -> None:
        if queue.has_ready and not queue.in_ring:
            queue.in_ring = True
            self._ring.append(queue)
        due_at = queue.due_at
        if due_at is not None:
            self._set_timer(queue, due_at)

    def _set_timer(self, queue: KeyQueue, due_at: int) -> None:
        if queue.wake_at is None or due_at < queue.wake_at:
            queue.wake_at = due_at
            self._timers_set += 1
            heappush(self._timers, (due_at, self._timers_set, queue))

    def _wake(self, now: int) -> None:
        timers = self._timers
        while timers and timers[0][0] <= now:
            due_at, _, queue = heappop(timers)
            if queue.wake_at == due_at:
                queue.wake_at = None
                queue.ripen(now)
                self._call_up(queue)
        for endpoint in self.endpoints.values():
            if endpoint.parked and endpoint.breaker.may_call(now):
                self._unpark(endpoint)

    def wake_at(self) -> int | None:
        """When ``next`` may have something without anything new having happened."""
        timers = self._timers
        while timers and timers[0][2].wake_at != timers[0][0]:
            heappop(timers)
        times = [timers[0][0]] if timers else []
        for endpoint in self.endpoints.values():
            probe_at = endpoint.breaker.probe_at
            if endpoint.parked and probe_at is not None:
                times.append(probe_at)
        return min(times, default=None)

    # what is known of endpoints

    def opened(self, endpoint: Endpoint, now: int) -> None:
        """Its breaker has opened: its pace replaces the waits of single deliveries."""
        for queue in self._queues_at(endpoint):
            queue.release(now)
            self._call_up(queue)

    def closed(self, endpoint: Endpoint) -> None:
        """It answers again: everything that waited for it may go."""
        self._unpark(endpoint)

    def _unpark(self, endpoint: Endpoint) -> None:
        parked, endpoint.parked = endpoint.parked, {}
        for queue in parked.values():
            self._call_up(queue)

    def _queues_at(self, endpoint: Endpoint) -> Iterable[KeyQueue]:
        return [queue for queue in self.queues.values() if queue.endpoint == endpoint.name]

    def configure(self, settings: Settings) -> None:
        """New bounds, from the next call on."""
        self.settings = settings
        for queue in self.queues.values():
            pacing = settings.pacing(queue.channel)
            queue.pace.change(pacing.calls, pacing.window_ms)
            self._call_up(queue)
