from __future__ import annotations

from datetime import date

import pytest

from router.rules import timetable
from router.rules.timetable import (
    check_zone,
    parse_dates,
    parse_days,
    parse_hours,
    parse_instant,
    parse_months,
    parse_weekdays,
)
from router.yamldoc import Mistake


def test_what_is_written_is_what_is_meant() -> None:
    assert parse_weekdays("mon-fri") == {0, 1, 2, 3, 4}
    assert parse_weekdays("Saturday") == {5}
    assert parse_weekdays("sat-mon") == {5, 6, 0}
    assert parse_weekdays("tues") == {1}
    assert parse_months("nov-feb") == {11, 12, 1, 2}
    assert parse_hours("09:00-24:00") == (540, 1_440)
    assert parse_hours("22:00-06:30") == (1_320, 390)
    assert parse_dates("2026-12-24") == (date(2026, 12, 24), date(2026, 12, 24))
    assert parse_dates("2026-12-24..2027-01-02") == (date(2026, 12, 24), date(2027, 1, 2))
    assert [parse_days(text) for text in ("1", "1..7", "-1", "-7..-1", "28..-1")] == [
        (1, 1),
        (1, 7),
        (-1, -1),
        (-7, -1),
        (28, -1),
    ]
    assert parse_instant("1970-01-01T01:00:01+01:00") == parse_instant("1970-01-01T00:00:01Z") == 1_000
    assert check_zone("Europe/Berlin") == "Europe/Berlin"


@pytest.mark.parametrize(
    ("parse", "text", "code"),
    [
        (parse_weekdays, "m", "bad-weekday"),
        (parse_weekdays, "mon-", "bad-weekday"),
        (parse_weekdays, "mondey", "bad-weekday"),
        (parse_months, "13", "bad-month"),
        (parse_hours, "9-17", "bad-hours"),
        (parse_hours, "24:00-25:00", "bad-hours"),
        (parse_hours, "09:60-10:00", "bad-hours"),
        (parse_hours, "09:00-09:00", "bad-hours"),
        (parse_dates, "2026-02-30", "bad-date"),
        (parse_dates, "2026-02-03..", "bad-date"),
        (parse_dates, "2026-02-03..2026-02-01", "bad-date"),
        (parse_days, "0", "bad-day"),
        (parse_days, "1..32", "bad-day"),
        (parse_days, "7..1", "bad-day"),
        (parse_days, "-1..-7", "bad-day"),
        (parse_days, "first", "bad-day"),
        (parse_instant, "tomorrow", "bad-time"),
        (parse_instant, "2026-12-24T18:00:00", "bad-time"),
        (check_zone, "Europe/Berln", "unknown-zone"),
        (check_zone, "../etc/passwd", "unknown-zone"),
        (check_zone, "Europe", "unknown-zone"),
        (check_zone, "", "unknown-zone"),
    ],
)
def test_what_is_no_time_is_refused(parse, text, code) -> None:
    with pytest.raises(Mistake) as caught:
        parse(text)
    assert caught.value.code == code


def test_the_long_names_begin_with_the_short_ones() -> None:
    assert set(timetable._LONG) == {*timetable.WEEKDAYS, *timetable.MONTHS}
