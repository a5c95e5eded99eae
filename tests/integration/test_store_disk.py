"""A disk that really runs out of room under a running store, and gets some again.

Two ways to run out: a small file system of its own where the test may mount one (SQLite says FULL), and a limit on the size
of files, which everyone may set (SQLite says IOERR).
"""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

import pytest

from router.errors import StoreError, StoreFull, StoreUnavailable
from router.model.journal import Entry
from router.store.settings import MIB, StoreSettings
from router.store.sqlite.driver import SqliteStore
from tests.support.stores import START, StillClock, commit_of, decided, delivery, fact


class Disk(Protocol):
    """Somewhere to put a database, with room or without."""

    path: Path
    error: type[StoreError]

    def fill(self) -> None: ...

    def free(self) -> None: ...


class MountedDisk:
    """Four MiB of its own; a ballast file takes what is left."""

    error = StoreFull

    def __init__(self, directory: Path) -> None:
        self.path = directory / "router.db"
        self._ballast = directory / "ballast"

    def fill(self) -> None:
        with self._ballast.open("ab", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4_096))

    def free(self) -> None:
        self._ballast.unlink(missing_ok=True)


class LimitedDisk:
    """No file of this process may grow beyond what the log has now."""

    error = StoreUnavailable

    def __init__(self, directory: Path) -> None:
        self.path = directory / "router.db"
        self._before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(self) -> None:
        size = self.path.with_name("router.db-wal").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, self._before[1]))

    def free(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._before)


def mount(directory: Path) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(directory)]
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextmanager
def mounted() -> Iterator[Path | None]:
    with tempfile.TemporaryDirectory() as name:
        if not mount(Path(name)):
            yield None
            return
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", "--lazy", name], check=True)


def disks() -> list[str]:
    with mounted() as directory:
        return ["limited"] if directory is None else ["limited", "mounted"]


@pytest.fixture(params=disks())
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    if request.param == "limited":
        limited = LimitedDisk(tmp_path)
        yield limited
        limited.free()
    else:
        with mounted() as directory:
            assert directory is not None
            yield MountedDisk(directory)


async def test_a_full_disk_refuses_loses_nothing_and_recovers_by_itself(disk: Disk) -> None:
    clock = StillClock()
    store = SqliteStore(disk.path, clock=clock, settings=StoreSettings(min_free_bytes=0))
    await store.open()
    heard: list[Entry] = []
    store.subscribe(heard.extend)
    accepted = list(await store.append(START, [fact(n) for n in range(100)]))
    await store.commit(decided(accepted[0]))
    disk.fill()
    refusals: list[BaseException] = []
    for _ in range(60):  # what is left of the last pages may still take some
        clock.at += 1_000
        try:
            accepted += await store.append(START, [fact(n) for n in range(20)])
        except StoreError as error:
            refusals.append(error)
    assert len(refusals) > 30
    assert all(isinstance(error, disk.error) for error in refusals)
    large = commit_of(1, deliveries=[delivery(number) for number in range(2, 1_000)])
    with pytest.raises(disk.error):
        await store.commit(large)
    reader = store.reader()
    assert [entry.seq for entry in reader.entries(limit=10_000)] == [entry.seq for entry in accepted]
    assert [found.id for found in reader.deliveries()] == [1]
    reader.close()
    disk.free()
    clock.at += 1_000
    await store.commit(large)
    accepted += await store.append(START, [fact()])
    assert heard == accepted
    await store.close()
    recovered = await SqliteStore(disk.path, clock=clock, settings=StoreSettings(min_free_bytes=0, check=True)).open()
    assert recovered.undecided == accepted[1:]
    assert len(recovered.outbox) == 999


async def test_everybody_waiting_when_the_disk_is_full_gets_an_answer(disk: Disk) -> None:
    store = SqliteStore(disk.path, clock=StillClock(), settings=StoreSettings(min_free_bytes=0))
    await store.open()
    await store.append(START, [fact(1)])
    disk.fill()
    calls = [store.append(START, [fact(n) for n in range(100)]) for _ in range(50)]
    answers = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 30)
    assert sum(isinstance(answer, disk.error) for answer in answers) > 20
    assert store.oldest_pending_at() is None
    disk.free()
    await store.close()


async def test_the_reserve_is_kept_for_delivering_what_is_held(tmp_path: Path) -> None:
    with mounted() as small:
        directory = small or tmp_path
        if small is None:  # the reserve of the disk that is there cannot be reached: raise it to what is free
            status = os.statvfs(tmp_path)
            settings = StoreSettings(min_free_bytes=status.f_bavail * status.f_frsize * 2)
        else:
            settings = StoreSettings(min_free_bytes=2 * MIB)
        clock = StillClock()
        path = directory / "router.db"
        store = SqliteStore(path, clock=clock, settings=StoreSettings(min_free_bytes=0))
        await store.open()
        (entry,) = await store.append(START, [fact()])
        await store.close()
        store = SqliteStore(path, clock=clock, settings=settings)
        await store.open()
        for _ in range(200):
            if store.usage().refusing:
                break
            await store.append(START, [fact(n) for n in range(50)])
            clock.at += 1_000
        with pytest.raises(StoreFull, match="under the reserve"):
            await store.append(START, [fact()])
        await store.commit(decided(entry))
        moved = delivery(1)
        moved.attempts = 1
        await store.record([moved])
        await store.close()
