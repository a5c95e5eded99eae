"""From a path to a connection that may be trusted, or StoreUnusable saying what was found and what to do.

Must never do: repair, delete or overwrite a database. A new one is made under another name and put in place when it is
whole, so an empty file at the path is never ours.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from router.errors import RouterError, StoreUnusable
from router.store.settings import StoreSettings
from router.store.sqlite.faults import damaged, translate
from router.store.sqlite.queries import QUERIES
from router.store.sqlite.schema import Migration, check_version, migrate

_TABLES = {
    *("meta", "journal", "cursor", "state_alert", "state_group", "state_storm", "state_counter", "state_silence"),
    *("decisions", "incidents", "deliveries", "rulesets", "expiries"),
    *("webhooks", "pages", "audit"),
}
_BUSY_SECONDS = 5.0
_NO_LOG = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}  # what a reader is told who cannot make or map the log


def connect(path: Path, *, mode: str) -> sqlite3.Connection:
    """A connection in autocommit mode; ``mode`` is ``rw`` or ``ro``, neither creates a file."""
    return sqlite3.connect(
        f"file:{quote(os.fsencode(path.absolute()))}?mode={mode}",
        uri=True,
        isolation_level=None,
        timeout=_BUSY_SECONDS,
        check_same_thread=False,
        cached_statements=512,
    )


def prepare_directory(path: Path) -> None:
    """Make the database's directory (0700) if only that is missing; StoreUnusable if it cannot be used."""
    directory = path.parent
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StoreUnusable(
            f"{path}: its directory {directory} cannot be made ({error.strerror}); create it, owned by the router's user"
        ) from error
    if not os.access(directory, os.W_OK | os.X_OK, effective_ids=True):
        raise StoreUnusable(f"{path}: the router may not write to {directory}; make it writable for the router's user")


def open_for_writing(path: Path, settings: StoreSettings, migrations: Sequence[Migration]) -> sqlite3.Connection:
    """The one writing connection, checked and migrated. The caller holds the lock file."""
    _check_file(path)
    connection: sqlite3.Connection | None = None
    try:
        if not path.exists():
            _create(path, migrations)
        connection = connect(path, mode="rw")
        check_version(connection, path, migrations[-1].number)
        (journal_mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if journal_mode != "wal":
            raise StoreUnusable(f"{path}: its file system has no shared memory for a write-ahead log; use a local disk")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA cache_size = -8000")  # 8 MB: appends touch few pages
        connection.execute("PRAGMA journal_size_limit = 67108864")  # a WAL that a long reader made grow shrinks again
        _check_pages(connection, path, settings)
        migrate(connection, migrations)
        _check_tables(connection, path)
        connection.execute(QUERIES["set_meta"], ("stopped", "no"))
    except (sqlite3.Error, RouterError) as error:
        if connection is not None:
            connection.close()
        raise translate(error, path) from error
    return connection


def open_for_reading(path: Path, known: int) -> sqlite3.Connection:
    """A read-only connection; works while a daemon writes and when none runs."""
    try:
        path.stat()
    except FileNotFoundError:
        raise StoreUnusable(f"{path} does not exist; has the router run with this `store:` yet?") from None
    except OSError as error:
        raise StoreUnusable(f"{path} cannot be looked at ({error.strerror}); run the command as the router's user") from error
    if not os.access(path, os.R_OK, effective_ids=True):
        raise StoreUnusable(f"{path} may not be read by this user; run the command as the router's user")
    connection: sqlite3.Connection | None = None
    try:
        connection = connect(path, mode="ro")
        check_version(connection, path, known)
    except (sqlite3.Error, RouterError) as error:
        if connection is not None:
            connection.close()
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _NO_LOG:
            raise StoreUnusable(
                f"{path} cannot be read by this user, who may not write beside it; run the command as the router's user"
            ) from error
        raise translate(error, path) from error
    return connection


def _check_file(path: Path) -> None:
    """What can be told without reading the file (which only SQLite may do: see the room's docstring)."""
    try:
        status = path.stat()
    except FileNotFoundError:
        log = path.with_name(path.name + "-wal")
        if log.exists() and log.stat().st_size > 0:
            raise StoreUnusable(
                f"{path} is missing but its write-ahead log {log} is there and may hold accepted alerts; put the database back "
                "beside it, or move the log away to begin anew"
            ) from None
        return
    except OSError as error:
        raise StoreUnusable(f"{path} cannot be looked at ({error.strerror}); see the permissions on the way to it") from error
    if not stat.S_ISREG(status.st_mode):
        raise StoreUnusable(f"{path} is not a regular file; give `store:` the path of a file")
    if status.st_size == 0:
        raise StoreUnusable(
            f"{path} is empty, which a database of the router never is: it was cut off or made by hand. Restore the last "
            "backup, or remove the file to begin anew"
        )
    if not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
        raise StoreUnusable(f"{path} is not writable for the router's user; change its owner or mode")


def _create(path: Path, migrations: Sequence[Migration]) -> None:
    """A new database, put in place only when it is whole and on disk.

    It keeps a write-ahead log from its first instant: a rollback journal left by a kill is nothing a reader could roll back.
    """
    new = path.with_name(path.name + ".new")
    for ending in ("", "-journal", "-wal", "-shm"):  # of a start that was killed half-way; never in use
        path.with_name(new.name + ending).unlink(missing_ok=True)
    os.close(os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    connection = connect(new, mode="rw")
    try:
        migrate(connection, migrations)
        connection.execute("PRAGMA journal_mode = WAL")  # last, so that the log is empty when the file gets its name
    finally:
        connection.close()
    new.rename(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _check_pages(connection: sqlite3.Connection, path: Path, settings: StoreSettings) -> None:
    """Page by page after an unclean stop if the file is small, or if asked for."""
    row = connection.execute(QUERIES["get_meta"], ("stopped",)).fetchone()
    was_clean = row is None or row[0] == "clean"
    pages, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    if settings.check or (not was_clean and pages * size <= settings.check_bytes):
        problems = [line for (line,) in connection.execute("PRAGMA quick_check(5)")]
        if problems != ["ok"]:
            raise damaged(path, "; ".join(problems))


def _check_tables(connection: sqlite3.Connection, path: Path) -> None:
    """Cheap signs of damage: every table is there and can be read at both ends."""
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if missing := sorted(_TABLES - names):
        raise damaged(path, f"table {missing[0]} is missing")
    if connection.execute(QUERIES["cursor"]).fetchone() is None:
        raise damaged(path, "table cursor is empty")
    for table, key in (("journal", "seq"), ("decisions", "id"), ("incidents", "number"), ("deliveries", "id")):
        for order in ("ASC", "DESC"):
            connection.execute(f"SELECT * FROM {table} ORDER BY {key} {order} LIMIT 1").fetchone()  # noqa: S608 - our own names
