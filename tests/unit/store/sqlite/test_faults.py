from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from router.errors import InvariantError, RouterError, StoreFull, StoreUnavailable, StoreUnusable
from router.store.sqlite.faults import damaged, is_held_by_another, translate

PATH = Path("/srv/router.db")


def error_of(code: int, name: str) -> sqlite3.Error:
    error = sqlite3.OperationalError("what SQLite says")
    error.sqlite_errorcode = code
    error.sqlite_errorname = name
    return error


@pytest.mark.parametrize(
    ("code", "name", "meaning"),
    [
        (sqlite3.SQLITE_FULL, "SQLITE_FULL", StoreFull),
        (sqlite3.SQLITE_IOERR_FSYNC, "SQLITE_IOERR_FSYNC", StoreUnavailable),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "SQLITE_BUSY_SNAPSHOT", StoreUnavailable),
        (sqlite3.SQLITE_CANTOPEN, "SQLITE_CANTOPEN", StoreUnavailable),
        (sqlite3.SQLITE_CORRUPT_INDEX, "SQLITE_CORRUPT_INDEX", StoreUnusable),
        (sqlite3.SQLITE_NOTADB, "SQLITE_NOTADB", StoreUnusable),
        (sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, "SQLITE_CONSTRAINT_PRIMARYKEY", InvariantError),
    ],
)
def test_each_error_of_sqlite_has_a_meaning(code: int, name: str, meaning: type[RouterError]) -> None:
    found = translate(error_of(code, name), PATH)
    assert type(found) is meaning
    assert name in str(found)
    assert str(PATH) in str(found)


def test_text_that_is_no_text_is_damage() -> None:
    connection = sqlite3.connect(":memory:")
    with pytest.raises(sqlite3.OperationalError) as raised:
        connection.execute("SELECT CAST(x'ff41' AS TEXT)").fetchone()
    assert type(translate(raised.value, PATH)) is StoreUnusable
    connection.close()


def test_our_own_errors_pass_and_all_others_are_bugs() -> None:
    ours = StoreFull("full")
    assert translate(ours, PATH) is ours
    assert type(translate(OverflowError("too large for a column"), PATH)) is InvariantError


def test_damage_says_what_to_do_and_that_nothing_was_done() -> None:
    assert "Nothing was changed" in str(damaged(PATH, "page 3"))
    assert "router.db-wal" in str(damaged(PATH, "page 3"))


def test_only_a_lock_of_sqlites_own_is_held_by_another() -> None:
    assert is_held_by_another(error_of(sqlite3.SQLITE_BUSY, "SQLITE_BUSY"))
    assert is_held_by_another(error_of(sqlite3.SQLITE_BUSY_SNAPSHOT, "SQLITE_BUSY_SNAPSHOT"))
    assert not is_held_by_another(error_of(sqlite3.SQLITE_FULL, "SQLITE_FULL"))
    assert not is_held_by_another(OverflowError())
