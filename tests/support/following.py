"""Following pages in virtual time: the real follower, REST client and store in memory against the sandbox, without a socket."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterable
from typing import TypeVar

import httpx
import msgspec

from router.incidents.actions import Actions
from router.incidents.follower import Follower
from router.incidents.reconcile import Reconciler
from router.incidents.rhythm import HEARING, POLLING
from router.incidents.strays import Strays
from router.model.delivery import Accepted, Delivery, DeliveryState, Outcome, Priority
from router.model.incident import Incident
from router.model.journal import Entry, Fact, IncidentChanged
from router.model.page import Page
from router.model.severity import Severity
from router.pagerduty.events_v2 import encode
from router.pagerduty.rest import RestClient
from router.pagerduty.webhook import read_webhook
from router.sandbox.facade import Sandbox
from router.sandbox.settings import DEFAULT_TOKEN, OrchestrationSpec, ServiceSpec, Settings
from router.sandbox.switches import Switches
from router.store.base import Commit, Reader
from router.store.memory import MemoryStore
from router.telemetry.metrics import Metrics
from tests.support.stores import START, StillClock

KEYS = {"payments": "a1" * 16, "platform": "b2" * 16}
ADA = "ada@example.test"
Value = TypeVar("Value")


class SandboxTransport(httpx.AsyncBaseTransport):
    """Requests go straight into the sandbox."""

    def __init__(self, sandbox: Sandbox, clock: StillClock) -> None:
        self.sandbox = sandbox
        self.clock = clock
        self.is_down = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.is_down:
            raise httpx.ConnectError("down", request=request)
        answer = self.sandbox.receive(
            request.method,
            request.url.raw_path.decode(),
            dict(request.headers),
            await request.aread(),
            self.clock.now(),
        )
        return httpx.Response(answer.status, headers=list(answer.headers), content=answer.body, request=request)


class RecordedBell:
    """What was rung."""

    def __init__(self) -> None:
        self.missed: list[str] = []
        self.confirmed_teams: list[str] = []
        self.is_blind = ""
        self.told_of_strays = ""

    async def not_confirmed(self, team: str, summary: str) -> None:
        assert summary
        self.missed.append(team)

    async def confirmed(self, team: str) -> None:
        self.confirmed_teams.append(team)

    async def blind(self, summary: str) -> None:
        self.is_blind = summary

    async def sees(self) -> None:
        self.is_blind = ""

    async def strays(self, summary: str) -> None:
        self.told_of_strays = summary

    async def no_strays(self) -> None:
        self.told_of_strays = ""


class TwoTeams:
    """Each with a routing key of its own; ``others``: whose key is an orchestration's."""

    def __init__(self) -> None:
        self.orchestrated: dict[str, str] = {}

    def teams_with_key(self, keys: Iterable[str]) -> set[str]:
        return World.teams_with_key(keys)

    def teams_with_service(self, service: str) -> set[str]:
        return set()

    def teams_by_orchestration(self) -> set[str]:
        return set(self.orchestrated)

    def references_by_team(self) -> dict[str, str]:
        return {team: f"env:{team}" for team in (*KEYS, *self.orchestrated)}


