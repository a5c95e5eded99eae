"""Every way out by its name: which channel writes an event's body, and which sends a delivery.

The processor's ``encode`` and the dispatcher's ``sender`` and ``endpoint_of`` are this one object; pages go straight through to
PagerDuty. Keeps this invariant: a channel that is missing or makes a mistake costs its own deliveries (dead letters that say
why) and nothing else. Must never do: retry, or choose who is told.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from router.model.delivery import Delivery, Outcome, Rejected, Unavailable
from router.model.event import INCIDENTS_REFERENCE, PAGERDUTY, Event
from router.telemetry.logs import logger

UNWRITTEN = b"(not written)"
"""The body of an event whose channel could not write it: it is never sent, and no other channel's bytes are mistaken for it."""

log = logger("daemon")


class Channel(Protocol):
    """One way out. ``router.pagerduty`` and the kinds of ``router.channels`` fit this without knowing it."""

    @property
    def endpoint(self) -> str:
        """The server it goes to, for people to read; pages that go to one share a breaker. No secret is in it."""
        ...

    def encode(self, event: Event) -> bytes:
        """The body, redacted: what every attempt sends. Pure; called once, when the transition is committed."""
        ...

    async def send(self, delivery: Delivery) -> Outcome:
        """Send it once, within a deadline of its own; never raises for what a network can do."""
        ...


class Sending(Protocol):
    """A client without an encoder."""

    endpoint: str

    async def send(self, delivery: Delivery) -> Outcome:
        """As a channel."""
        ...


class PagerDutyWay:
    """Fits ``Channel``: the encoder and the client of ``router.pagerduty`` together."""

    def __init__(self, encode: Callable[[Event], bytes], client: Sending) -> None:
        """The two."""
        self.encode = encode
        self.send = client.send
        self.endpoint = client.endpoint


class Channels:
    """All of them; ``others`` is exchanged by a reload."""

    def __init__(self, pagerduty: Channel, others: Mapping[str, Channel] | None = None) -> None:
        """``others``: the configured ones by name; none of them is called like PagerDuty's."""
        self.others: Mapping[str, Channel] = others or {}
        self.own: dict[str, Channel] = {}  # the router's own, under names that no configured one can have
        self.needless: Callable[[Delivery], Awaitable[str]] | None = None  # why an escalation has no point any more
        self.incidents: Channel | None = None  # for teams whose pages are incidents made by REST
        self._pagerduty = pagerduty

    def encode(self, event: Event) -> bytes:
        """The body by the event's channel; UNWRITTEN if there is no such channel, or it fails."""
        if event.channel == PAGERDUTY:
            return self._way_of(event.routing_key).encode(event)
        channel = self._find(event.channel)
        if channel is None:
            return UNWRITTEN
        try:
            return channel.encode(event)
        except Exception:
            log.exception("channel_failed_to_write", channel=event.channel, dedup_key=event.dedup_key)
            return UNWRITTEN

    async def send(self, delivery: Delivery) -> Outcome:
        """Once, by the delivery's channel; a rejection for one that is not configured, or was not when it was decided."""
        if delivery.channel == PAGERDUTY:
            return await self._send_page(delivery)
        channel = self._find(delivery.channel)
        if channel is None:
            return Rejected(cause=f"channel {delivery.channel} is not in the configuration (any more)")
        if delivery.body == UNWRITTEN:
            return Rejected(cause=f"channel {delivery.channel} was not configured when this was decided, or could not write it")
        try:
            return await channel.send(delivery)
        except Exception as error:
            log.exception("channel_failed_to_send", channel=delivery.channel, delivery_id=delivery.id)
            return Unavailable(cause=f"internal error: {type(error).__name__}")

    async def _send_page(self, delivery: Delivery) -> Outcome:
        """An escalation only while nobody has it, which PagerDuty may know before we do."""
        if delivery.is_escalation and self.needless is not None:
            reason = await self.needless(delivery)
            if reason:
                return Rejected(cause=reason, is_needless=True)
        return await self._way_of(delivery.routing_key).send(delivery)

    def _way_of(self, reference: str) -> Channel:
        """How a page goes to PagerDuty."""
        if self.incidents is not None and reference.startswith(INCIDENTS_REFERENCE):
            return self.incidents
        return self._pagerduty

    def knows(self, name: str) -> bool:
        """Whether there is a channel of this name now."""
        return name == PAGERDUTY or self._find(name) is not None

    def _find(self, name: str) -> Channel | None:
        return self.own.get(name) or self.others.get(name)

    def endpoint_of(self, delivery: Delivery) -> str:
        """Whose breaker concerns it. All that goes to PagerDuty by one way shares one; a channel has its own.

        Two channels at one server may be two programs behind one gateway: one that fails or hangs must not hold up the other.
        """
        return self._way_of(delivery.routing_key).endpoint if delivery.channel == PAGERDUTY else delivery.routing_key
