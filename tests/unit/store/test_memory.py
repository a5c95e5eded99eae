"""What the twin can do beyond the contract: faults on demand, and dying."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import chain, repeat

import pytest

from router.errors import StoreFull, StoreUnavailable
from router.model.journal import Entry
from router.store.memory import Fault, MemoryStore, Operation, full_disk, no_answer
from tests.support.stores import START, StillClock, commit_of, decided, delivery, fact


def once(operation: Operation, *faults: Fault | None) -> Callable[[Operation], Fault | None]:
    """These faults one after another for one operation, then none."""
    drawn = chain(faults, repeat(None))
    return lambda asked: next(drawn) if asked == operation else None


async def opened(faults: Callable[[Operation], Fault | None]) -> MemoryStore:
    store = MemoryStore(clock=StillClock(), faults=faults)
    await store.open()
    return store


async def test_an_append_that_fails_before_it_is_durable_leaves_nothing() -> None:
    store = await opened(once("append", full_disk()))
    heard: list[Entry] = []
    store.subscribe(heard.extend)
    with pytest.raises(StoreFull):
        await store.append(START, [fact(1)])
    assert store.oldest_pending_at() is None
    (entry,) = await store.append(START, [fact(2)])
    assert heard == [entry]
    assert (await store.crash().open()).undecided == [entry]


async def test_an_append_that_fails_after_it_is_durable_is_found_at_the_next_start() -> None:
    store = await opened(once("append", no_answer(is_durable=True)))
    heard: list[Entry] = []
    store.subscribe(heard.extend)
    with pytest.raises(StoreUnavailable):
        await store.append(START, [fact(1)])
    assert heard == []
    assert [entry.fact for entry in (await store.crash().open()).undecided] == [fact(1)]


@pytest.mark.parametrize("is_durable", [False, True])
async def test_a_commit_that_failed_is_taken_once_however_often_it_is_given(is_durable: bool) -> None:
    fault = no_answer(is_durable=is_durable)
    store = await opened(once("commit", fault, fault))
    (entry,) = await store.append(START, [fact()])
    commit = decided(entry)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await store.commit(commit)
    await store.commit(commit)
    assert len(store.reader().decisions()) == 1
    assert store.reader().deliveries() == [delivery(1)]


async def test_progress_that_fails_before_it_is_durable_leaves_the_old() -> None:
    store = await opened(once("record", no_answer()))
    await store.commit(commit_of(0, deliveries=[delivery(1)]))
    moved = delivery(1)
    moved.attempts = 1
    with pytest.raises(StoreUnavailable):
        await store.record([moved])
    assert store.reader().delivery(1) == delivery(1)


async def test_a_slow_call_makes_those_behind_it_wait() -> None:
    store = await opened(once("append", None, Fault(delay_seconds=0.02)))
    heard: list[int] = []
    store.subscribe(lambda entries: heard.extend(entry.seq for entry in entries))
    loop = asyncio.get_running_loop()
    started = loop.time()
    await asyncio.gather(*(store.append(START, [fact(n)]) for n in range(4)))
    assert loop.time() - started >= 0.02
    assert heard == [1, 2, 3, 4]


async def test_closing_waits_for_what_was_asked_by_somebody_who_was_cut_short() -> None:
    store = await opened(once("append", None, Fault(delay_seconds=0.02)))
    asked = asyncio.ensure_future(store.append(START, [fact()]))
    await asyncio.sleep(0)
    asked.cancel()
    async with asyncio.timeout(5):
        await store.close()
    assert len(store.crash()._tables.journal) == 1


async def test_what_was_not_durable_dies_with_the_store() -> None:
    store = await opened(once("append", None, Fault(delay_seconds=60)))
    await store.append(START, [fact(1)])
    waiting = asyncio.ensure_future(store.append(START, [fact(2)]))
    await asyncio.wait([waiting], timeout=0)
    other = store.crash()
    assert [entry.seq for entry in (await other.open()).undecided] == [1]
    with pytest.raises(StoreUnavailable):
        await store.append(START, [fact(3)])
    waiting.cancel()


async def test_a_store_after_a_crash_is_independent_of_the_dead_one() -> None:
    store = await opened(lambda _: None)
    await store.commit(commit_of(0, deliveries=[delivery(1)]))
    other = store.crash()
    recovered = await other.open()
    recovered.outbox[0].attempts = 7
    again = store.reader().delivery(1)
    assert again == other.reader().delivery(1) == delivery(1)
