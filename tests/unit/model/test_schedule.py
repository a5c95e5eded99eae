"""Schedules against the clock on the wall, minute by minute where it jumps, and against the zone database over ten years."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest

from router.model.schedule import Schedule, Times
from router.rules.timetable import parse_hours, parse_weekdays

MINUTE = 60_000
DAY = 1_440 * MINUTE
NIGHT = Times(hours=((22 * 60, 6 * 60),))
OFFICE = Times(weekdays=frozenset(range(5)), hours=((9 * 60, 17 * 60),))


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1_000)


def hours(first: str, last: str) -> Times:
    return Times(hours=(tuple(int(text[:2]) * 60 + int(text[3:]) for text in (first, last)),))  # type: ignore[arg-type]


def naive(schedule: Schedule, at: int) -> bool:
    """The definition, read off the zone database, one instant at a time."""
    shown = datetime.fromtimestamp(at / 1_000, ZoneInfo(schedule.zone))
    minute = shown.hour * 60 + shown.minute
    for times in schedule.times:
        for first, end in times.hours or ((0, 1_440),):
            day = shown.date()
            inside = first <= minute < end
            if first >= end:
                inside = minute >= first or minute < end
                if minute < end:
                    day -= timedelta(days=1)
            fits = not times.weekdays or day.weekday() in times.weekdays
            if inside and fits and not any(one <= day <= other for one, other in schedule.holidays):
                return True
    return False


def test_the_week_of_an_office() -> None:
    office = Schedule("office", "Europe/Berlin", (OFFICE,))
    friday = ms("2026-11-20T17:00+01:00")
    assert office.contains(friday - 1)
    assert not office.contains(friday)
    assert office.next_change(friday - 1) == friday
    assert office.next_change(friday) == ms("2026-11-23T09:00+01:00")


def test_hours_over_midnight_belong_to_the_day_they_begin() -> None:
    friday_night = Schedule("n", "UTC", (Times(weekdays=frozenset({4}), hours=((22 * 60, 6 * 60),)),))
    for text, inside in [
        ("2026-11-20T05:59", False),
        ("2026-11-20T22:00", True),
        ("2026-11-21T05:59", True),
        ("2026-11-21T06:00", False),
        ("2026-11-21T22:00", False),
    ]:
        assert friday_night.contains(ms(text + "+00:00")) is inside, text


# Berlin 2026: forward on 29 March (02:00 is 03:00, 01:00 UTC), back on 25 October (03:00 is 02:00, 01:00 UTC).
DAYLIGHT_SAVING = [
    # zone, hours, date, the spans in UTC that must come out
    ("Europe/Berlin", ("01:00", "04:00"), "2026-03-29", [("00:00", "02:00")]),
    ("Europe/Berlin", ("01:30", "02:30"), "2026-03-29", [("00:30", "01:00")]),
    ("Europe/Berlin", ("02:00", "03:00"), "2026-03-29", []),
    ("Europe/Berlin", ("02:30", "03:30"), "2026-03-29", [("01:00", "01:30")]),
    ("Europe/Berlin", ("03:00", "04:00"), "2026-03-29", [("01:00", "02:00")]),
    ("Europe/Berlin", ("01:00", "04:00"), "2026-10-25", [("-1:00", "03:00")]),
    ("Europe/Berlin", ("02:00", "03:00"), "2026-10-25", [("00:00", "02:00")]),
    ("Europe/Berlin", ("01:30", "02:30"), "2026-10-25", [("-0:30", "00:30"), ("01:00", "01:30")]),
    ("Europe/Berlin", ("02:30", "03:30"), "2026-10-25", [("00:30", "01:00"), ("01:30", "02:30")]),
    ("America/New_York", ("02:00", "03:00"), "2026-03-08", []),
    ("America/New_York", ("01:00", "02:00"), "2026-11-01", [("05:00", "07:00")]),
    ("Australia/Lord_Howe", ("01:30", "02:30"), "2026-10-04", [("-9:00", "-8:30")]),  # half an hour forward, at 02:00
    ("America/Havana", ("00:00", "01:00"), "2026-03-08", []),  # midnight itself is skipped
]


@pytest.mark.parametrize(("zone", "span", "day", "expected"), DAYLIGHT_SAVING)
def test_daylight_saving_nights(zone: str, span: tuple[str, str], day: str, expected: list[tuple[str, str]]) -> None:
    schedule = Schedule("s", zone, (hours(*span),))
    midnight = ms(day + "T00:00+00:00")
    local = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
    first, last = (int((local + timedelta(days=n)).timestamp() * 1_000) for n in (0, 1))
    inside = [at for at in range(first, last, MINUTE) if schedule.contains(at)]
    spans = []
    for at in inside:
        if not spans or spans[-1][1] != at:
            spans.append([at, at])
        spans[-1][1] = at + MINUTE

    def utc(text: str) -> int:
        hour, _, minute = text.partition(":")
        sign = -1 if text.startswith("-") else 1
        return midnight + sign * (abs(int(hour)) * 60 + int(minute)) * MINUTE

    assert [tuple(span) for span in spans] == [(utc(a), utc(b)) for a, b in expected]
    # next_change walks the same edges, to the millisecond.
    at, walked = first, []
    while (at := schedule.next_change(at) or last) < last:
        walked.append(at)
    assert walked == [edge for one in spans for edge in one if first < edge < last]


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca"]
)
@pytest.mark.parametrize(
    "times", [OFFICE, NIGHT, hours("02:30", "02:45"), hours("23:30", "00:15")], ids=["office", "night", "short", "late"]
)
def test_ten_years_against_the_zone_database(zone: str, times: Times) -> None:
    schedule = Schedule("s", zone, (times,), ((date(2027, 12, 24), date(2027, 12, 26)),))
    at = ms("2026-01-01T00:00+00:00")
    end = at + 3_653 * DAY
    chance = random.Random(f"{zone}")
    is_inside = schedule.contains(at)
    while True:
        changed = schedule.next_change(at)
        assert changed is not None
        assert changed > at
        if changed >= end:
            break
        between = [at, changed - 1, *(chance.randrange(at, changed) for _ in range(2))]
        assert {naive(schedule, moment) for moment in between} == {is_inside}
        is_inside = not is_inside
        assert naive(schedule, changed) is is_inside
        at = changed


def test_days_dates_months_and_holidays() -> None:
    last_day = Schedule("s", "UTC", (Times(days=((-1, -1),), months=frozenset({2})),))
    assert [
        last_day.contains(ms(f"{day}T12:00+00:00")) for day in ("2027-02-28", "2028-02-28", "2028-02-29", "2028-03-31")
    ] == [
        True,
        False,
        True,
        False,
    ]
    span = (date(2026, 12, 24), date(2027, 1, 2))
    holidays = Schedule("s", "UTC", (Times(dates=(span,)),))
    assert holidays.next_change(ms("2026-12-25T00:00+00:00")) == ms("2027-01-03T00:00+00:00")
    assert holidays.next_change(ms("2027-01-03T00:00+00:00")) is None
    office = Schedule("s", "UTC", (OFFICE,), (span,))
    assert not office.contains(ms("2026-12-24T12:00+00:00"))
    assert office.next_change(ms("2026-12-23T18:00+00:00")) == ms("2027-01-04T09:00+00:00")


def test_always_and_never_do_not_change() -> None:
    assert Schedule("s", "UTC", (Times(),)).next_change(0) is None
    assert Schedule("s", "UTC", ()).next_change(0) is None
    assert not Schedule("s", "UTC", ()).contains(0)
    assert Schedule("s", "UTC", (Times(),)).next_change(ms("9999-12-30T00:00+00:00")) is None


def test_times_add_up_and_answers_do_not_depend_on_what_was_asked_before() -> None:
    both = Schedule("s", "Europe/Berlin", (OFFICE, NIGHT))
    chance = random.Random(3)
    start = ms("2026-03-20T00:00+00:00")
    for _ in range(2_000):
        at = start + chance.randrange(20 * DAY)
        fresh = Schedule("s", "Europe/Berlin", (OFFICE, NIGHT))
        assert both.contains(at) is naive(both, at)
        assert both.next_change(at) == fresh.next_change(at)


def test_schedules_are_equal_when_defined_alike() -> None:
    one, other = (Schedule("s", "UTC", (OFFICE,)) for _ in range(2))
    one.contains(5)
    assert one == other
    assert hash(one) == hash(other)
    assert one != Schedule("s", "Europe/Berlin", (OFFICE,))
    assert repr(one) == "Schedule('s', 'UTC')"
    with pytest.raises(ZoneInfoNotFoundError):
        Schedule("s", "Mars/Olympus", ())
    assert one.contains(int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp() * 1_000))


# PagerDuty's own condition language documents its schedules with these tables ("PCL Overview" of its developer documentation):
# the clock on the wall decides, so an hour that comes twice counts twice, with a gap before it, and one that is skipped is not there.
# Schedule: Sun 01:30:00 to 03:15:00 America/New_York. Columns: clock on the wall, UTC, whether it matches.
CONDITION_LANGUAGE = [
    ("01:00 EDT", "2021-11-07T05:00", False),
    ("01:30 EDT", "2021-11-07T05:30", True),
    ("01:00 EST", "2021-11-07T06:00", False),  # daylight saving ends: the gap
    ("01:15 EST", "2021-11-07T06:15", False),
    ("01:30 EST", "2021-11-07T06:30", True),
    ("02:00 EST", "2021-11-07T07:00", True),
    ("02:30 EST", "2021-11-07T07:30", True),
    ("03:00 EST", "2021-11-07T08:00", True),
    ("03:30 EST", "2021-11-07T08:30", False),
    ("00:00 EST", "2022-03-13T05:00", False),
    ("00:30 EST", "2022-03-13T05:30", False),
    ("01:00 EST", "2022-03-13T06:00", False),
    ("01:30 EST", "2022-03-13T06:30", True),
    ("01:59 EST", "2022-03-13T06:59", True),
    ("03:00 EDT", "2022-03-13T07:00", True),  # daylight saving begins: 02:00 is 03:00
    ("03:14 EDT", "2022-03-13T07:14:59", True),
    ("03:30 EDT", "2022-03-13T07:30", False),
    ("04:00 EDT", "2022-03-13T08:00", False),
    ("04:30 EDT", "2022-03-13T08:30", False),
]


@pytest.mark.parametrize(("wall", "utc", "matches"), CONDITION_LANGUAGE, ids=str)
def test_the_tables_of_pagerdutys_condition_language(wall: str, utc: str, *, matches: bool) -> None:
    at = ms(utc + "+00:00")
    sunday_night = Times(weekdays=parse_weekdays("sun"), hours=(parse_hours("01:30-03:15"),))
    schedule = Schedule("s", "America/New_York", (sunday_night,))
    assert datetime.fromtimestamp(at / 1_000, ZoneInfo("America/New_York")).strftime("%H:%M %Z") == wall
    assert schedule.contains(at) is matches


def test_where_the_end_itself_belongs_is_the_one_difference() -> None:
    """There ``to 03:15:00`` still holds at 03:15:00; here that is the first instant at which it does not."""
    schedule = Schedule("s", "America/New_York", (Times(hours=(parse_hours("01:30-03:15"),)),))
    end = ms("2022-03-13T07:15+00:00")
    assert schedule.contains(end - 1)
    assert not schedule.contains(end)


def test_the_other_examples_of_pagerdutys_condition_language() -> None:
    over_midnight = Schedule("s", "Etc/UTC", (Times(weekdays=parse_weekdays("wed"), hours=(parse_hours("22:00-08:00"),)),))
    wednesday = ms("2026-11-18T22:00+00:00")
    assert over_midnight.next_change(wednesday - DAY) == wednesday
    assert over_midnight.next_change(wednesday) == wednesday + 10 * 60 * MINUTE
    # Sat,Sun 12:00:00 to 12:00:00 Africa/Cairo: from Saturday noon through Monday noon.
    noon_to_noon = (
        Times(weekdays=parse_weekdays("sat-sun"), hours=(parse_hours("12:00-24:00"),)),
        Times(weekdays=parse_weekdays("sun-mon"), hours=(parse_hours("00:00-12:00"),)),
    )
    cairo = Schedule("s", "Africa/Cairo", noon_to_noon)
    saturday, monday = ms("2026-11-21T12:00+02:00"), ms("2026-11-23T12:00+02:00")
    assert cairo.next_change(saturday - 1) == saturday
    assert cairo.next_change(saturday) == monday
    # An event on Monday, 3 January 2022, at noon in Los Angeles.
    at = ms("2022-01-03T20:00+00:00")
    days = Times(weekdays=frozenset({0, 2, 4}), hours=(parse_hours("01:00-15:00"),))
    assert Schedule("s", "America/Los_Angeles", (days,)).contains(at)
    assert not Schedule("s", "Etc/UTC", (days,)).contains(at)
