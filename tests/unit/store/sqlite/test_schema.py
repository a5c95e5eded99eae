from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from router import __version__
from router.errors import StoreUnusable
from router.store.sqlite.schema import APPLICATION_ID, MIGRATIONS, Migration, check_version, load_migrations, migrate

PATH = Path("router.db")
SECOND = Migration(number=2, compatible_down_to=1, sql="CREATE TABLE more (id INTEGER PRIMARY KEY);")


def pragma(connection: sqlite3.Connection, name: str) -> int:
    (value,) = connection.execute(f"PRAGMA {name}").fetchone()
    return int(value)


def meta(connection: sqlite3.Connection) -> dict[str, object]:
    return dict(connection.execute("SELECT name, value FROM meta"))


@pytest.fixture
def connection() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None)


def test_the_migrations_are_numbered_without_gaps() -> None:
    found = load_migrations()
    assert [migration.number for migration in found] == list(range(1, len(found) + 1))
    assert all(1 <= migration.compatible_down_to <= migration.number for migration in found)


def test_a_new_file_says_whose_it_is_and_who_wrote_it(connection: sqlite3.Connection) -> None:
    migrate(connection, MIGRATIONS)
    assert pragma(connection, "application_id") == APPLICATION_ID
    assert pragma(connection, "user_version") == len(MIGRATIONS)
    assert meta(connection)["written_by"] == __version__
    check_version(connection, PATH, len(MIGRATIONS))


def test_an_older_file_gets_only_what_it_lacks_and_keeps_its_rows(connection: sqlite3.Connection) -> None:
    migrate(connection, MIGRATIONS[:1])
    connection.execute("INSERT INTO journal (seq, at, fact, body) VALUES (1, 2, 'alert', '{}')")
    migrate(connection, [MIGRATIONS[0], SECOND])
    migrate(connection, [MIGRATIONS[0], SECOND])
    assert pragma(connection, "user_version") == 2
    assert meta(connection)["compatible_down_to"] == 1
    assert connection.execute("SELECT count(*) FROM journal").fetchone() == (1,)
    assert connection.execute("SELECT count(*) FROM more").fetchone() == (0,)


def test_a_migration_that_fails_half_way_leaves_the_file_as_it_was(connection: sqlite3.Connection) -> None:
    migrate(connection, MIGRATIONS[:1])
    broken = Migration(number=2, compatible_down_to=2, sql=f"{SECOND.sql} INSERT INTO nowhere VALUES (1);")
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        migrate(connection, [MIGRATIONS[0], broken])
    assert not connection.in_transaction
    assert pragma(connection, "user_version") == 1
    assert meta(connection)["compatible_down_to"] == 1
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        connection.execute("SELECT * FROM more")
    migrate(connection, [MIGRATIONS[0], SECOND])


def test_a_newer_file_that_older_programs_may_use_is_used(connection: sqlite3.Connection) -> None:
    migrate(connection, [MIGRATIONS[0], SECOND])
    check_version(connection, PATH, 1)
    migrate(connection, MIGRATIONS[:1])
    assert pragma(connection, "user_version") == 2


def test_a_newer_file_that_they_may_not_use_says_who_wrote_it(connection: sqlite3.Connection) -> None:
    migrate(connection, [MIGRATIONS[0], Migration(number=2, compatible_down_to=2, sql=SECOND.sql)])
    connection.execute("UPDATE meta SET value = '9.9.9' WHERE name = 'written_by'")
    with pytest.raises(StoreUnusable, match=r"schema 2, written by alert-router 9\.9\.9.*knows schema 1.*down to schema 2"):
        check_version(connection, PATH, 1)


def test_a_database_of_another_program_is_left_alone(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE theirs (id)")
    with pytest.raises(StoreUnusable, match=r"another program .*not touched"):
        check_version(connection, PATH, 1)
