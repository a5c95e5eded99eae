"""A channel beside PagerDuty: a room that takes what it is told, or does not, or does and the answer is lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from router.wire.answer import Answer
from router.wire.connection import NetworkFailure
from router.wire.transport import Target
from tests.simulation.plan import stream

if TYPE_CHECKING:
    from tests.simulation.life import Life
    from tests.simulation.world import World


class Room:
    """What was said in it, over all lives: by the body, how often."""

    def __init__(self) -> None:
        self.said: Counter[bytes] = Counter()


class RoomPoster:
    """Fits ``router.wire.transport.Poster``: one life's way there."""

    def __init__(self, world: World, life: Life) -> None:
        self._world = world
        self._life = life
        self._chance = stream(world.plan.seed, f"room {life.number}")

    async def post(self, target: Target, body: bytes, *, deadline_seconds: float) -> Answer:
        """As the shipped one."""
        world, life, chance = self._world, self._life, self._chance
        assert life.is_alive, "a process that has died says nothing"
        assert b"127.0.0.1:8081" in target.head
        await asyncio.sleep(world.network.latency())
        fails = world.is_troubled and chance.random() < world.plan.trouble
        kind = chance.choice(("500", "429", "reset", "lost", "hang")) if fails else "takes"
        if kind in {"takes", "lost", "hang"}:
            world.watch.told_room(body)
            world.room.said[body] += 1
        world.note("room", kind, body[:90])
        await asyncio.sleep(deadline_seconds if kind == "hang" else world.network.latency())
        if kind in {"reset", "lost", "hang"}:
            raise NetworkFailure("no answer", phase="read")
        return Answer(status=200 if kind == "takes" else int(kind), headers={}, body=b"")

    async def aclose(self) -> None:
        """Nothing is held."""
