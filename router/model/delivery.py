"""A delivery: how far an event got. The outbox is the set of deliveries still pending."""

from __future__ import annotations

from enum import IntEnum, StrEnum

import msgspec

from router.model.event import ACTIONS, PAGERDUTY, EventAction
from router.model.wish import without_addresses


class DeliveryState(StrEnum):
    """``pending`` (in the outbox) until one of the others."""

    PENDING = "pending"
    DELIVERED = "delivered"  # answered 202: queued at PagerDuty, not yet proof of a page
    CANCELLED = "cancelled"  # a trigger never attempted whose resolve came: both are cancelled together
    DEAD = "dead"  # given up; visible, can be retried or dropped by a person


class Priority(IntEnum):
    """What goes first when a routing key's pace is the bottleneck: triggers by severity, then resolves, then updates."""

    CRITICAL = 0
    ERROR = 1
    WARNING = 2
    INFO = 3
    RESOLVE = 4
    UPDATE = 5
    CHANGE = 6


class Accepted(msgspec.Struct, frozen=True, kw_only=True, tag="accepted", omit_defaults=True):
    """The other side took it; PagerDuty answers 202. ``receipt``: what it calls it, for what follows of the same lane."""

    status: int = 202
    receipt: str = ""


class Throttled(msgspec.Struct, frozen=True, kw_only=True, tag="throttled", omit_defaults=True):
    """429: too many calls for this key. Not ingested; try again, not before ``retry_after_ms`` if one was given."""

    retry_after_ms: int | None = None
    status: int = 429


class Unavailable(msgspec.Struct, frozen=True, kw_only=True, tag="unavailable", omit_defaults=True):
    """No answer, 408, 5xx or something unknown: try again. It may have been accepted all the same.

    ``is_early``: nothing is wrong with the other side, what this needs is not there yet.
    """

    cause: str
    status: int = 0
    retry_after_ms: int | None = None
    is_early: bool = False


class Rejected(msgspec.Struct, frozen=True, kw_only=True, tag="rejected", omit_defaults=True):
    """Refused for good (400, 403, 413, other 4xx; or the routing key cannot be read): a dead letter.

    ``is_needless``: it was not sent, because it has no point any more: cancelled, and nobody has to know.
    """

    cause: str
    status: int = 0
    is_needless: bool = False


Outcome = Accepted | Throttled | Unavailable | Rejected


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One try and its answer."""

    at: int
    took_ms: int
    outcome: Outcome


class Delivery(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One event on its way. Not frozen: its progress fields are moved by the dispatcher alone, and recorded by the store.

    ``body`` is the JSON of the event without its routing key, built once; every attempt sends the same bytes (the key's text
    is put in front at the last moment). A lane is (``routing_key``, ``dedup_key``): in order, one in flight.
    """

    id: int  # rises in decision order
    channel: str = PAGERDUTY
    team: str  # empty: nobody is paged by it
    routing_key: str  # the reference
    dedup_key: str
    action: EventAction
    priority: Priority
    created_at: int
    body: bytes
    alert_seq: int = 0
    rule: str = ""
    is_escalation: bool = False
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    next_attempt_at: int = 0
    finished_at: int = 0
    reason: str = ""  # why cancelled or dead
    last_attempts: tuple[Attempt, ...] = ()  # the newest ATTEMPTS_KEPT

    @property
    def to(self) -> str:
        """Who is told, for people: the team, or the channel."""
        return self.team or self.channel

    @property
    def lane(self) -> tuple[str, str]:
        """Deliveries of one lane are sent strictly one after another."""
        return (self.routing_key, self.dedup_key)


def shown_body(delivery: Delivery) -> bytes:
    """The body for people who look: without the email addresses of those whom a rule calls."""
    return without_addresses(delivery.body) if delivery.channel == ACTIONS else delivery.body


ATTEMPTS_KEPT = 10
