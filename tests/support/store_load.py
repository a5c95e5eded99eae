"""A process that writes to a store until it is killed, telling on standard output what was acknowledged.

Run as ``python -m tests.support.store_load DATABASE``. For each line read it forks a child that opens the store and works as
the daemon would: appends, one commit per batch, progress of the deliveries. A line is written only after the store has
answered. The parent says when the child is dead.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from router.clock import SystemClock
from router.model.delivery import Accepted, Attempt, Delivery, DeliveryState
from router.model.journal import Entry
from router.store.sqlite.driver import SqliteStore
from tests.support.stores import commit_of, decided, fact

_APPENDERS = 4


def say(word: str, numbers: Sequence[int]) -> None:
    """One whole line in one write, so that a kill cannot mix lines."""
    os.write(1, f"{word} {' '.join(map(str, numbers))}\n".encode("ascii"))


class Load:
    """The work of one life."""

    def __init__(self, path: Path) -> None:
        self._store = SqliteStore(path, clock=SystemClock())
        self._undecided: list[Entry] = []
        self._arrived = asyncio.Event()
        self._committed: asyncio.Queue[list[Delivery]] = asyncio.Queue()

    async def run(self) -> None:
        recovered = await self._store.open()
        self._undecided.extend(recovered.undecided)
        self._committed.put_nowait(recovered.outbox)
        self._store.subscribe(self._listen)
        if self._undecided:
            self._arrived.set()
        say("open", [recovered.cursor])
        async with asyncio.TaskGroup() as group:
            for number in range(_APPENDERS):
                group.create_task(self._append(number + 1), name=f"append-{number}")
            group.create_task(self._decide(), name="decide")
            group.create_task(self._deliver(), name="deliver")

    def _listen(self, entries: Sequence[Entry]) -> None:
        self._undecided.extend(entries)
        self._arrived.set()

    async def _append(self, number: int) -> None:
        while True:
            entries = await self._store.append(SystemClock().now(), [fact(number + n) for n in range(number * 3)])
            say("append", [entry.seq for entry in entries])

    async def _decide(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            batch, self._undecided = self._undecided, []
            steps = [decided(entry) for entry in batch]
            deliveries = [delivery for step in steps for delivery in step.deliveries]
            await self._store.commit(
                commit_of(
                    steps[-1].cursor,
                    at=steps[-1].decided_at,
                    decisions=[decision for step in steps for decision in step.decisions],
                    incidents=[incident for step in steps for incident in step.incidents],
                    changes=[change for step in steps for change in step.changes],
                    deliveries=deliveries,
                )
            )
            say("commit", [steps[-1].cursor])
            self._committed.put_nowait(deliveries)

    async def _deliver(self) -> None:
        while True:
            for delivery in await self._committed.get():
                if delivery.id % 3 == 0:
                    continue  # stays pending
                delivery.state, delivery.attempts = DeliveryState.DELIVERED, delivery.attempts + 1
                delivery.last_attempts = (Attempt(at=delivery.created_at, took_ms=1, outcome=Accepted()),)
                await self._store.record([delivery])
                say("record", [delivery.id])


def main() -> None:
    """Fork a child for each line until there are no more."""
    path = Path(sys.argv[1])
    while sys.stdin.readline():
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            asyncio.run(Load(path).run())
            os._exit(1)
        say("born", [child])
        os.waitpid(child, 0)
        say("dead", [child])


if __name__ == "__main__":
    main()
