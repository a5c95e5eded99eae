"""Dead letters: deliveries given up. Whoever must act is told first, then the dead letter is recorded.

Keeps this invariant: a delivery is never dead in the store without its failure being journalled, so the fallback of a refused
page survives a crash between the two (it is then told twice: the engine takes the same ``delivery_id`` as one).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from router.clock import Clock
from router.dispatch.lane import is_update
from router.dispatch.protocols import Failures
from router.errors import Overloaded, StoreError
from router.model.delivery import Delivery, Rejected, Throttled, Unavailable
from router.model.journal import DeliveryFailed
from router.telemetry.logs import logger

MAX_BATCH = 100
_RETRY_SECONDS = 1.0

log = logger("dispatch")


def fact_of(delivery: Delivery) -> DeliveryFailed:
    """What the journal says of a dead letter."""
    outcome = delivery.last_attempts[-1].outcome if delivery.last_attempts else None
    status = outcome.status if isinstance(outcome, Rejected | Unavailable | Throttled) else 0
    return DeliveryFailed(
        delivery_id=delivery.id,
        team=delivery.team,
        dedup_key=delivery.dedup_key,
        action=delivery.action,
        reason=delivery.reason,
        status=status,
        is_update=is_update(delivery),
    )


class DeadLetters:
    """Tells ``failures`` in groups, tries again until it is durable, then hands the delivery on to be recorded."""

    def __init__(self, *, failures: Failures, clock: Clock, told: Callable[[Delivery], None]) -> None:
        """``told`` gets each delivery whose failure is journalled."""
        self._failures = failures
        self._clock = clock
        self._told = told
        self._waiting: list[Delivery] = []
        self._wake = asyncio.Event()

    @property
    def is_idle(self) -> bool:
        """Whether everything given up was told."""
        return not self._waiting

    def add(self, delivery: Delivery) -> None:
        """Given up; its lane stays blocked until it is recorded."""
        log.error(
            "delivery_failed",
            delivery_id=delivery.id,
            team=delivery.team,
            dedup_key=delivery.dedup_key,
            action=delivery.action,
            attempts=delivery.attempts,
            reason=delivery.reason,
        )
        self._waiting.append(delivery)
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._tell()

    async def _tell(self) -> None:
        batch = self._waiting[:MAX_BATCH]
        try:
            await self._failures.failed(batch)
        except (StoreError, Overloaded) as error:
            log.warning("failure_not_journalled", cause=str(error), deliveries=len(batch), retry_seconds=_RETRY_SECONDS)
            await self._clock.sleep(_RETRY_SECONDS)
            return
        del self._waiting[: len(batch)]
        for delivery in batch:
            self._told(delivery)
