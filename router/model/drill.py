"""When a team's page is to be proven, and by which alert: plain values, and the next time that follows from them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from router.model.severity import Severity

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LABEL = "drill"
"""The label that marks a drill's alert, with an id of its own."""

NAME = "Drill"


class Drill(msgspec.Struct, frozen=True, kw_only=True):
    """A marked test page at a time of day, by the clock on the wall of ``zone``."""

    team: str
    service: str
    severity: Severity
    weekdays: tuple[int, ...]  # 0 is Monday; never empty
    minute: int  # of the day
    zone: str
    within_ms: int  # for each step


def due_after(drill: Drill, at: int) -> int:
    """The first time after ``at`` (both ms UTC). What the clock skips counts as right after, what it has twice as the first."""
    zone = ZoneInfo(drill.zone)
    here = datetime.fromtimestamp(at / 1000, UTC).astimezone(zone)
    for days in range(9):
        date = here.date() + timedelta(days=days)
        if date.weekday() not in drill.weekdays:
            continue
        wall = datetime(date.year, date.month, date.day, drill.minute // 60, drill.minute % 60, tzinfo=zone)
        due = round(wall.astimezone(UTC).timestamp() * 1000)
        if due > at:
            return due
    raise AssertionError("a week has every weekday")
