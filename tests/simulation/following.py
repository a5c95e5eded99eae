"""What comes back from PagerDuty: webhooks that are lost, repeated and out of order, and its REST API, which fails as well.

PagerDuty sends the webhooks of one incident one after another and repeats what was not taken. What lies between may tell it
that it was taken and lose it, bring it twice, or bring it so late that newer ones are there before.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from router.sandbox.webhooks import Delivery, Outcome
from tests.simulation.plan import stream

if TYPE_CHECKING:
    from tests.simulation.life import Life
    from tests.simulation.world import World

WEBHOOK_PATH = "/v1/pagerduty/webhook"


class Webhooks:
    """PagerDuty's sender and the way from there."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._chance = stream(world.plan.seed, "webhooks")
        self._tasks: set[asyncio.Task[None]] = set()
        self.taken: set[str] = set()  # ids that were answered 2xx
        self.lost: set[str] = set()

    @property
    def under_way(self) -> int:
        """Webhooks that have left PagerDuty and are not here yet."""
        return len(self._tasks)

    async def live(self) -> None:
        """As long as the world does."""
        world = self._world
        while world.plan.following == "hears":
            for delivery in world.sandbox.webhooks_due(world.true_now()):
                task = world.loop.create_task(self._bring(delivery))
                self._tasks.add(task)
                task.add_done_callback(self._brought)
            await asyncio.sleep(1)

    def _brought(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and self._world.failure is None:
            self._world.failure = error

    async def _bring(self, delivery: Delivery) -> None:
        world, chance = self._world, self._chance
        answered = world.sandbox.webhook_answered
        if self._strikes("webhooks_lost"):
            self.lost.add(delivery.webhook_id)
            world.note("webhook", "lost", delivery.webhook_id)
            answered(delivery.id, 202, world.true_now())
            return
        is_repeated = self._strikes("webhooks_repeated")
        if self._strikes("webhooks_late"):
            answered(delivery.id, 202, world.true_now())
            await asyncio.sleep(chance.choice((1, 10, 60, 200)))
            while not isinstance(outcome := await self._ask(delivery), int) or outcome >= 300:
                await asyncio.sleep(5)
        else:
            await asyncio.sleep(world.network.latency())
            answered(delivery.id, await self._ask(delivery), world.true_now())
        while is_repeated:
            await asyncio.sleep(chance.choice((0.02, 5, 100)))
            await self._ask(delivery)
            is_repeated = self._strikes("webhooks_repeated")

    def _strikes(self, kind: str) -> bool:
        world = self._world
        return world.is_troubled and world.plan.has(kind) and self._chance.random() < world.plan.trouble

    async def _ask(self, delivery: Delivery) -> Outcome:
        world, life = self._world, self._world.life
        if life is None or not life.is_alive or life.doorway is None:
            return "unreachable"

        def answered(status: int, _asked_at: int) -> None:
            if life.is_alive:
                world.note("webhook", delivery.webhook_id, status)
                world.watch.answered_webhook(delivery.webhook_id, status)

        headers = {name.lower().encode(): value.encode() for name, value in delivery.headers}
        future = life.doorway.ask(WEBHOOK_PATH, delivery.body, answered, world.clock, headers)
        await asyncio.wait([future], timeout=5)
        if not future.done():
            return "timeout"
        error = future.exception()
        if error is not None:
            return "unreachable"
        return future.result().status


class SimulatedRest(httpx.AsyncBaseTransport):
    """One life's way to the REST API."""

    def __init__(self, world: World, life: Life) -> None:
        self._world = world
        self._life = life
        self._chance = stream(world.plan.seed, f"rest {life.number}")

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """As httpx calls it."""
        world, chance = self._world, self._chance
        assert self._life.is_alive, "a process that has died asks nothing"
        await asyncio.sleep(world.network.latency())
        if world.is_troubled and world.plan.has("rest_errors") and chance.random() < world.plan.trouble:
            return await self._fail(request)
        path = request.url.raw_path.decode()
        answer = world.sandbox.receive(request.method, path, dict(request.headers), request.content, world.true_now())
        await asyncio.sleep(world.network.latency())
        return httpx.Response(answer.status, headers=list(answer.headers), content=answer.body, request=request)

    async def _fail(self, request: httpx.Request) -> httpx.Response:
        match self._chance.choice(("down", "hangs", "500", "429")):
            case "down":
                raise httpx.ConnectError("down", request=request)
            case "hangs":
                await asyncio.sleep(10)
                raise httpx.ReadTimeout("no answer", request=request)
            case status:
                return httpx.Response(int(status), content=b"", request=request)
