"""A dispatcher in virtual time with a scripted other side: what it sends, and when, is written down.

``World.answer`` is asked for each call, and may be replaced at any time; a number of seconds delays the answer. ``Ledger`` is
a recorder that keeps what is durable, so that a test can crash the dispatcher and begin a new one from there.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec

from router.dispatch.settings import Settings
from router.dispatch.worker import Dispatcher
from router.errors import StoreUnavailable
from router.model.delivery import Accepted, Delivery, DeliveryState, Outcome, Priority
from router.testing.virtual import START, ManualClock

ACCEPTED = Accepted()


def make_delivery(delivery_id: int, dedup_key: str = "", action: str = "trigger", **members: Any) -> Delivery:
    """A pending delivery; a trigger is of priority ERROR unless said."""
    usual = {"resolve": Priority.RESOLVE, "change": Priority.CHANGE}.get(action, Priority.ERROR)
    values: dict[str, Any] = {
        "id": delivery_id,
        "team": "payments",
        "routing_key": "env:PAYMENTS",
        "dedup_key": dedup_key or ("" if action == "change" else f"rule/group/{delivery_id}"),
        "action": action,
        "priority": usual,
        "created_at": START,
        "body": b'{"n":%d}' % delivery_id,
    }
    return Delivery(**(values | members))


def make_update(delivery_id: int, dedup_key: str, **members: Any) -> Delivery:
    """More about an episode that is open."""
    return make_delivery(delivery_id, dedup_key, priority=Priority.UPDATE, **members)


class Call(msgspec.Struct):
    """One call of the other side."""

    id: int
    began_at: int  # milliseconds since the world began
    body: bytes
    ended_at: int = -1


class Ledger:
    """What is durable; ``fails`` that many times first, and takes ``seconds``."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.rows: dict[int, Delivery] = {}
        self.batches: list[list[tuple[int, str]]] = []
        self.fails = 0
        self.seconds = 0.001
        self.is_recording = False

    async def record(self, deliveries: Sequence[Delivery]) -> None:
        assert not self.is_recording, "one call at a time"
        figures = [msgspec.structs.replace(delivery) for delivery in deliveries]
        self.is_recording = True
        try:
            await self._clock.sleep(self.seconds)
        finally:
            self.is_recording = False
        if self.fails:
            self.fails -= 1
            raise StoreUnavailable("not now")
        self.batches.append([(row.id, row.state.value) for row in figures])
        for row in figures:
            kept = self.rows.get(row.id, row)
            self.rows[row.id] = msgspec.structs.replace(row, body=kept.body)

    def keep(self, deliveries: Sequence[Delivery]) -> None:
        """As the commit that came before."""
        self.rows.update({delivery.id: msgspec.structs.replace(delivery) for delivery in deliveries})

    def delivery(self, delivery_id: int) -> Delivery | None:
        row = self.rows.get(delivery_id)
        return msgspec.structs.replace(row) if row is not None else None

    def deliveries(
        self, *, state: DeliveryState | None = None, dedup_key: str | None = None, limit: int = 100
    ) -> list[Delivery]:
        found = [
            msgspec.structs.replace(row)
            for row in self.rows.values()
            if (state is None or row.state is state) and (dedup_key is None or row.dedup_key == dedup_key)
        ]
        return sorted(found, key=lambda row: -row.id)[:limit]

    def states(self) -> dict[int, str]:
        return {row.id: row.state.value for row in sorted(self.rows.values(), key=lambda row: row.id)}


class Failures:
    """Told of dead letters; ``fails`` that many times first."""

    def __init__(self) -> None:
        self.told: list[list[int]] = []
        self.fails = 0

    async def failed(self, deliveries: Sequence[Delivery]) -> None:
        if self.fails:
            self.fails -= 1
            raise StoreUnavailable("not now")
        self.told.append([delivery.id for delivery in deliveries])


class Tally:
    """An observer that keeps everything it is told as (what, id or endpoint, detail)."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Any, Any]] = []

    def attempted(self, delivery: Delivery, outcome: Outcome, took_ms: int) -> None:
        self.seen.append(("attempted", delivery.id, type(outcome).__name__))

    def delivered(self, delivery: Delivery) -> None:
        self.seen.append(("delivered", delivery.id, delivery.finished_at))

    def retried(self, delivery: Delivery) -> None:
        self.seen.append(("retried", delivery.id, delivery.next_attempt_at))

    def dead(self, delivery: Delivery) -> None:
        self.seen.append(("dead", delivery.id, delivery.reason))

    def cancelled(self, delivery: Delivery) -> None:
        self.seen.append(("cancelled", delivery.id, delivery.reason))

    def breaker_changed(self, endpoint: str, state: str) -> None:
        self.seen.append(("breaker", endpoint, state))


class World:
    """A dispatcher, what it is connected to, and what happened."""

    def __init__(self, settings: Settings | None = None, **parts: Any) -> None:
        self.clock = ManualClock()
        self.ledger = parts.pop("ledger", None) or Ledger(self.clock)
        self.failures = Failures()
        self.tally = Tally()
        self.calls: list[Call] = []
        self.latency = 0.02
        self.answer: Callable[[Delivery], Outcome | float | Exception] = lambda _: ACCEPTED
        self.dispatcher = Dispatcher(
            sender=self,
            recorder=self.ledger,
            failures=self.failures,
            clock=self.clock,
            rng=random.Random(7),
            settings=settings or Settings(),
            observer=self.tally,
            archive=self.ledger,
            **parts,
        )

    async def send(self, delivery: Delivery) -> Outcome:
        call = Call(delivery.id, self.at, delivery.body)
        self.calls.append(call)
        answer = self.answer(delivery)
        if isinstance(answer, float):
            await self.clock.sleep(answer)
            answer = ACCEPTED
        else:
            await self.clock.sleep(self.latency)
        call.ended_at = self.at
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def at(self) -> int:
        return self.clock.now() - START

    @property
    def order(self) -> list[int]:
        return [call.id for call in self.calls]

    def enqueue(self, *deliveries: Delivery) -> None:
        self.ledger.keep(deliveries)
        self.dispatcher.enqueue(deliveries)

    async def wait(self, seconds: float) -> None:
        await self.clock.sleep(seconds)

    async def settle(self, seconds: float = 1_000, *, every: float = 0.05) -> None:
        """Until nothing is pending."""
        async with asyncio.timeout(seconds):
            while self.dispatcher.snapshot().waiting:
                await self.clock.sleep(every)


@contextlib.asynccontextmanager
async def running(settings: Settings | None = None, **parts: Any) -> AsyncIterator[World]:
    """A world whose dispatcher runs; at the end it is stopped with a minute's grace."""
    world = World(settings, **parts)
    async with asyncio.TaskGroup() as group:
        group.create_task(world.dispatcher.run(), name="dispatcher")
        try:
            yield world
        finally:
            await world.dispatcher.stop(60)
