"""The server's limits and deadlines. Documented in docs/reference/http.md."""

from __future__ import annotations

import msgspec

MAX_HEAD_BYTES = 65_536
"""Request line and headers; more is answered 431."""
MAX_HEADERS = 100
"""Header lines; more is answered 431."""
MAX_URL_BYTES = 8_192
"""Longer is answered 414."""
SMALL_BODY_BYTES = 65_536
"""A body up to this size is always read; larger ones share ``ServerLimits.bodies_bytes`` and cannot crowd these out."""
RETRY_SECONDS = 5
"""When the sender of a large body that had no room is told to come back."""
LINGER_SECONDS = 2.0
"""How long a sender that was refused before its body ended may go on sending, so that it can read why."""


class ServerLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of the server; seconds because the loop's clock counts them."""

    body_bytes: int = 4 * 1024 * 1024
    bodies_bytes: int = 64 * 1024 * 1024  # of all bodies above SMALL_BODY_BYTES that are not answered yet, together
    connections: int = 1_000
    header_seconds: float = 5.0  # from the first byte (or the connection) to the end of the head
    body_seconds: float = 20.0  # from there to the end of the body; also for a peer that does not read its answer
    idle_seconds: float = 120.0  # between two requests on one connection; Prometheus comes back every minute

    @property
    def sweep_seconds(self) -> float:
        """How often deadlines are looked at: they are late by at most this."""
        return min(1.0, min(self.header_seconds, self.body_seconds, self.idle_seconds) / 4)
