from __future__ import annotations

from pathlib import Path

import pytest

from router.errors import StoreUnusable
from router.store.factory import reader_from_url, store_from_url
from router.store.memory import MemoryStore
from router.store.sqlite.driver import SqliteStore
from tests.support.stores import START, StillClock, fact


async def test_a_file_is_opened_by_its_address(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path}/data/router.db"
    store = store_from_url(url, clock=StillClock())
    assert isinstance(store, SqliteStore)
    await store.open()
    await store.append(START, [fact()])
    reader = reader_from_url(url)
    assert [entry.seq for entry in reader.entries()] == [1]
    reader.close()
    await store.close()


def test_memory_is_a_store_but_nothing_another_process_could_read() -> None:
    assert isinstance(store_from_url("memory:", clock=StillClock()), MemoryStore)
    with pytest.raises(StoreUnusable, match="own process"):
        reader_from_url("memory:")


@pytest.mark.parametrize("url", ["data/router.db", "mysql://host/db", "sqlite", ""])
def test_an_unknown_address_says_what_is_known(url: str) -> None:
    with pytest.raises(StoreUnusable, match=r"no known kind.*sqlite:PATH"):
        store_from_url(url, clock=StillClock())


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(StoreUnusable) as refused:
        store_from_url("mysql://router:hunter2@host/db", clock=StillClock())
    assert "hunter2" not in str(refused.value)


def test_an_address_without_a_file_is_refused() -> None:
    with pytest.raises(StoreUnusable, match="names no file"):
        store_from_url("sqlite:", clock=StillClock())
