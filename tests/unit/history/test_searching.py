from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.history import searching
from router.history.searching import distance, fold, hit_plain, search
from router.history.sqlite.archive import SqliteArchive
from router.history.sqlite.reader import SqliteHistory
from router.model.past import PastAlert, PastNote, Story
from tests.support.past import record

TITLES = {
    1: "CardError on checkout", 2: "ConnectionPoolExhausted on payment-api", 3: "disk almost full on warehouse-db",
    4: "certificate expires", 5: "disk full again", 6: "Überlauf im Puffer", 7: "certificate of the edge expires tomorrow",
}  # fmt: skip


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteHistory]:
    path = tmp_path_factory.mktemp("past") / "h.db"
    archive = SqliteArchive(path)
    for number, title in TITLES.items():
        notes = (PastNote(at=1, who="Ada", text="Resolution Note: renewed the certificate by hand"),) if number == 4 else ()
        alerts = (PastAlert(at=1, key="k", details="runbook: failover"),) if number == 2 else ()
        archive.tell(record(number, title=title, service="s"), Story(notes=notes, alerts=alerts), read_at=1)
    archive.close()
    past = SqliteHistory(path)
    yield past
    past.close()


def found(past: SqliteHistory, text: str, *, exact: bool = False) -> list[int]:
    return [hit.record.number for hit in search(past, text, exact=exact).hits]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("disk full", [5, 3]),
        ("DISK", [5, 3]),
        ("payment-api", [2]),
        ("card error", [1]),
        ("CardError", [1]),
        ("failover", [2]),
        ("renewed", [4]),
        ("uberlauf", [6]),
        ("certif", [4, 7]),
        ('"full again"', [5]),
        ('"again full"', []),
        ("", []),
        ("!!! ???", []),
    ],
)
def test_words_find_incidents(past: SqliteHistory, text: str, numbers: list[int]) -> None:
    assert sorted(found(past, text)) == sorted(numbers)


@pytest.mark.parametrize(
    ("text", "meant", "number"),
    [
        ("certificat", "certificate", 4),
        ("conection pool", "connection", 2),
        ("exhuasted", "exhausted", 2),
        ("warehuose", "warehouse", 3),
        ("dusk almost", "disk", 3),
    ],
)
def test_mistyped_words_are_mended_and_it_is_told(past: SqliteHistory, text: str, meant: str, number: int) -> None:
    results = search(past, text)
    assert number in [hit.record.number for hit in results.hits]
    assert meant in results.mended[text.split(maxsplit=1)[0]]
    assert found(past, text, exact=True) == []


def test_without_all_words_some_have_to_do_unless_exact(past: SqliteHistory) -> None:
    loose = search(past, "warehouse certificate failover")
    assert loose.is_loose
    assert {hit.record.number for hit in loose.hits} == {2, 3, 4, 7}
    assert not search(past, "disk full").is_loose
    assert search(past, "warehouse failover", exact=True).hits == ()


def test_of_words_that_stand_everywhere_the_newest_are_ranked(past: SqliteHistory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "MAX_RANKED", 1)
    assert found(past, "disk")[:2] == [5, 3]


def test_what_is_told_programs(past: SqliteHistory) -> None:
    plain = hit_plain(search(past, "checkout").hits[0])
    assert (plain["number"], plain["title"], plain["resolved_by"]) == (1, "CardError on checkout", "Ada Example")
    assert "\x02checkout\x03" in plain["excerpt"]


@given(text=st.text(max_size=60) | st.text(alphabet='"*()^:-+ANDORNEAT {}', max_size=40))
def test_whatever_is_typed_is_data(past: SqliteHistory, text: str) -> None:
    search(past, text)
    search(past, text, exact=True)


def test_a_long_query_is_cut(past: SqliteHistory) -> None:
    assert found(past, "disk " * 10_000) == found(past, "disk")


@given(one=st.text("abc", max_size=6), other=st.text("abc", max_size=6))
def test_the_distance_is_the_least_number_of_slips(one: str, other: str) -> None:
    assert distance(one, other, 9) == distance(other, one, 9) <= max(len(one), len(other))
    assert (distance(one, other, 9) == 0) == (one == other)
    bounded = distance(one, other, 1)
    assert bounded == min(2, distance(one, other, 9))


def test_slips() -> None:
    assert [distance("pool", other, 2) for other in ("pool", "poll", "pol", "ploo", "opol", "pxyl", "abcd")] == [
        0,
        1,
        1,
        2,
        1,
        2,
        3,
    ]


def test_folding() -> None:
    assert fold("ÜBER-École") == "uber-ecole"
