"""Events, deliveries and channels for tests of ``router.channels``; what was sent before is remembered as the daemon's store does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from router.channels.building import BuiltChannel, build
from router.channels.message import Thread, thread_from
from router.clock import SystemClock
from router.model.alert import Link
from router.model.channel import ChannelSettings, Redaction
from router.model.delivery import Accepted, Attempt, Delivery, Outcome, Priority
from router.model.event import Event
from router.model.severity import Severity
from router.rules.template import compile_template

AT = 1_790_000_000_000
COMMON: dict[str, Any] = {"name": "ops", "rate": None, "timeout_ms": 5_000, "retry_for_ms": 86_400_000}


def make_event(**changes: Any) -> Event:
    """A firing alert's event for the channel ``ops``."""
    values: dict[str, Any] = {
        "team": "",
        "channel": "ops",
        "routing_key": "channel:ops",
        "dedup_key": "payment-errors/0123456789abcdef/1a2b-3",
        "action": "trigger",
        "at": AT,
        "severity": Severity.CRITICAL,
        "summary": "payment-api: CardError - Cards are declined",
        "source": "payment-api",
        "class_": "CardError",
        "rule": "payment-errors",
        "details": {
            "rule": "payment-errors",
            "count": 3,
            "labels": {"env": "prod", "region": "eu-west-1"},
            "annotations": {"description": "Every second card.", "runbook_url": "https://wiki.example/cards"},
        },
        "links": (Link(href="https://prometheus.example/graph?a=1&b=2", text="Graph"),),
    }
    return Event(**(values | changes))


class Conversation:
    """One channel and all that was sent through it, in order."""

    def __init__(self, settings: ChannelSettings, secrets: dict[str, str] | None = None, **more: Any) -> None:
        known = secrets or {}
        self.sent: list[Delivery] = []
        resolve: Callable[[str], str] = known.__getitem__
        values: dict[str, Any] = {"redaction": Redaction(), "thread_of": self._thread_of} | more
        self.channel: BuiltChannel = build(
            settings, resolve=resolve, clock=SystemClock(), compile_template=lambda text: compile_template(text)[0], **values
        )

    def _thread_of(self, delivery: Delivery) -> Thread | None:
        return thread_from([one for one in reversed(self.sent) if one.lane == delivery.lane])

    async def tell(self, event: Event) -> Outcome:
        """Write and send once; what is accepted becomes part of the record."""
        delivery = Delivery(
            id=len(self.sent) + 1,
            channel=event.channel,
            team="",
            routing_key=event.routing_key,
            dedup_key=event.dedup_key,
            action=event.action,
            priority=Priority.CRITICAL,
            created_at=event.at,
            body=self.channel.encode(event),
        )
        outcome = await self.channel.send(delivery)
        if isinstance(outcome, Accepted):
            delivery.last_attempts = (Attempt(at=event.at, took_ms=1, outcome=outcome),)
            self.sent.append(delivery)
        return outcome

    async def episode(self) -> list[Outcome]:
        """Firing, worse, acknowledged, resolved."""
        first = make_event(severity=Severity.ERROR)
        worse = msgspec.structs.replace(first, severity=Severity.CRITICAL, is_update=True, at=AT + 60_000)
        remind = {"details": {"acknowledged_by": "Ada"}, "links": ()}
        seen = msgspec.structs.replace(first, action="acknowledge", at=AT + 120_000, **remind)
        over = msgspec.structs.replace(first, action="resolve", at=AT + 180_000, details={}, links=())
        return [await self.tell(event) for event in (first, worse, seen, over)]

    async def aclose(self) -> None:
        """Let go."""
        await self.channel.aclose()
