"""What is refused at the door, with the reason and the remedy; and that refusing changes nothing."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from router.errors import StoreUnusable
from router.store.settings import DEFAULT_SETTINGS, StoreSettings
from router.store.sqlite.driver import SqliteStore
from router.store.sqlite.opening import open_for_reading, open_for_writing, prepare_directory
from router.store.sqlite.schema import MIGRATIONS, Migration
from tests.support.stores import StillClock
from tests.unit.store.sqlite.builders import filled, opened

PAGE = 4_096


def contents(directory: Path) -> dict[str, bytes]:
    """Everything but SQLite's own scratch files, which come and go."""
    return {file.name: file.read_bytes() for file in directory.iterdir() if file.suffix in {".db", ".lock"}}


def overwrite(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


async def refused(path: Path, match: str, settings: StoreSettings = DEFAULT_SETTINGS) -> None:
    before = contents(path.parent)
    store = SqliteStore(path, clock=StillClock(), settings=settings)
    with pytest.raises(StoreUnusable, match=match):
        await store.open()
    await store.close()
    after = contents(path.parent)
    after.pop(f"{path.name}.lock", None)
    before.pop(f"{path.name}.lock", None)
    assert after == before


@contextmanager
def ordinary_user() -> Iterator[Path]:
    """A directory that belongs to root, and rights that are not root's (nothing changes for an ordinary user)."""
    directory = Path(tempfile.mkdtemp(dir="/tmp"))
    directory.chmod(0o755)
    is_root = os.geteuid() == 0
    try:
        yield directory
    finally:
        if is_root:
            os.seteuid(0)
        directory.chmod(0o755)
        shutil.rmtree(directory)


def drop_rights() -> None:
    if os.geteuid() == 0:
        os.seteuid(65_534)


def test_a_new_database_is_private_durable_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "data" / "router #1?.db"
    prepare_directory(path)
    connection = opened(path)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL: on disk before a commit returns
    assert not path.with_name(path.name + ".new").exists()
    connection.close()


def test_a_start_that_was_killed_while_making_the_database_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    path.with_name("router.db.new").write_bytes(b"half a datab")
    opened(path).close()
    assert [file.name for file in tmp_path.iterdir()] == ["router.db"]


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match=r"a/b cannot be made \(No such file"):
        prepare_directory(tmp_path / "a" / "b" / "router.db")
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnusable, match="cannot be made"):
        prepare_directory(tmp_path / "file" / "router.db")


def test_a_directory_of_someone_else_is_refused() -> None:
    with ordinary_user() as directory:
        directory.chmod(0o555)
        drop_rights()
        with pytest.raises(StoreUnusable, match="may not write to"):
            prepare_directory(directory / "router.db")


def test_a_database_of_someone_else_is_refused() -> None:
    with ordinary_user() as directory:
        path = directory / "router.db"
        opened(path).close()
        path.chmod(0o444)
        drop_rights()
        with pytest.raises(StoreUnusable, match="not writable for the router's user"):
            opened(path)


def test_a_database_that_this_user_may_not_read_says_so() -> None:
    with ordinary_user() as directory:
        path = directory / "router.db"
        opened(path).close()
        path.chmod(0o000)
        drop_rights()
        with pytest.raises(StoreUnusable, match="as the router's user"):
            open_for_reading(path, 1)


def test_a_way_that_this_user_may_not_go_says_so() -> None:
    with ordinary_user() as directory:
        path = directory / "closed" / "router.db"
        prepare_directory(path)
        opened(path).close()
        path.parent.chmod(0o000)
        drop_rights()
        with pytest.raises(StoreUnusable, match="cannot be looked at"):
            open_for_reading(path, 1)
        with pytest.raises(StoreUnusable, match="cannot be looked at"):
            opened(path)


def test_a_reader_without_a_log_to_map_says_whose_it_should_be() -> None:
    with ordinary_user() as directory:
        path = directory / "router.db"
        opened(path).close()
        path.chmod(0o444)
        directory.chmod(0o555)
        drop_rights()
        with pytest.raises(StoreUnusable, match="run the command as the router's user"):
            open_for_reading(path, 1)


async def test_an_empty_file_is_not_taken_for_a_new_store(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    path.touch()
    await refused(path, "is empty")


async def test_a_directory_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "router.db").mkdir()
    with pytest.raises(StoreUnusable, match="not a regular file"):
        await SqliteStore(tmp_path / "router.db", clock=StillClock()).open()


