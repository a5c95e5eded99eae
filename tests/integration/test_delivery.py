"""From the outbox to an open incident: the real dispatcher, client, transport and store against the sandbox on a socket."""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from router.clock import SystemClock
from router.dispatch.dead import fact_of
from router.dispatch.settings import Settings
from router.dispatch.worker import Dispatcher
from router.model.delivery import Delivery, DeliveryState, Priority
from router.model.event import Event
from router.model.journal import DeliveryFailed, Entry
from router.model.severity import Severity
from router.pagerduty.client import EventsClient
from router.pagerduty.events_v2 import encode
from router.sandbox.faults import Fault
from router.sandbox.server import SandboxServer
from router.sandbox.settings import Settings as SandboxSettings
from router.sandbox.settings import from_keys
from router.sandbox.switches import Switches
from router.store.base import Commit
from router.store.sqlite.driver import SqliteStore
from router.wire.transport import Transport
from tests.support.peer import make_authority

KEYS = {"env:PAYMENTS": "a" * 32, "env:SEARCH": "b" * 32, "env:WRONG": "c" * 32}
SERVICES = {"payments": "a" * 32, "search": "b" * 32}


class Journal:
    """What the daemon does with failures: each becomes a fact."""

    def __init__(self, store: SqliteStore, clock: SystemClock) -> None:
        self.store = store
        self.clock = clock

    async def failed(self, deliveries: Sequence[Delivery]) -> None:
        await self.store.append(self.clock.now(), [fact_of(delivery) for delivery in deliveries])


class Daemon:
    """The delivering half of a daemon; deliveries are committed, then enqueued, as the processor does it."""

    def __init__(self, store: SqliteStore, dispatcher: Dispatcher, clock: SystemClock, entries: list[Entry]) -> None:
        self.store = store
        self.dispatcher = dispatcher
        self.clock = clock
        self.next_id = 1
        self.entries = entries

    async def decide(self, *events: Event) -> list[int]:
        deliveries = [self._delivery(event) for event in events]
        await self.store.commit(
            Commit(cursor=0, decided_at=self.clock.now(), decisions=[], incidents=[], changes=[], deliveries=deliveries)
        )
        self.dispatcher.enqueue(deliveries)
        return [delivery.id for delivery in deliveries]

    def _delivery(self, event: Event) -> Delivery:
        self.next_id += 1
        if event.action == "trigger":
            priority = Priority.UPDATE if event.is_update else Priority(4 - event.severity)
        else:
            priority = Priority.RESOLVE if event.action == "resolve" else Priority.CHANGE
        return Delivery(
            id=self.next_id - 1,
            team=event.team,
            routing_key=event.routing_key,
            dedup_key=event.dedup_key,
            action=event.action,
            priority=priority,
            created_at=self.clock.now(),
            body=encode(event),
        )

    async def settle(self, seconds: float = 20) -> None:
        async with asyncio.timeout(seconds):
            while self.dispatcher.snapshot().waiting:
                await asyncio.sleep(0.01)

    def states(self) -> dict[int, str]:
        with contextlib.closing(self.store.reader()) as reader:
            return {row.id: row.state.value for row in reversed(reader.deliveries(limit=10_000))}


def make_event(dedup_key: str, action: Any = "trigger", **members: Any) -> Event:
    usual: dict[str, Any] = {
        "team": "payments",
        "routing_key": "env:PAYMENTS",
        "at": 1_790_000_000_000,
        "severity": Severity.CRITICAL,
        "summary": f"{dedup_key} is down",
        "source": "checkout",
    }
    return Event(dedup_key=dedup_key, action=action, **(usual | members))


@contextlib.asynccontextmanager
async def sandbox(settings: SandboxSettings | None = None, **switches: Any) -> AsyncIterator[SandboxServer]:
    made = settings or from_keys(
        SERVICES, port=0, switches=Switches(**({"processing_delay_ms": 0, "rate_limit_per_minute": 0} | switches))
    )
    async with SandboxServer(made) as server:
        yield server


