"""Named times of the week or year: when a rule pages, when maintenance is.

A schedule speaks of the clock on the wall of its zone: an instant belongs to it when that clock shows a time that it names. So
on the night the clock goes forward a time that is skipped does not happen, and on the night it goes back an hour that comes
twice counts twice. Hours over midnight belong to the day on which they begin. Must never ask what time it is.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

DAY_MINUTES = 1_440
HORIZON_DAYS = 3_660
"""How far ahead a change is looked for; what does not change within ten years does not change."""

_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND_MS = 1_000
_NEVER = 1 << 62


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """Times that one set of conditions names: all that are given have to hold; an empty one is none.

    ``hours`` are (from, until) in minutes of the day, over midnight when from is not before until. ``days`` are of the month,
    -1 the last. ``dates`` are (first, last), both included.
    """

    weekdays: frozenset[int] = frozenset()  # 0 is Monday
    hours: tuple[tuple[int, int], ...] = ()
    dates: tuple[tuple[date, date], ...] = ()
    days: tuple[tuple[int, int], ...] = ()
    months: frozenset[int] = frozenset()

    def begins_on(self, day: date) -> bool:
        """Whether its hours begin on this day."""
        if self.weekdays and day.weekday() not in self.weekdays:
            return False
        if self.months and day.month not in self.months:
            return False
        if self.dates and not any(first <= day <= last for first, last in self.dates):
            return False
        return not self.days or any(_has_day(span, day) for span in self.days)

    def spans(self) -> tuple[tuple[int, int], ...]:
        """Its hours; the whole day if it names none."""
        return self.hours or ((0, DAY_MINUTES),)


def _has_day(span: tuple[int, int], day: date) -> bool:
    length = monthrange(day.year, day.month)[1]
    first, last = (edge if edge > 0 else length + 1 + edge for edge in span)
    return first <= day.day <= last


class Schedule:
    """Times in a zone. Equal to another of equal definition; remembers the last answer, which changes nothing."""

    __slots__ = ("_around", "_zone", "holidays", "name", "times", "zone")

    def __init__(self, name: str, zone: str, times: tuple[Times, ...], holidays: tuple[tuple[date, date], ...] = ()) -> None:
        """``holidays``: days on which nothing begins. ZoneInfoNotFoundError or ValueError for a zone that does not exist."""
        self.name = name
        self.zone = zone
        self.times = times
        self.holidays = holidays
        self._zone = ZoneInfo(zone)
        self._around = (0, 0, False)  # from, until and the answer between them

    def contains(self, at: int) -> bool:
        """Whether this instant (ms UTC) belongs to it."""
        return self._look(at)[2]

    def next_change(self, at: int) -> int | None:
        """The first instant after ``at`` (ms UTC) from which the answer is another; None if there is none in ten years."""
        until = self._look(at)[1]
        return None if until == _NEVER else until

    def _look(self, at: int) -> tuple[int, int, bool]:
        around = self._around
        if not around[0] <= at < around[1]:
            now = self._holds(at)
            around = self._around = (at, next((t for t in self._edges(at) if self._holds(t) is not now), _NEVER), now)
        return around

    def _holds(self, at: int) -> bool:
        shown = (_EPOCH + timedelta(milliseconds=at)).astimezone(self._zone)
        today = shown.date()
        minute = shown.hour * 60 + shown.minute
        yesterday = today - _DAY
        for times in self.times:
            begins, began = self._begins_on(times, today), self._begins_on(times, yesterday)
            for first, end in times.spans() if begins or began else ():
                if first < end:
                    if begins and first <= minute < end:
                        return True
                elif (begins and minute >= first) or (began and minute < end):
                    return True
        return False

    def _begins_on(self, times: Times, day: date) -> bool:
        return times.begins_on(day) and not any(first <= day <= last for first, last in self.holidays)

    def _edges(self, at: int) -> Iterator[int]:
        """Every instant after ``at`` at which the answer may change, in order."""
        day = (_EPOCH + timedelta(milliseconds=at)).astimezone(self._zone).date()
        minutes = sorted({0, *(edge % DAY_MINUTES for times in self.times for span in times.spans() for edge in span)})
        for _ in range(HORIZON_DAYS):
            found = {edge for minute in minutes for edge in self._instants(day, minute)}
            found.update(_jumps(self._zone, day))
            for edge in sorted(found):
                if edge > at:
                    at = edge
                    yield edge
            if day >= date.max - _DAY:
                return
            day += _DAY

    def _instants(self, day: date, minute: int) -> set[int]:
        """When the clock on the wall shows this: once, twice, or (where it jumps over it) near the jump."""
        shown = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=self._zone)
        return {_ms(shown), _ms(shown.replace(fold=1))}

    def __eq__(self, other: object) -> bool:
        """Equal when defined alike."""
        return isinstance(other, Schedule) and self._definition() == other._definition()

    def __hash__(self) -> int:
        """By definition."""
        return hash(self._definition())

    def __repr__(self) -> str:
        """For test output."""
        return f"Schedule({self.name!r}, {self.zone!r})"

    def _definition(self) -> tuple[object, ...]:
        return (self.name, self.zone, self.times, self.holidays)


def _ms(shown: datetime) -> int:
    return (shown.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)


@lru_cache(4_096)
def _jumps(zone: ZoneInfo, day: date) -> tuple[int, ...]:
    """The instant at which the zone's offset changes between the beginnings of this day and the next, to the second."""
    first, last = (_ms(datetime(each.year, each.month, each.day, tzinfo=zone)) for each in (day, day + _DAY))
    before, after = _offset(zone, first), _offset(zone, last)
    if before == after:
        return ()
    low, high = first // _SECOND_MS, last // _SECOND_MS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(zone, middle * _SECOND_MS) == before else (low, middle)
    return (high * _SECOND_MS,)


def _offset(zone: ZoneInfo, at: int) -> timedelta | None:
    return (_EPOCH + timedelta(milliseconds=at)).astimezone(zone).utcoffset()
