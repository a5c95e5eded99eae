from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from router.errors import StoreUnavailable, StoreUnusable
from router.history.sqlite.opening import MIGRATIONS, as_ours, open_for_reading, open_for_writing
from router.store.sqlite.schema import Migration

NEXT = Migration(number=len(MIGRATIONS) + 1, compatible_down_to=len(MIGRATIONS) + 1, sql="CREATE TABLE more (id INTEGER);")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "new" / "history.db"
    open_for_writing(path).close()
    return path


def test_a_new_file_is_private_and_can_be_opened_again(path: Path) -> None:
    assert path.stat().st_mode & 0o077 == 0
    open_for_writing(path).close()
    open_for_reading(path).close()


def test_a_newer_file_is_refused_with_the_remedy(path: Path) -> None:
    open_for_writing(path, [*MIGRATIONS, NEXT]).close()
    for opening in (open_for_writing, open_for_reading):
        with pytest.raises(StoreUnusable, match="Run the newer release"):
            opening(path)


def test_an_older_file_is_brought_up_to_date_by_a_sync(path: Path) -> None:
    with pytest.raises(StoreUnusable, match="history sync"):
        open_for_reading(path, [*MIGRATIONS, NEXT])
    open_for_writing(path, [*MIGRATIONS, NEXT]).close()
    open_for_reading(path, [*MIGRATIONS, NEXT]).close()


def test_the_file_of_another_program_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (id INTEGER)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreUnusable, match=r"history\.path"):
        open_for_writing(path)
    assert path.read_bytes() == before


def test_a_damaged_file_is_to_be_moved_away(path: Path) -> None:
    for opening in (open_for_writing, open_for_reading):
        path.write_bytes(b"this is no database at all" * 100)
        with pytest.raises(StoreUnusable, match="move the file away"):
            opening(path)


def test_a_first_migration_that_was_cut_short_begins_again(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    path.touch()
    open_for_writing(path).close()
    open_for_reading(path).close()


def test_no_history_yet(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match="there is no history"):
        open_for_reading(tmp_path / "history.db")


def test_what_the_disk_says_is_told() -> None:
    assert "see its permissions" in str(as_ours(PermissionError(13, os.strerror(13)), Path("h.db")))
    busy = sqlite3.OperationalError("database is locked")
    busy.sqlite_errorcode, busy.sqlite_errorname = sqlite3.SQLITE_BUSY, "SQLITE_BUSY"  # type: ignore[misc]
    assert isinstance(as_ours(busy, Path("h.db")), StoreUnavailable)
