from __future__ import annotations

from pathlib import Path

import pytest

from router.errors import StoreUnavailable
from router.history.sqlite import reader as reading
from router.history.sqlite.archive import SqliteArchive
from router.history.sqlite.reader import SqliteHistory
from router.model.past import PastAlert, PastIncident, PastNote, Story
from tests.support.past import record

NOTE = Story(notes=(PastNote(at=1, who="Ada", text="restarted the connection pool"),))


@pytest.fixture
def past(tmp_path: Path) -> SqliteHistory:
    archive = SqliteArchive(tmp_path / "history.db")
    archive.tell(record(1, created_at=1_000, title="CardError"), NOTE, read_at=1)
    archive.tell(record(2, created_at=2_000, title="pool is empty", resolution="restarted"), Story(), read_at=1)
    archive.tell(
        record(3, created_at=2_000, title="DiskAlmostFull"),
        Story(alerts=(PastAlert(at=1, key="k", details="team: ops"),)),
        read_at=1,
    )
    archive.keep([PastIncident(number=9, pagerduty_id="Q9", title="new", created_at=9_000)])
    archive.plan("", [("incidents", 0, 10), ("incidents", 20, 30)], now=50)
    archive.finish(archive.spans("")[1])
    archive.close()
    return SqliteHistory(tmp_path / "history.db")


def test_records_by_time_number_and_kind(past: SqliteHistory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_CHUNK", 1)
    assert [one.number for one in past.records(since=0, until=9_000)] == [1, 2, 3]
    assert [one.number for one in past.records(since=1_001, until=2_001)] == [2, 3]
    assert [one.number for one in past.records(since=1_000, until=1_001)] == [1]
    assert [one.number for one in past.numbered([3, 77, 1])] == [3, 1]
    assert past.record(77) is None
    assert [one.number for one in past.of_kind(record(2, title="pool is empty").kind, 5)] == [2]
    assert past.newest_number() == 9


def test_what_is_here(past: SqliteHistory) -> None:
    held = past.holdings()
    assert (held.incidents, held.unread, held.oldest, held.newest) == (4, 1, 1_000, 9_000)
    assert (held.unlisted, held.synced_until) == (1, 10)


def test_stories(past: SqliteHistory) -> None:
    assert past.story(1) == NOTE
    assert past.story(9) is None


def test_the_title_weighs_most(past: SqliteHistory) -> None:
    found = past.search("pool", from_number=0, limit=5)
    assert [one.number for one in found] == [2, 1]
    assert found[0].score > found[1].score
    assert "\x02pool\x03" in found[0].excerpt
    assert [one.number for one in past.search("pool", from_number=2, limit=5)] == [2]
    assert past.frequency("pool") == 2
    assert past.frequency("nothing") == 0


def test_names_in_one_piece_are_found_by_their_words(past: SqliteHistory) -> None:
    assert [one.number for one in past.search("almost", from_number=0, limit=5)] == [3]


def test_words_that_look_alike(past: SqliteHistory) -> None:
    assert past.spellings_near("conection", 3)[0] == "connection"
    assert "pool" in past.spellings_near("poll", 3)
    assert past.spellings_near('"*', 3) == []


def test_after_closing(past: SqliteHistory) -> None:
    past.close()
    past.close()
    with pytest.raises(StoreUnavailable):
        past.holdings()
