"""People who silence what is wrong, for a while or until it has resolved, and sometimes take it back: through the API.

They repeat a request until it is answered, with an id of their own, so that a repeat takes the place of what was there. Once it
is calm they end what they still have, but for what ends by itself when all has resolved.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import msgspec

from tests.simulation.plan import stream
from tests.simulation.rulebook import NAMES, SERVICES

if TYPE_CHECKING:
    from tests.simulation.world import World

PATH = "/v1/silences"


class Wanted(msgspec.Struct, frozen=True):
    """What somebody asked for; ``name``: empty means every name."""

    id: str
    service: str
    name: str
    until_resolved: bool


class Silencers:
    """All of them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._chance = stream(world.plan.seed, "silencers")
        self.wanted: dict[str, Wanted] = {}

    async def live(self) -> None:
        """As long as it is not all over for them."""
        world, chance = self._world, self._chance
        if not world.plan.has("silences"):
            return
        while world.is_troubled:
            await asyncio.sleep(chance.uniform(5, 90))
            if not world.is_troubled:
                break
            if self.wanted and chance.random() < 0.3:
                await self._end(chance.choice(sorted(self.wanted)))
            else:
                await self._add(f"s{len(self.wanted)}", until_resolved=chance.random() < 0.4)
        await self._add("last", until_resolved=False, service="search-api", seconds=150)
        await self._add("lasting", until_resolved=True, service=chance.choice(("pay-api", "stray")))
        await asyncio.sleep(200)
        for name in sorted(self.wanted):
            # Where the router's clock is ahead the last problems are over, by the ends they come with, before they begin.
            if name != "lasting" or world.plan.has("clock_steps"):
                await self._end(name)

    async def _add(self, name: str, *, until_resolved: bool, service: str = "", seconds: int = 0) -> None:
        chance = self._chance
        wanted = Wanted(
            id=name,
            service=service or chance.choice(SERVICES),
            name="" if service or until_resolved else chance.choice(("", "", *NAMES)),
            until_resolved=until_resolved,
        )
        match = {"service": wanted.service} | ({"name": wanted.name} if wanted.name else {})
        until = "resolved" if until_resolved else f"{seconds or chance.choice((20, 60, 150, 300))}s"
        said: dict[str, Any] = {"id": name, "match": match, "reason": "known", "by": "ann"}
        said |= {"until": until} if until_resolved else {"for": until}
        self.wanted[name] = wanted
        await self._ask("POST", PATH, json.dumps(said).encode(), {200})

    async def _end(self, name: str) -> None:
        await self._ask("DELETE", f"{PATH}/{name}", b"", {200, 404})

    async def _ask(self, method: str, path: str, body: bytes, expected: set[int]) -> None:
        world = self._world
        while True:
            life = world.life
            if life is not None and life.is_alive and life.doorway is not None:

                def answered(status: int, _asked_at: int) -> None:
                    world.note("silence", method, path, status, body.decode())

                future = life.doorway.ask(path, body, answered, world.clock, method=method)
                await asyncio.wait([future], timeout=10)
                if future.done() and future.exception() is None:
                    status = future.result().status
                    if status in expected:
                        return
                    if status not in {429, 503}:
                        world.violate(f"{method} {path} answered {status} to {body!r}: {future.result().body!r}")
                        return
            await asyncio.sleep(self._chance.choice((1, 5)))
