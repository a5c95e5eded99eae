"""Periodic chores: retention, checkpoints, looking at the disk and the clock. No page ever depends on one.

APScheduler drops work by default (a job a second late is skipped), so misfires are allowed without end and coalesced.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from router.telemetry.logs import logger

log = logger("daemon")


class Chores:
    """Runs named coroutine functions every so many seconds; a chore that fails is logged and comes again."""

    def __init__(self) -> None:
        """Nothing to do yet."""
        self._started = False
        self._scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )

    def every(self, seconds: float, name: str, chore: Callable[[], Awaitable[object]]) -> None:
        """Add a chore; one run of it at a time."""

        async def run() -> None:
            try:
                await chore()
            except asyncio.CancelledError:
                if self._started:
                    raise
                # Cut short by ``stop``, as intended: nothing for the scheduler to log as an error.
            except Exception:  # a chore's failure must not end the others
                log.exception("chore_failed", chore=name)

        self._scheduler.add_job(run, "interval", seconds=seconds, id=name, name=name)

    def start(self) -> None:
        """Begin, on the running loop."""
        self._started = True
        self._scheduler.start()

    def stop(self) -> None:
        """No further runs. A second call does nothing."""
        if self._started:
            self._started = False
            self._scheduler.shutdown(wait=False)