@contextlib.asynccontextmanager
async def daemon(
    url: str, directory: Path, *, deadline_seconds: float = 1.0, context: ssl.SSLContext | None = None, **limits: Any
) -> AsyncIterator[Daemon]:
    clock = SystemClock()
    store = SqliteStore(directory / "router.db", clock=clock)
    recovered = await store.open()
    entries: list[Entry] = []
    store.subscribe(entries.extend)
    transport = Transport(ssl_context=context)
    client = EventsClient(url=url, poster=transport, resolve=KEYS.__getitem__, clock=clock, deadline_seconds=deadline_seconds)
    with contextlib.closing(store.reader()) as archive:
        dispatcher = Dispatcher(
            sender=client,
            recorder=store,
            failures=Journal(store, clock),
            clock=clock,
            rng=random.Random(1),
            settings=Settings(**({"calls": 0, "probe_ms": 200, "backoff_base_ms": 50} | limits)),
            archive=archive,
            endpoint_of=lambda _: client.endpoint,
        )
        running = Daemon(store, dispatcher, clock, entries)
        running.next_id = recovered.next_delivery_id
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(dispatcher.run())
                dispatcher.recover(recovered.outbox)
                try:
                    yield running
                finally:
                    await dispatcher.stop(1)
        finally:
            await client.aclose()
            await store.close()


def bodies(server: SandboxServer, dedup_key: str) -> list[bytes]:
    return [entry.body for entry in server.sandbox.requests(face="events", dedup_key=dedup_key)]


async def open_keys(server: SandboxServer, count: int) -> set[str]:
    """Dedup keys of open incidents, once there are as many as expected (or too many)."""
    for _ in range(200):
        server.tick()
        found = [key for incident in server.sandbox.incidents("open") for key in incident.open_dedup_keys]
        if len(found) >= count:
            return set(found)
        await asyncio.sleep(0.01)
    return set(found)


async def test_triggers_open_incidents_resolves_close_them_and_changes_are_shown(tmp_path):
    async with sandbox() as server, daemon(server.url, tmp_path) as running:
        await running.decide(make_event("a"), make_event("b", routing_key="env:SEARCH"), make_event("", "change"))
        await running.settle()
        assert len(await open_keys(server, 2)) == 2
        await running.decide(make_event("a", "resolve"))
        await running.settle()
        server.tick()
        assert len(server.sandbox.incidents("open")) == 1
        assert len(server.sandbox.change_events()) == 1
        assert set(running.states().values()) == {"delivered"}


REFUSED = ["reset_connect", "reset_before", "hang", "500", "502", "504", "408", "301"]
TAKEN_ALL_THE_SAME = ["reset_after", "hang_after", "lost_503", "cut", "truncated", "no_dedup_key"]


@pytest.mark.parametrize("kind", REFUSED + TAKEN_ALL_THE_SAME)
async def test_every_fault_ends_in_one_incident_and_every_attempt_sends_the_same_bytes(tmp_path, kind):
    async with sandbox() as server, daemon(server.url, tmp_path, deadline_seconds=0.3) as running:
        server.sandbox.add_fault(Fault(kind=kind, count=2), server.now())
        await running.decide(make_event("k"))
        await running.settle()
        await open_keys(server, 1)
        assert len(server.sandbox.incidents()) == 1
        assert set(running.states().values()) == {"delivered"}
        sent = bodies(server, "k")
        assert len(set(sent)) == 1
        if kind in {"cut", "truncated", "no_dedup_key"}:
            assert len(sent) == 1, "the status line was a 202"
        await running.decide(make_event("k", "resolve"))
        await running.settle()
        server.tick()
        assert not server.sandbox.incidents("open")
        assert len(server.sandbox.incidents()) == 1


async def test_an_answer_that_drips_past_the_deadline(tmp_path):
    async with sandbox() as server, daemon(server.url, tmp_path, deadline_seconds=0.3) as running:
        server.sandbox.add_fault(Fault(kind="drip", count=1, drip_ms=30), server.now())
        await running.decide(make_event("k"))
        await running.settle()
        assert len(await open_keys(server, 1)) == 1
        assert len(set(bodies(server, "k"))) == 1
        assert len(bodies(server, "k")) == 2


async def test_a_server_that_restarts_between_two_pages_costs_nothing(tmp_path):
    async with sandbox() as server, daemon(server.url, tmp_path) as running:
        await running.decide(*[make_event(f"first {number}") for number in range(10)])
        await running.settle()
        await server.stop()
        await server.start()
        await running.decide(*[make_event(f"second {number}") for number in range(10)])
        await running.settle()
        assert len(await open_keys(server, 20)) == 20
        assert running.dispatcher.snapshot().breakers == {server.url.removeprefix("http://"): "closed"}


