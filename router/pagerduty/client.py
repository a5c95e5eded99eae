"""The Events API v2 client: one delivery, one call, one Outcome.

Keeps these invariants: every attempt of a delivery sends the same bytes; the routing key is looked up at the last moment and
is in no log, cause, or exception; whatever happens on the network is a value. Must never do: retry, wait, or choose.
"""

from __future__ import annotations

from collections.abc import Callable

from router.clock import Clock
from router.errors import RouterError
from router.model.delivery import Delivery, Outcome, Rejected, Unavailable
from router.pagerduty.answer import oddness_of, outcome_of
from router.pagerduty.events_v2 import put_key
from router.telemetry.logs import logger
from router.wire.connection import NetworkFailure
from router.wire.origin import parse_origin
from router.wire.transport import Poster, target_of

ALERT_PATH = "/v2/enqueue"
CHANGE_PATH = "/v2/change/enqueue"

log = logger("pagerduty")


class EventsClient:
    """Sends deliveries to one region's events host."""

    def __init__(
        self,
        *,
        url: str,
        poster: Poster,
        resolve: Callable[[str], str],
        clock: Clock,
        user_agent: str = "alert-router",
        deadline_seconds: float = 10.0,
        allow_http: bool = False,
    ) -> None:
        """``url``: https://events.pagerduty.com or the like, ValueError if unfit; ``resolve``: reference -> routing key."""
        origin, prefix = parse_origin(url, allow_http=allow_http)
        headers = {"Accept": "application/json", "User-Agent": user_agent}
        self._alert = target_of(origin, prefix + ALERT_PATH, headers)
        self._change = target_of(origin, prefix + CHANGE_PATH, headers)
        self._poster = poster
        self._resolve = resolve
        self._clock = clock
        self._deadline_seconds = deadline_seconds
        self.endpoint = origin.host_header

    async def send(self, delivery: Delivery) -> Outcome:
        """Post it once; ends within the deadline. A routing key that cannot be read is a rejection that names the reference."""
        try:
            key = self._resolve(delivery.routing_key)
        except (LookupError, OSError, ValueError, RouterError):
            # The error's own text is not passed on: it may quote what it read.
            return Rejected(cause=f"the routing key {delivery.routing_key} cannot be read")
        target = self._change if delivery.action == "change" else self._alert
        try:
            answer = await self._poster.post(target, put_key(delivery.body, key), deadline_seconds=self._deadline_seconds)
        except NetworkFailure as failure:
            return Unavailable(cause=str(failure))
        outcome = outcome_of(answer, key=key, now=self._clock.now())
        odd = oddness_of(answer)
        if odd:
            log.warning("odd_answer", delivery_id=delivery.id, status=answer.status, oddness=odd)
        return outcome

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._poster.aclose()
