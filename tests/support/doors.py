"""An intake over a store in memory, a whole API over it, and alerts as senders write them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from router.api.acting import Acting
from router.api.application import Api
from router.api.assembly import build_routes
from router.api.auth import Authenticator, Token
from router.api.compatible import Compatible
from router.api.doors import Doors
from router.api.health import Health
from router.api.hooks import Hooks, Result, Webhooks
from router.api.limits import ServerLimits
from router.api.orphaned import Orphaned
from router.api.reading import Reading, ReadingRoom
from router.api.recalling import PastRoom, Recalling
from router.api.server import ApiServer
from router.api.silences import Silences
from router.api.silencing import Silencing
from router.api.sockets import bind_tcp
from router.clock import Clock, SystemClock
from router.history.sqlite.reader import SqliteHistory
from router.incidents.actions import Done
from router.incidents.reconcile import Finding
from router.incidents.strays import Ended, Looked, Resolved, Stray
from router.ingest.intake import Intake
from router.ingest.register import Register
from router.ingest.sources import SourceSettings
from router.model.alert import Alert
from router.model.journal import AlertReceived, Entry, Fact, SilenceChanged
from router.model.page import AuditEntry
from router.model.ruleset import RuleSet
from router.model.severity import SeverityScale
from router.model.webhook import Credentials, Webhook
from router.model.wish import Wish
from router.store.memory import MemoryStore
from router.telemetry.metrics import Metrics
from tests.support.engine import teams
from tests.support.past import history_settings

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
INBOUND_KEY = "0123456789abcdef0123456789abcdef"
WEBHOOK_SECRET = "correct-horse-battery"
SOURCES = (
    SourceSettings(name="prometheus", kind="alertmanager"),
    SourceSettings(name="tools", kind="pagerduty", keys=(INBOUND_KEY,)),
    SourceSettings(name="json", kind="json", resolve_timeout_ms=0),
    SourceSettings(
        name="checks",
        kind="webhook",
        resolve_timeout_ms=0,
        webhook=Webhook(preset="pingdom", credentials=Credentials(secret=WEBHOOK_SECRET)),
    ),
    SourceSettings(
        name="plain",
        kind="webhook",
        resolve_timeout_ms=0,
        webhook=Webhook(mapping={"items": "alerts", "service": "svc", "status": "state", "dedup_key": "id"}),
    ),
)
NOW = 1_790_000_000_000  # 2026-09-21T14:13:20Z
AN_HOUR_ON = "2026-09-21T15:13:20Z"
AN_HOUR_AGO = "2026-09-21T13:13:20Z"
A_SECOND_AGO = "2026-09-21T14:13:19Z"


def posted(ends_at: str | None = AN_HOUR_ON, **labels: str) -> dict[str, Any]:
    """One alert as Prometheus posts it."""
    alert: dict[str, Any] = {
        "labels": {"alertname": "HighLatency", "service": "checkout", "severity": "critical"} | labels,
        "annotations": {"summary": "slow"},
        "startsAt": AN_HOUR_AGO,
        "generatorURL": "http://prometheus/graph",
    }
    return alert | ({"endsAt": ends_at} if ends_at else {})


def body(*alerts: object) -> bytes:
    return json.dumps(alerts, separators=(",", ":")).encode()


def event(action: str = "trigger", **fields: Any) -> bytes:
    """One event as a client of PagerDuty sends it."""
    value: dict[str, Any] = {"routing_key": INBOUND_KEY, "event_action": action}
    if action == "trigger":
        value["payload"] = {"summary": "disk full", "source": "db-1", "severity": "critical"}
    return json.dumps(value | fields).encode()


class Journal:
    """A store in memory and what it was given."""

    def __init__(self, clock: Clock) -> None:
        self.store = MemoryStore(clock=clock)
        self.entries: list[Entry] = []

    async def open(self) -> None:
        await self.store.open()
        self.store.subscribe(self.entries.extend)

    @property
    def alerts(self) -> list[Alert]:
        return [entry.fact.alert for entry in self.entries if isinstance(entry.fact, AlertReceived)]

    @property
    def told(self) -> list[tuple[str, str]]:
        """Status and who said so, of each journalled alert."""
        return [(alert.status, alert.resolved_by) for alert in self.alerts]


def make_intake(journal: Any, clock: Clock, register: Register | None = None, **changes: Any) -> Intake:
    keys = iter(range(1, 1_000_000))
    return Intake(
        journal=journal,
        register=register or Register(),
        clock=clock,
        metrics=changes.pop("metrics", None) or Metrics(),
        make_key=lambda: f"made-{next(keys)}",
        sources=SOURCES,
        **changes,
    )


class NoDeliveries:
    """A dispatcher with nothing to send."""

    async def retry(self, delivery_id: int) -> bool:
        return False

    async def drop(self, delivery_id: int, reason: str) -> bool:
        return False


class NoWebhooks:
    """Nobody's secret."""

    async def take(self, *, signature: str, webhook_id: str, body: bytes) -> Result:
        return "unconfigured"


class NoActions:
    """Remembers what was wished."""

    def __init__(self) -> None:
        self.wishes: list[tuple[int, str, Wish, str]] = []
        self.error: Exception | None = None

    async def act(self, number: int, verb: str, wish: Wish, *, who: str) -> list[Done]:
        self.wishes.append((number, verb, wish, who))
        if self.error is not None:
            raise self.error
        return [Done(team="payments", pagerduty_id="Q1", status="acknowledged")]


