from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from router.errors import StoreUnavailable
from router.history.sqlite.archive import InUse, SqliteArchive
from router.history.sqlite.reader import SqliteHistory
from router.model.past import PastIncident, Story
from tests.support.past import record

LISTED = PastIncident(number=7, pagerduty_id="Q7", title="CardError", created_at=1_000, updated_at=2_000, status="triggered")


@pytest.fixture
def archive(tmp_path: Path) -> SqliteArchive:
    return SqliteArchive(tmp_path / "history.db")


def test_one_writer_at_a_time(archive: SqliteArchive, tmp_path: Path) -> None:
    with pytest.raises(InUse, match="synced already"):
        SqliteArchive(tmp_path / "history.db")
    archive.close()
    SqliteArchive(tmp_path / "history.db").close()


def test_done_pieces_that_touch_become_one(archive: SqliteArchive) -> None:
    archive.plan("a", [("incidents", 0, 10), ("incidents", 10, 20), ("incidents", 30, 40), ("changes", 0, 40)], now=50)
    archive.plan("b", [("incidents", 20, 30)], now=50)
    for span in archive.spans("a"):
        archive.finish(span)
    found = {(span.kind, span.since, span.until, span.is_done) for span in archive.spans("a")}
    assert found == {("incidents", 0, 20, True), ("incidents", 30, 40, True), ("changes", 0, 40, True)}
    assert [span.is_done for span in archive.spans("b")] == [False]


def test_a_piece_is_split(archive: SqliteArchive) -> None:
    archive.plan("a", [("incidents", 0, 10)], now=50)
    archive.split(archive.spans("a")[0], 4)
    assert [(span.since, span.until, span.made_at) for span in archive.spans("a")] == [(4, 10, 50), (0, 4, 50)]


def test_what_has_not_changed_need_not_be_read_again(archive: SqliteArchive) -> None:
    assert archive.keep([LISTED]) == 1
    (unread,) = archive.unread(10)
    archive.tell(unread.record, Story(), read_at=5_000)
    assert (archive.keep([LISTED]), archive.count_unread()) == (0, 0)
    assert archive.keep([msgspec.structs.replace(LISTED, status="resolved", updated_at=3_000)]) == 0
    (again,) = archive.unread(10)
    assert (again.record.status, again.look) == ("resolved", False)


def test_what_changed_after_it_was_read_is_read_again(archive: SqliteArchive) -> None:
    archive.tell(record(1, pagerduty_id="Q1"), Story(), read_at=5_000)
    archive.tell(record(2, pagerduty_id="Q2"), Story(), read_at=5_000)
    assert archive.note_changes([("Q1", 4_000), ("Q2", 6_000), ("Q3", 6_000)]) == ["Q3"]
    assert [(unread.record.number, unread.look) for unread in archive.unread(10)] == [(2, True)]


def test_the_newest_are_read_first(archive: SqliteArchive) -> None:
    archive.keep(
        [msgspec.structs.replace(LISTED, number=number, pagerduty_id=f"Q{number}", created_at=number) for number in (1, 3, 2)]
    )
    assert [unread.record.number for unread in archive.unread(2)] == [3, 2]
    assert archive.count_unread() == 3


def test_what_is_forgotten_is_found_no_more(archive: SqliteArchive, tmp_path: Path) -> None:
    archive.tell(record(1, title="peculiar"), Story(), read_at=1)
    past = SqliteHistory(tmp_path / "history.db")
    assert past.search("peculiar", from_number=0, limit=5)
    archive.forget(1)
    assert past.search("peculiar", from_number=0, limit=5) == []
    assert past.record(1) is None
    assert past.story(1) is None
    past.close()


def test_after_closing_nothing_is_written(archive: SqliteArchive) -> None:
    archive.close()
    with pytest.raises(StoreUnavailable):
        archive.count_unread()


def test_what_has_notes_is_read_again_once_at_each_age(archive: SqliteArchive) -> None:
    noted = record(1, pagerduty_id="Q1", created_at=0, updated_at=1_000, resolved_at=1_000, notes=2)
    archive.tell(noted, Story(), read_at=1_500)
    archive.tell(
        record(2, pagerduty_id="Q2", created_at=0, updated_at=1_000, resolved_at=1_000), Story(), read_at=1_500
    )  # nobody wrote anything
    assert archive.read_again((100, 1_000, 5_000), now=1_999, limit=9) == 0, "read after the first age, the second is to come"
    for now, due in ((2_000, 1), (2_000, 0), (5_999, 0), (6_000, 1), (9_999_999, 0)):
        assert archive.read_again((100, 1_000, 5_000), now=now, limit=9) == due, now
        for unread in archive.unread(10):
            assert (unread.record.number, unread.look) == (1, False)
            archive.tell(noted, Story(), read_at=now)


def test_what_was_missed_is_read_again_once_and_never_more_than_so_many(archive: SqliteArchive) -> None:
    for number in (1, 2, 3):
        archive.tell(
            record(number, pagerduty_id=f"Q{number}", created_at=number, resolved_at=number, notes=1), Story(), read_at=10
        )
    assert archive.read_again((100, 1_000), now=99_999, limit=2) == 2
    assert [unread.record.number for unread in archive.unread(10)] == [3, 2], "the newest first"
    assert archive.read_again((100, 1_000), now=99_999, limit=2) == 1


def test_all_of_a_time_that_has_notes_is_read_again_when_asked_for(archive: SqliteArchive) -> None:
    for number in (1, 2, 3):
        archive.tell(
            record(number, pagerduty_id=f"Q{number}", created_at=number, resolved_at=number, notes=number % 2),
            Story(),
            read_at=10,
        )
    assert archive.read_all_again(since=1, until=3) == 1
    assert archive.read_all_again(since=0, until=99) == 1
    assert archive.count_unread() == 2
