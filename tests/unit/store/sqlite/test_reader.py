"""How the record is read; what it answers is in the contract suite."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import StoreUnavailable, StoreUnusable
from router.store.sqlite.driver import SqliteStore
from router.store.sqlite.reader import SqliteReader, open_reader
from tests.support.stores import START, StillClock, fact
from tests.unit.store.sqlite.builders import filled, in_memory

HOUR = 3_600_000
COUNT = """
import sys, pathlib
from router.store.sqlite.reader import open_reader
reader = open_reader(pathlib.Path(sys.argv[1]))
print(len(reader.entries(limit=1000)), len(reader.decisions(limit=1000)))
"""


def read_elsewhere(path: Path) -> str:
    done = subprocess.run([sys.executable, "-c", COUNT, str(path)], capture_output=True, text=True, check=True)
    return done.stdout.strip()


async def test_other_processes_read_while_the_daemon_writes_and_when_it_is_down(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    await filled(path, entries=10)
    assert read_elsewhere(path) == "10 5"
    store = SqliteStore(path, clock=StillClock())
    await store.open()
    await store.append(START, [fact(11)])
    assert read_elsewhere(path) == "11 5"
    await store.append(START, [fact(12)])
    await store.close()
    assert read_elsewhere(path) == "12 5"


async def test_a_reader_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    await filled(path, entries=2)
    reader = open_reader(path)
    assert reader._connection is not None
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader._connection.execute("DELETE FROM journal")
    reader.close()


async def test_a_reader_lets_go_between_its_answers(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    store = SqliteStore(path, clock=StillClock())
    await store.open()
    reader = open_reader(path)
    reader.entries()
    await store.append(START, [fact()])
    assert len(reader.entries()) == 1
    assert store._outgoing is not None
    busy, *_ = await store._call(store._outgoing, lambda c: c.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone())
    assert busy == 0
    reader.close()
    await store.close()


def test_a_damaged_row_is_said_not_skipped() -> None:
    connection = in_memory()
    connection.execute("INSERT INTO decisions (id, at, alert_seq, episode, body) VALUES (1, 0, 0, '', 'nonsense')")
    with pytest.raises(StoreUnusable, match="row 1 of table decisions"):
        SqliteReader(Path("router.db"), connection).decisions()


def test_a_broken_connection_is_an_error_of_ours() -> None:
    connection = in_memory()
    connection.execute("DROP TABLE incidents")
    reader = SqliteReader(Path("router.db"), connection)
    with pytest.raises(Exception, match="no such table") as raised:
        reader.incidents()
    assert not isinstance(raised.value, sqlite3.Error)
    reader.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        reader.incidents()


@given(
    gaps=st.lists(st.integers(1, 3), min_size=0, max_size=40),
    steps=st.lists(st.integers(-HOUR // 3, 3 * HOUR), min_size=40, max_size=40),
    since=st.none() | st.integers(-5 * HOUR, 60 * HOUR),
    length=st.none() | st.integers(0, 20 * HOUR),
)
def test_entries_by_time_are_exact_if_the_clock_goes_back_by_no_more_than_an_hour(
    gaps: list[int], steps: list[int], since: int | None, length: int | None
) -> None:
    connection = in_memory()
    seq, newest, times = 0, START, {}
    for gap, step in zip(gaps, steps, strict=False):
        seq += gap
        times[seq] = newest + step
        newest = max(newest, times[seq])
        connection.execute(
            'INSERT INTO journal VALUES (?, ?, \'rules\', \'{"fact":"rules","version":"1"}\')', (seq, times[seq])
        )
    low = None if since is None else START + since
    high = None if length is None else (START if low is None else low) + length
    found = SqliteReader(Path("router.db"), connection).entries(since=low, until=high)
    expected = [s for s, at in times.items() if (low is None or at >= low) and (high is None or at < high)]
    assert [entry.seq for entry in found] == expected
    connection.close()
