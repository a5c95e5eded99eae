"""The bounds of dispatch. Times in milliseconds."""

from __future__ import annotations

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Defaults are for PagerDuty, which takes about 120 calls a minute for each routing key."""

    calls: int = 100  # for each routing key in any window of ``window_ms``; 0: unlimited
    window_ms: int = 60_000
    in_flight: int = 64
    in_flight_per_key: int = 16
    retry_max_age_ms: int = 86_400_000  # older than this, a delivery that fails once more is given up
    backoff_base_ms: int = 1_000
    backoff_cap_ms: int = 30_000
    breaker_failures: int = 3  # in a row, of one endpoint
    probe_ms: int = 1_250  # between probes while an endpoint is down: 48 a minute
    probe_cap_ms: int = 10_000
    max_body_bytes: int = 67_108_864  # of waiting bodies in memory; what is above is read back from the store
    max_unrecorded: int = 1_000  # deliveries answered and not yet recorded; above it nothing new is sent
