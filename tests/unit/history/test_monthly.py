from __future__ import annotations

from pathlib import Path

import pytest

from router.config.history import ReportsSettings
from router.history.monthly import write_due
from router.history.periods import month_of
from router.history.sqlite.archive import SqliteArchive
from router.history.sqlite.reader import SqliteHistory
from router.model.past import PastIncident, Story
from tests.support.past import history_settings, record

OCTOBER = month_of("2026-10", "UTC")
NOW = OCTOBER.until + 60_000


def due(folder: Path, now: int = NOW) -> list[str]:
    path = folder / "h.db"
    settings = history_settings(path, reports=ReportsSettings(directory=folder / "out" / "reports", formats=("html", "csv")))
    past = SqliteHistory(path)
    try:
        return sorted(found.name for found in write_due(past, settings, rules=(), base=folder, now=now))
    finally:
        past.close()


@pytest.fixture
def archive(tmp_path: Path) -> SqliteArchive:
    archive = SqliteArchive(tmp_path / "h.db")
    archive.tell(record(1, created_at=OCTOBER.since), Story(), read_at=1)
    return archive


def sync_until(archive: SqliteArchive, until: int) -> None:
    archive.plan("", [("incidents", OCTOBER.since, until)], now=until)
    archive.finish(archive.spans("")[0])


def test_it_is_written_once_when_the_month_is_over_and_here(archive: SqliteArchive, tmp_path: Path) -> None:
    assert due(tmp_path) == []
    sync_until(archive, OCTOBER.until - 1)
    assert due(tmp_path) == []
    sync_until(archive, NOW)
    assert due(tmp_path) == ["report-2026-10.csv", "report-2026-10.html"]
    assert due(tmp_path) == []
    assert b"Incidents in October 2026" in (tmp_path / "out/reports/report-2026-10.html").read_bytes()
    (tmp_path / "out/reports/report-2026-10.csv").unlink()
    assert due(tmp_path) == ["report-2026-10.csv"]
    assert due(tmp_path, OCTOBER.until - 1) == []


def test_not_while_stories_are_missing(archive: SqliteArchive, tmp_path: Path) -> None:
    sync_until(archive, NOW)
    archive.keep([PastIncident(number=2, pagerduty_id="Q2", title="t", created_at=OCTOBER.since)])
    assert due(tmp_path) == []


def test_not_where_none_is_wanted(archive: SqliteArchive, tmp_path: Path) -> None:
    sync_until(archive, NOW)
    past = SqliteHistory(tmp_path / "h.db")
    assert write_due(past, history_settings(tmp_path / "h.db"), rules=(), base=tmp_path, now=NOW) == []
    past.close()
