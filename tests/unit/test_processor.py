"""The processor: order, durability before sending, timers behind accepted entries, retries with the same content."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from router.errors import StoreUnavailable
from router.model.alert import Alert
from router.model.decision import Action, Decision, Reason
from router.model.delivery import Delivery, Priority
from router.model.event import Event
from router.model.journal import AlertReceived, Entry
from router.model.ruleset import RuleSet, Team
from router.model.severity import Severity
from router.model.transition import Transition
from router.processor import MAX_BATCH, Processor, priority_of
from router.store.base import Commit
from router.telemetry.metrics import Metrics


class StillClock:
    """A clock that a test sets; sleeping takes no time."""

    def __init__(self, now: int = 1_000) -> None:
        self.at = now
        self.slept: list[float] = []

    def now(self) -> int:
        return self.at

    def monotonic(self) -> float:
        return self.at / 1000

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


class ScriptedEngine:
    """One event per entry; remembers what it was asked."""

    def __init__(self, due: int | None = None) -> None:
        self.calls: list[tuple[list[int], int]] = []
        self.due = due
        self.now = 0

    def handle(self, entries: Sequence[Entry], *, until: int, rulesets: Mapping[str, RuleSet]) -> Transition:
        self.calls.append(([entry.seq for entry in entries], until))
        self.now = max(self.now, until)
        if self.due is not None and self.due <= until:
            self.due = None
        return Transition(
            decisions=[
                Decision(at=e.at, action=Action.OPEN, reason=Reason.AT_ONCE, alert_seq=e.seq, rule="r") for e in entries
            ],
            events=[event(entry.at) for entry in entries],
            incidents=[],
            changes=[],
        )

    def next_due(self) -> int | None:
        return self.due


class Ledger:
    """Keeps commits; fails as often as told."""

    def __init__(self, failures: int = 0, pending_at: int | None = None) -> None:
        self.commits: list[Commit] = []
        self.tried: list[Commit] = []
        self.failures = failures
        self.pending_at = pending_at

    def oldest_pending_at(self) -> int | None:
        return self.pending_at

    async def commit(self, commit: Commit) -> None:
        self.tried.append(commit)
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("busy")
        self.commits.append(commit)


def event(at: int, **changes: object) -> Event:
    return Event(**{"team": "t", "routing_key": "env:K", "dedup_key": f"r/g/{at}", "action": "trigger", "at": at} | changes)


def entry(seq: int, at: int) -> Entry:
    return Entry(seq=seq, at=at, fact=AlertReceived(alert=Alert(source="s", fingerprint=str(seq), service="a")))


async def engine_rebuilt(now: int) -> None:
    """Nothing to rebuild in a scripted engine."""


async def process(entries: list[Entry], *, engine: ScriptedEngine, ledger: Ledger, clock: StillClock) -> list[Delivery]:
    sent: list[Delivery] = []
    processor = Processor(
        ledger=ledger,
        engine=engine,
        encode=lambda event: event.dedup_key.encode(),
        deliver=sent.extend,
        clock=clock,
        metrics=Metrics(),
        cursor=0,
        next_delivery_id=1,
        rebuild=engine_rebuilt,
    )
    processor.offer(entries)
    processor.stop()
    await asyncio.wait_for(processor.run(), 5)
    return sent


async def test_entries_become_one_commit_and_then_deliveries() -> None:
    ledger = Ledger()
    sent = await process([entry(1, 500), entry(2, 600)], engine=ScriptedEngine(), ledger=ledger, clock=StillClock())
    assert [(commit.cursor, commit.decided_at) for commit in ledger.commits] == [(2, 1_000)]
    assert [(d.id, d.body, d.priority) for d in sent] == [(1, b"r/g/500", Priority.ERROR), (2, b"r/g/600", Priority.ERROR)]
    assert ledger.commits[0].deliveries == sent


async def test_a_failed_commit_is_tried_again_with_the_same_content_and_nothing_is_sent_before() -> None:
    ledger = Ledger(failures=3)
    clock = StillClock()
    sent = await process([entry(1, 500)], engine=ScriptedEngine(), ledger=ledger, clock=clock)
    assert len(ledger.tried) == 4
    assert all(tried is ledger.tried[0] for tried in ledger.tried)
    assert clock.slept == [1.0, 1.0, 1.0]
    assert len(sent) == 1


async def test_batches_are_bounded_and_timers_stop_at_the_batch_end_while_more_waits() -> None:
    engine = ScriptedEngine()
    count = MAX_BATCH + 10
    await process([entry(n, n) for n in range(1, count + 1)], engine=engine, ledger=Ledger(), clock=StillClock(90_000))
    assert [len(seqs) for seqs, _ in engine.calls] == [MAX_BATCH, 10]
    assert [until for _, until in engine.calls] == [MAX_BATCH, 90_000]


async def test_timers_never_run_past_an_accepted_entry_that_is_not_here_yet() -> None:
    engine = ScriptedEngine(due=700)
    await process([], engine=engine, ledger=Ledger(pending_at=701), clock=StillClock(1_000))
    assert engine.calls == [([], 700)]
    waiting = ScriptedEngine(due=701)
    await process([], engine=waiting, ledger=Ledger(pending_at=701), clock=StillClock(1_000))
    assert waiting.calls == []


async def test_a_new_entry_wakes_a_waiting_processor() -> None:
    sent: list[Delivery] = []
    processor = Processor(
        ledger=Ledger(),
        engine=ScriptedEngine(),
        encode=lambda _: b"{}",
        deliver=sent.extend,
        clock=StillClock(),
        metrics=Metrics(),
        cursor=0,
        next_delivery_id=7,
        rebuild=engine_rebuilt,
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(processor.run(), name="processor")
        await asyncio.sleep(0.01)
        processor.offer([entry(1, 10)])
        while not sent:
            await asyncio.sleep(0)
        assert sent[0].id == 7
        processor.stop()


def test_priorities() -> None:
    assert priority_of(event(1, severity=Severity.CRITICAL)) is Priority.CRITICAL
    assert priority_of(event(1, severity=Severity.INFO)) is Priority.INFO
    assert priority_of(event(1, severity=Severity.CRITICAL, is_update=True)) is Priority.UPDATE
    assert priority_of(event(1, action="resolve")) is Priority.RESOLVE
    assert priority_of(event(1, action="change")) is Priority.CHANGE


async def test_decisions_are_counted_when_somebody_scrapes() -> None:
    metrics = Metrics()
    processor = Processor(
        ledger=Ledger(),
        engine=ScriptedEngine(),
        encode=lambda _: b"{}",
        deliver=lambda _: None,
        clock=StillClock(),
        metrics=metrics,
        cursor=0,
        next_delivery_id=1,
        rebuild=engine_rebuilt,
    )
    processor.offer([entry(1, 1), entry(2, 2)])
    processor.stop()
    await processor.run()
    for _ in range(2):
        metrics.prepare()
        text = metrics.render().decode()
        assert 'alert_router_decisions_total{action="open",reason="at_once"} 2.0' in text
        assert 'alert_router_rule_decisions_total{action="open",rule="r"} 2.0' in text
        assert 'alert_router_pages_total{action="trigger",channel="pagerduty",team="t"} 2.0' in text


class FailingEngine(ScriptedEngine):
    """Fails on every batch that holds the entry with this sequence."""

    def __init__(self, poison: int) -> None:
        super().__init__()
        self.poison = poison
        self.rebuilt: list[int] = []
        team = Team(name="platform", routing_key="env:PLATFORM")
        self.ruleset = RuleSet(version="v1", rules=(), teams={"platform": team}, default_team="platform")

    def handle(self, entries, *, until, rulesets):
        if any(entry.seq == self.poison for entry in entries):
            raise ZeroDivisionError("a mistake of ours")
        return super().handle(entries, until=until, rulesets=rulesets)

    async def rebuild(self, now: int) -> None:
        self.rebuilt.append(now)


async def test_an_entry_the_engine_fails_on_is_paged_plainly_and_those_around_it_are_decided() -> None:
    engine, ledger, sent = FailingEngine(poison=2), Ledger(), []
    processor = Processor(
        ledger=ledger,
        engine=engine,
        encode=lambda event: event.summary.encode(),
        deliver=sent.extend,
        clock=StillClock(),
        metrics=Metrics(),
        cursor=0,
        next_delivery_id=1,
        rebuild=engine.rebuild,
        decided_at=77,
    )
    processor.offer([entry(1, 10), entry(2, 20), entry(3, 30)])
    processor.stop()
    await asyncio.wait_for(processor.run(), 5)
    assert [commit.cursor for commit in ledger.commits] == [1, 2, 3]
    assert [(d.reason, d.action) for commit in ledger.commits for d in commit.decisions] == [
        (Reason.AT_ONCE, Action.OPEN),
        (Reason.UNDECIDABLE, Action.OPEN),
        (Reason.AT_ONCE, Action.OPEN),
    ]
    assert (sent[1].team, sent[1].routing_key) == ("platform", "env:PLATFORM")
    assert b"close it by hand" in sent[1].body
    assert engine.rebuilt == [77, 10]


async def test_a_timer_the_engine_fails_on_ends_the_processor_rather_than_being_forgotten() -> None:
    class FailingTimer(ScriptedEngine):
        def handle(self, entries, *, until, rulesets):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await process([], engine=FailingTimer(due=5), ledger=Ledger(), clock=StillClock())
