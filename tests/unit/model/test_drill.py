"""When a drill is due: by the clock on the wall, also on the nights it is changed."""

from __future__ import annotations

from datetime import datetime

import pytest

from router.model.drill import Drill, due_after
from router.model.severity import Severity


def drill(at: str, *weekdays: int, zone: str = "Europe/Berlin") -> Drill:
    hours, minutes = at.split(":")
    return Drill(
        team="a", service="s", severity=Severity.INFO, weekdays=weekdays or tuple(range(7)), minute=int(hours) * 60 + int(minutes),
        zone=zone, within_ms=1,
    )  # fmt: skip


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("given", "after", "due"),
    [
        (drill("10:00"), "2026-06-01T07:59:59Z", "2026-06-01T10:00:00+02:00"),
        (drill("10:00"), "2026-06-01T08:00:00Z", "2026-06-02T10:00:00+02:00"),
        (drill("10:00", 1), "2026-06-03T00:00:00Z", "2026-06-09T10:00:00+02:00"),
        (drill("00:30"), "2026-06-01T21:00:00Z", "2026-06-02T00:30:00+02:00"),
        (drill("10:00"), "2026-03-28T12:00:00Z", "2026-03-29T10:00:00+02:00"),
        (drill("02:30"), "2026-03-28T12:00:00Z", "2026-03-29T03:30:00+02:00"),
        (drill("02:30"), "2026-10-24T12:00:00Z", "2026-10-25T02:30:00+02:00"),
        (drill("23:59", 6, zone="UTC"), "2026-06-07T23:59:00Z", "2026-06-14T23:59:00Z"),
    ],
)
def test_the_next_time(given: Drill, after: str, due: str) -> None:
    assert due_after(given, ms(after)) == ms(due)
