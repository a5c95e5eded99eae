"""The one place that reads the system's time. Everything else is handed a Clock.

Times are integers: milliseconds since 1970-01-01T00:00Z. ``monotonic`` is in seconds and only for deadlines.
"""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What tells the time and waits."""

    def now(self) -> int:
        """Wall-clock time in milliseconds UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back; for deadlines and durations."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that long by the monotonic clock."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """Wall-clock time in milliseconds UTC."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds from an arbitrary start."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait on the running loop."""
        await asyncio.sleep(seconds)
