"""Killed at any instant, what was acknowledged is there and every transition is whole."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import IO

from router.model.delivery import DeliveryState
from router.store.sqlite.driver import SqliteStore
from router.store.sqlite.reader import open_reader
from tests.support.stores import START, StillClock, commit_of, fact

ROUNDS = 20
MOST = 1_000_000


@contextmanager
def loader(path: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.store_load", str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


class Acknowledged:
    """What the dead said before they died."""

    def __init__(self) -> None:
        self.appended: set[int] = set()
        self.cursor = 0
        self.delivered: set[int] = set()

    def hear(self, output: IO[str]) -> None:
        """Until the child is dead."""
        for line in output:
            word, *numbers = line.split()
            if word == "append":
                self.appended.update(map(int, numbers))
            elif word == "commit":
                self.cursor = max(self.cursor, int(numbers[0]))
            elif word == "record":
                self.delivered.add(int(numbers[0]))
            elif word == "dead":
                return

    def check(self, path: Path) -> None:
        """Against the record; a transition is here either all its rows or none."""
        reader = open_reader(path)
        journal = {entry.seq: entry.fact for entry in reader.entries(limit=MOST)}
        assert self.appended <= journal.keys()
        decisions = [row.decision.alert_seq for row in reader.decisions(limit=MOST)]
        assert len(decisions) == len(set(decisions)), "decided twice"
        decided_until = max(decisions, default=0)
        assert decided_until >= self.cursor
        expected = {seq for seq in journal if seq <= decided_until}
        assert set(decisions) == expected
        assert {found.number for found in reader.incidents(limit=MOST)} == expected
        assert {row.id for row in reader.state("alert", limit=MOST)} == expected
        assert {row.id for row in reader.state("group", limit=MOST)} == expected
        deliveries = {found.id: found for found in reader.deliveries(limit=MOST)}
        assert deliveries.keys() == expected
        for number in self.delivered:
            assert deliveries[number].state is DeliveryState.DELIVERED
            assert deliveries[number].attempts == 1
            assert len(deliveries[number].last_attempts) == 1
        reader.close()


def test_what_was_acknowledged_survives_a_kill_at_any_instant(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    path = tmp_path / "router.db"
    acknowledged = Acknowledged()
    with loader(path) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(ROUNDS):
            process.stdin.write("go\n")
            process.stdin.flush()
            child = int(process.stdout.readline().split()[1])
            Timer(chance.uniform(0.0, 0.12), os.kill, (child, signal.SIGKILL)).start()
            acknowledged.hear(process.stdout)
            if path.exists():  # the first may die before it is made
                acknowledged.check(path)
    assert acknowledged.appended, "nobody lived long enough"
    assert acknowledged.cursor
    assert acknowledged.delivered


async def test_after_a_kill_the_store_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    acknowledged = Acknowledged()
    with loader(path) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("go\n")
        process.stdin.flush()
        child = int(process.stdout.readline().split()[1])
        Timer(0.3, os.kill, (child, signal.SIGKILL)).start()
        acknowledged.hear(process.stdout)
    store = SqliteStore(path, clock=StillClock())
    recovered = await store.open()
    assert recovered.cursor >= acknowledged.cursor
    known = {entry.seq for entry in recovered.undecided} | set(range(1, recovered.cursor + 1))
    assert acknowledged.appended <= known
    assert not acknowledged.delivered & {found.id for found in recovered.outbox}
    (entry,) = await store.append(START, [fact()])
    assert entry.seq > max(acknowledged.appended)
    await store.commit(commit_of(entry.seq))
    await store.close()