class World:
    """One account at PagerDuty, one store, one follower."""

    def __init__(
        self,
        *,
        auto_resolve_seconds: int = 0,
        hears: bool = False,
        token: str | None = DEFAULT_TOKEN,
        sender: str = ADA,
        within_ms: int = 300_000,
        orchestrations: tuple[OrchestrationSpec, ...] = (),
    ) -> None:
        self.clock = StillClock()
        switches = Switches(
            processing_delay_ms=100, rate_limit_per_minute=0, webhook_unknown_every=0, escalate_on_timeout=False
        )
        services = tuple(
            ServiceSpec(name=name, keys=(key,), auto_resolve_seconds=auto_resolve_seconds) for name, key in KEYS.items()
        )
        self.sandbox = Sandbox(
            settings=Settings(services=services, orchestrations=orchestrations, switches=switches), now=START
        )
        self.secret = self.sandbox.subscribe("http://127.0.0.1:1/hook").secret if hears else ""
        self.transport = SandboxTransport(self.sandbox, self.clock)
        self.store = MemoryStore(clock=self.clock)
        self.hears = hears
        self.within_ms = within_ms
        self.client = (
            RestClient(url="http://127.0.0.1", transport=self.transport, token=lambda: token, sender=sender, clock=self.clock)
            if token
            else None
        )
        self.bell = RecordedBell()
        self.ways = TwoTeams()
        self.resent: list[Delivery] = []
        self.entries: list[Entry] = []
        self._delivery_id = 0
        self.follower = self.make_follower()
        self.strays = self.make_strays()

    def make_follower(self) -> Follower:
        """Another life of it, over the same store."""
        return Follower(
            remote=self.client,
            journal=self.store,
            notebook=self.store,
            ask=self.ask,
            bell=self.bell,
            clock=self.clock,
            metrics=Metrics(),
            rhythm=HEARING if self.hears else POLLING,
            confirm_within_ms=dict.fromkeys(KEYS, self.within_ms),
            teams_with_key=self.teams_with_key,
            teams_with_service=lambda _service: set(),
            reads_log=not self.hears,
        )

    async def open(self) -> World:
        """The store is ready."""
        await self.store.open()
        self.store.subscribe(self.entries.extend)
        return self

    async def ask(self, question: Callable[[Reader], Value]) -> Value:
        return question(self.store.reader())

    @staticmethod
    def teams_with_key(keys: Iterable[str]) -> set[str]:
        given = set(keys)
        return {team for team, key in KEYS.items() if key in given}

    @property
    def actions(self) -> Actions:
        return Actions(follower=self.follower, hand=self.client, ask=self.ask, clock=self.clock)

    @property
    def reconciler(self) -> Reconciler:
        return Reconciler(
            follower=self.follower,
            ask=self.ask,
            resend=self.resend,
            references=lambda: {f"env:{team}" for team in KEYS},
            strays=self.strays,
            clock=self.clock,
        )

    def make_strays(self) -> Strays:
        """Another life of it."""
        return Strays(
            remote=self.client, register=self.follower.register, ways=self.ways, ask=self.ask, notebook=self.store,
            bell=self.bell, encode=encode, send=self.resend, clock=self.clock,
        )  # fmt: skip

    async def resend(self, delivery: Delivery) -> Outcome:
        self.resent.append(delivery)
        self.event(delivery.team, delivery.dedup_key, delivery.action)
        return Accepted()

    def event(self, team: str, key: str, action: str = "trigger") -> None:
        """To PagerDuty's events face."""
        payload = {"summary": key, "source": "s", "severity": "error"}
        body = {
            "routing_key": (KEYS | self.ways.orchestrated).get(team, team),
            "event_action": action,
            "dedup_key": key,
            "payload": payload,
        }
        headers = {"content-type": "application/json"}
        assert self.sandbox.receive("POST", "/v2/enqueue", headers, json.dumps(body).encode(), self.clock.now()).status == 202

    async def send(self, number: int, *teams: str, tell: bool = True, arrives: bool = True) -> Incident:
        """An incident of ours opens and its pages are delivered; ``tell`` the follower."""
        key = f"rule/00112233/{number}"
        incident = Incident(
            number=number, rule="rule", group="00112233", dedup_key=key, teams=teams or ("payments",), service="payment-api",
            name="CardError", summary="s", severity=Severity.ERROR, status="open", opened_at=self.clock.now(),
        )  # fmt: skip
        deliveries = [self.delivery(key, team, "trigger") for team in incident.teams]
        await self.commit(incident, deliveries)
        for delivery in deliveries:
            if arrives:
                self.event(delivery.team, key)
            if tell:
                self.follower.delivered(delivery)
        return incident

    async def close(self, incident: Incident, *, arrives: bool = True) -> Incident:
        """It is over for us."""
        closed = msgspec.structs.replace(incident, status="closed", closed_at=self.clock.now())
        deliveries = [self.delivery(incident.dedup_key, team, "resolve") for team in incident.teams]
        await self.commit(closed, deliveries)
        for delivery in deliveries:
            if arrives:
                self.event(delivery.team, incident.dedup_key, "resolve")
            self.follower.delivered(delivery)
        return closed

    async def commit(self, incident: Incident, deliveries: list[Delivery]) -> None:
        now = self.clock.now()
        await self.store.commit(
            Commit(cursor=0, decided_at=now, decisions=[], incidents=[incident], changes=[], deliveries=deliveries)
        )

    def delivery(self, key: str, team: str, action: str) -> Delivery:
        self._delivery_id += 1
        now = self.clock.now()
        return Delivery(
            id=self._delivery_id, team=team, routing_key=f"env:{team}", dedup_key=key, action=action, priority=Priority.ERROR,  # type: ignore[arg-type]
            created_at=now, body=b"{}", state=DeliveryState.DELIVERED, attempts=1, finished_at=now,
        )  # fmt: skip

    async def run(self, seconds: float) -> None:
        """Let so much time pass, the follower working in between."""
        end = self.clock.now() + int(seconds * 1000)
        while self.clock.now() < end:
            self.clock.at += 500
            self.sandbox.advance(self.clock.now())
            await self.hear()
            await self.follower.step()

    async def hear(self, *, order: Callable[[list[bytes]], list[bytes]] = lambda bodies: bodies) -> None:
        """Take the webhooks that are due, as the door does."""
        due = self.sandbox.webhooks_due(self.clock.now())
        for delivery in due:
            self.sandbox.webhook_answered(delivery.id, 202, self.clock.now())
        for body in order([delivery.body for delivery in due]):
            await self.take(body)

    async def take(self, body: bytes) -> bool:
        """One webhook; whether it was new."""
        webhook = read_webhook(body, webhook_id=hmac.new(b"k", body, hashlib.sha256).hexdigest(), received_at=self.clock.now())
        if webhook is None or not await self.store.keep_webhook(webhook):
            return False
        self.follower.offer(webhook)
        return True

    def there(self, number: int = 1, team: str = "payments") -> str:
        """PagerDuty's id of our incident's page."""
        key = f"rule/00112233/{number}"
        return next(one.id for one in self.sandbox.incidents() if key in one.dedup_keys and one.service == team)

    def page(self, number: int = 1, team: str = "payments") -> Page:
        """As it is written."""
        return next(page for page in self.store.reader().pages(incident=number) if page.team == team)

    def facts(self) -> list[Fact]:
        """What the engine was told."""
        return [entry.fact for entry in self.store.reader().entries()]

    def told(self) -> list[tuple[str, str]]:
        """The facts about incidents: dedup key's number and status."""
        return [(fact.dedup_key[-1], fact.status) for fact in self.facts() if isinstance(fact, IncidentChanged)]

    def audit(self, number: int = 1) -> list[str]:
        """What was done, oldest first."""
        return [row.entry.what for row in self.store.reader().audit(incident=number)][::-1]
