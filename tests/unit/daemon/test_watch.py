"""Watching files: saves, atomic renames, Kubernetes' link swap; other files do not count, and nothing amid a save."""

import asyncio
import os

import pytest

from router.daemon.watch import look, watch


class Turns:
    """A clock whose sleeps end when the test says so."""

    def __init__(self) -> None:
        self.turn = asyncio.Semaphore(0)
        self.asleep = asyncio.Event()

    def now(self) -> int:
        return 0

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        assert seconds == 1.0
        self.asleep.set()
        await self.turn.acquire()


class Watching:
    """A watch that a test drives look by look."""

    def __init__(self, *paths) -> None:
        self.changes = 0
        self._clock = Turns()
        self._paths = paths

    async def __aenter__(self):
        self._task = asyncio.get_running_loop().create_task(watch(lambda: self._paths, self._changed, self._clock))
        await self._clock.asleep.wait()
        return self

    async def __aexit__(self, *_):
        self._task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await self._task

    async def _changed(self) -> None:
        self.changes += 1

    async def look(self, times: int = 1) -> None:
        for _ in range(times):
            self._clock.asleep.clear()
            self._clock.turn.release()
            await self._clock.asleep.wait()


async def test_a_save_counts_once_and_only_when_it_is_finished(tmp_path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("a")
    async with Watching(file) as watching:
        file.write_text("half a fi")
        await watching.look()
        file.write_text("half a file, now whole")
        await watching.look()
        assert watching.changes == 0
        await watching.look(3)
        assert watching.changes == 1


async def test_a_new_file_a_removed_one_and_a_rename_count(tmp_path) -> None:
    (tmp_path / "a.yaml").write_text("a")
    async with Watching(tmp_path) as watching:
        (tmp_path / "b.yaml").write_text("b")
        await watching.look(2)
        os.replace(tmp_path / "b.yaml", tmp_path / "a.yaml")
        await watching.look(2)
        (tmp_path / "a.yaml").unlink()
        await watching.look(2)
        assert watching.changes == 3


async def test_kubernetes_swap_counts(tmp_path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_text(name)
    (tmp_path / "..data").symlink_to("one")
    (tmp_path / "config.yaml").symlink_to("..data/config.yaml")
    async with Watching(tmp_path / "config.yaml") as watching:
        (tmp_path / "..tmp").symlink_to("two")
        os.rename(tmp_path / "..tmp", tmp_path / "..data")
        await watching.look(2)
        assert watching.changes == 1


async def test_other_files_do_not_count(tmp_path) -> None:
    (tmp_path / "a.yaml").write_text("a")
    async with Watching(tmp_path) as watching:
        (tmp_path / "alert-router.db-wal").write_text("x")
        await watching.look(3)
        assert watching.changes == 0


def test_what_is_not_there_is_not_seen(tmp_path) -> None:
    (tmp_path / "dangling.yaml").symlink_to("nowhere")
    assert look([tmp_path, tmp_path / "gone"]) == {}


async def test_a_directory_that_cannot_be_listed_for_a_while_has_not_changed(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.yaml").write_text("a")
    listed = type(tmp_path).iterdir

    def refuse(_) -> object:
        raise OSError(24, "Too many open files")

    async with Watching(tmp_path) as watching:
        monkeypatch.setattr(type(tmp_path), "iterdir", refuse)
        await watching.look(3)
        monkeypatch.setattr(type(tmp_path), "iterdir", listed)
        await watching.look(3)
        assert watching.changes == 0
        (tmp_path / "b.yaml").write_text("b")
        await watching.look(3)
        assert watching.changes == 1
    monkeypatch.setattr(type(tmp_path), "iterdir", refuse)
    async with Watching(tmp_path) as watching:
        await watching.look()
        monkeypatch.setattr(type(tmp_path), "iterdir", listed)
        await watching.look(3)
        assert watching.changes == 1, "what could not be seen at first is looked at once it can"
