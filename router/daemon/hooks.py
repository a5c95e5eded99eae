"""Takes PagerDuty's webhooks: verify, read, keep durably, hand to the follower. What is kept is worked on later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from router.api.hooks import Result
from router.clock import Clock
from router.daemon.troubles import Trouble, Troubles
from router.errors import Overloaded
from router.incidents.follower import Follower
from router.model.page import Webhook
from router.pagerduty.webhook import Unreadable, is_signed, read_webhook
from router.telemetry.logs import logger
from router.telemetry.metrics import Metrics

FORGED_BEFORE_TOLD = 3
"""Wrong signatures in a row, as many as make PagerDuty stop, before the router raises it as a trouble of its own."""

log = logger("follow")


class Keeper(Protocol):
    """The store, as this module needs it."""

    async def keep_webhook(self, webhook: Webhook) -> bool:
        """Durable; False if it was kept before."""
        ...


class WebhookDesk:
    """Fits ``api.hooks.Webhooks``. ``secrets`` is asked at every webhook, so that a reload exchanges them."""

    def __init__(
        self,
        *,
        keeper: Keeper,
        follower: Follower,
        secrets: Callable[[], Sequence[str]],
        troubles: Troubles,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        """Parts as wired."""
        self._keeper = keeper
        self._follower = follower
        self._secrets = secrets
        self._troubles = troubles
        self._clock = clock
        self._metrics = metrics
        self._forged = 0

    async def take(self, *, signature: str, webhook_id: str, body: bytes) -> Result:
        """What became of it; Overloaded or a StoreError when it has to come again."""
        result = await self._take(signature, webhook_id, body)
        self._metrics.webhooks.labels(result).inc()
        return result

    async def _take(self, signature: str, webhook_id: str, body: bytes) -> Result:
        secrets = self._secrets()
        if not secrets:
            return "unconfigured"
        if not is_signed(signature, body, secrets):
            await self._refuse(has_signature=bool(signature))
            return "forged"
        if self._forged:
            self._forged = 0
            await self._troubles.clear(Trouble.WEBHOOKS_REFUSED)
        try:
            webhook = read_webhook(body, webhook_id=webhook_id, received_at=self._clock.now())
        except Unreadable as error:
            log.warning("webhook_unreadable", cause=str(error), webhook_id=webhook_id[:100])
            return "unreadable"
        if webhook is None:
            return "ignored"
        if self._follower.is_full:
            self._metrics.webhooks.labels("not_stored").inc()
            raise Overloaded("too many webhooks wait to be worked on", retry_after_seconds=30)
        if not await self._keeper.keep_webhook(webhook):
            return "repeated"
        self._follower.offer(webhook)
        return "taken"

    async def _refuse(self, *, has_signature: bool) -> None:
        """One may be anybody's; several in a row with a signature are PagerDuty with a secret we do not have."""
        if has_signature:
            self._forged += 1
        log.warning("webhook_refused", signed=has_signature, in_a_row=self._forged)
        if self._forged == FORGED_BEFORE_TOLD:
            summary = (
                f"{self._forged} webhooks in a row are signed with none of pagerduty.webhook_secrets; PagerDuty stops sending "
                "for a day after three. Compare the secret with the subscription's, then enable the subscription again"
            )
            await self._troubles.fire(Trouble.WEBHOOKS_REFUSED, summary)
