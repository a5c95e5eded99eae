"""Tells when the store's write-ahead log grows because somebody reads the database for long, and who that may be.

While a read goes on, what is written afterwards cannot be moved into the database: the log grows by all that comes in, until
the reserve on the disk is reached and new alerts are refused. The router's own reads are short; a person has to end others'.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from router.daemon.troubles import Trouble, Troubles
from router.store.base import Usage
from router.store.sqlite.holders import find_holders

MIB = 1024 * 1024

TOO_LARGE_BYTES = 256 * MIB
"""Four times what it holds at most while nobody reads for long (``checkpoints.WRITERS_OWN_PAGES``)."""

FINE_BYTES = TOO_LARGE_BYTES // 2


class LogWatch:
    """One per daemon; ``look`` every few seconds."""

    def __init__(self, path: Path, *, usage: Callable[[], Usage], troubles: Troubles) -> None:
        """``path``: the database."""
        self._path = path
        self._usage = usage
        self._troubles = troubles

    async def look(self) -> None:
        """Raise it above one figure, clear it below another."""
        size = self._usage().bytes_log
        if size >= TOO_LARGE_BYTES and not self._troubles.is_firing(Trouble.STORE_LOG_GROWS):
            holders = await asyncio.to_thread(find_holders, self._path)
            who = f"open in {', '.join(holders)}" if holders else f"`lsof {self._path}` as root shows where it is open"
            await self._troubles.fire(
                Trouble.STORE_LOG_GROWS,
                f"the store's log holds {size // MIB} MiB, because somebody reads {self._path} for long, as a forgotten shell "
                f"does ({who}): end that read, or new alerts are refused once the disk's reserve is reached",
            )
        elif size < FINE_BYTES:
            await self._troubles.clear(Trouble.STORE_LOG_GROWS)
