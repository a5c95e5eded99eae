"""Whatever is done to them, the SQLite driver and its twin in memory hold the same afterwards."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from router.errors import RouterError
from router.model.delivery import DeliveryState
from router.model.transition import StateRow
from router.store.base import Reader, Store
from router.store.memory import MemoryStore
from router.store.settings import StoreSettings
from router.store.sqlite.driver import SqliteStore
from tests.support.stores import START, StillClock, commit_of, decision, delivery, fact, incident

SETTINGS = StoreSettings(max_pending=12, min_free_bytes=0)
SMALL = st.integers(1, 6)
OPERATIONS = st.one_of(
    st.tuples(st.just("append"), SMALL),
    st.tuples(st.just("decide"), st.integers(0, 12), st.booleans()),
    st.tuples(st.just("close"), SMALL),
    st.tuples(st.just("resolve"), SMALL),
    st.tuples(st.just("record"), SMALL, st.sampled_from(DeliveryState)),
    st.tuples(st.just("record"), st.just(99), st.just(DeliveryState.DEAD)),
    st.tuples(st.just("expire"), SMALL, st.none() | st.integers(0, 9)),
    st.tuples(st.just("rules"), st.sampled_from("abc")),
    st.tuples(st.just("retire"), st.integers(0, 20)),
    st.tuples(st.just("reopen")),
    st.tuples(st.just("crash")),
)


class Both:
    """The two stores, and what the one who drives them knows."""

    def __init__(self, directory: Path) -> None:
        self.clock = StillClock()
        self.directory = directory
        self.lives = 0
        self.stores: list[Store] = [
            MemoryStore(clock=self.clock, settings=SETTINGS),
            SqliteStore(directory / "0" / "router.db", clock=self.clock, settings=SETTINGS),
        ]
        self.seq = 0
        self.cursor = 0

    async def open(self) -> None:
        one, other = [await store.open() for store in self.stores]
        assert msgspec.structs.replace(one, state=[]) == msgspec.structs.replace(other, state=[])
        assert sorted(one.state, key=lambda row: (row.kind, row.id)) == sorted(other.state, key=lambda row: (row.kind, row.id))
        self.cursor = one.cursor
        self.seq = max([one.cursor, *(entry.seq for entry in one.undecided)])

    async def each(self, method: str, *arguments: Any, **named: Any) -> None:
        """The same call to both, which answer or refuse alike."""
        answers: list[Any] = []
        for store in self.stores:
            try:
                answers.append(await getattr(store, method)(*arguments, **named))
            except RouterError as error:
                answers.append(type(error))
        assert answers[0] == answers[1]

    async def do(self, name: str, *values: Any) -> None:
        self.clock.at += 1_000
        now = self.clock.at
        match name, *values:
            case "append", count:
                await self.each("append", now, [fact(n) for n in range(count)])
            case "decide", count, is_active:
                await self._decide(count, is_active=is_active)
            case "close", number:
                await self.each("commit", commit_of(self.cursor, at=now, incidents=[incident(number, closed_at=now)]))
            case "resolve", number:
                await self.each("commit", commit_of(self.cursor, at=now, changes=[StateRow("alert", number, None)]))
            case "record", number, state:
                moved = delivery(number, at=START + number)
                moved.state, moved.attempts = state, moved.attempts + 1
                await self.each("record", [moved])
            case "expire", number, expires_at:
                await self.each("checkpoint_expiries", {number: expires_at, number + 1: 7})
            case "rules", version:
                await self.each("save_ruleset", version, now, version.encode())
            case "retire", age:
                await self.each("retire", before_at=START + age * 1_000, max_bytes=0)
            case "reopen", *_:
                await self._reopen(is_clean=True)
            case "crash", *_:
                await self._reopen(is_clean=False)

    async def _decide(self, count: int, *, is_active: bool) -> None:
        undecided = self.stores[0].reader().entries(after_seq=self.cursor, limit=count)
        if not undecided:
            return
        seqs = [entry.seq for entry in undecided]
        now = self.clock.at
        await self.each(
            "commit",
            commit_of(
                seqs[-1],
                at=now,
                decisions=[decision(seq, at=now) for seq in seqs],
                incidents=[incident(seq, at=now) for seq in seqs[::2]],
                changes=[StateRow("alert", seq, b"{}") for seq in seqs if is_active],
                deliveries=[delivery(seq, at=now) for seq in seqs],
            ),
        )
        self.cursor = seqs[-1]

    async def _reopen(self, *, is_clean: bool) -> None:
        memory, sqlite = self.stores
        assert isinstance(memory, MemoryStore)
        left = self.directory / str(self.lives)
        self.lives += 1
        reborn = self.directory / str(self.lives)
        if is_clean:
            await memory.close()
            await sqlite.close()
        shutil.copytree(left, reborn)
        if not is_clean:
            await sqlite.close()
        self.stores = [memory.crash(), SqliteStore(reborn / "router.db", clock=self.clock, settings=SETTINGS)]
        await self.open()

    def compare(self) -> None:
        one, other = [record(store.reader()) for store in self.stores]
        assert one == other
        assert self.stores[0].usage().journal_entries == self.stores[1].usage().journal_entries


def record(reader: Reader) -> dict[str, Any]:
    found: dict[str, Any] = {
        "entries": reader.entries(),
        "recent": reader.entries(since=START + 5_000, until=START + 15_000),
        "decisions": reader.decisions(),
        "incidents": reader.incidents(),
        "open": reader.incidents(status="open"),
        "deliveries": reader.deliveries(),
        "pending": reader.deliveries(state=DeliveryState.PENDING),
        "dead": reader.deliveries(state=DeliveryState.DEAD),
        "alerts": reader.state("alert"),
        "rules": [reader.ruleset(version) for version in "abc"],
        "latest": reader.latest_ruleset(),
    }
    reader.close()
    return found


async def play(directory: Path, operations: list[tuple[Any, ...]]) -> None:
    both = Both(directory)
    await both.open()
    for operation in operations:
        await both.do(*operation)
        both.compare()
    for store in both.stores:
        await store.close()


@given(st.lists(OPERATIONS, max_size=25))
@settings(max_examples=40)
def test_the_stores_agree(operations: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(play(Path(name), operations))
