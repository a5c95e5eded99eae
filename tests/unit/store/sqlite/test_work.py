from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from router.errors import InvariantError
from router.model.journal import Entry
from router.model.transition import StateRow
from router.store.pending import Ticket
from router.store.sqlite.work import Append, Progress, Step, write_entries, write_progress
from tests.support.stores import START, commit_of, decided, decision, delivery, fact
from tests.unit.store.sqlite.builders import in_memory


@pytest.fixture
def future() -> Iterator[asyncio.Future[Any]]:
    loop = asyncio.new_event_loop()
    yield loop.create_future()
    loop.close()


def count(connection: sqlite3.Connection, table: str) -> int:
    (rows,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(rows)


def entries_from(first: int, number: int) -> list[Entry]:
    return [Entry(seq=seq, at=START, fact=fact(seq)) for seq in range(first, first + number)]


def test_appends_are_written_together_in_order(future: asyncio.Future[Any]) -> None:
    connection = in_memory()
    groups = [entries_from(1, 3), entries_from(4, 300), entries_from(304, 1)]
    write_entries(connection, [Append(group, Ticket(group[0].seq, len(group), START), future) for group in groups])
    assert [seq for (seq,) in connection.execute("SELECT seq FROM journal")] == list(range(1, 305))
    one = entries_from(400, 2)
    write_entries(connection, [Append(one, Ticket(400, 2, START), future)])
    assert count(connection, "journal") == 306


def test_a_step_moves_the_cursor_with_its_rows(future: asyncio.Future[Any]) -> None:
    connection = in_memory()
    step = Step(decided(entries_from(1, 1)[0]), step=5, first_decision_id=9, future=future)
    step.apply(connection, 77, 78)
    assert connection.execute("SELECT seq, decided_at, step, entries, entries_until FROM cursor").fetchone() == (
        1,
        START,
        5,
        77,
        78,
    )
    assert connection.execute("SELECT id FROM decisions").fetchall() == [(9,)]
    assert [count(connection, table) for table in ("incidents", "deliveries", "state_alert", "state_group")] == [1] * 4


def test_a_step_repeated_after_it_was_written_writes_nothing(future: asyncio.Future[Any]) -> None:
    connection = in_memory()
    step = Step(commit_of(0, decisions=[decision(1)], deliveries=[delivery(1)]), step=1, first_decision_id=1, future=future)
    step.is_repeat = True
    step.apply(connection, 0, 0)
    step.apply(connection, 0, 0)
    assert count(connection, "decisions") == 1
    assert count(connection, "deliveries") == 1


def test_state_of_a_kind_without_a_table_is_a_bug(future: asyncio.Future[Any]) -> None:
    row = StateRow("weather", 1, b"{}")  # type: ignore[arg-type]
    with pytest.raises(InvariantError, match=r"'weather'.*migration"):
        Step(commit_of(0, changes=[row]), step=1, first_decision_id=1, future=future)


def test_progress_touches_only_what_moves(future: asyncio.Future[Any]) -> None:
    connection = in_memory()
    made = [delivery(number) for number in range(1, 400)]
    Step(commit_of(0, deliveries=made), step=1, first_decision_id=1, future=future).apply(connection, 0, 0)
    before = connection.execute("SELECT event, body, created_at FROM deliveries").fetchall()
    for one in made:
        one.attempts = one.id
    write_progress(connection, [Progress(made[:100], future), Progress(made[100:], future)])
    assert connection.execute("SELECT event, body, created_at FROM deliveries").fetchall() == before
    assert connection.execute("SELECT count(*) FROM deliveries WHERE attempts = id").fetchone() == (399,)


def test_progress_of_what_was_never_committed_is_a_bug(future: asyncio.Future[Any]) -> None:
    with pytest.raises(InvariantError, match="2 deliveries"):
        write_progress(in_memory(), [Progress([delivery(1), delivery(2)], future)])
