"""The group commit: what shares a transaction, in which order, and what a failure costs its neighbours."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from router.errors import InvariantError, StoreUnavailable, StoreUnusable
from router.model.journal import Entry
from router.store.pending import Ticket
from router.store.sqlite.work import Append, Call, Progress, Step
from router.store.sqlite.writer import Outcome, Writer
from tests.support.stores import START, commit_of, decision, delivery, fact
from tests.unit.store.sqlite.builders import opened


class Bench:
    """A writer on a file, and what it answered; ``hold`` keeps it busy so that things pile up behind."""

    def __init__(self, path: Path, *, max_group: int = 2_000) -> None:
        self.groups: list[list[Outcome]] = []
        self.statements: list[str] = []
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.writer = Writer(
            path=path,
            connect=lambda: self.traced(opened(path)),
            measure=lambda _: None,
            settle=self.settle,
            loop=asyncio.get_running_loop(),
            max_group=max_group,
        )
        self.last_seq = 0

    def traced(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        connection.set_trace_callback(self.statements.append)
        return connection

    def settle(self, outcomes: list[Outcome]) -> None:
        self.groups.append(outcomes)
        for outcome in outcomes:
            outcome.work.future.set_result(outcome.error)

    def future(self) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().create_future()

    def hold(self) -> Call:
        self.gate.clear()
        self.entered.clear()

        def wait(_: sqlite3.Connection) -> None:
            self.entered.set()
            self.gate.wait(10)

        return Call(wait, self.future())

    def append(self, number: int = 1) -> Append:
        first = self.last_seq + 1
        self.last_seq += number
        entries = [Entry(seq=seq, at=START, fact=fact(seq)) for seq in range(first, first + number)]
        return Append(entries, Ticket(first, number, START), self.future())

    def step(self, step: int, *ids: int) -> Step:
        commit = commit_of(0, decisions=[decision(step)], deliveries=[delivery(number) for number in ids])
        return Step(commit, step=step, first_decision_id=step, future=self.future())

    async def run(self, *works: Append | Step | Progress | Call) -> list[Any]:
        """All at once: they wait behind one that holds the writer."""
        holding = self.hold()
        self.writer.put([holding])
        await asyncio.get_running_loop().run_in_executor(None, self.entered.wait)
        for work in works:
            self.writer.put([work])
        self.gate.set()
        await holding.future
        return [await work.future for work in works]

    async def stop(self) -> None:
        self.writer.stop()
        await asyncio.get_running_loop().run_in_executor(None, self.writer.join)


async def test_what_waits_together_shares_one_transaction_and_one_answer(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "router.db")
    bench.writer.start()
    works = [bench.append(), bench.step(1, 1), bench.append(3), bench.append()]
    assert await bench.run(*works) == [None] * 4
    assert [len(group) for group in bench.groups] == [1, 4]
    assert bench.statements.count("COMMIT") == 1
    assert bench.writer.entries == 5
    await bench.stop()


async def test_commits_and_records_come_before_appends(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "router.db")
    bench.writer.start()
    await bench.run(bench.step(1, 1))
    bench.groups.clear()
    works = [bench.append(), bench.append(), Progress([delivery(1)], bench.future()), bench.step(2, 2)]
    await bench.run(*works)
    assert [type(outcome.work) for outcome in bench.groups[-1]] == [Step, Progress, Append, Append]
    written = [line.split()[1] for line in bench.statements if line.startswith(("INSERT", "UPDATE"))]
    assert written[-4:] == ["INTO", "cursor", "deliveries", "INTO"]
    await bench.stop()


async def test_a_transaction_is_bounded_and_the_rest_comes_next_in_order(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "router.db", max_group=10)
    bench.writer.start()
    works = [bench.append(size) for size in (4, 4, 4, 25, 1)]
    await bench.run(*works)
    groups = [[outcome.work for outcome in group] for group in bench.groups[1:]]
    assert groups == [works[:2], works[2:3], works[3:4], works[4:]]
    await bench.stop()


async def test_one_bad_piece_among_good_ones_fails_alone(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "router.db")
    bench.writer.start()
    good = [bench.append() for _ in range(20)]
    bad = bench.append()
    bad.values[1] = 2**80  # no column holds it
    worse = bench.append()
    worse.values[0] = 1  # a sequence that is taken
    errors = await bench.run(*good[:10], bad, bench.step(1, 1), *good[10:], worse)
    assert [error for error in errors if error is None] == [None] * 21
    assert isinstance(errors[10], InvariantError)
    assert isinstance(errors[-1], InvariantError)
    assert "UNIQUE" in str(errors[-1])
    assert bench.writer.entries == 20
    await bench.stop()


async def test_while_another_process_holds_the_database_all_wait_once_not_one_after_another(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "router.db")
    bench.writer.start()
    await bench.run(Call(lambda connection: connection.execute("PRAGMA busy_timeout = 100").fetchall(), bench.future()))
    other = sqlite3.connect(tmp_path / "router.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    loop = asyncio.get_running_loop()
    started = loop.time()
    errors = await bench.run(*[bench.append() for _ in range(100)])
    assert loop.time() - started < 5
    assert {type(error) for error in errors} == {StoreUnavailable}
    other.execute("ROLLBACK")
    other.close()
    assert await bench.run(bench.append()) == [None]
    await bench.stop()


async def test_only_decisions_that_send_nothing_are_written_without_a_sync(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "router.db")
    bench.writer.start()

    async def synchronous_after(*works: Append | Step | Progress | Call) -> str:
        assert await bench.run(*works) == [None] * len(works)
        begun = max(number for number, line in enumerate(bench.statements) if line.startswith("BEGIN"))
        return [line for line in bench.statements[:begun] if line.startswith("PRAGMA synchronous=")][-1].split("=")[1]

    bench.statements.append("PRAGMA synchronous=FULL")  # as it is opened; test_opening looks
    assert await synchronous_after(bench.append()) == "FULL"
    assert await synchronous_after(bench.step(1)) == "NORMAL"
    assert await synchronous_after(bench.step(2, 1)) == "FULL"
    assert await synchronous_after(bench.step(3)) == "NORMAL"
    assert await synchronous_after(Progress([delivery(1)], bench.future())) == "FULL"
    assert await synchronous_after(bench.step(4), bench.append()) == "FULL"
    await bench.stop()


async def test_a_failing_call_leaves_the_connection_usable(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "router.db")
    bench.writer.start()

    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO nowhere VALUES (1)")

    (error, after) = await bench.run(Call(fail, bench.future()), bench.append())
    assert isinstance(error, InvariantError)
    assert after is None
    await bench.stop()


async def test_everything_given_before_the_stop_is_done(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "router.db", max_group=3)
    bench.writer.start()
    holding = bench.hold()
    works = [bench.append(2) for _ in range(10)]
    for work in (holding, *works):
        bench.writer.put([work])
    bench.writer.stop()
    bench.gate.set()
    assert [await work.future for work in works] == [None] * 10
    await bench.stop()


async def test_a_connection_that_cannot_be_made_is_everybodys_answer(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    path.touch()
    bench = Bench(path)
    works = [bench.append(), bench.step(1)]
    for work in works:
        bench.writer.put([work])
    bench.writer.start()
    assert [type(await work.future) for work in works] == [StoreUnusable] * 2
    await bench.stop()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_thread_that_breaks_answers_everybody_all_the_same(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "router.db")

    def broken(_: sqlite3.Connection) -> None:
        raise StoreUnavailable("broken")

    bench.writer._measure = broken
    bench.writer.start()
    first, second = bench.append(), bench.append()
    bench.writer.put([first])
    assert await first.future is None
    bench.writer.put([second])
    assert isinstance(await second.future, StoreUnavailable)
    await bench.stop()


def test_a_loop_that_is_gone_does_not_stop_the_thread(tmp_path: Path) -> None:
    async def leave() -> Bench:
        bench = Bench(tmp_path / "router.db")
        bench.writer.start()
        bench.writer.put([bench.hold()])
        bench.writer.put([bench.append()])
        return bench

    bench = asyncio.run(leave())
    bench.gate.set()
    bench.writer.stop()
    bench.writer.join()
    connection = opened(tmp_path / "router.db")
    assert connection.execute("SELECT count(*) FROM journal").fetchone() == (1,)
    connection.close()
