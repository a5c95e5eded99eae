"""One lane: the deliveries of one (routing key, dedup key), strictly one after another. Pure.

Keeps these invariants: deliveries of a lane are sent in order of id, one in flight; the next starts only when the former's
mark is durable, because a trigger repeated after its resolve would open a second incident.

What need not be said any more is cancelled while it waits:

- a trigger that was never attempted goes together with the resolve behind it: nobody was told, nobody has to be;
- a trigger that may have been accepted (attempted, or found in the outbox at start) goes, and its resolve is sent: PagerDuty
  closes what is open and drops a resolve of what is not;
- updates before a resolve go, and of updates in a row only the newest stays.

What only passes through (an inbound key in shadow) is sent as it came, all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any

from router.model.delivery import Delivery, Priority
from router.model.event import PAGERDUTY


class CancelReason(StrEnum):
    """Why a delivery was cancelled; in ``Delivery.reason``."""

    RESOLVED_BEFORE_SENT = "resolved_before_sent"  # a trigger never attempted, what followed it, and its resolve
    OVERTAKEN_BY_RESOLVE = "overtaken_by_resolve"  # the resolve behind it says all there is to say, and is sent
    SUPERSEDED = "superseded"  # a newer update of the same lane waits
    DROPPED_BY_PERSON = "dropped_by_person"


def is_update(delivery: Delivery) -> bool:
    """Whether it tells more about an episode that an earlier trigger opened."""
    return delivery.action == "trigger" and delivery.priority is Priority.UPDATE


def lane_key(delivery: Delivery) -> tuple[str, str]:
    """The lane it belongs to; one without a dedup key (a change event) has no order to keep and is a lane of its own."""
    return delivery.lane if delivery.dedup_key else (delivery.routing_key, f"\0{delivery.id}")


def plan_waiting(
    waiting: Sequence[Delivery], is_untouched: Callable[[Delivery], bool]
) -> tuple[list[Delivery], list[tuple[Delivery, CancelReason]]]:
    """Which of a lane's waiting deliveries stay, and which are cancelled and why; both in order.

    ``is_untouched``: it was certainly never sent. What is in flight is not among ``waiting``. What only passes
    through stays.
    """
    if waiting and waiting[0].channel == PAGERDUTY and not waiting[0].team:
        return list(waiting), []
    cancelled: list[tuple[Delivery, CancelReason]] = []
    start = 0
    for position in range(len(waiting) - 1, -1, -1):
        if waiting[position].action == "resolve":
            start = position
            break
    before, rest = waiting[:start], waiting[start:]
    opening = next((delivery for delivery in before if delivery.action == "trigger" and not is_update(delivery)), None)
    if opening is not None and is_untouched(opening):
        cancelled = [(delivery, CancelReason.RESOLVED_BEFORE_SENT) for delivery in (*before, rest[0])]
        rest = rest[1:]
    else:
        cancelled = [(delivery, CancelReason.OVERTAKEN_BY_RESOLVE) for delivery in before]
    kept: list[Delivery] = []
    for delivery in rest:
        if kept and is_update(delivery) and is_update(kept[-1]):
            cancelled.append((kept.pop(), CancelReason.SUPERSEDED))
        kept.append(delivery)
    return kept, cancelled


class Lane:
    """The state of a lane while it has anything to do. ``busy`` is in flight or waits for its mark to be durable."""

    __slots__ = ("busy", "key", "not_before", "queue", "token", "waiting", "was_asked")

    def __init__(self, key: tuple[str, str], queue: Any) -> None:
        """``queue`` is the routing key's queue it stands in."""
        self.key = key
        self.queue = queue
        self.waiting: list[Delivery] = []
        self.busy: Delivery | None = None
        self.not_before = 0  # of the first that waits, by the dispatcher's monotonic milliseconds
        self.was_asked = False  # the other side asked for that wait
        self.token = 0  # which of its entries in the queue is the valid one; 0: none
