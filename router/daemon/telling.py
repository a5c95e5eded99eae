"""The channels beside PagerDuty, built from the configuration: at the start, and anew by a reload.

A channel whose settings did not change goes on as it was, with its connections; secrets are looked up when they are used, so an
exchanged one needs no new channel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from router.channels.building import BuiltChannel, build
from router.channels.message import Thread, thread_from
from router.channels.redaction import Redactor, guard
from router.clock import Clock
from router.config.settings import Settings
from router.daemon.joints import KeyRing, known_secrets
from router.daemon.templates import compile_body
from router.dispatch.settings import Pacing
from router.model.channel import ChannelSettings, Redaction
from router.model.delivery import Delivery, DeliveryState
from router.model.event import Event

MAX_LOOKED_AT = 50
"""Deliveries of one episode among which its thread is looked for."""


MAX_IN_FLIGHT = 4
"""Calls of one channel at a time: one that hangs leaves room for the others."""


class Archive(Protocol):
    """The store's reader, as this module needs it."""

    def deliveries(
        self, *, state: DeliveryState | None = None, dedup_key: str | None = None, limit: int = 100
    ) -> list[Delivery]:
        """Newest first."""
        ...


class Threads:
    """Finds what was said before of the same episode in the same channel."""

    def __init__(self, archive: Archive) -> None:
        """Where deliveries are kept."""
        self._archive = archive

    def __call__(self, delivery: Delivery) -> Thread | None:
        """None if nothing was delivered before."""
        found = self._archive.deliveries(state=DeliveryState.DELIVERED, dedup_key=delivery.dedup_key, limit=MAX_LOOKED_AT)
        return thread_from([one for one in found if one.lane == delivery.lane and one.id < delivery.id])


class Telling:
    """Every channel by its name; ``others`` is what the way out looks them up in."""

    def __init__(self, settings: Settings, *, keys: KeyRing, clock: Clock, archive: Archive) -> None:
        """Build all."""
        self._keys = keys
        self._clock = clock
        self._thread_of = Threads(archive)
        self._made_of: dict[str, tuple[ChannelSettings, Redaction]] = {}
        self._known: tuple[str, ...] = ()
        self.others: dict[str, BuiltChannel] = {}
        self.change(settings)

    def change(self, settings: Settings) -> list[BuiltChannel]:
        """Put these in force; the answer is what is no longer used and has to be closed."""
        self._known = tuple(known_secrets(settings))
        self._redact_page = Redactor(settings.redaction, settings.pagerduty.redaction, known=self.known)
        made_of = {name: (channel, settings.redaction) for name, channel in settings.channels.items()}
        before = self.others
        self.others = {
            name: before[name] if self._made_of.get(name) == made else self._build(*made) for name, made in made_of.items()
        }
        self._made_of = made_of
        kept = set(map(id, self.others.values()))
        return [channel for channel in before.values() if id(channel) not in kept]

    def _build(self, channel: ChannelSettings, redaction: Redaction) -> BuiltChannel:
        return build(
            channel,
            resolve=self._keys.resolve,
            clock=self._clock,
            compile_template=compile_body,
            redaction=redaction,
            known=self.known,
            thread_of=self._thread_of,
        )

    def known(self) -> tuple[str, ...]:
        """Our own secrets, which leave by no channel whatever an alert says."""
        return self._known

    def guarded(self, encode: Callable[[Event], bytes]) -> Callable[[Event], bytes]:
        """An encoder for PagerDuty with redaction in front, by the settings now in force."""
        return guard(encode, lambda event: self._redact_page(event))  # noqa: PLW0108 -- a reload exchanges it

    async def aclose(self) -> None:
        """Let go of all connections."""
        for channel in self.others.values():
            await channel.aclose()


def pacings(settings: Settings) -> dict[str, Pacing]:
    """How each channel wants to be called."""
    return {
        name: Pacing(
            calls=channel.rate.calls if channel.rate else 0,
            window_ms=channel.rate.per_ms if channel.rate else 60_000,
            retry_max_age_ms=channel.retry_for_ms,
            in_flight=MAX_IN_FLIGHT,
        )
        for name, channel in settings.channels.items()
    }
