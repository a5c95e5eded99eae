"""How dispatch is doing, as a value: for metrics, ``/v1`` and ``/-/ready``."""

from __future__ import annotations

import msgspec

from router.dispatch.protocols import BreakerState


class KeyState(msgspec.Struct, frozen=True, kw_only=True):
    """One routing key, by its reference."""

    routing_key: str
    lanes: int  # with something to send
    in_flight: int
    calls_limit: int  # in force now, per window; 0: unlimited
    paused_ms: int  # still to wait after a 429; 0: not paused


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The whole outbox."""

    waiting: int  # pending, whether queued, in flight, or answered and not yet recorded
    in_flight: int
    unrecorded: int  # ended, not durable yet
    oldest_age_ms: int  # of the oldest pending; 0: nothing is pending
    dead: int  # dead letters neither retried nor dropped
    body_bytes: int  # held in memory
    bodies_in_store: int  # let go because of the bound
    keys: list[KeyState]  # those with something to do
    breakers: dict[str, BreakerState]  # endpoint -> state
