"""Every driver under the one suite."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from router.store.base import Store
from router.store.memory import MemoryStore
from router.store.settings import DEFAULT_SETTINGS, StoreSettings
from router.store.sqlite.driver import SqliteStore
from tests.integration.store_suite import StoreSuite
from tests.support.stores import StillClock


class MemoryWorld:
    """Whatever the store holds goes with it."""

    def __init__(self) -> None:
        self.clock = StillClock()

    def store(self, settings: StoreSettings = DEFAULT_SETTINGS) -> Store:
        return MemoryStore(clock=self.clock, settings=settings)

    async def crash(self, store: Store) -> Store:
        assert isinstance(store, MemoryStore)
        return store.crash()


class SqliteWorld:
    """A file; a crash is a copy of what is on disk at that instant, opened elsewhere."""

    def __init__(self, directory: Path) -> None:
        self.clock = StillClock()
        self._directory = directory
        self._deaths = 0
        self._settings = DEFAULT_SETTINGS

    @property
    def path(self) -> Path:
        return self._directory / str(self._deaths) / "router.db"

    def store(self, settings: StoreSettings | None = None) -> Store:
        self._settings = settings or self._settings
        return SqliteStore(self.path, clock=self.clock, settings=self._settings)

    async def crash(self, store: Store) -> Store:
        left = self.path.parent
        self._deaths += 1
        shutil.copytree(left, self.path.parent)
        await store.close()
        return self.store()


class TestMemory(StoreSuite):
    @pytest.fixture
    def world(self) -> MemoryWorld:
        return MemoryWorld()


class TestSqlite(StoreSuite):
    @pytest.fixture
    def world(self, tmp_path: Path) -> SqliteWorld:
        return SqliteWorld(tmp_path)
