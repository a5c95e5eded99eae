from __future__ import annotations

from datetime import UTC, datetime

import pytest

from router.history.figures import Terms, Times, count, in_night, is_self_resolved, local, times, zone_of
from tests.support.past import record
from tests.support.stores import START

HOUR = 3_600_000


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def test_percentiles_are_values_that_occurred() -> None:
    assert times([30, 10, 20]) == Times(count=3, mean=20.0, p50=20, p90=30, p95=30, longest=30)
    assert times(list(range(1, 101))) == Times(count=100, mean=50.5, p50=50, p90=90, p95=95, longest=100)
    assert times([]) == Times()


def test_merged_ones_count_as_merged_and_nothing_else() -> None:
    found = count([record(1, ending="merged"), record(2)], since=0, until=2**60, terms=Terms()).total
    assert (found.incidents, found.merged, found.to_resolve.count) == (1, 1, 1)


def test_open_ones_have_no_time_to_resolve() -> None:
    opened = record(1, status="acknowledged", resolved_at=0, resolved_by="", ending="")
    found = count([opened], since=0, until=2**60, terms=Terms()).total
    assert (found.open, found.acknowledged, found.to_resolve.count, found.never_acknowledged) == (1, 1, 0, 0)


def test_what_was_resolved_before_the_period_makes_one_in_it_fired_again() -> None:
    first = record(1, created_at=START, resolved_at=START + HOUR, kind="k")
    again = record(2, created_at=START + HOUR + 60_000, resolved_at=START + 2 * HOUR, kind="k")
    other = record(3, created_at=START + HOUR + 90_000, kind="l")
    found = count([first, again, other], since=START + HOUR, until=2**60, terms=Terms())
    assert (found.total.incidents, found.total.refired) == (2, 1)


def test_over_by_itself_means_that_nobody_came() -> None:
    quick = record(1, acknowledged_at=0, ending="itself", resolved_at=START + 60_000 + 300_000)
    assert is_self_resolved(quick, 300_000)
    assert not is_self_resolved(quick, 299_999)
    assert not is_self_resolved(record(1, ending="itself"), 10 * HOUR)


@pytest.mark.parametrize(
    ("moment", "night"),
    [
        ("2026-10-25T02:30:00+02:00", True),
        ("2026-10-25T07:00:00+01:00", False),
        ("2026-10-25T06:59:00+01:00", True),
        ("2026-03-29T22:00:00+02:00", True),
        ("2026-03-29T21:59:00+02:00", False),
    ],
)
def test_the_night_is_that_of_the_zone_on_both_changes_of_clocks(moment: str, night: bool) -> None:
    zone = zone_of("Europe/Berlin")
    assert in_night(at(moment), zone, Terms(zone="Europe/Berlin")) is night
    assert local(at(moment), zone).utcoffset() is not None


def test_a_night_may_lie_within_a_day() -> None:
    terms = Terms(night_from=60, night_to=120)
    assert [in_night(at(f"2026-10-01T0{hour}:00:00+00:00"), UTC, terms) for hour in range(4)] == [False, True, False, False]


def test_groups_are_in_order_and_what_has_no_name_is_called_none() -> None:
    records = [record(1, service="b", team=""), record(2, service="a"), record(3, service="a")]
    found = count(records, since=0, until=2**60, terms=Terms())
    assert list(found.by["service"]) == ["a", "b"]
    assert set(found.by["team"]) == {"payments", "none"}
    assert found.total.alerts_per_incident == 1.0
    assert count([], since=0, until=1, terms=Terms()).total.alerts_per_incident == 0.0


def test_low_urgency_wakes_nobody() -> None:
    midnight = at("2026-10-01T00:00:00+00:00")
    records = [record(1, created_at=midnight), record(2, created_at=midnight, urgency="low")]
    assert count(records, since=0, until=2**60, terms=Terms()).total.night_pages == 1
