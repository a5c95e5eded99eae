from __future__ import annotations

from pathlib import Path

import pytest

from router.history.base import Record
from router.history.periods import month_of
from router.history.report import Report, build_month, reported
from router.history.sqlite.archive import SqliteArchive
from router.history.sqlite.reader import SqliteHistory
from router.model.past import Story
from tests.support.past import history_settings, record

BERLIN = month_of("2026-10", "Europe/Berlin")
NOW = BERLIN.until + 3_600_000


def report(folder: Path, *records: Record, zone: str = "Europe/Berlin") -> Report:
    path = folder / "h.db"
    archive = SqliteArchive(path)
    for one in records:
        archive.tell(one, Story(), read_at=1)
    archive.close()
    past = SqliteHistory(path)
    settings = history_settings(path, zone=zone)
    try:
        return build_month(
            past, "2026-10", settings=settings, rules=[folder / "rules", Path("/elsewhere")], base=folder, now=NOW
        )
    finally:
        past.close()


def test_days_and_hours_are_those_of_the_zone(tmp_path: Path) -> None:
    first = record(1, created_at=BERLIN.since)  # midnight in Berlin, still September in UTC
    last = record(2, created_at=BERLIN.until - 1, urgency="low")
    before = record(3, created_at=BERLIN.since - 1)
    found = report(tmp_path, first, last, before)
    assert (found.statistics.total.incidents, found.before.incidents) == (2, 1)
    assert len(found.days) == 31
    assert (found.days[0].date, found.days[0].by_night, found.days[-1].by_day) == ("2026-10-01", 1, 1)
    assert (found.hours[0], found.hours[23]) == (1, 1)
    assert found.title == "Incidents in October 2026"


def test_what_came_often_and_what_lasted_long(tmp_path: Path) -> None:
    at = BERLIN.since + 3_600_000
    same = [record(number, created_at=at + number, kind="k", title=f"disk {number}") for number in range(1, 4)]
    same[0] = record(1, created_at=at, kind="k", title="disk 1", resolution="cleaned up")
    long = record(9, created_at=at + 9, title="long", resolved_at=at + 10**9)
    opened = record(10, created_at=at + 10, title="open", status="triggered", resolved_at=0, acknowledged_at=0, ending="")
    merged = record(11, created_at=at + 11, title="merged", ending="merged", resolved_at=at + 10**12)
    found = report(tmp_path, *same, long, opened, merged)
    (kind,) = found.kinds
    assert (kind.title, kind.incidents, kind.resolution) == ("disk 3", 3, "cleaned up")
    assert [one.title for one in found.longest][:2] == ["open", "long"]
    assert found.longest[0].took_ms == NOW - at - 10
    assert "merged" not in [one.title for one in found.longest]


def test_the_backtest_names_the_files_as_one_would(tmp_path: Path) -> None:
    at = BERLIN.since + 3_600_000
    pages = [record(n, created_at=at + n, acknowledged_at=0, ending="itself", resolved_at=at + n + 60_000) for n in range(1, 9)]
    (found,) = report(tmp_path, *pages).health
    assert found.proposal is not None
    assert (
        "--rules rules --rules /elsewhere --from 2026-10-01T00:00+02:00 --to 2026-11-01T00:00+01:00" in found.proposal.command
    )


def test_a_month_without_incidents_and_no_month(tmp_path: Path) -> None:
    found = report(tmp_path, zone="UTC")
    assert (found.statistics.total.incidents, found.kinds, found.longest, found.health) == (0, (), (), ())
    with pytest.raises(ValueError, match="such as 2026-10"):
        build_month(
            SqliteHistory(tmp_path / "h.db"),
            "soon",
            settings=history_settings(tmp_path / "h.db"),
            rules=(),
            base=tmp_path,
            now=NOW,
        )


def test_a_month_that_is_still_to_come_has_no_report() -> None:
    now = month_of("2026-10", "Europe/Berlin").since
    assert reported("2026-10", "Europe/Berlin", now).month == "2026-10", "it has just begun"
    with pytest.raises(ValueError, match="2026-10 has not begun yet; the last month that is over is 2026-08"):
        reported("2026-10", "Europe/Berlin", now - 1)
