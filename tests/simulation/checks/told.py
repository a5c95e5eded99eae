"""What a channel was told, against the record: everything that was decided for it, and nothing else."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from router.model.decision import Decision
from router.model.delivery import DeliveryState

if TYPE_CHECKING:
    from tests.simulation.world import World


def check_told(world: World, decisions: list[Decision]) -> None:
    """Of the one channel there is."""
    deliveries = [delivery for delivery in world.disk.tables.deliveries.values() if delivery.channel == "chat"]
    wanted = Counter(delivery.body for delivery in deliveries if delivery.state is DeliveryState.DELIVERED)
    for body, count in wanted.items():
        if world.room.said[body] < count:
            world.violate(f"the record says that the room was told, and it was not: {body[:300]!r}")
    if left := [delivery.id for delivery in deliveries if delivery.state is DeliveryState.PENDING]:
        world.violate(f"what the room is to be told is left in the outbox: {left}")
    told = {delivery.dedup_key for delivery in deliveries}
    for decision in decisions:
        if decision.channels and decision.dedup_key and decision.dedup_key not in told:
            world.violate(f"the channel was to be told and no event says so: {decision}")
