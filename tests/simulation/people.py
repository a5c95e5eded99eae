"""People in PagerDuty: they acknowledge, and sometimes resolve what the router still holds open."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from tests.simulation.plan import stream

if TYPE_CHECKING:
    from tests.simulation.world import World


class People:
    """On call, while there is trouble."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._chance = stream(world.plan.seed, "people")
        self.resolved: Counter[str] = Counter()  # how often a person resolved, by dedup key
        self.acknowledged: Counter[str] = Counter()  # how often a person acknowledged, by incident

    async def live(self) -> None:
        """Every half minute somebody looks at what is open."""
        world, chance = self._world, self._chance
        while world.plan.has("people") and world.is_troubled:
            await asyncio.sleep(chance.uniform(10, 50))
            now = world.true_now()
            world.sandbox.advance(now)
            found = world.sandbox.incidents("open")
            if not found:
                continue
            incident = chance.choice(found)
            if chance.random() < 0.5:
                if incident.status == "triggered":
                    world.note("person", "acknowledges", *incident.dedup_keys)
                    world.sandbox.acknowledge(incident.id, now)
                    self.acknowledged[incident.id] += 1
                else:
                    world.sandbox.annotate(incident.id, now, content=f"seen at {now}")
            else:
                world.note("person", "resolves", *incident.dedup_keys)
                self.resolved.update(incident.dedup_keys)
                world.sandbox.resolve(incident.id, now)
