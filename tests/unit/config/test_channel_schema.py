"""Times of the day and weekdays as a channel's digest writes them."""

from __future__ import annotations

import pytest

from router.config.channel_schema import parse_time, parse_weekdays
from router.yamldoc import Mistake


def test_times_of_the_day_are_minutes() -> None:
    assert [parse_time(text) for text in ("00:00", "09:30", "23:59")] == [0, 570, 1_439]


@pytest.mark.parametrize("text", ["9:00", "24:00", "09:60", "0900", ""])
def test_what_is_no_time_says_what_would_be(text: str) -> None:
    with pytest.raises(Mistake, match="09:00"):
        parse_time(text)


def test_weekdays_may_go_around_the_end_of_the_week() -> None:
    assert [parse_weekdays(text) for text in ("sat", "Mon-Fri", "fri-mon")] == [(5,), (0, 1, 2, 3, 4), (4, 5, 6, 0)]


@pytest.mark.parametrize("text", ["someday", "mon-fri-sun", "mon..fri", ""])
def test_what_is_no_weekday_says_what_would_be(text: str) -> None:
    with pytest.raises(Mistake, match="mon-fri"):
        parse_weekdays(text)
