"""What the SQLite driver does beyond the contract: refusing for space, surviving errors of the disk, closing."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from router.errors import InvariantError, StoreFull, StoreUnavailable, StoreUnusable
from router.model.journal import Entry
from router.store.settings import MIB, StoreSettings
from router.store.sqlite.driver import SqliteStore
from tests.support.stores import START, StillClock, commit_of, decided, delivery, fact


async def opened(path: Path, **settings: int) -> SqliteStore:
    store = SqliteStore(path, clock=StillClock(), settings=StoreSettings(**({"min_free_bytes": 0} | settings)))
    await store.open()
    return store


async def call(store: SqliteStore, statement: str) -> Any:
    assert store._outgoing is not None
    return await store._call(store._outgoing, lambda connection: connection.execute(statement).fetchall())


async def test_a_second_store_on_the_same_file_is_refused(tmp_path: Path) -> None:
    store = await opened(tmp_path / "router.db")
    other = SqliteStore(tmp_path / "router.db", clock=StillClock())
    with pytest.raises(StoreUnusable, match="in use by another router"):
        await other.open()
    with pytest.raises(StoreUnusable, match="in use by another router"):
        await other.append(START, [fact()])
    await other.close()
    await store.append(START, [fact()])
    await store.close()
    assert [entry.seq for entry in (await SqliteStore(tmp_path / "router.db", clock=StillClock()).open()).undecided] == [1]


async def test_under_the_reserve_appends_are_refused_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    store = await opened(path)
    (entry,) = await store.append(START, [fact()])
    await store.close()
    store = await opened(path, min_free_bytes=2**60)
    with pytest.raises(StoreFull, match=r"under the reserve .* free space"):
        await store.append(START, [fact()])
    assert "reserve" in store.usage().refusing
    await store.commit(decided(entry))
    moved = delivery(1)
    moved.attempts = 1
    await store.record([moved])
    await store.checkpoint_expiries({1: 2})
    assert store.oldest_pending_at() is None
    await store.close()


async def test_above_its_own_limit_appends_are_refused_until_history_went(tmp_path: Path) -> None:
    store = await opened(tmp_path / "router.db", max_bytes=MIB)
    clock = store._clock
    assert isinstance(clock, StillClock)
    appended = 0
    while not store.usage().refusing:
        appended += len(await store.append(START + appended, [fact(n) for n in range(200)]))
        clock.at += 1_000
    assert MIB // 2 < appended * 400 < 2 * MIB
    with pytest.raises(StoreFull, match="above its limit of 1 MiB"):
        await store.append(START, [fact()])
    await store.commit(commit_of(appended, at=START + appended))
    assert await store.retire(before_at=0, max_bytes=MIB // 2)
    clock.at += 1_000
    await store.append(START, [fact()])
    await store.close()


async def test_when_sqlite_is_full_commits_fail_whole_and_everything_recovers_by_itself(tmp_path: Path) -> None:
    store = await opened(tmp_path / "router.db", max_pending=1_001)
    clock = store._clock
    assert isinstance(clock, StillClock)
    heard: list[Entry] = []
    store.subscribe(heard.extend)
    (entry,) = await store.append(START, [fact()])
    ((pages,),) = await call(store, "PRAGMA page_count")
    await call(store, f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreFull, match=r"SQLITE_FULL.*free space"):
        await store.append(START, [fact(n) for n in range(1_000)])
    assert "want of space" in store.usage().refusing
    assert store.oldest_pending_at() is None
    large = [delivery(number) for number in range(1, 500)]
    commit = commit_of(entry.seq, deliveries=large)
    for _ in range(2):
        with pytest.raises(StoreFull):
            await store.commit(commit)
    reader = store.reader()
    assert reader.deliveries() == []
    await call(store, "PRAGMA max_page_count = 1000000")
    await store.commit(commit)
    assert len(reader.deliveries(limit=1_000)) == 499
    reader.close()
    clock.at += 1_000
    later = await store.append(START, [fact(n) for n in range(1_000)])  # what failed takes no place any more
    assert heard == [entry, *later]
    assert store.usage().refusing == ""
    await store.close()


async def test_a_small_append_still_fits_beside_one_that_found_no_room(tmp_path: Path) -> None:
    store = await opened(tmp_path / "router.db")
    await store.append(START, [fact()])
    ((pages,),) = await call(store, "PRAGMA page_count")
    await call(store, f"PRAGMA max_page_count = {pages}")
    results = await asyncio.gather(
        store.append(START, [fact(1)]),
        store.append(START, [fact(n) for n in range(500)]),
        store.append(START, [fact(2)]),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [list, StoreFull, list]
    await store.close()


async def test_an_error_of_the_disk_is_passed_on_and_passes(tmp_path: Path) -> None:
    store = await opened(tmp_path / "router.db")
    heard: list[Entry] = []
    store.subscribe(heard.extend)
    (entry,) = await store.append(START, [fact()])
    await call(store, "PRAGMA query_only = ON")  # SQLite refuses to write, as on a disk that was remounted read-only
    with pytest.raises(StoreUnavailable, match="SQLITE_READONLY"):
        await store.append(START, [fact()])
    commit = decided(entry)
    with pytest.raises(StoreUnavailable):
        await store.commit(commit)
    assert "SQLITE_READONLY" in store.usage().refusing, "whoever looks is told, not only who wrote"
    await call(store, "PRAGMA query_only = OFF")
    await store.commit(commit)
    assert store.usage().refusing == ""
    (later,) = await store.append(START, [fact()])
    assert [entry.seq, later.seq] == [1, 3]
    assert heard == [entry, later]
    await store.close()


async def test_damage_found_while_running_stops_the_store_from_taking_more(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    store = await opened(path)
    entries = await store.append(START, [fact(n) for n in range(300)])
    await call(store, "PRAGMA wal_checkpoint(TRUNCATE)")
    ((root,),) = await call(store, "SELECT rootpage FROM sqlite_master WHERE name = 'incidents_episode'")
    await store.close()
    store = await opened(path)
    with path.open("r+b") as file:
        file.seek((root - 1) * 4_096)
        file.write(b"\xff" * 100)
    with pytest.raises(StoreUnusable, match="is damaged"):
        await store.commit(decided(entries[0]))
    with pytest.raises(StoreUnusable):
        await store.append(START, [fact()])
    assert "is damaged" in store.usage().refusing
    await store.close()


async def test_a_fact_that_cannot_be_written_fails_its_caller_alone(tmp_path: Path) -> None:
    store = await opened(tmp_path / "router.db")
    with pytest.raises(InvariantError, match="cannot be written as JSON"):
        await store.append(START, [fact(summary="half a pair: \ud800")])
    with pytest.raises(InvariantError, match="cannot be written as JSON"):
        await store.append(START, [fact(details={"x": object()})])
    assert store.oldest_pending_at() is None
    await store.append(START, [fact()])
    await store.close()


async def test_a_listener_that_fails_keeps_nobody_waiting(tmp_path: Path) -> None:
    store = await opened(tmp_path / "router.db")

    def broken(_: Sequence[Entry]) -> None:
        raise ZeroDivisionError

    reports: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context))
    store.subscribe(broken)
    await asyncio.wait_for(store.append(START, [fact()]), 10)
    assert isinstance(reports[0]["exception"], ZeroDivisionError)
    await store.close()


async def test_a_clean_stop_leaves_one_file_with_everything_in_it(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    store = await opened(path)
    await store.append(START, [fact(n) for n in range(100)])
    await asyncio.gather(store.close(), store.close())
    assert set(os.listdir(tmp_path)) == {"router.db", "router.db.lock"}
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM journal").fetchone() == (100,)
    connection.close()


async def test_retention_gives_way_to_a_stop(tmp_path: Path) -> None:
    store = await opened(tmp_path / "router.db")
    await store.append(START, [fact(n) for n in range(20_000)])
    await store.commit(commit_of(20_000))
    retiring = asyncio.ensure_future(store.retire(before_at=START + 1, max_bytes=0))
    await asyncio.wait([retiring], timeout=0.01)
    await store.close()
    with pytest.raises(StoreUnavailable):
        await retiring


async def test_retention_lets_others_go_first(tmp_path: Path) -> None:
    store = await opened(tmp_path / "router.db")
    await store.append(START, [fact(n) for n in range(20_000)])
    await store.commit(commit_of(20_000))
    retiring = asyncio.ensure_future(store.retire(before_at=START + 1, max_bytes=0))
    appended = 0
    while not retiring.done():
        await store.append(START + 5, [fact()])
        appended += 1
    assert retiring.result() == 20_000
    assert appended > 10
    await store.close()
