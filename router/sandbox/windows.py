"""Sliding windows of one minute, which is how the documentation counts calls."""

from __future__ import annotations

from collections import deque

WINDOW_MS = 60_000


class SlidingWindows:
    """How many calls each key made within the last minute; a key without calls costs nothing."""

    def __init__(self) -> None:
        self._calls: dict[str, deque[int]] = {}

    def used(self, key: str, now: int) -> int:
        """Calls of that key within the minute that ends now."""
        calls = self._calls.get(key)
        if calls is None:
            return 0
        while calls and calls[0] <= now - WINDOW_MS:
            calls.popleft()
        if not calls:
            del self._calls[key]
        return len(calls)

    def add(self, key: str, now: int, keep: int) -> None:
        """Count one call; no more than ``keep`` are remembered, which is enough to know that the limit is reached."""
        calls = self._calls.setdefault(key, deque())
        calls.append(now)
        if len(calls) > keep:
            calls.popleft()

    def resets_in_ms(self, key: str, now: int) -> int:
        """How long until the oldest counted call leaves the window."""
        calls = self._calls.get(key)
        return max(0, calls[0] + WINDOW_MS - now) if calls else 0
