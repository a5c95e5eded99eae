from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from router.errors import StoreUnusable
from router.store.sqlite.lockfile import LockFile

HOLD = """
import sys, pathlib
from router.store.sqlite.lockfile import LockFile
lock = LockFile(pathlib.Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_one_is_refused_by_the_process_that_has_it(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    lock = LockFile(path)
    with pytest.raises(StoreUnusable, match=rf"in use by another router \(process {os.getpid()}\)"):
        LockFile(path)
    lock.release()
    LockFile(path).release()
    assert stat.S_IMODE((tmp_path / "router.db.lock").stat().st_mode) == 0o600


def test_a_process_that_was_killed_holds_it_no_more(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path.cwd()
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StoreUnusable, match=f"process {holder.pid}"):
            LockFile(path)
        holder.kill()
    LockFile(path).release()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match=r"lock cannot be created .*No such file"):
        LockFile(tmp_path / "missing" / "router.db")
