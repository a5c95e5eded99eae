"""What a channel was told, against the record: everything that was decided for it, and nothing else."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from router.model.decision import Action, Decision, Reason
from router.model.delivery import Delivery, DeliveryState

if TYPE_CHECKING:
    from tests.simulation.world import World

_SUMMARY = re.compile(r"Digest: (\d+) opened, \d+ resolved")


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
    if world.plan.has("digests"):
        _check_digests(world, decisions, deliveries)
        return
    for decision in decisions:
        if decision.channels and decision.dedup_key and decision.dedup_key not in told:
            world.violate(f"the channel was to be told and no event says so: {decision}")


def _check_digests(world: World, decisions: list[Decision], deliveries: list[Delivery]) -> None:
    """Where the channel collects: its messages tell of as many openings as there were, each once."""
    summaries = [str(msgspec.json.decode(delivery.body)["summary"]) for delivery in deliveries]
    counted = [_SUMMARY.fullmatch(summary) for summary in summaries]
    if odd := [summary for summary, found in zip(summaries, counted, strict=True) if found is None]:
        world.violate(f"the channel collects, and was told at once: {odd}")
    said = sum(int(found[1]) for found in counted if found is not None)
    due = len({decision.dedup_key for decision in decisions if _opens(decision)})
    if said != due:
        world.violate(f"{due} were opened for a channel that collects, its messages tell of {said}: {summaries}")


def _opens(decision: Decision) -> bool:
    return bool(decision.channels) and (decision.action is Action.OPEN or decision.reason is Reason.OTHERWISE)
