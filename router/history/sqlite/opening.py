"""From a path to a connection to history, or StoreUnusable saying what was found and what to do.

The file holds nothing that PagerDuty does not: when it is damaged, the remedy is to move it away and crawl again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from router.errors import RouterError, StoreUnusable
from router.store.sqlite.faults import translate
from router.store.sqlite.opening import connect, prepare_directory
from router.store.sqlite.schema import Migration, check_version, load_migrations, migrate

APPLICATION_ID = 0x616C7268  # "alrh"
MIGRATIONS: Sequence[Migration] = load_migrations("router.history.sqlite.migrations")

_REMEDY = "History can be fetched again: move the file away and run `alert-router history sync`"
_SETTING = "history.path"


def open_for_writing(path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> sqlite3.Connection:
    """The one writing connection, made and migrated as needed. The caller holds the lock file."""
    prepare_directory(path)
    connection: sqlite3.Connection | None = None
    try:
        is_new = not path.exists()
        if is_new:
            path.touch(mode=0o600)
        connection = connect(path, mode="rw")
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables:  # an empty file is one whose first migration was cut short
            check_version(connection, path, migrations[-1].number, application_id=APPLICATION_ID, setting=_SETTING)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # after a power cut the last moments are crawled again
        connection.execute("PRAGMA journal_size_limit = 67108864")
        migrate(connection, migrations, application_id=APPLICATION_ID)
    except (sqlite3.Error, OSError, RouterError) as error:
        if connection is not None:
            connection.close()
        raise as_ours(error, path) from error
    return connection


def open_for_reading(path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> sqlite3.Connection:
    """A read-only connection, beside a crawl or without one."""
    if not path.exists():
        raise StoreUnusable(f"there is no history at {path} yet: `alert-router history sync` fetches it from PagerDuty")
    connection: sqlite3.Connection | None = None
    try:
        connection = connect(path, mode="ro")
        check_version(connection, path, migrations[-1].number, application_id=APPLICATION_ID, setting=_SETTING)
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        if found < migrations[-1].number:
            raise StoreUnusable(f"{path} is of an older release: `alert-router history sync` brings it up to date")
        connection.execute("PRAGMA cache_size = -16000")
        connection.execute("PRAGMA mmap_size = 268435456")
    except (sqlite3.Error, RouterError) as error:
        if connection is not None:
            connection.close()
        raise as_ours(error, path) from error
    return connection


def as_ours(error: BaseException, path: Path) -> RouterError:
    """The error of ours, with the remedy that only history has."""
    if isinstance(error, OSError):
        return StoreUnusable(f"{path} cannot be opened: {error.strerror or error}; see its permissions")
    found = translate(error, path)
    if isinstance(found, StoreUnusable) and not isinstance(error, RouterError):
        return StoreUnusable(f"{path} is damaged ({error}). {_REMEDY}")
    return found
