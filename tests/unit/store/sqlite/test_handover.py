"""Who writes what, when, and whom a failed sync fails."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from router.errors import StoreUnavailable, StoreUnusable
from router.model.journal import Entry
from router.store.pending import Ticket
from router.store.sqlite import handover
from router.store.sqlite.handover import SMALL, Handover
from router.store.sqlite.work import Append, Call, Grouped, Step
from router.store.sqlite.writer import Outcome
from tests.support.stores import START, commit_of, decision, delivery, fact


class Lent:
    """A writer that notes what it is given; ``takes`` says how much of a borrowed group it writes."""

    def __init__(self) -> None:
        self.to_thread: list[Grouped | Call] = []
        self.here: list[list[Grouped]] = []
        self.takes = 1_000
        self.error: StoreUnavailable | None = None

    def put(self, works: Sequence[Grouped | Call]) -> None:
        self.to_thread += works

    def borrow(self, works: Sequence[Grouped]) -> tuple[list[Outcome], list[Grouped | Call]]:
        self.here.append([*works[: self.takes]])
        return [Outcome(work, self.error) for work in works[: self.takes]], [*works[self.takes :]]


class Synced:
    """A sync that ends when the test says so."""

    def __init__(self) -> None:
        self.begun = 0
        self.is_closed = False
        self.error: OSError | None = None

    def submit(self) -> None:
        self.begun += 1
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        self.is_closed = True


class Bench:
    """All of it, with what was settled in order."""

    def __init__(self, *, quick: bool = True) -> None:
        self.settled: list[Outcome] = []
        self.announced: list[Outcome] = []
        self.writer, self.sync = Lent(), Synced()
        self.handover = Handover(Path("router.db"), asyncio.get_running_loop(), self.settled.extend, self.announced.extend)
        self.handover.begin(self.writer)
        if quick:
            self.handover.quicken(self.sync)

    @property
    def done(self) -> list[Grouped | Call]:
        return [outcome.work for outcome in self.settled]

    def future(self) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().create_future()

    def append(self, seq: int = 1) -> Append:
        return Append([Entry(seq=seq, at=START, fact=fact(seq))], Ticket(seq, 1, START), self.future())

    def step(self, *ids: int) -> Step:
        commit = commit_of(0, decisions=[decision(1)], deliveries=[delivery(number) for number in ids])
        return Step(commit, step=1, first_decision_id=1, future=self.future())

    def call(self) -> Call:
        return Call(lambda _: None, self.future())


async def test_without_a_sync_of_its_own_everything_goes_to_the_thread() -> None:
    bench = Bench(quick=False)
    first, second = bench.append(1), bench.call()
    bench.handover.put([first])
    bench.handover.put([second])
    assert bench.writer.to_thread == [first, second]
    assert bench.writer.here == []
    bench.handover.close()


async def turns() -> None:
    """As many as a small group's sync waits for."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_what_is_written_here_is_answered_only_after_its_sync() -> None:
    bench = Bench()
    append, sending = bench.append(), bench.step(1)
    bench.handover.put([append, sending])
    assert bench.writer.here == [[append, sending]]
    await turns()
    assert (bench.sync.begun, bench.settled) == (1, [])
    bench.handover.synced(None)
    assert bench.done == [append, sending]


async def test_what_is_decided_at_once_shares_the_sync_of_its_entry() -> None:
    bench = Bench()
    append, sending = bench.append(), bench.step(1)
    bench.handover.put([append])
    assert [outcome.work for outcome in bench.announced] == [append]
    await asyncio.sleep(0)
    bench.handover.put([sending])
    await turns()
    assert bench.writer.here == [[append], [sending]]
    assert bench.sync.begun == 1
    bench.handover.synced(None)
    assert bench.done == [append, sending]


async def test_the_sync_of_many_entries_or_of_none_begins_at_once() -> None:
    bench = Bench()
    entries = [Entry(seq=seq, at=START, fact=fact(seq)) for seq in range(1, SMALL + 1)]
    bench.handover.put([Append(entries, Ticket(1, SMALL, START), bench.future())])
    assert bench.sync.begun == 1
    bench.handover.synced(None)
    bench.handover.put([bench.step(1)])
    assert bench.sync.begun == 2


