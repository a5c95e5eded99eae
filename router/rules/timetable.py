"""Times as rule files write them: weekdays, hours, days, months, dates, instants. Text in, values or a Mistake out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo, available_timezones

from router.model.schedule import DAY_MINUTES
from router.yamldoc import Mistake, suggest

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS_FORM = "a weekday or a range of them, such as sat or mon-fri"
MONTHS_FORM = "a month or a range of them, such as dec or jun-aug"
HOURS_FORM = 'hours such as 09:00-17:00, or "22:00-06:00" over midnight'
DATES_FORM = "a date or a range of them, such as 2026-12-24 or 2026-12-24..2027-01-02"
DAYS_FORM = "a day of the month or a range of them, such as 1, 1..7 or -1 (the last)"
INSTANT_FORM = "a time with its offset, such as 2026-12-24T18:00:00+01:00 or 2026-12-24T17:00:00Z"
_HOURS = re.compile(r"(\d{2}):(\d{2})-(\d{2}):(\d{2})\Z", re.ASCII)
_DAYS = re.compile(r"(-?\d{1,2})(?:\.\.(-?\d{1,2}))?\Z", re.ASCII)
_LONGEST_MONTH = 31
_SHOWN = 60


def parse_weekdays(text: str) -> frozenset[int]:
    """``mon``, ``mon-fri``, also around the end of the week; 0 is Monday."""
    return frozenset(_cycle(text, WEEKDAYS, "bad-weekday", WEEKDAYS_FORM))


def parse_months(text: str) -> frozenset[int]:
    """``dec``, ``nov-feb``; 1 is January."""
    return frozenset(place + 1 for place in _cycle(text, MONTHS, "bad-month", MONTHS_FORM))


def _cycle(text: str, names: Sequence[str], code: str, form: str) -> list[int]:
    first, dash, last = text.strip().lower().partition("-")
    places = []
    for word in (first, last) if dash else (first,):
        found = next((place for place, name in enumerate(names) if word[:3] == name and _LONG[name].startswith(word)), None)
        if found is None:
            raise Mistake(code, f"found {text[:_SHOWN]!r}; expected {form}", hint=f"one of {', '.join(names)}")
        places.append(found)
    start, end = places[0], places[-1]
    return [(start + step) % len(names) for step in range((end - start) % len(names) + 1)]


_LONG = {
    word[:3]: word
    for word in (
        *("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
        *("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november"),
        "december",
    )
}


def parse_hours(text: str) -> tuple[int, int]:
    """From and until in minutes of the day; over midnight when from is later."""
    found = _HOURS.match(text.strip())
    if found is None:
        raise Mistake("bad-hours", f"found {text[:_SHOWN]!r}; expected {HOURS_FORM}", hint='in quotes: "09:00-17:30"')
    hour, minute, end_hour, end_minute = map(int, found.groups())
    first, end = hour * 60 + minute, end_hour * 60 + end_minute
    if first >= DAY_MINUTES or end > DAY_MINUTES or max(minute, end_minute) > 59:  # noqa: PLR2004 -- minutes of an hour
        raise Mistake(
            "bad-hours", f"found {text[:_SHOWN]!r}; hours go from 00:00 to 24:00", hint="for the end of the day write 24:00"
        )
    if first == end:
        raise Mistake("bad-hours", f"found {text[:_SHOWN]!r}, which is no time at all", "for the whole day leave hours out")
    return first, end


def parse_dates(text: str) -> tuple[date, date]:
    """First and last, both included."""
    first, dots, last = text.strip().partition("..")
    try:
        span = date.fromisoformat(first), date.fromisoformat(last if dots else first)
    except ValueError as error:
        raise Mistake(
            "bad-date", f"found {text[:_SHOWN]!r}; expected {DATES_FORM}", hint="for example: 2026-12-24..2026-12-26"
        ) from error
    if span[0] > span[1]:
        raise Mistake("bad-date", f"found {text[:_SHOWN]!r}, which ends before it begins", hint="swap the two")
    return span


def parse_days(text: str) -> tuple[int, int]:
    """First and last day of the month; negative from its end."""
    found = _DAYS.match(text.strip())
    first, last = (int(part or found[1]) for part in found.groups()) if found else (0, 0)
    if not (1 <= abs(first) <= _LONGEST_MONTH and 1 <= abs(last) <= _LONGEST_MONTH):
        raise Mistake(
            "bad-day", f"found {text[:_SHOWN]!r}; expected {DAYS_FORM}", hint="for example: 1..7, or -1 for the last day"
        )
    if (first > 0) is (last > 0) and first > last:
        raise Mistake("bad-day", f"found {text[:_SHOWN]!r}, which ends before it begins", hint="swap the two")
    return first, last


def parse_instant(text: str) -> int:
    """Milliseconds UTC of a time that says its offset."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise Mistake(
            "bad-time", f"found {text[:_SHOWN]!r}; expected {INSTANT_FORM}", hint="for example: 2026-12-24T06:00:00Z"
        ) from error
    if found.tzinfo is None:
        raise Mistake(
            "bad-time",
            f"found {text[:_SHOWN]!r}, which does not say its offset; expected {INSTANT_FORM}",
            hint="put Z behind it for UTC, or an offset such as +01:00",
        )
    return int(found.timestamp() * 1_000)


def check_zone(text: str) -> str:
    """A zone of the zone database."""
    try:
        ZoneInfo(text)
    except (ValueError, OSError, LookupError) as error:  # a directory, a path, or none of that name
        hint = suggest(text, available_timezones()) or "zones are called Europe/Berlin, America/New_York, UTC"
        raise Mistake("unknown-zone", f"there is no zone {text[:_SHOWN]!r}", hint) from error
    return text
