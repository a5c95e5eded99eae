"""Watching directories: saves, atomic renames, Kubernetes' link swap; other files do not count."""

import asyncio
import os

from router.daemon.watch import directories_of, watch


async def changes_after(directory, act) -> int:
    stop, seen = asyncio.Event(), asyncio.Event()
    count = 0

    async def changed() -> None:
        nonlocal count
        count += 1
        seen.set()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watch([directory / "config.yaml"], changed, stop))
        await asyncio.sleep(0.3)
        act()
        try:
            async with asyncio.timeout(2):
                await seen.wait()
        except TimeoutError:
            pass
        stop.set()
    return count


async def test_a_save_and_an_atomic_rename_count(tmp_path) -> None:
    (tmp_path / "config.yaml").write_text("a")

    def act() -> None:
        (tmp_path / "new").write_text("b")
        os.replace(tmp_path / "new", tmp_path / "config.yaml")

    assert await changes_after(tmp_path, act) >= 1


async def test_kubernetes_swap_counts(tmp_path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_text(name)
    (tmp_path / "..data").symlink_to("one")
    (tmp_path / "config.yaml").symlink_to("..data/config.yaml")

    def act() -> None:
        (tmp_path / "..tmp").symlink_to("two")
        os.rename(tmp_path / "..tmp", tmp_path / "..data")

    assert await changes_after(tmp_path, act) >= 1


async def test_other_files_do_not_count(tmp_path) -> None:
    (tmp_path / "config.yaml").write_text("a")
    assert await changes_after(tmp_path, lambda: (tmp_path / "notes.txt").write_text("x")) == 0


async def test_without_directories_it_just_waits(tmp_path) -> None:
    stop = asyncio.Event()
    stop.set()

    async def changed() -> None:
        raise AssertionError

    await watch([tmp_path / "gone" / "config.yaml"], changed, stop)


def test_each_directory_once(tmp_path) -> None:
    (tmp_path / "a.yaml").write_text("")
    assert directories_of([tmp_path / "a.yaml", tmp_path, tmp_path / "gone" / "x"]) == [tmp_path]
