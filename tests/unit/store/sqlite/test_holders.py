from __future__ import annotations

import os
from pathlib import Path

from router.store.sqlite.holders import MAX_HOLDERS, find_holders


def process(processes: Path, pid: int, *targets: Path, name: str = "sqlite3") -> None:
    descriptors = processes / str(pid) / "fd"
    descriptors.mkdir(parents=True)
    for number, target in enumerate(targets):
        (descriptors / str(number)).symlink_to(target)
    (processes / str(pid) / "comm").write_text(f"{name}\n")


def test_those_who_have_it_or_its_log_open_are_named_and_we_are_not(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    process(tmp_path, 12, path)
    process(tmp_path, 9, tmp_path / "other.db", tmp_path / "router.db-wal", name="backup")
    process(tmp_path, 10, tmp_path / "router.db.old")
    process(tmp_path, os.getpid(), path)
    (tmp_path / "self").mkdir()
    assert find_holders(path, tmp_path) == ["backup (pid 9)", "sqlite3 (pid 12)"]


def test_what_cannot_be_seen_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    process(tmp_path, 9, path)
    (tmp_path / "9" / "comm").unlink()
    (tmp_path / "10").mkdir()
    (tmp_path / "11" / "fd").mkdir(parents=True)
    (tmp_path / "11" / "fd" / "3").write_text("no link")
    assert find_holders(path, tmp_path) == ["a process (pid 9)"]
    assert find_holders(path, tmp_path / "nowhere") == []


def test_only_the_first_few(tmp_path: Path) -> None:
    for pid in range(1, MAX_HOLDERS + 3):
        process(tmp_path, 10**7 + pid, tmp_path / "router.db")
    assert len(find_holders(tmp_path / "router.db", tmp_path)) == MAX_HOLDERS


def test_really(tmp_path: Path) -> None:
    assert find_holders(tmp_path / "router.db") == []
