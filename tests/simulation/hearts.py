"""Reporters that rules expect to hear from: beats (events), pulses of several instances, a watchdog that fires all the time.

Each goes silent from time to time, for longer or shorter than the rules wait, and comes back. In the calm all of them report.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import TYPE_CHECKING, Any

from tests.simulation.plan import stream
from tests.simulation.senders import Report

if TYPE_CHECKING:
    from tests.simulation.world import World

SERVICE = "beats"


def heart_tasks(world: World) -> Iterator[Coroutine[Any, Any, None]]:
    """What runs as long as the world does."""
    if world.plan.has("heartbeats"):
        yield _beat(world, "Beat", "b0")
        yield _beat(world, "Pulse", "i1")
        yield _beat(world, "Pulse", "i2")
        yield _watchdog(world)


def _said(name: str, kind: str, key: str, uid: str, instance: str) -> dict[str, Any]:
    labels = {"uid": uid, "instance": instance}
    return {"service": SERVICE, "name": name, "severity": "error", "kind": kind, "dedup_key": key, "labels": labels}


async def _beat(world: World, name: str, instance: str) -> None:
    chance = stream(world.plan.seed, f"heart {name} {instance}")
    number = 0
    await asyncio.sleep(chance.choice((1, 10, 100)))
    while not world.senders.is_ending:
        uid = f"{name} {instance}.{number}"
        number += 1
        await world.senders.post("/v1/alerts", _said(name, "event", uid, uid, instance), [Report(uid, "event")], chance)
        is_silent = world.is_troubled and chance.random() < 0.2
        for _ in range(chance.choice((10, 12, 25)) if is_silent else 2):
            if is_silent and not world.is_troubled:
                break
            await asyncio.sleep(chance.choice((5, 10, 15)))


async def _watchdog(world: World) -> None:
    chance = stream(world.plan.seed, "watchdog")
    said = _said("Watchdog", "stateful", "watchdog", "watchdog", "w")
    while not world.senders.is_ending:
        await world.senders.post("/v1/alerts", said, [Report("watchdog", "stateful")], chance)
        await asyncio.sleep(30)
        if world.is_troubled and chance.random() < 0.1:
            report = [Report("watchdog", "stateful", is_firing=False)]
            await world.senders.post("/v1/alerts", said | {"status": "resolved"}, report, chance)
            await asyncio.sleep(chance.choice((5, 50, 120)))
    report = [Report("watchdog", "stateful", is_firing=False)]
    await world.senders.post("/v1/alerts", said | {"status": "resolved"}, report, chance)
