from __future__ import annotations

import json

import pytest

from router.errors import StoreUnusable
from router.model.delivery import Attempt, Delivery, DeliveryState, Rejected
from router.model.journal import Entry, Restarted
from router.store.base import DecisionRow
from router.store.sqlite import rows
from tests.support.stores import START, decision, delivery, fact, incident


@pytest.mark.parametrize(
    ("key", "episode"), [("rule/group/17", "17"), ("a/b/c/d", "d"), ("plain", "plain"), ("", ""), ("ends/", "")]
)
def test_the_episode_is_the_last_part_of_a_key(key: str, episode: str) -> None:
    assert rows.episode_of(key) == episode


def test_an_entry_is_its_own_row() -> None:
    entry = Entry(seq=7, at=START, fact=fact(3))
    seq, at, name, body = rows.journal_values([entry])
    assert (seq, at, name) == (7, START, "alert")
    assert json.loads(body)["fact"] == "alert"
    assert rows.read_entry((seq, at, body.decode())) == entry


def test_several_entries_stand_one_after_another() -> None:
    values = rows.journal_values([Entry(seq=n, at=START, fact=Restarted(down_since=n)) for n in (1, 2)])
    assert [values[0], values[2], values[4], values[6]] == [1, "restarted", 2, "restarted"]


def test_a_decision_is_its_own_row() -> None:
    made = decision(3)
    row = rows.decision_values(9, [made, decision(4, key="")])
    assert row[:4] == [9, START, 3, "00000003"]
    assert row[5:9] == [10, START, 4, ""]
    assert rows.read_decision((row[0], row[4])) == DecisionRow(id=9, decision=made)


def test_an_incident_is_its_own_row() -> None:
    made = incident(3, closed_at=START + 5)
    row = rows.incident_values([made])
    assert row[:5] == [3, "closed", START, START + 5, "00000003"]
    assert rows.read_incident((3, row[5])) == made


def read_back(values: list[object]) -> Delivery:
    delivery_id, _, _, _, _, *progress, event, body = values
    return rows.read_delivery((delivery_id, *progress, event, body))  # type: ignore[arg-type]


def test_a_delivery_is_its_own_row_with_its_body_to_the_byte() -> None:
    made = delivery(3)
    made.body = bytes(range(256))
    made.state, made.attempts, made.finished_at, made.reason = DeliveryState.DEAD, 2, START + 1, "invalid key"
    made.last_attempts = (Attempt(at=START, took_ms=1, outcome=Rejected(cause="HTTP 400", status=400)),)
    assert read_back(rows.delivery_values([made])) == made
    progress = rows.progress_values(made)
    assert progress[:2] == (3, "dead")


@pytest.mark.parametrize(
    ("read", "row", "where"),
    [
        (rows.read_entry, (5, START, "{"), "row 5 of table journal"),
        (rows.read_entry, (5, START, '{"fact": "unheard-of"}'), "row 5 of table journal"),
        (rows.read_entry, (5, START, None), "row 5 of table journal"),
        (rows.read_decision, (6, "[]"), "row 6 of table decisions"),
        (rows.read_incident, (7, "{}"), "row 7 of table incidents"),
        (rows.read_delivery, (8, "flying", 0, 0, 0, "", "[]", "{}", b""), "row 8 of table deliveries"),
        (rows.read_delivery, (8, "dead", 0, 0, 0, "", "[1]", "{}", b""), "row 8 of table deliveries"),
    ],
)
def test_an_unreadable_row_says_which_and_what_to_do(read: object, row: tuple[object, ...], where: str) -> None:
    with pytest.raises(StoreUnusable, match=rf"{where} .*restore the last backup"):
        read(row)  # type: ignore[operator]
