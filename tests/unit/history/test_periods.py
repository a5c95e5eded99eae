from __future__ import annotations

from pathlib import Path

import pytest

from router.history.figures import Terms
from router.history.objectives import Objective
from router.history.periods import Period, as_plain, count_all, month_before, month_of, objectives_of, records_of, terms_of
from router.history.sqlite.archive import SqliteArchive
from router.history.sqlite.reader import SqliteHistory
from router.model.past import Story
from tests.support.config_texts import MINIMAL, load
from tests.support.past import record
from tests.support.stores import START

DAY_MS = 86_400_000


def test_a_month_is_that_of_the_zone() -> None:
    october = month_of("2026-10", "Europe/Berlin")
    assert october.until - october.since == 31 * DAY_MS + 3_600_000  # clocks go back
    assert month_of("2026-12", "UTC").until == month_of("2027-01", "UTC").since
    assert october.month == "2026-10"
    for text in ("2026-13", "2026", "0000-01", "October"):
        with pytest.raises(ValueError, match="such as 2026-10"):
            month_of(text, "UTC")


def test_the_month_before() -> None:
    first_of_november = month_of("2026-11", "Europe/Berlin").since
    assert month_before(first_of_november, "Europe/Berlin") == "2026-10"
    assert month_before(first_of_november - 1, "Europe/Berlin") == "2026-09"
    assert month_before(month_of("2026-01", "UTC").since, "UTC") == "2025-12"


def test_terms_and_objectives_are_those_of_the_configuration() -> None:
    section = (
        "history: {zone: Europe/Berlin, night: '23:30-06:00', self_resolved_within: 4m, refired_within: 2h, objectives: "
        "[{name: a, resolve_within: 1h, goal: 95, priorities: [P1]}, {name: b, acknowledge_within: 5m, teams: [x]}]}"
    )
    settings = load(MINIMAL + section).history
    assert terms_of(settings) == Terms(
        zone="Europe/Berlin", night_from=1410, night_to=360, self_resolved_ms=240_000, refired_ms=7_200_000
    )
    assert objectives_of(settings) == [
        Objective(name="a", resolve_within_ms=3_600_000, goal=0.95, priorities=("P1",)),
        Objective(name="b", acknowledge_within_ms=300_000, teams=("x",)),
    ]


def test_what_is_told_programs_is_in_seconds(tmp_path: Path) -> None:
    archive = SqliteArchive(tmp_path / "h.db")
    for number in (1, 2, 3):
        archive.tell(record(number, created_at=START + number * DAY_MS), Story(), read_at=1)
    archive.close()
    past = SqliteHistory(tmp_path / "h.db")
    period = Period(since=START + 2 * DAY_MS, until=START + 3 * DAY_MS)
    records = records_of(past, period)
    past.close()
    assert [one.number for one in records] == [1, 2]
    objective = Objective(name="quick", resolve_within_ms=60_000)
    counted = count_all(records, period, terms=Terms(), objectives=[objective], now=START, by=("team",))
    plain = as_plain(counted)
    assert plain["total"]["incidents"] == 1
    assert plain["total"]["to_resolve_seconds"] == {
        "count": 1,
        "mean": 3600.0,
        "p50": 3600.0,
        "p90": 3600.0,
        "p95": 3600.0,
        "longest": 3600.0,
    }
    assert plain["by"]["team"]["payments"]["alerts_per_incident"] == 1.0
    (outcome,) = plain["objectives"]
    assert (outcome["breached"], outcome["is_met"], outcome["breaches"][0]["took_seconds"]) == (1, False, 3600.0)
