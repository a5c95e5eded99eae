from __future__ import annotations

import sqlite3
from pathlib import Path

from router.store.sqlite import upkeep
from tests.support.stores import START
from tests.unit.store.sqlite.builders import in_memory, opened


def expiries(connection: sqlite3.Connection) -> dict[int, int]:
    return dict(connection.execute("SELECT alert, expires_at FROM expiries"))


def test_expiries_are_written_in_parts_that_do_not_hold_up_a_commit() -> None:
    connection = in_memory()
    given: dict[int, int | None] = {alert: alert * 2 for alert in range(10_000)}
    parts = list(upkeep.expiry_parts(given))
    assert len(parts) == 3
    for part in parts:
        part(connection)
        assert not connection.in_transaction
    assert expiries(connection) == given


def test_an_expiry_moves_or_goes() -> None:
    connection = in_memory()
    for part in (*upkeep.expiry_parts({1: 10, 2: 20, 3: 30}), *upkeep.expiry_parts({1: 11, 2: None, 9: None})):
        part(connection)
    assert expiries(connection) == {1: 11, 3: 30}
    assert list(upkeep.expiry_parts({})) == []


def test_being_seen_never_goes_back() -> None:
    connection = in_memory()
    for now in (START, START - 5_000):
        upkeep.see(connection, now)
    assert connection.execute("SELECT seen_at FROM cursor").fetchone() == (START,)


def test_a_rule_set_saved_again_is_in_force_again() -> None:
    connection = in_memory()
    for version, at in (("a", 1), ("b", 2), ("a", 3)):
        upkeep.save_ruleset(connection, version, at, b"texts of " + version.encode())
    found = connection.execute("SELECT version, at, texts FROM rulesets ORDER BY at").fetchall()
    assert found == [("b", 2, b"texts of b"), ("a", 3, b"texts of a")]


def test_free_pages_do_not_count_as_used() -> None:
    connection = in_memory()
    rows = [(seq, b"x" * 1_000) for seq in range(1_000)]
    connection.executemany("INSERT INTO state_alert (id, body) VALUES (?, ?)", rows)
    used, reusable = upkeep.measure(connection)
    assert used > 1_000_000
    assert reusable == 0
    connection.execute("DELETE FROM state_alert")
    now_used, now_reusable = upkeep.measure(connection)
    assert now_used < 200_000
    assert now_used + now_reusable == used


def test_a_clean_stop_says_so_and_empties_the_log(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    connection = opened(path)
    assert connection.execute("SELECT value FROM meta WHERE name = 'stopped'").fetchone() == ("no",)
    upkeep.finish(connection, START)
    assert connection.execute("SELECT value FROM meta WHERE name = 'stopped'").fetchone() == ("clean",)
    assert connection.execute("SELECT seen_at FROM cursor").fetchone() == (START,)
    assert path.with_name("router.db-wal").stat().st_size == 0
    connection.close()
