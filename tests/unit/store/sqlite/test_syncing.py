"""The kernel's sync: told of on the loop, again and again, and honest where there is none."""

from __future__ import annotations

import asyncio
import platform
from pathlib import Path

import pytest

from router.store.sqlite.syncing import KernelSync


class Bench:
    """A file, its sync, and what was told."""

    def __init__(self, path: Path) -> None:
        self.told: asyncio.Queue[OSError | None] = asyncio.Queue()
        self.sync = KernelSync(path, asyncio.get_running_loop(), self.told.put_nowait)


async def test_each_sync_is_told_of_once(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x")
    bench = Bench(path)
    for _ in range(3):
        bench.sync.submit()
        assert await asyncio.wait_for(bench.told.get(), 10) is None
        assert bench.told.empty()
    bench.sync.close()


async def test_what_cannot_be_synced_is_an_error(tmp_path: Path) -> None:
    bench = Bench(Path("/dev/null"))
    with pytest.raises(OSError, match="Invalid argument"):
        bench.sync.submit()
    bench.sync.close()
    with pytest.raises(FileNotFoundError):
        Bench(tmp_path / "nothing")


async def test_after_the_close_nothing_is_told_and_a_second_close_does_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x")
    bench = Bench(path)
    bench.sync.submit()
    bench.sync.close()
    bench.sync.close()
    await asyncio.sleep(0)
    assert bench.told.empty()
    with pytest.raises(OSError, match="Invalid argument"):
        bench.sync.submit()


async def test_an_unknown_processor_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "pdp11")
    with pytest.raises(OSError, match="no asynchronous sync"):
        Bench(tmp_path)
