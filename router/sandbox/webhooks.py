"""Webhook subscriptions and what is owed to them: order, retries, drops, disablement. Nothing is sent from here.

Whoever owns the wire takes what is ``due``, sends it, and says how it went with ``answered``. Deliveries of one
subscription and one resource go strictly one after the other; other resources do not wait.
"""

from __future__ import annotations

import heapq
from collections import deque
from typing import Any, Literal

import msgspec

from router.sandbox import webhook_body
from router.sandbox.model import Change, World

Outcome = int | Literal["timeout", "unreachable", "tls"]
SUBSCRIPTIONS_PER_FILTER = 10
KEPT_RECORDS = 10_000
MAX_OWED = 100_000
MAX_SENDING = 50


class Subscription(msgspec.Struct, kw_only=True):
    """Who wants to be told what; the secret is shown once and never again."""

    id: str
    url: str
    secret: str
    events: list[str]
    filter_type: Literal["account_reference", "service_reference", "team_reference"] = "account_reference"
    filter_id: str = ""
    description: str = ""
    active: bool = True
    custom_headers: list[tuple[str, str]] = []
    disabled_until: int = 0
    consecutive_drops: int = 0
    generated: int = 0


class Delivery(msgspec.Struct, kw_only=True):
    """One webhook to one subscription; the webhook id stays the same on every retry."""

    id: int
    subscription_id: str
    resource_id: str
    webhook_id: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    born_at: int
    next_at: int
    state: Literal["waiting", "sending", "delivered", "dropped"] = "waiting"
    outcomes: list[tuple[int, Outcome]] = []
    is_duplicate: bool = False  # sent a second time after its 2xx


