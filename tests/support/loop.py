"""The whole loop in virtual time: alerts, the real engine, processor, clients and follower over one store, against the sandbox.

Only the dispatcher's waiting is left out: what is decided is tried in order at every step until it has ended.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from router.daemon.channels import Channels, PagerDutyWay
from router.dispatch.dead import fact_of
from router.engine.core import Engine
from router.incidents.orders import Guard, Orders
from router.model.alert import Alert
from router.model.delivery import Accepted, Attempt, Delivery, DeliveryState, Outcome, Rejected, Unavailable
from router.model.event import ACTIONS
from router.model.journal import AlertReceived
from router.model.pattern import Pattern
from router.model.ruleset import Rule, RuleSet, Team
from router.model.severity import Severity
from router.pagerduty.events_v2 import encode, put_key
from router.processor import Processor
from router.telemetry.metrics import Metrics
from tests.support.following import KEYS, World


class EventsByHand:
    """Fits a client of the Events API: straight into the sandbox, with whatever a test wants to get lost."""

    endpoint = "events"

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.lose: Callable[[Delivery], bool] = lambda _delivery: False  # accepted, and the answer lost
        self.keys = dict(KEYS)

    async def send(self, delivery: Delivery) -> Outcome:
        key = self.keys[delivery.routing_key.removeprefix("env:")]
        headers = {"content-type": "application/json"}
        body = put_key(delivery.body, key)
        answer = self.loop.sandbox.receive("POST", "/v2/enqueue", headers, body, self.loop.clock.now())
        if self.lose(delivery):
            return Unavailable(cause="reset")
        return Accepted() if answer.status == 202 else Rejected(cause="refused", status=answer.status)


class Loop(World):
    """``step`` lets a moment pass; ``pass_time`` many."""

    def __init__(self, *, rule: Rule | None = None, **more: Any) -> None:
        super().__init__(**more)
        self.ruleset = RuleSet(
            version="v1",
            rules=(rule or Rule(id="r", group_by=("service", "name")),),
            teams={
                "payments": Team(
                    name="payments", routing_key="env:payments", services=(Pattern("pay-*"),), fallback="platform"
                ),
                "platform": Team(name="platform", routing_key="env:platform", services=(Pattern("*"),)),
            },
            default_team="platform",
        )
        self.events_client = EventsByHand(self)
        self.outbox: list[Delivery] = []
        self.start_over()

    async def open(self) -> Loop:
        await super().open()
        return self

    def start_over(self) -> None:
        """A process: the engine restored from the store, everything undelivered taken up."""
        reader = self.store.reader()
        self.engine = Engine(self.ruleset, now=self.clock.now())
        rows = [row for kind in ("alert", "group", "storm", "counter", "silence") for row in reader.state(kind, limit=10_000)]
        if rows:
            self.engine.restore(rows, now=self.clock.now())
        self.follower = self.make_follower()
        orders = Orders(follower=self.follower, hand=self.client, ask=self.ask, clock=self.clock, endpoint="api")
        self.channels = Channels(PagerDutyWay(encode, self.events_client))
        self.channels.own[ACTIONS] = orders
        self.channels.needless = Guard(follower=self.follower, ask=self.ask).needless
        known = reader.deliveries(limit=10_000)
        self.outbox = [msgspec.structs.replace(one) for one in reversed(known) if one.state is DeliveryState.PENDING]
        self.processor = Processor(
            ledger=self.store, engine=self.engine, encode=self.channels.encode, deliver=self.outbox.extend, clock=self.clock,
            metrics=Metrics(), cursor=self._cursor(), next_delivery_id=max((one.id for one in known), default=0) + 1,
            rebuild=_never,
        )  # fmt: skip

    def _cursor(self) -> int:
        return getattr(self, "decided", 0)

    async def crash(self) -> None:
        """The process dies and comes back: what was in memory is gone."""
        self.start_over()
        await self.follower._recall()

    async def fire(self, name: str = "CardError", *, status: str = "firing", **more: Any) -> None:
        """An alert comes in (again)."""
        alert = Alert(
            source="prometheus", fingerprint=name, service="pay-api", name=name, severity=Severity.ERROR, status=status,  # type: ignore[arg-type]
            summary="cards fail", **more,
        )  # fmt: skip
        await self.store.append(self.clock.now(), [AlertReceived(alert=alert)])

    async def step(self) -> None:
        """Decide, send, hear."""
        now = self.clock.now()
        batch = list(self.entries)
        self.entries.clear()
        await self.processor._step(batch, now)
        if batch:
            self.decided = batch[-1].seq
        await self._send()
        self.sandbox.advance(self.clock.now())
        await self.hear()
        await self.follower.step()

    async def _send(self) -> None:
        busy: set[tuple[str, str]] = set()
        for delivery in list(self.outbox):
            if delivery.lane in busy:
                continue
            outcome = await self.channels.send(delivery)
            delivery.attempts += 1
            delivery.last_attempts = (Attempt(at=self.clock.now(), took_ms=1, outcome=outcome),)
            if isinstance(outcome, Unavailable):
                busy.add(delivery.lane)
                continue
            self.outbox.remove(delivery)
            await self._end(delivery, outcome)

    async def _end(self, delivery: Delivery, outcome: Outcome) -> None:
        delivery.finished_at = self.clock.now()
        delivery.state = DeliveryState.DELIVERED
        if isinstance(outcome, Rejected):
            delivery.reason = outcome.cause
            delivery.state = DeliveryState.CANCELLED if outcome.is_needless else DeliveryState.DEAD
            if delivery.state is DeliveryState.DEAD and delivery.team:
                await self.store.append(self.clock.now(), [fact_of(delivery)], reserved=True)
        await self.store.record([delivery])
        if delivery.state is DeliveryState.DELIVERED:
            self.follower.delivered(delivery)

    async def pass_time(self, seconds: float, *, each: float = 1.0) -> None:
        """So long, a step every so often."""
        end = self.clock.now() + int(seconds * 1000)
        while self.clock.now() < end:
            self.clock.at += int(each * 1000)
            await self.step()

    # what became of it

    def state(self, number: int = 1) -> str:
        """Our incident: open or closed."""
        incident = self.store.reader().incident(number)
        return "none" if incident is None else incident.status

    def rung(self, service: str = "payments") -> int:
        """How often people of this service were told of something new."""
        return len([page for page in self.sandbox.pages(service=service) if page.reason == "triggered"])

    def only(self, service: str = "payments") -> str:
        """PagerDuty's id of the service's one incident."""
        (found,) = [one.id for one in self.sandbox.incidents() if one.service == service]
        return found


async def _never(_now: int) -> None:
    raise AssertionError("the engine failed")