class OneStray:
    """One stray, and what was resolved of it."""

    def __init__(self) -> None:
        self.ended: list[tuple[tuple[int, ...], bool, str, str]] = []
        self.error: Exception | None = None

    async def look(self) -> Looked:
        if self.error is not None:
            raise self.error
        stray = Stray(
            dedup_key="rule/0011223344556677/1-1", pagerduty_id="Q7", number=7, url="https://x/7", title="it burns",
            teams=("payments",), service="PS1", status="triggered", holder="", rule="rule", opened_at=1, open_here=0,
        )  # fmt: skip
        return Looked(at=5, strays=(stray,), not_asked=2)

    async def resolve(self, numbers: Sequence[int], *, everything: bool = False, reason: str, who: str) -> Ended:
        if self.error is not None:
            raise self.error
        self.ended.append((tuple(numbers), everything, reason, who))
        done = Resolved(number=7, dedup_key="rule/0011223344556677/1-1", team="payments", taken=True)
        return Ended(items=(done,))


class Rig:
    """Every part of the API over a store in memory."""

    def __init__(self, tokens: Iterable[Token] = (), clock: Clock | None = None) -> None:
        self.clock = clock or SystemClock()
        self.journal = Journal(self.clock)
        self.metrics = Metrics()
        self.register = Register()
        self.intake = make_intake(self.journal.store, self.clock, self.register, metrics=self.metrics)
        self.not_ready: list[str] = []
        self.mistakes: list[str] = []
        self.deliveries: Any = NoDeliveries()
        self.webhooks: Webhooks = NoWebhooks()
        self.actions: Any = NoActions()
        self.strays = OneStray()
        self.room = ReadingRoom(self.journal.store.reader)
        self.authenticator = Authenticator(tokens)
        self.api = self._api()

    async def reconcile(self, dry_run: bool) -> list[Finding]:
        return [
            Finding(kind="open_there", incident=1, team="payments", pagerduty_id="Q1", reason="lost", mended=not dry_run),
        ]

    async def _change(self, fact: SilenceChanged, _who: str) -> None:
        await self.journal.store.append(self.clock.now(), [fact])

    async def _record(self, facts: Sequence[Fact], _entries: Sequence[AuditEntry]) -> None:
        await self.journal.store.append(self.clock.now(), facts)

    def _api(self) -> Api:
        async def reload() -> Sequence[str]:
            return self.mistakes

        reading = Reading(
            room=self.room,
            deliveries=self.deliveries,
            rules=lambda: [{"id": "everything"}],
            stats=lambda: {"active_alerts": len(self.register)},
        )
        routes = build_routes(
            doors=Doors(self.intake),
            hooks=Hooks(self.webhooks),
            health=Health(
                not_ready=lambda: self.not_ready,
                reload=reload,
                prepare_metrics=self.metrics.prepare,
                render_metrics=self.metrics.render,
            ),
            reading=reading,
            recalling=Recalling(
                room=PastRoom(lambda: SqliteHistory(Path("nowhere.db"))),
                settings=history_settings(Path("nowhere.db")),
                clock=self.clock,
                rules=(),
                base=Path(),
                own_stats=reading.stats,
            ),
            acting=Acting(actions=self.actions, reconcile=self.reconcile, strays=self.strays, who=self.authenticator.name_of),
            compatible=Compatible(room=self.room, expiries=self.register, version="1.2.3", started_at=self.clock.now()),
            silencing=Silencing(room=self.room, clock=self.clock, change=self._change, who=self.authenticator.name_of),
            silences=Silences(
                room=self.room,
                clock=self.clock,
                change=self._change,
                who=self.authenticator.name_of,
                ruleset=lambda: RuleSet(version="v1", rules=(), teams=teams(), default_team="platform"),
                scale=SeverityScale,
            ),
            orphaned=Orphaned(
                room=self.room,
                orphans=list,
                rules=frozenset,
                record=self._record,
                who=self.authenticator.name_of,
                now=self.clock.now,
            ),
        )
        return Api(routes=routes, authenticator=self.authenticator, metrics=self.metrics)


@asynccontextmanager
async def serving(
    rig: Rig, sockets: Sequence[Any] | None = None, limits: ServerLimits | None = None, **options: Any
) -> AsyncIterator[ApiServer]:
    """A server of this API on a free port (or these sockets), stopped at the end."""
    await rig.journal.open()
    server = ApiServer(api=rig.api, clock=rig.clock, limits=limits, **options)
    async with asyncio.TaskGroup() as tasks:
        await server.start(sockets if sockets is not None else bind_tcp("127.0.0.1", 0), tasks)
        try:
            yield server
        finally:
            await server.stop(2.0)
            await rig.room.close()


def port_of(server: ApiServer) -> int:
    return int(server.addresses[0].rpartition(":")[2])


async def talk(
    port: int, data: bytes, *, wait: float = 5.0, then: Callable[[asyncio.StreamWriter], None] | None = None
) -> bytes:
    """Send these bytes on a new connection and answer all that comes back until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        if then is not None:
            then(writer)
        async with asyncio.timeout(wait):
            return await reader.read()
    finally:
        writer.close()


def request(method: str, path: str, content: bytes = b"", *, close: bool = True, **headers: str) -> bytes:
    """The bytes of one request; ``content_type="…"`` gives the header Content-Type."""
    lines = [f"{method} {path} HTTP/1.1", "Host: test"]
    if content or method == "POST":
        lines.append(f"Content-Length: {len(content)}")
        headers.setdefault("content_type", "application/json")
    lines += [f"{name.replace('_', '-').title()}: {value}" for name, value in headers.items()]
    if close:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + content


def parse(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers in lower case, body."""
    head, _, content = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(first.split()[1]), headers, content
