"""What SQLite's errors mean to our callers."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from router.errors import InvariantError, RouterError, StoreFull, StoreUnavailable, StoreUnusable

_UNUSABLE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})
_PASSING = frozenset(
    {
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_INTERRUPT,
    }
)


def translate(error: BaseException, path: Path) -> RouterError:
    """The error of ours that says what SQLite's (or Python's, on a value that no column can hold) means."""
    if isinstance(error, RouterError):
        return error
    code = getattr(error, "sqlite_errorcode", None)
    primary = -1 if code is None else code & 0xFF  # the upper bits say more of the same
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    if primary == sqlite3.SQLITE_FULL:
        return StoreFull(
            f"{path}: SQLite found no room to write ({name}: {error}); free space on that disk or shorten retention"
        )
    if primary in _PASSING:
        return StoreUnavailable(f"{path}: {name}: {error}; see the disk and its permissions, the router goes on trying")
    if primary in _UNUSABLE:
        return damaged(path, f"{name}: {error}")
    if code is None and isinstance(error, sqlite3.OperationalError):  # Python found text that is not UTF-8
        return damaged(path, str(error))
    return InvariantError(f"{path}: {name}: {error}")


def is_held_by_another(error: BaseException) -> bool:
    """Another process holds SQLite's own lock and kept us waiting: trying each piece alone would wait as long for each."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def damaged(path: Path, found: str) -> StoreUnusable:
    """The file cannot be trusted any more; what was found and what a person can do."""
    return StoreUnusable(
        f"{path} is damaged: {found}. Nothing was changed. Stop the router, keep a copy of {path.name}, {path.name}-wal and "
        f"{path.name}-shm, and restore the last backup; `sqlite3 {path} .recover` reads what can still be read"
    )
