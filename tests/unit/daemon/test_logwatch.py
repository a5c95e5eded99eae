"""A log that grows because another process reads: with a real store and a real reader, at a small scale."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from router.clock import SystemClock
from router.daemon import logwatch
from router.daemon.logwatch import LogWatch
from router.daemon.troubles import Trouble, Troubles
from router.model.journal import AlertReceived
from router.store.base import Usage
from router.store.sqlite.driver import SqliteStore
from router.telemetry.metrics import Metrics
from tests.support.stores import fact

READER = """
import sqlite3, sys
connection = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, isolation_level=None)
connection.execute("BEGIN")
connection.execute("SELECT count(*) FROM journal").fetchone()
print("reading", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def begin_read() -> Iterator[Callable[[Path], subprocess.Popen[str]]]:
    begun: list[subprocess.Popen[str]] = []

    def begin(path: Path) -> subprocess.Popen[str]:
        reader = subprocess.Popen(
            [sys.executable, "-c", READER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        begun.append(reader)
        assert reader.stdout is not None
        assert reader.stdout.readline() == "reading\n"
        return reader

    yield begin
    for reader in begun:
        reader.kill()
        reader.communicate()


async def test_a_log_that_a_long_read_makes_grow_is_told_of_with_who_reads_and_is_moved_once_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begin_read: Callable[[Path], subprocess.Popen[str]]
) -> None:
    monkeypatch.setattr(logwatch, "TOO_LARGE_BYTES", 4 * logwatch.MIB)
    monkeypatch.setattr(logwatch, "FINE_BYTES", 2 * logwatch.MIB)
    path = tmp_path / "router.db"
    store = SqliteStore(path, clock=SystemClock())
    await store.open()
    store.subscribe(lambda _entries: None)
    troubles = Troubles(journal=store, clock=SystemClock(), metrics=Metrics())
    watch = LogWatch(path, usage=store.usage, troubles=troubles)

    async def until(is_there: Callable[[int], bool], *, pause_seconds: float) -> None:
        for number in range(600):
            await store.append(number, [fact(number, annotations={"text": "x" * 40_000})])
            await asyncio.sleep(pause_seconds)
            if is_there(store.usage().bytes_log):
                return
        raise AssertionError(store.usage())

    reader = begin_read(path)
    await watch.look()
    assert troubles.firing() == []
    await until(lambda size: size >= logwatch.TOO_LARGE_BYTES, pause_seconds=0.02)
    await watch.look()
    await watch.look()
    (told,) = troubles.firing()
    assert f"(pid {reader.pid})" in told
    assert "end that read" in told
    reader.communicate()
    await until(lambda size: size < logwatch.FINE_BYTES, pause_seconds=0.2)
    await watch.look()
    assert troubles.firing() == []
    journalled = [
        (entry.fact.alert.name, entry.fact.alert.status)
        for entry in store.reader().entries(limit=1_000)
        if isinstance(entry.fact, AlertReceived) and entry.fact.alert.source == "alert-router"
    ]
    assert journalled == [("StoreLogGrows", "firing"), ("StoreLogGrows", "resolved")]
    await store.close()


async def test_between_the_two_figures_nothing_changes_and_who_cannot_be_seen_is_not_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Journal:
        async def append(self, *_arguments: object, **_words: object) -> None:
            return

    size = logwatch.TOO_LARGE_BYTES - 1
    troubles = Troubles(journal=Journal(), clock=SystemClock(), metrics=Metrics())
    watch = LogWatch(
        tmp_path / "router.db",
        usage=lambda: Usage(bytes_used=0, bytes_free=0, journal_entries=0, bytes_log=size),
        troubles=troubles,
    )
    await watch.look()
    assert not troubles.is_firing(Trouble.STORE_LOG_GROWS)
    size = logwatch.TOO_LARGE_BYTES
    await watch.look()
    assert "lsof" in troubles.firing()[0]
    size = logwatch.FINE_BYTES
    await watch.look()
    assert troubles.is_firing(Trouble.STORE_LOG_GROWS)
    size -= 1
    await watch.look()
    assert not troubles.is_firing(Trouble.STORE_LOG_GROWS)
