"""Schedules against the zone database over ten years: every transition of every zone, minute by minute around it.

The zones that behave alike over these years are tried once; ALL_ZONES=1 tries each of the six hundred.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest

from router.model import schedule
from router.model.schedule import Schedule, Times

MINUTE = 60_000
HOUR = 60 * MINUTE
FIRST, LAST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
EVERY_DAY = range(7)


def ms(at: datetime) -> int:
    return int(at.timestamp()) * 1_000


def transitions(name: str) -> list[datetime]:
    """Every instant at which the zone's clock is set, to the second."""
    zone = ZoneInfo(name)
    found = []
    day = FIRST
    before = zone.utcoffset(day.astimezone(zone))
    while day < LAST:
        after = zone.utcoffset((day + DAY).astimezone(zone))
        if after != before:
            low, high = day, day + DAY
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
                low, high = (middle, high) if middle.astimezone(zone).utcoffset() == before else (low, middle)
            found.append(high)
        day, before = day + DAY, after
    return found


@cache
def zones() -> dict[str, list[datetime]]:
    """Zones with transitions, each behaviour once unless all are asked for."""
    found: dict[tuple[object, ...], tuple[str, list[datetime]]] = {}
    for name in sorted(available_timezones()):
        changes = transitions(name)
        offsets = [at.astimezone(ZoneInfo(name)).utcoffset() for at in (FIRST, *changes)]
        alike = (name,) if os.environ.get("ALL_ZONES") else (*changes, *offsets)
        if changes:
            found.setdefault(alike, (name, changes))
    return dict(found.values())


def shown(zone: str, at: int) -> datetime:
    return datetime.fromtimestamp(at / 1_000, ZoneInfo(zone))


def holds(zone: str, hours: tuple[int, int], weekdays: frozenset[int], at: int) -> bool:
    """The definition, read off the clock on the wall: hours over midnight belong to the day on which they begin."""
    wall = shown(zone, at)
    minute, (first, end) = wall.hour * 60 + wall.minute, hours
    if first < end:
        return first <= minute < end and wall.weekday() in weekdays
    yesterday = (wall.date() - DAY).weekday()
    return (minute >= first and wall.weekday() in weekdays) or (minute < end and yesterday in weekdays)


def schedules_around(zone: str, at: int) -> list[tuple[tuple[int, int], frozenset[int]]]:
    """Hours that begin and end just where the clock is set: before it, across it, after it, over midnight; on that day, or daily."""
    before, after = shown(zone, at - MINUTE), shown(zone, at)
    minutes = (before.hour * 60 + before.minute + 1) % 1_440, after.hour * 60 + after.minute
    spans = {
        ((edge + start) % 1_440, (edge + end) % 1_440) for edge in minutes for start, end in ((-45, 15), (0, 60), (-20, 80))
    }
    spans |= {(22 * 60, 6 * 60), (9 * 60, 17 * 60)}
    return [(hours, days) for hours in sorted(spans) for days in (frozenset(EVERY_DAY), frozenset({after.weekday()}))]


def differences(zone: str, changes: list[datetime]) -> list[str]:
    found = []
    for change in changes:
        at = ms(change)
        first, last = at - 2 * HOUR, at + 2 * HOUR
        for hours, weekdays in schedules_around(zone, at):
            made = Schedule("s", zone, (Times(hours=(hours,), weekdays=weekdays),))
            wanted = [holds(zone, hours, weekdays, moment) for moment in range(first, last, MINUTE)]
            edges = [first + n * MINUTE for n in range(1, len(wanted)) if wanted[n] is not wanted[n - 1]]
            walked, moment = [], first
            while (moment := made.next_change(moment) or last) < last:
                walked.append(moment)
            if made.contains(first) is not wanted[0] or walked != edges:
                found.append(f"{zone} {change} {hours} {sorted(weekdays)}: {walked}, by the clock {edges}")
    return found


def test_there_are_zones_of_every_kind() -> None:
    every = [(zone, change) for zone, changes in zones().items() for change in changes]
    assert len(zones()) > 25
    assert len(every) > 500
    steps = {
        (shown(zone, ms(change)).utcoffset() or DAY) - (shown(zone, ms(change) - 1).utcoffset() or DAY)
        for zone, change in every
    }
    assert {timedelta(hours=1), timedelta(hours=-1), timedelta(minutes=30), timedelta(minutes=-30)} <= steps
    assert {0, 1, 2, 3} <= {shown(zone, ms(change)).hour for zone, change in every}


def test_every_transition_of_every_zone() -> None:
    found = [each for zone, changes in zones().items() for each in differences(zone, changes)]
    assert not found, "\n".join(found[:20])


MISTAKES: dict[str, tuple[str, Callable[..., Any]]] = {
    "an hour that comes twice counts once": ("_instants", lambda self, day, minute: {schedule._ms(
        datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=self._zone))}),
    "the jump itself is no edge": ("_jumps", lambda _zone, _day: ()),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_planted_mistake_is_noticed(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, wrong = MISTAKES[mistake]
    monkeypatch.setattr(schedule if name == "_jumps" else Schedule, name, wrong)
    some = ("America/Havana", "Australia/Lord_Howe")
    assert any(differences(zone, transitions(zone)[:4]) for zone in some)
