"""Alertmanager's time intervals as schedules.

An interval without a location is meant in UTC. Ours have one zone each, so an interval in several becomes several schedules,
and whoever names it names them all.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from router.importing.names import Names
from router.importing.notes import Notes
from router.importing.source import listed, mapping, texts
from router.rules import timetable
from router.yamldoc import Mistake, Path

_KEYS = frozenset({"times", "weekdays", "days_of_month", "months", "years", "location"})
_ALWAYS = {"weekdays": "mon-sun"}
_YEAR = re.compile(r"(\d{1,4})(?::(\d{1,4}))?\Z")


class Calendar(msgspec.Struct, kw_only=True):
    """``schedules`` as they will be written, and which of them each interval became; ``lines`` by schedule."""

    schedules: dict[str, dict[str, Any]] = {}
    of_interval: dict[str, list[str]] = {}
    lines: dict[str, int] = {}


def read_intervals(data: dict[str, Any], notes: Notes) -> Calendar:
    """``time_intervals`` and, as they were called before, ``mute_time_intervals``."""
    calendar = Calendar()
    names = Names()
    for key in ("time_intervals", "mute_time_intervals"):
        for index, each in enumerate(listed(data.get(key))):
            path: Path = (key, index)
            name = mapping(each).get("name")
            if not isinstance(name, str):
                notes.add("error", path, "this interval has no name")
                continue
            if name in calendar.of_interval:
                notes.add("error", path, f"the interval {name!r} stands twice")
                continue
            calendar.of_interval[name] = _read_interval(name, mapping(each), path, names, calendar, notes)
    return calendar


def _read_interval(  # noqa: PLR0917 -- the walk's own state
    name: str, interval: dict[str, Any], path: Path, names: Names, calendar: Calendar, notes: Notes
) -> list[str]:
    by_zone: dict[str, list[dict[str, Any]]] = {}
    for index, each in enumerate(listed(interval.get("time_intervals"))):
        place: Path = (*path, "time_intervals", index)
        zone = str(mapping(each).get("location") or "UTC")
        try:
            timetable.check_zone(zone)
            by_zone.setdefault(zone, []).append(_read_times(mapping(each), place, notes) or _ALWAYS)
        except (Mistake, ValueError) as error:
            notes.add("error", place, f"{error}; these times are left out")
    found = []
    for zone, times in by_zone.items():
        schedule = names.take(name)
        first, also = times[0], times[1:]
        calendar.schedules[schedule] = {"zone": zone, **first, **({"also": also} if also else {})}
        calendar.lines[schedule] = notes.line(path)
        found.append(schedule)
    if not found:
        notes.add("error", path, f"the interval {name!r} names no times")
    return found


def _read_times(written: dict[str, Any], path: Path, notes: Notes) -> dict[str, Any]:
    for key in written:
        if key not in _KEYS:
            notes.add("lost", (*path, key), "this key of an interval is not known here")
    times: dict[str, Any] = {}
    hours = [f"{mapping(each).get('start_time')}-{mapping(each).get('end_time')}" for each in listed(written.get("times"))]
    for key, found, parse in (
        ("weekdays", [_named(text, timetable.WEEKDAYS) for text in texts(written.get("weekdays"))], timetable.parse_weekdays),
        ("hours", hours, timetable.parse_hours),
        ("days", [text.replace(":", "..") for text in texts(written.get("days_of_month"))], timetable.parse_days),
        ("months", [_named(text, timetable.MONTHS) for text in texts(written.get("months"))], timetable.parse_months),
        ("dates", [_years(text) for text in texts(written.get("years"))], timetable.parse_dates),
    ):
        for text in found:
            parse(text)
        if found:
            times[key] = found[0] if len(found) == 1 else found
    return times


def _named(text: str, names: tuple[str, ...]) -> str:
    """``monday:friday`` and ``1:3`` (months) in our words."""
    parts = [part.strip().lower() for part in text.split(":")]
    return "-".join(names[int(part) - 1] if part.isdecimal() and 0 < int(part) <= len(names) else part[:3] for part in parts)


def _years(text: str) -> str:
    found = _YEAR.match(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no year or range of years")
    return f"{int(found[1]):04}-01-01..{int(found[2] or found[1]):04}-12-31"
