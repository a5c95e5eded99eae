from __future__ import annotations

import sqlite3

import pytest

from router.errors import InvariantError
from router.store.sqlite.queries import QUERIES, Bulk
from router.store.sqlite.schema import MIGRATIONS, migrate

WHOLE_TABLES = {
    "expiries",  # read once, at a start
    "state_alert",
    "state_group",
    "state_storm",
    "state_counter",
    "state_silence",
}


@pytest.fixture
def connection() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, MIGRATIONS)
    return connection


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 255, 256, 257, 1_000])
def test_any_number_of_rows_is_written_once_each(connection: sqlite3.Connection, rows: int) -> None:
    bulk = Bulk("upsert_expiries")
    values = [column for row in range(rows) for column in (row, row * 10)]
    assert bulk.run(connection, values) == rows
    assert dict(connection.execute("SELECT alert, expires_at FROM expiries")) == {row: row * 10 for row in range(rows)}
    assert Bulk("delete_expiries").run(connection, list(range(rows))) == rows
    assert connection.execute("SELECT count(*) FROM expiries").fetchone() == (0,)


def test_a_statement_without_a_row_of_parameters_is_no_bulk() -> None:
    with pytest.raises(InvariantError, match="no row of parameters"):
        Bulk("cursor")


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_no_statement_reads_a_whole_table(connection: sqlite3.Connection, name: str) -> None:
    statement = QUERIES[name]
    parameters = dict.fromkeys(("after", "last", "limit", "since", "until", "before_id", "before_number", "before_at"), 1)
    parameters |= dict.fromkeys(("after_id", "alert_seq", "oldest_at", "incident"), 1)
    texts = {
        "dedup_key": "a/b/c",
        "episode": "c",
        "team": "t",
        "channel": "c",
        "status": "open",
        "state": "dead",
        "pagerduty_id": "Q1",
        "who": "",
    }
    named = ":" in statement.replace("::", "")
    values = parameters | texts if named else [1] * statement.count("?")
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    scans = [step for step in plan if step.startswith("SCAN") and "CONSTANT ROW" not in step]
    # A scan in order of the key that ends with its limit is fine, and so is one over the rows given.
    allowed = ("SCAN new", "SCAN json", "SCAN team", "SCAN rulesets", "SCAN newer", "SCAN cursor", "SCAN 2 ", "SCAN (")
    scans = [step for step in scans if not step.startswith(allowed)]
    limited = "LIMIT" in statement and "ORDER BY" in statement and not any("TEMP B-TREE" in step for step in plan)
    assert not scans or limited or name in WHOLE_TABLES, plan
