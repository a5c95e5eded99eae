"""The request journal: every request as it came, what was answered, and what became of it later.

Bounded in entries and in bytes of bodies; the oldest leave first and are counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

import msgspec


class Entry(msgspec.Struct, kw_only=True):
    """One request. ``fate`` is set when it is answered, ``effect`` when it has been processed."""

    sequence: int
    at: int
    face: str  # events, rest
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    status: int = 0
    behaviour: str = "answer"
    answer: bytes = b""
    fault: str = ""
    fate: str = ""  # accepted, rejected, throttled, failed, answered
    routing_key: str = ""
    action: str = ""
    dedup_key: str = ""
    effect: str = ""  # opened, joined, repeated, acknowledged, resolved, suppressed, dropped: why ...
    processed_at: int | None = None


class Journal:
    """All requests in order, until the bounds."""

    def __init__(self, max_entries: int, max_bytes: int) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self.recorded = 0
        self.dropped = 0

    def open(self, *, at: int, face: str, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Entry:
        """Begin the entry of a request that just came."""
        self.recorded += 1
        entry = Entry(sequence=self.recorded, at=at, face=face, method=method, path=path, headers=headers, body=body)
        self._entries.append(entry)
        self._bytes += len(body)
        while len(self._entries) > self._max_entries or (self._bytes > self._max_bytes and len(self._entries) > 1):
            self._bytes -= len(self._entries.popleft().body)
            self.dropped += 1
        return entry

    def entries(self, *, face: str | None = None, routing_key: str | None = None, dedup_key: str | None = None) -> list[Entry]:
        """The entries that are kept, in the order of arrival, narrowed by whatever is given."""
        return [
            entry
            for entry in self._entries
            if (face is None or entry.face == face)
            and (routing_key is None or entry.routing_key == routing_key)
            and (dedup_key is None or entry.dedup_key == dedup_key)
        ]