class WebhookBook:
    """All subscriptions and everything that is owed to them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.subscriptions: dict[str, Subscription] = {}
        self.records: deque[Delivery] = deque(maxlen=KEPT_RECORDS)
        self._queues: dict[tuple[str, str], deque[Delivery]] = {}
        self._heads: list[tuple[int, int, tuple[str, str]]] = []
        self._sending: dict[int, Delivery] = {}
        self._made = 0
        self._owed = 0
        world.listener = self.on_change

    # subscriptions

    def subscribe(
        self,
        *,
        url: str,
        events: list[str],
        filter_type: Any = "account_reference",
        filter_id: str = "",
        description: str = "",
        custom_headers: list[tuple[str, str]] | None = None,
        active: bool = True,
    ) -> Subscription:
        """A new subscription; eleven of one filter raise ``OverflowError``."""
        same = [one for one in self.subscriptions.values() if (one.filter_type, one.filter_id) == (filter_type, filter_id)]
        if len(same) >= SUBSCRIPTIONS_PER_FILTER:
            raise OverflowError("too many subscriptions of this filter")
        ids = self._world.ids
        made = Subscription(
            id=ids.resource("P"),
            url=url,
            secret=ids.secret(),
            events=events,
            filter_type=filter_type,
            filter_id=filter_id,
            description=description,
            custom_headers=custom_headers or [],
            active=active,
        )
        self.subscriptions[made.id] = made
        return made

    def remove(self, subscription_id: str) -> None:
        """No such subscription any more, and nothing owed to it."""
        del self.subscriptions[subscription_id]
        self._empty(subscription_id)

    def disable(self, subscription: Subscription, until: int) -> None:
        """Out of service until then: what is owed is discarded and nothing is queued meanwhile."""
        subscription.disabled_until = until
        subscription.consecutive_drops = 0
        self._empty(subscription.id)

    def _empty(self, subscription_id: str) -> None:
        for key in [key for key in self._queues if key[0] == subscription_id]:
            for delivery in self._queues.pop(key):
                delivery.state = "dropped"
                self._owed -= 1

    # what is owed

    def on_change(self, change: Change) -> None:
        """Queue a webhook for everybody who wants to know."""
        for subscription in list(self.subscriptions.values()):
            if self._wants(subscription, change):
                self._generate(subscription, change)

    def _wants(self, subscription: Subscription, change: Change) -> bool:
        if not subscription.active or change.at < subscription.disabled_until or change.kind not in subscription.events:
            return False
        if subscription.filter_type == "account_reference":
            return True
        service_id = change.incident.service_id if change.incident else change.service.id if change.service else ""
        return subscription.filter_type == "service_reference" and subscription.filter_id == service_id

    def _generate(self, subscription: Subscription, change: Change) -> None:
        world, switches = self._world, self._world.switches
        subscription.generated += 1
        number = subscription.generated
        if _is_turn(number, switches.webhook_unknown_every):
            self._owe(subscription, "unknown", webhook_body.unknown(world, change.at), change.at)
        if _is_turn(number, switches.webhook_foreign_every):
            self._owe(subscription, "foreign", webhook_body.foreign(world, change.at), change.at)
        from_integration = change.agent is not None and change.agent.kind == "inbound_integration"
        hides_agent = from_integration and _is_turn(number, switches.webhook_null_agent_every)
        body = webhook_body.render(world, change, with_agent=not hides_agent)
        resource = change.incident.id if change.incident else change.service.id if change.service else ""
        self._owe(subscription, resource, body, change.at)

    def ping(self, subscription: Subscription, now: int) -> None:
        """Owe a test webhook."""
        data = {"message": "Hello from your friend Pagey!", "type": "ping"}
        body = webhook_body.envelope(self._world, "pagey.ping", now, data)
        self._owe(subscription, "ping", body, now)

    def _owe(self, subscription: Subscription, resource_id: str, body: bytes, at: int) -> None:
        switches = self._world.switches
        self._made += 1
        webhook_id = self._world.ids.uuid()
        headers = [
            ("content-type", "application/json"),
            ("accept", "application/json"),
            ("user-agent", "PagerDuty-Webhook/V3.0"),
            ("x-webhook-subscription", subscription.id),
            ("x-webhook-id", webhook_id),
            *subscription.custom_headers,
        ]
        signature = webhook_body.signature_header(switches.webhook_signature, subscription.secret, body)
        if signature is not None:
            headers.append(("x-pagerduty-signature", signature))
        delivery = Delivery(
            id=self._made,
            subscription_id=subscription.id,
            resource_id=resource_id,
            webhook_id=webhook_id,
            url=subscription.url,
            headers=tuple(headers),
            body=body,
            born_at=at,
            next_at=at + switches.webhook_delay_ms,
        )
        self.records.append(delivery)
        if len(body) > switches.webhook_drop_over_bytes or self._owed >= MAX_OWED:
            delivery.state = "dropped"
            return
        if len(body) > switches.webhook_reorder_over_bytes:
            delivery.next_at += switches.webhook_retry_first_ms
            delivery.resource_id = f"{resource_id} {webhook_id}"
        self._enqueue(delivery)

    def _enqueue(self, delivery: Delivery) -> None:
        key = (delivery.subscription_id, delivery.resource_id)
        queue = self._queues.setdefault(key, deque())
        queue.append(delivery)
        self._owed += 1
        if len(queue) == 1:
            self._schedule(delivery)

    def _schedule(self, delivery: Delivery) -> None:
        heapq.heappush(self._heads, (delivery.next_at, delivery.id, (delivery.subscription_id, delivery.resource_id)))

    def _head(self) -> Delivery | None:
        """The delivery whose turn comes first; what was emptied meanwhile is passed over."""
        while self._heads:
            next_at, delivery_id, key = self._heads[0]
            queue = self._queues.get(key)
            if queue and queue[0].id == delivery_id and queue[0].state == "waiting" and queue[0].next_at == next_at:
                return queue[0]
            heapq.heappop(self._heads)
        return None

    def next_due(self) -> int | None:
        """When the next delivery is to be sent; nothing while the most are under way, an answer makes room."""
        head = self._head() if len(self._sending) < MAX_SENDING else None
        return head.next_at if head else None

    def due(self, now: int, limit: int = MAX_SENDING) -> list[Delivery]:
        """Take what is to be sent now; each has to be ``answered``."""
        taken: list[Delivery] = []
        while (
            len(self._sending) < MAX_SENDING
            and len(taken) < limit
            and (head := self._head()) is not None
            and head.next_at <= now
        ):
            heapq.heappop(self._heads)
            head.state = "sending"
            self._sending[head.id] = head
            taken.append(head)
        return taken

    def answered(self, delivery_id: int, outcome: Outcome, now: int) -> None:
        """Say how a sent delivery went: a status, or how there was none."""
        delivery = self._sending.pop(delivery_id)
        delivery.outcomes.append((now, outcome))
        subscription = self.subscriptions.get(delivery.subscription_id)
        queue = self._queues.get((delivery.subscription_id, delivery.resource_id))
        if subscription is None or not queue or queue[0] is not delivery:
            return  # removed or disabled while it was under way
        if isinstance(outcome, int) and 200 <= outcome < 300:  # noqa: PLR2004 - any 2xx
            self._delivered(delivery, subscription, now)
        elif self._is_retried(outcome) and self._retry(delivery, now):
            return
        else:
            self._drop(delivery, subscription, now)

    def _is_retried(self, outcome: Outcome) -> bool:
        if not isinstance(outcome, int):
            return outcome != "tls"
        if 300 <= outcome < 400:  # noqa: PLR2004 - any 3xx
            return self._world.switches.webhook_redirect == "retry"
        return outcome == 429 or outcome >= 500  # noqa: PLR2004 - as documented

    def _retry(self, delivery: Delivery, now: int) -> bool:
        switches = self._world.switches
        doublings = min(len(delivery.outcomes) - 1, 40)
        wait = min(switches.webhook_retry_first_ms << doublings, switches.webhook_retry_cap_ms)
        if now + wait - delivery.born_at > switches.webhook_give_up_after_ms:
            return False
        delivery.state = "waiting"
        delivery.next_at = now + wait
        self._schedule(delivery)
        return True

    def _delivered(self, delivery: Delivery, subscription: Subscription, now: int) -> None:
        delivery.state = "delivered"
        subscription.consecutive_drops = 0
        self._next_in_queue(delivery, now)
        if not delivery.is_duplicate and _is_turn(delivery.id, self._world.switches.webhook_duplicate_every):
            self._made += 1
            again = msgspec.structs.replace(
                delivery, id=self._made, state="waiting", next_at=now, outcomes=[], is_duplicate=True
            )
            self.records.append(again)
            self._enqueue(again)

    def _drop(self, delivery: Delivery, subscription: Subscription, now: int) -> None:
        delivery.state = "dropped"
        self._next_in_queue(delivery, now)
        subscription.consecutive_drops += 1
        switches = self._world.switches
        if subscription.consecutive_drops >= switches.webhook_drops_before_disable:
            self.disable(subscription, now + switches.webhook_disable_ms)

    def _next_in_queue(self, delivery: Delivery, now: int) -> None:
        key = (delivery.subscription_id, delivery.resource_id)
        queue = self._queues[key]
        queue.popleft()
        self._owed -= 1
        if queue:
            queue[0].next_at = max(queue[0].next_at, now)
            self._schedule(queue[0])
        else:
            del self._queues[key]


def _is_turn(number: int, every: int) -> bool:
    return every > 0 and number % every == 0
