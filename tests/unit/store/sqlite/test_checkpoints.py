"""The log is moved into the database beside the writer, and nothing goes wrong when it cannot be."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from router.store.settings import StoreSettings
from router.store.sqlite import checkpoints
from router.store.sqlite.checkpoints import Checkpointer
from router.store.sqlite.opening import open_for_writing
from router.store.sqlite.schema import MIGRATIONS

PATIENCE_SECONDS = 10


def opened(path: Path) -> sqlite3.Connection:
    connection = open_for_writing(path, StoreSettings(), MIGRATIONS)
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    return connection


def write(connection: sqlite3.Connection, number: int) -> None:
    connection.execute("INSERT INTO journal (seq, at, fact, body) VALUES (?, 0, 'alert', ?)", (number, "x" * 100_000))


def in_database(path: Path) -> int:
    """Bytes that are no longer in the log alone."""
    return path.stat().st_size


def wait_until_moved(path: Path, size: int) -> None:
    pause = threading.Event()
    for _ in range(PATIENCE_SECONDS * 100):
        if in_database(path) > size:
            return
        pause.wait(0.01)
    raise AssertionError("nothing was moved")


def test_what_was_written_is_moved_while_the_writer_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    writer = opened(path)
    checkpointer = Checkpointer(path, pause_seconds=0.01)
    checkpointer.start()
    for number in range(1, 4):
        before = in_database(path)
        write(writer, number)
        checkpointer.note()
        wait_until_moved(path, before)
    assert writer.execute("SELECT count(*) FROM journal").fetchone() == (3,)
    checkpointer.stop()
    writer.close()


def test_after_many_groups_it_does_not_wait_for_the_pause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "MANY_GROUPS", 3)
    path = tmp_path / "router.db"
    writer = opened(path)
    checkpointer = Checkpointer(path, pause_seconds=3600)
    checkpointer.start()
    for number in range(0, 6, 3):
        before = in_database(path)
        for each in range(3):
            write(writer, number + each)
            checkpointer.note()
        wait_until_moved(path, before)
    checkpointer.stop()
    writer.close()


def begun(path: Path) -> int:
    """How often the log has begun anew: SQLite counts it in the log's head (its file format, the fourth number)."""
    return int.from_bytes(path.with_name(path.name + "-wal").read_bytes()[12:16], "big")


def moved_but_for_the_newest(path: Path, writer: sqlite3.Connection) -> Checkpointer:
    """Something was written while a checkpoint ran, as always under load."""
    checkpointer = Checkpointer(path, pause_seconds=0.01)
    before = in_database(path)
    write(writer, 1)
    write(writer, 2)
    checkpointer.start()
    checkpointer.note()
    wait_until_moved(path, before)
    checkpointer.stop()
    write(writer, 3)
    return checkpointer


def test_a_long_log_begins_anew_although_there_is_always_something_new_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "LONG_PAGES", 50)
    path = tmp_path / "router.db"
    writer = opened(path)
    checkpointer = moved_but_for_the_newest(path, writer)
    first = begun(path)
    checkpointer.move_rest(writer)
    write(writer, 4)
    assert begun(path) == first + 1
    checkpointer.move_rest(writer)  # once for each checkpoint
    write(writer, 5)
    assert begun(path) == first + 1
    assert writer.execute("SELECT count(*) FROM journal").fetchone() == (5,)
    writer.close()


def test_a_short_log_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    writer = opened(path)
    checkpointer = moved_but_for_the_newest(path, writer)
    first = begun(path)
    checkpointer.move_rest(writer)
    write(writer, 4)
    assert begun(path) == first
    writer.close()


def test_a_log_that_somebody_reads_goes_on_and_nothing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "LONG_PAGES", 50)
    path = tmp_path / "router.db"
    writer = opened(path)
    checkpointer = moved_but_for_the_newest(path, writer)
    first = begun(path)
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM journal").fetchone() == (3,)
    write(writer, 4)
    checkpointer.move_rest(writer)
    write(writer, 5)
    assert begun(path) == first
    assert reader.execute("SELECT count(*) FROM journal").fetchone() == (3,)
    reader.close()
    writer.close()


def test_without_a_note_it_sleeps(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    writer = opened(path)
    checkpointer = Checkpointer(path, pause_seconds=0.0)
    checkpointer.start()
    before = in_database(path)
    write(writer, 1)
    threading.Event().wait(0.1)
    assert in_database(path) == before
    checkpointer.stop()
    writer.close()


def test_a_stop_does_not_wait_for_the_pause_and_works_before_a_start(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    writer = opened(path)
    checkpointer = Checkpointer(path, pause_seconds=3600)
    checkpointer.start()
    checkpointer.note()
    checkpointer.stop()
    Checkpointer(path).stop()
    writer.close()


def test_a_database_that_cannot_be_opened_is_the_writers_business(tmp_path: Path) -> None:
    checkpointer = Checkpointer(tmp_path / "nothing.db", pause_seconds=0.0)
    checkpointer.start()
    checkpointer.note()
    checkpointer.stop()
    assert not (tmp_path / "nothing.db").exists()


def test_a_log_in_use_is_moved_as_far_as_its_readers_let(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    writer, reader = opened(path), opened(path)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM journal").fetchone()
    checkpointer = Checkpointer(path, pause_seconds=0.01)
    checkpointer.start()
    before = in_database(path)
    write(writer, 1)
    checkpointer.note()
    write(writer, 2)
    for _ in range(PATIENCE_SECONDS * 100):
        if checkpointer.bytes_log >= 200_000:
            break
        checkpointer.note()
        threading.Event().wait(0.01)
    assert checkpointer.bytes_log >= 200_000, "all that was written since the read began"
    reader.execute("COMMIT")
    checkpointer.note()
    wait_until_moved(path, before)
    checkpointer.stop()
    reader.close()
    writer.close()


def test_a_large_log_is_cut_once_it_is_moved_although_nobody_writes_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "WRITERS_OWN_PAGES", 50)
    path = tmp_path / "router.db"
    log = tmp_path / "router.db-wal"
    writer, reader = opened(path), opened(path)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM journal").fetchone()
    for number in range(1, 6):
        write(writer, number)
    size = log.stat().st_size
    checkpointer = Checkpointer(path, pause_seconds=0.01)
    checkpointer.start()

    def until(is_there: Callable[[], bool]) -> None:
        for _ in range(PATIENCE_SECONDS * 100):
            if is_there():
                return
            checkpointer.note()
            threading.Event().wait(0.01)
        raise AssertionError(checkpointer.bytes_log)

    until(lambda: checkpointer.bytes_log > 500_000)
    assert log.stat().st_size == size, "not while somebody reads it"
    reader.execute("COMMIT")
    until(lambda: checkpointer.bytes_log == 0)
    assert log.stat().st_size == 0
    write(writer, 6)
    assert writer.execute("SELECT count(*) FROM journal").fetchone() == (6,)
    checkpointer.stop()
    reader.close()
    writer.close()
