"""The bounds of dispatch. Times in milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec


class Pacing(msgspec.Struct, frozen=True, kw_only=True):
    """How one channel wants to be called, where that differs from PagerDuty."""

    calls: int  # in any window of ``window_ms``; 0: unlimited
    window_ms: int = 60_000
    retry_max_age_ms: int = 86_400_000
    in_flight: int = 0  # of one routing key; 0: as for PagerDuty


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Defaults are for PagerDuty, which takes about 120 calls a minute for each routing key."""

    calls: int = 100  # for each routing key in any window of ``window_ms``; 0: unlimited
    window_ms: int = 60_000
    in_flight: int = 64
    in_flight_per_key: int = 16
    in_flight_besides: int = 16  # of all channels but PagerDuty together: one that hangs must leave room for pages
    retry_max_age_ms: int = 86_400_000  # older than this, a delivery that fails once more is given up
    backoff_base_ms: int = 1_000
    backoff_cap_ms: int = 30_000
    breaker_failures: int = 3  # in a row, of one endpoint
    probe_ms: int = 1_250  # between probes while an endpoint is down: 48 a minute
    probe_cap_ms: int = 10_000
    max_body_bytes: int = 67_108_864  # of waiting bodies in memory; what is above is read back from the store
    max_unrecorded: int = 1_000  # deliveries answered and not yet recorded; above it nothing new is sent
    channels: Mapping[str, Pacing] = MappingProxyType({})  # by name; for one that is not here it is as for PagerDuty

    def pacing(self, channel: str) -> Pacing:
        """How this channel is called."""
        found = self.channels.get(channel)
        return found or Pacing(calls=self.calls, window_ms=self.window_ms, retry_max_age_ms=self.retry_max_age_ms)
