"""The sandbox's own reading of the time: it may not borrow the daemon's, and only the server uses it."""

from __future__ import annotations

import asyncio
import time


def now_ms() -> int:
    """Wall-clock time in milliseconds UTC."""
    return time.time_ns() // 1_000_000  # noqa: TID251 - the one place of this room that asks the system


async def pause(milliseconds: float) -> None:
    """Wait on the running loop; only the wire waits, the model never does."""
    await asyncio.sleep(milliseconds / 1000)  # noqa: TID251 - the one place of this room that waits
