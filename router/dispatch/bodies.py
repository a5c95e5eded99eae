"""Bodies of waiting deliveries: in memory up to a bound, above it only in the store, from where they come back when sent.

The rest of a waiting delivery (about a kilobyte) stays in memory: the outbox is known by heart, its bodies need not be.
"""

from __future__ import annotations

import msgspec

from router.dispatch.protocols import Archive
from router.model.delivery import Delivery


class Bodies:
    """Counts the bytes of the bodies it was given; what it has let go it finds again."""

    def __init__(self, archive: Archive | None, max_bytes: int) -> None:
        """Without an archive nothing is let go."""
        self._archive = archive
        self._max_bytes = max_bytes
        self._let_go: dict[int, int] = {}  # id -> length
        self.bytes_held = 0

    @property
    def let_go(self) -> int:
        """How many bodies are in the store only."""
        return len(self._let_go)

    def admit(self, delivery: Delivery) -> Delivery:
        """The delivery to keep: itself, or above the bound a copy without its body (the caller's may be shared)."""
        size = len(delivery.body)
        if self._archive is not None and self.bytes_held + size > self._max_bytes:
            self._let_go[delivery.id] = size
            return msgspec.structs.replace(delivery, body=b"")
        self.bytes_held += size
        return delivery

    def fetch(self, delivery: Delivery) -> bool:
        """Make sure the body is there before it is sent; False: the store does not have it any more."""
        if delivery.id not in self._let_go:
            return True
        found = self._archive.delivery(delivery.id) if self._archive is not None else None
        if found is None:
            return False
        delivery.body = found.body
        return True

    def put_back(self, delivery: Delivery) -> None:
        """It was not delivered and waits again."""
        if delivery.id in self._let_go:
            delivery.body = b""

    def forget(self, delivery: Delivery) -> None:
        """It waits no longer."""
        if self._let_go.pop(delivery.id, None) is None:
            self.bytes_held -= len(delivery.body)