async def test_a_listener_that_fails_keeps_no_sync_from_beginning() -> None:
    bench = Bench()

    def broken(_: list[Outcome]) -> None:
        raise ZeroDivisionError

    bench.handover._announce = broken
    with pytest.raises(ZeroDivisionError):
        bench.handover.put([bench.append()])
    await turns()
    assert bench.sync.begun == 1


async def test_what_promises_nothing_to_the_outside_needs_no_sync() -> None:
    bench = Bench()
    step = bench.step()
    bench.handover.put([step])
    assert bench.done == [step]
    assert bench.sync.begun == 0


async def test_what_fails_is_answered_at_once() -> None:
    bench = Bench()
    bench.writer.error = StoreUnavailable("read-only")
    append = bench.append()
    bench.handover.put([append])
    assert [(outcome.work, outcome.error) for outcome in bench.settled] == [(append, bench.writer.error)]
    assert bench.sync.begun == 0


async def test_what_comes_during_a_sync_shares_the_next_one() -> None:
    bench = Bench()
    first, second, third = bench.append(1), bench.append(2), bench.append(3)
    bench.handover.put([first])
    await turns()
    bench.handover.put([second])
    bench.handover.put([third])
    assert bench.writer.here == [[first]]
    bench.handover.synced(None)
    assert bench.writer.here == [[first], [second, third]]
    await turns()
    assert (bench.sync.begun, bench.done) == (2, [first])
    bench.handover.synced(None)
    assert bench.done == [first, second, third]


async def test_the_thread_gets_what_may_take_long_and_all_behind_it_waits_for_its_turn() -> None:
    bench = Bench()
    first, call, second = bench.append(1), bench.call(), bench.append(2)
    bench.handover.put([first, call, second])
    await turns()
    assert bench.writer.to_thread == [], "the first one's sync is under way"
    bench.handover.synced(None)
    assert bench.writer.to_thread == [call, second]
    third = bench.append(3)
    bench.handover.put([third])
    assert bench.writer.here == [[first]], "the thread has the connection"
    bench.handover.answered([Outcome(call)])
    assert bench.writer.here == [[first]]
    bench.handover.answered([Outcome(second)])
    assert bench.writer.here == [[first], [third]]
    await turns()
    bench.handover.synced(None)
    assert bench.done == [first, call, second, third]


async def test_what_another_process_keeps_from_being_written_here_waits_in_the_thread() -> None:
    bench = Bench()
    bench.writer.takes = 1
    first, second, later = bench.append(1), bench.append(2), bench.append(3)
    bench.handover.put([first, second])
    await turns()
    bench.handover.synced(None)
    assert bench.writer.to_thread == [second]
    bench.handover.put([later])
    assert bench.writer.to_thread == [second, later], "for a while"


async def test_after_a_slow_write_the_thread_writes_for_a_while(monkeypatch: Any) -> None:
    bench = Bench()
    monkeypatch.setattr(handover, "SLOW_SECONDS", -1.0)
    bench.handover.put([bench.append(1)])
    held = bench.append(2)
    bench.handover.put([held])
    await turns()
    assert bench.writer.to_thread == []
    bench.handover.synced(None)
    assert bench.writer.to_thread == [held]


async def test_a_failed_sync_fails_what_was_written_and_says_what_to_do() -> None:
    bench = Bench()
    append = bench.append()
    bench.handover.put([append])
    await turns()
    bench.handover.synced(OSError(5, "Input/output error"))
    assert [outcome.work for outcome in bench.settled] == [append]
    assert isinstance(bench.settled[0].error, StoreUnusable)
    assert "Input/output error" in str(bench.settled[0].error)


async def test_a_sync_that_cannot_begin_is_a_failed_one() -> None:
    bench = Bench()
    bench.sync.error = OSError(12, "Cannot allocate memory")
    bench.handover.put([bench.append()])
    await turns()
    await turns()
    assert isinstance(bench.settled[0].error, StoreUnusable)
    bench.handover.close()
    assert bench.sync.is_closed
