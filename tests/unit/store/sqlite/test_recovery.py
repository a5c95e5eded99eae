from __future__ import annotations

import sqlite3

from router.model.transition import StateRow
from router.store.sqlite.recovery import STATE_KINDS, recover
from tests.support.stores import START, delivery
from tests.unit.store.sqlite.builders import in_memory


def rows_read(connection: sqlite3.Connection) -> int:
    """Steps of SQLite's machine while recovering, in hundreds."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection.set_progress_handler(count, 100)
    recover(connection)
    connection.set_progress_handler(None, 0)
    return steps


def fill_journal(connection: sqlite3.Connection, entries: int) -> None:
    body = '{"fact":"rules","version":"1"}'
    rows = [(seq, START + seq, "rules", body) for seq in range(1, entries + 1)]
    connection.executemany("INSERT INTO journal (seq, at, fact, body) VALUES (?, ?, ?, ?)", rows)
    connection.execute("UPDATE cursor SET seq = ?, entries = ?, entries_until = ?", (entries, entries, entries))


def test_a_new_database_holds_nothing() -> None:
    found = recover(in_memory())
    assert (found.last_seq, found.next_decision_id, found.step, found.entries) == (0, 1, 0, 0)
    assert found.recovered.last_seen_at == 0


def test_every_kind_of_state_has_a_table() -> None:
    connection = in_memory()
    for kind in STATE_KINDS:
        connection.execute(f"INSERT INTO state_{kind} (id, body) VALUES (0, x'7b7d'), (5, x'5b5d')")
    expected = [row for kind in STATE_KINDS for row in (StateRow(kind, 0, b"{}"), StateRow(kind, 5, b"[]"))]
    assert recover(connection).recovered.state == expected


def test_a_start_does_not_read_the_decided_journal() -> None:
    small, large = in_memory(), in_memory()
    fill_journal(small, 10)
    fill_journal(large, 50_000)
    assert rows_read(large) <= rows_read(small) + 2
    found = recover(large)
    assert found.recovered.undecided == []
    assert found.last_seq == 50_000
    assert found.entries == 50_000
    assert found.recovered.last_seen_at == START + 50_000


def test_more_undecided_entries_than_a_chunk_come_in_order() -> None:
    connection = in_memory()
    fill_journal(connection, 4_321)
    connection.execute("UPDATE cursor SET seq = 7, entries = 7, entries_until = 7")
    found = recover(connection)
    assert [entry.seq for entry in found.recovered.undecided] == list(range(8, 4_322))
    assert found.entries == 4_321


def test_sequences_go_on_behind_the_cursor_when_the_journal_is_retired() -> None:
    connection = in_memory()
    connection.execute("UPDATE cursor SET seq = 99, decided_at = 5, seen_at = 7")
    found = recover(connection)
    assert found.last_seq == 99
    assert found.recovered.last_seen_at == 7


def test_ids_go_on_behind_the_last() -> None:
    connection = in_memory()
    connection.execute("INSERT INTO decisions (id, at, alert_seq, episode, body) VALUES (41, 0, 0, '', '{}')")
    made = delivery(17)
    connection.execute(
        "INSERT INTO deliveries VALUES (17, 0, 't', 'e', 1, 'delivered', 0, 0, 0, '', '[]', '{}', ?)", (made.body,)
    )
    found = recover(connection)
    assert found.next_decision_id == 42
    assert found.recovered.next_delivery_id == 18
    assert found.recovered.outbox == []
