"""Progress made durable, in groups: what ends within a few milliseconds, and while one call is under way, shares the next.

Keeps these invariants: one call of ``record`` at a time, in the order things happened, so that a cancelled update is never
durable later than the resolve that overtook it; what could not be recorded is tried again until it is; a lane goes on only
after ``done`` was called for it. Bounded by the dispatcher, which sends nothing new above ``Settings.max_unrecorded``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from router.clock import Clock
from router.dispatch.protocols import Recorder
from router.errors import LeaseLost, StoreError, StoreUnusable
from router.model.delivery import Delivery
from router.telemetry.logs import logger

_RETRY_SECONDS = 1.0
GATHER_SECONDS = 0.005
"""Nobody waits for a mark but the next delivery of its lane; a transaction for each would cost as much as the call itself. A
crash repeats what these milliseconds delivered, under its dedup key."""

log = logger("dispatch")


class Recording:
    """Gathers and records; ``finals`` counts deliveries that have ended and are not durable yet."""

    def __init__(self, *, recorder: Recorder, clock: Clock, done: Callable[[list[Delivery]], None]) -> None:
        """``done`` gets the deliveries that had ended when they were recorded."""
        self._recorder = recorder
        self._clock = clock
        self._done = done
        self._gathered: dict[int, Delivery] = {}
        self._ended: list[Delivery] = []
        self._wake = asyncio.Event()
        self._is_recording = False
        self.finals = 0

    @property
    def is_idle(self) -> bool:
        """Whether everything is durable."""
        return not self._gathered and not self._is_recording

    def add(self, delivery: Delivery, *, has_ended: bool) -> None:
        """To be recorded as it is when its turn comes."""
        self._gathered[delivery.id] = delivery
        if has_ended:
            self._ended.append(delivery)
            self.finals += 1
        self._wake.set()

    async def record_now(self, delivery: Delivery) -> None:
        """Record one that nothing here works on; StoreError is the caller's."""
        await self._recorder.record([delivery])

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._gathered:
                await self._clock.sleep(GATHER_SECONDS)
                await self._record()

    async def _record(self) -> None:
        batch, self._gathered = self._gathered, {}
        ended, self._ended = self._ended, []
        self._is_recording = True
        try:
            await self._recorder.record(list(batch.values()))
        except (LeaseLost, StoreUnusable):
            raise
        except StoreError as error:
            log.warning("record_failed", cause=str(error), deliveries=len(batch), retry_seconds=_RETRY_SECONDS)
            self._gathered = batch | self._gathered
            self._ended = ended + self._ended
            await self._clock.sleep(_RETRY_SECONDS)
            return
        finally:
            self._is_recording = False
        self.finals -= len(ended)
        self._done(ended)