async def test_a_log_without_its_database_is_not_thrown_away(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    log = path.with_name("router.db-wal")
    log.write_bytes(b"accepted alerts")
    await refused(path, "missing but its write-ahead log")
    assert log.read_bytes() == b"accepted alerts"


async def test_a_text_file_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    path.write_text("store: sqlite\n" * 1_000)
    await refused(path, "SQLITE_NOTADB")


async def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    theirs = sqlite3.connect(path)
    theirs.execute("CREATE TABLE cookies (id)")
    theirs.close()
    await refused(path, "another program")


async def test_a_database_of_a_later_release_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    known = len(MIGRATIONS)
    later = Migration(number=known + 1, compatible_down_to=known + 1, sql="CREATE TABLE more (id);")
    open_for_writing(path, DEFAULT_SETTINGS, [*MIGRATIONS, later]).close()
    await refused(path, rf"schema {known + 1}.*knows schema {known}")


@pytest.mark.parametrize("size", [100, PAGE, 3 * PAGE, 10 * PAGE + 17])
async def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "router.db"
    await filled(path)
    os.truncate(path, size)
    await refused(path, "is damaged")


@pytest.mark.parametrize(("offset", "length"), [(0, 16), (16, 2), (18, 4), (100, 12), (68, 4)])
async def test_a_header_with_other_bytes_is_refused(tmp_path: Path, offset: int, length: int) -> None:
    path = tmp_path / "router.db"
    await filled(path)
    flipped = bytes(byte ^ 0xFF for byte in path.read_bytes()[offset : offset + length])
    overwrite(path, offset, flipped)
    await refused(path, "is damaged|another program|SQLITE_")


async def test_damage_in_the_middle_is_found_when_asked_for_and_after_an_unclean_stop(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    await filled(path)
    pages = path.stat().st_size // PAGE
    kept = path.read_bytes()
    found = 0
    for page in range(1, pages, max(1, pages // 20)):
        path.write_bytes(kept)
        overwrite(path, page * PAGE, b"\xff" * 64)
        store = SqliteStore(path, clock=StillClock(), settings=StoreSettings(check=True))
        try:
            await store.open()
        except StoreUnusable as error:
            found += 1
            assert "restore the last backup" in str(error)  # noqa: PT017 - some pages are free, so most but not all raise
        await store.close()
    assert found >= 15
    connection = sqlite3.connect(path)
    connection.close()
    path.write_bytes(kept)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE meta SET value = 'no' WHERE name = 'stopped'")
    connection.commit()
    (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'decisions_episode'").fetchone()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()
    overwrite(path, (root - 1) * PAGE + 8, b"\xff" * 64)  # nobody reads this index at a start
    await refused(path, "is damaged")
    allowed = SqliteStore(path, clock=StillClock(), settings=StoreSettings(check_bytes=0))
    await allowed.open()  # too large to be checked: found when it is read
    await allowed.close()


async def test_a_missing_table_is_found(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    await filled(path)
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE expiries")
    connection.commit()
    connection.close()
    await refused(path, "table expiries is missing")


async def test_an_unreadable_row_in_what_is_recovered_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    await filled(path)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE journal SET body = '{\"fact\":' WHERE seq = 150")
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()
    store = SqliteStore(path, clock=StillClock())
    with pytest.raises(StoreUnusable, match="row 150 of table journal"):
        await store.open()


def test_a_reader_of_nothing_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match="does not exist"):
        open_for_reading(tmp_path / "router.db", 1)
    (tmp_path / "text.db").write_text("no database" * 100)
    with pytest.raises(StoreUnusable, match="SQLITE_NOTADB"):
        open_for_reading(tmp_path / "text.db", 1)


def test_a_new_database_has_its_log_from_its_first_instant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed right after the file got its name: there is no rollback journal, which a reader could not roll back."""
    path = tmp_path / "router.db"
    for ending in ("", "-journal", "-wal"):
        (tmp_path / f"router.db.new{ending}").write_bytes(b"of a start that was killed")

    def killed(*_: object) -> None:
        raise SystemExit

    monkeypatch.setattr("router.store.sqlite.opening.check_version", killed)
    with pytest.raises(SystemExit):
        open_for_writing(path, DEFAULT_SETTINGS, MIGRATIONS)
    monkeypatch.undo()
    assert path.read_bytes()[18:20] == b"\2\2"  # SQLite's file format: write and read version 2 is WAL
    assert not [file.name for file in tmp_path.iterdir() if ".new" in file.name]
    assert not list(tmp_path.glob("*-journal"))
    open_for_reading(path, MIGRATIONS[-1].number).close()
