"""Those who look after what removed rules have left open: through the API, each is given to another rule or closed."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import msgspec

from tests.simulation.plan import stream
from tests.simulation.rulebook import RENAMED

if TYPE_CHECKING:
    from tests.simulation.world import World

PATH = "/v1/orphans"
_HEIRS = (*RENAMED, *(f"{name}-now" for name in RENAMED), "users")


async def live_as_warden(world: World) -> None:
    """While there is trouble, and for a while afterwards: what was left open then is nobody's otherwise."""
    chance = stream(world.plan.seed, "wardens")
    while world.plan.has("orphans") and not world.senders.is_ending:
        await asyncio.sleep(chance.uniform(10, 60))
        found = await _ask(world, "GET", PATH, b"")
        orphans = [] if found is None else msgspec.json.decode(found)["items"]
        if not orphans:
            continue
        rule = chance.choice(orphans)["rule"]
        if chance.random() < 0.6:
            await _ask(world, "POST", f"{PATH}/{rule}/adopt", json.dumps({"into": chance.choice(_HEIRS), "by": "ann"}).encode())
        else:
            await _ask(world, "POST", f"{PATH}/{rule}/close", json.dumps({"reason": "left over", "by": "ann"}).encode())


async def _ask(world: World, method: str, path: str, body: bytes) -> bytes | None:
    """The answer's body; None: there is none, or it was refused."""
    life = world.life
    if life is None or not life.is_alive or life.doorway is None:
        return None

    def answered(status: int, _asked_at: int) -> None:
        if method != "GET":
            world.note("warden", path, status, body.decode())

    future = life.doorway.ask(path, body, answered, world.clock, method=method)
    await asyncio.wait([future], timeout=10)
    if not future.done() or future.exception() is not None:
        return None
    answer = future.result()
    if answer.status not in {200, 404, 409, 429, 503}:
        world.violate(f"{method} {path} answered {answer.status} to {body!r}: {answer.body!r}")
    return bytes(answer.body) if answer.status == 200 else None
