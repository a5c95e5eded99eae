"""How history goes; what stays is in the contract suite."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from router.model.delivery import DeliveryState
from router.store.settings import MIB, StoreSettings
from router.store.sqlite.driver import SqliteStore
from router.store.sqlite.retention import Retirement
from router.store.sqlite.upkeep import measure
from tests.support.stores import START, StillClock, commit_of, decision, delivery, fact, incident
from tests.unit.store.sqlite.builders import in_memory

STEP_ROWS = 200
ROUND_BYTES = 1_200_000  # of 2,000 entries


def journal(connection: sqlite3.Connection, entries: int) -> None:
    rows = [(seq, START + seq, "rules", "x" * 500) for seq in range(1, entries + 1)]
    connection.executemany("INSERT INTO journal (seq, at, fact, body) VALUES (?, ?, ?, ?)", rows)
    connection.execute("UPDATE cursor SET seq = ?, entries = ?, entries_until = ?", (entries, entries, entries))


class Counted:
    """The writer's count of the journal."""

    def __init__(self, entries: int) -> None:
        self.entries = self.until = entries

    def __call__(self, deleted: int) -> tuple[int, int]:
        self.entries -= deleted
        return self.entries, self.until


def test_each_step_is_small_and_leaves_no_transaction_open() -> None:
    connection = in_memory()
    journal(connection, 2_300)
    counted = Counted(2_300)
    run = Retirement(before_at=START + 2_001, max_bytes=0, count_retired=counted)
    left = 2_300
    is_done = False
    while not is_done:
        is_done = run.step(connection)
        (rows,) = connection.execute("SELECT count(*) FROM journal").fetchone()
        assert left - rows <= STEP_ROWS
        assert not connection.in_transaction
        left = rows
    assert left == counted.entries == 300
    assert run.entries_deleted == 2_000
    assert connection.execute("SELECT entries, entries_until FROM cursor").fetchone() == (300, 2_300)


def test_by_size_the_oldest_goes_first_and_no_more_than_needed() -> None:
    connection = in_memory()
    journal(connection, 20_000)
    run = Retirement(before_at=0, max_bytes=5 * MIB, count_retired=Counted(20_000))
    while not run.step(connection):
        pass
    (first, last, rows) = connection.execute("SELECT min(seq), max(seq), count(*) FROM journal").fetchone()
    assert last == 20_000
    assert rows == last - first + 1, "the oldest, without holes"
    assert 5 * MIB - ROUND_BYTES < measure(connection)[0] <= 5 * MIB


def test_a_size_that_cannot_be_reached_ends_with_what_must_stay() -> None:
    connection = in_memory()
    journal(connection, 5_000)
    connection.execute("UPDATE cursor SET seq = 4000, decided_at = ?", (START + 4_000,))
    connection.execute("INSERT INTO state_alert (id, body) VALUES (10, x'7b7d')")
    run = Retirement(before_at=0, max_bytes=1, count_retired=Counted(5_000))
    steps = 0
    while not run.step(connection):
        steps += 1
        assert steps < 400
    kept = [seq for (seq,) in connection.execute("SELECT seq FROM journal")]
    assert kept == [10, *range(4_001, 5_001)]


def test_a_clock_that_was_wrong_for_a_while_stops_nothing_behind_it() -> None:
    connection = in_memory()
    journal(connection, 5_000)
    connection.execute("UPDATE journal SET at = at + 1000000 WHERE seq BETWEEN 1001 AND 3000")
    run = Retirement(before_at=START + 4_001, max_bytes=0, count_retired=Counted(5_000))
    while not run.step(connection):
        pass
    kept = [seq for (seq,) in connection.execute("SELECT seq FROM journal")]
    assert kept == [*range(1_001, 3_001), *range(4_001, 5_001)]


def test_by_size_an_entry_of_a_wrong_clock_does_not_take_the_rest_along() -> None:
    connection = in_memory()
    journal(connection, 20_000)
    connection.execute("UPDATE journal SET at = at + 1000000 WHERE seq = 5")
    run = Retirement(before_at=0, max_bytes=5 * MIB, count_retired=Counted(20_000))
    while not run.step(connection):
        pass
    kept = [seq for (seq,) in connection.execute("SELECT seq FROM journal")]
    assert kept[0] == 5
    assert kept[1:] == list(range(kept[1], 20_001))
    assert 5 * MIB - ROUND_BYTES < measure(connection)[0] <= 5 * MIB


def test_rule_sets_go_when_nothing_of_their_time_is_left() -> None:
    connection = in_memory()
    journal(connection, 100)
    for version, at in (("a", START), ("b", START + 30), ("c", START + 80)):
        connection.execute("INSERT INTO rulesets VALUES (?, ?, x'')", (version, at))
    for before, kept in ((20, "abc"), (31, "bc"), (81, "c"), (101, "c")):
        run = Retirement(before_at=START + before, max_bytes=0, count_retired=Counted(100))
        while not run.step(connection):
            pass
        assert "".join(version for (version,) in connection.execute("SELECT version FROM rulesets ORDER BY at")) == kept


async def test_freed_pages_are_used_again_and_make_room_under_a_limit(tmp_path: Path) -> None:
    clock = StillClock()
    store = SqliteStore(tmp_path / "router.db", clock=clock, settings=StoreSettings(max_bytes=2 * MIB))
    await store.open()
    sizes = []
    for round_ in range(6):
        at = START + round_ * 1_000
        entries = await store.append(at, [fact(n) for n in range(2_000)])
        seqs = [entry.seq for entry in entries]
        sent = [delivery(seq, at=at) for seq in seqs]
        await store.commit(
            commit_of(
                seqs[-1],
                at=at,
                decisions=[decision(seq, at=at) for seq in seqs],
                incidents=[incident(seq, at=at, closed_at=at) for seq in seqs],
                deliveries=sent,
            )
        )
        for one in sent:
            one.state = DeliveryState.DELIVERED
        await store.record(sent)
        clock.at += 2_000
        assert await store.retire(before_at=at, max_bytes=MIB)
        assert store.usage().bytes_used <= MIB + 200_000  # the newest decision and delivery and empty tables stay
        assert store.usage().refusing == ""
        # Pages, not the file's length: part of the database is still in the log.
        sizes.append(
            await store._call(store._running(), lambda connection: connection.execute("PRAGMA page_count").fetchone()[0])
        )
    assert max(sizes[2:]) <= max(sizes[:2]) * 1.1
    await store.close()


def test_a_run_goes_on_where_the_one_before_it_ended() -> None:
    """What had to stay is not looked at again; a run from the beginning finds it."""
    connection = in_memory()
    journal(connection, 5_000)
    connection.execute("INSERT INTO state_alert (id, body) VALUES (10, x'7b7d')")
    counted = Counted(5_000)

    def run(before: int, begin: dict[str, int] | None) -> tuple[list[int], dict[str, int]]:
        retirement = Retirement(before_at=START + before, max_bytes=0, count_retired=counted, begin=begin)
        while not retirement.step(connection):
            pass
        return [seq for (seq,) in connection.execute("SELECT seq FROM journal ORDER BY seq LIMIT 2")], retirement.reached

    kept, reached = run(1_001, None)
    assert (kept, reached["entries"]) == ([10, 1_001], 1_000)
    connection.execute("DELETE FROM state_alert")
    kept, reached = run(2_001, reached)
    assert (kept, reached["entries"]) == ([10, 2_001], 2_000)
    assert run(2_001, None)[0] == [2_001, 2_002]