async def test_429_is_waited_for_in_order_and_other_keys_go_on(tmp_path):
    limits = {"rate_limit_per_minute": 12, "throttle_retry_after_seconds": 1}
    async with sandbox(**limits) as server, daemon(server.url, tmp_path) as running:
        await running.decide(*[make_event(f"{number:02}") for number in range(30)])
        await running.decide(make_event("other", routing_key="env:SEARCH"))
        await asyncio.sleep(0.3)
        assert running.states()[31] == "delivered"
        server.sandbox.set_switches({"rate_limit_per_minute": 0})
        await running.settle()
        entries = server.sandbox.requests(face="events", routing_key="a" * 32)
        refused = {entry.dedup_key: entry.at for entry in entries if entry.status == 429}
        accepted = [entry for entry in entries if entry.status == 202]
        assert refused
        assert all(entry.at - refused[entry.dedup_key] >= 1_000 for entry in accepted if entry.dedup_key in refused), "early"
        assert is_nearly_sorted([entry.dedup_key for entry in accepted])
        assert running.dispatcher.snapshot().waiting == 0


def is_nearly_sorted(keys: list[str]) -> bool:
    """Of different lanes, those in flight at the same time may overtake each other on the wire, no others."""
    return all(
        abs(position - found) < Settings().in_flight_per_key for found, position in enumerate(map(sorted(keys).index, keys))
    )


async def test_a_key_that_belongs_to_nobody_is_a_dead_letter_in_the_journal(tmp_path):
    async with sandbox() as server, daemon(server.url, tmp_path) as running:
        await running.decide(make_event("k", routing_key="env:WRONG"), make_event("k2", routing_key="env:UNSET"))
        await running.settle()
        assert running.states() == {1: "dead", 2: "dead"}
        facts = {entry.fact.delivery_id: entry.fact for entry in running.entries}
        assert all(isinstance(fact, DeliveryFailed) for fact in facts.values())
        assert facts[1].status == 400
        assert "Invalid routing key" in facts[1].reason
        assert "env:UNSET" in facts[2].reason
        assert not any(key in fact.reason for fact in facts.values() for key in KEYS.values())
        server.sandbox.set_switches({"accept_any_key": True})
        assert await running.dispatcher.retry(1) == "done"
        await running.settle()
        assert running.states() == {1: "delivered", 2: "dead"}
        assert await running.dispatcher.drop(2) == "done"
        assert running.states() == {1: "delivered", 2: "cancelled"}


async def test_killed_between_the_answer_and_its_record_nothing_is_paged_twice(tmp_path):
    async with sandbox() as server:
        async with daemon(server.url, tmp_path) as running:
            running.dispatcher._recording._recorder = DeafStore()
            await running.decide(*[make_event(f"k{number}") for number in range(20)], make_event("gone"))
            assert len(await open_keys(server, 21)) == 21
            await running.decide(make_event("gone", "resolve"))
            assert set(running.states().values()) == {"pending"}
        async with daemon(server.url, tmp_path) as second:
            await second.settle()
            assert len(await open_keys(server, 20)) == 20
            assert len(server.sandbox.incidents()) == 21
            assert set(second.states().values()) == {"delivered", "cancelled"}
            with contextlib.closing(second.store.reader()) as reader:
                assert [row.dedup_key for row in reader.deliveries(state=DeliveryState.CANCELLED)] == ["gone"]


class DeafStore:
    """Records nothing and never answers: what a crash right after the 202 looks like afterwards."""

    async def record(self, _: Sequence[Delivery]) -> None:
        await asyncio.get_running_loop().create_future()


async def test_an_outage_that_ends_releases_everything_at_once_and_in_order(tmp_path):
    async with sandbox() as server, daemon(server.url, tmp_path) as running:
        await server.stop()
        await running.decide(*[make_event(f"{number:03}") for number in range(100)])
        await asyncio.sleep(1.5)
        assert running.dispatcher.snapshot().waiting == 100
        await server.start()
        await running.settle(2)
        accepted = [entry.dedup_key for entry in server.sandbox.requests(face="events")]
        assert sorted(accepted) == [f"{number:03}" for number in range(100)]
        assert is_nearly_sorted(accepted)


async def test_over_tls_with_an_authority_of_ones_own(tmp_path):
    authority, _ = make_authority(tmp_path)
    settings = from_keys(SERVICES, port=0, switches=Switches(processing_delay_ms=0))
    settings = SandboxSettings(
        services=settings.services,
        switches=settings.switches,
        port=0,
        tls_certificate=str(tmp_path / "server.pem"),
    )
    trusting = ssl.create_default_context(cafile=authority)
    async with sandbox(settings) as server, daemon(server.url, tmp_path, context=trusting) as running:
        assert server.url.startswith("https://")
        await running.decide(make_event("k"))
        await running.settle()
        assert len(await open_keys(server, 1)) == 1
