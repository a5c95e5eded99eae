"""A migrated database in memory, and one on disk left by a clean stop."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from router.store.settings import DEFAULT_SETTINGS
from router.store.sqlite.driver import SqliteStore
from router.store.sqlite.opening import open_for_writing
from router.store.sqlite.schema import MIGRATIONS, migrate
from tests.support.stores import START, StillClock, commit_of, decided, fact


def in_memory() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, MIGRATIONS)
    return connection


def opened(path: Path) -> sqlite3.Connection:
    """As the driver opens it, but in this thread and without its lock."""
    return open_for_writing(path, DEFAULT_SETTINGS, MIGRATIONS)


async def filled(path: Path, entries: int = 200) -> None:
    """A store that decided half of what it accepted and was stopped cleanly."""
    store = SqliteStore(path, clock=StillClock())
    await store.open()
    appended = await store.append(START, [fact(n) for n in range(entries)])
    steps = [decided(entry) for entry in appended[: entries // 2]]
    await store.commit(
        commit_of(
            steps[-1].cursor,
            decisions=[decision for step in steps for decision in step.decisions],
            incidents=[incident for step in steps for incident in step.incidents],
            changes=[change for step in steps for change in step.changes],
            deliveries=[delivery for step in steps for delivery in step.deliveries],
        )
    )
    await store.close()
