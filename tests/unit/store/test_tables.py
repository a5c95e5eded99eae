"""What the twin holds; how it is looked back on and retired is in the contract suite."""

from __future__ import annotations

import pytest

from router.errors import InvariantError, StoreUnavailable
from router.model.delivery import DeliveryState
from router.store.tables import MemoryReader, Tables, copied, moved, write_commit
from tests.support.stores import START, commit_of, decision, delivery, incident


def test_a_copy_of_the_tables_goes_its_own_way() -> None:
    tables = Tables()
    write_commit(tables, commit_of(0, decisions=[decision(1)]), [delivery(1)])
    other = tables.copy()
    write_commit(other, commit_of(0, decisions=[decision(2)], incidents=[incident(2)]), [delivery(2)])
    assert list(tables.deliveries) == [1]
    assert list(tables.decisions) == [1]
    assert tables.incidents == {}
    assert list(other.decisions) == [1, 2]


def test_a_commit_with_a_delivery_that_is_there_writes_nothing() -> None:
    tables = Tables()
    write_commit(tables, commit_of(0), [delivery(1)])
    with pytest.raises(InvariantError, match="delivery 1"):
        write_commit(tables, commit_of(5, decisions=[decision(1)], incidents=[incident(1)]), [delivery(2), delivery(1)])
    assert tables.cursor == 0
    assert tables.decisions == {}
    assert tables.incidents == {}
    assert list(tables.deliveries) == [1]


def test_progress_moves_only_what_the_dispatcher_moves() -> None:
    committed = delivery(1)
    progress = delivery(1, team="other", at=START + 9)
    progress.state, progress.attempts, progress.reason = DeliveryState.DEAD, 4, "gone"
    after = moved(committed, progress)
    assert (after.state, after.attempts, after.reason) == (DeliveryState.DEAD, 4, "gone")
    assert (after.team, after.created_at) == ("payments", START)
    assert committed == delivery(1)
    assert copied(after) == after
    assert copied(after) is not after


def test_a_reader_sees_what_comes_later_until_it_is_closed() -> None:
    tables = Tables()
    reader = MemoryReader(tables)
    write_commit(tables, commit_of(0), [delivery(1)])
    assert reader.deliveries() == [delivery(1)]
    reader.close()
    with pytest.raises(StoreUnavailable):
        reader.deliveries()
