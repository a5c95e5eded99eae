from __future__ import annotations

import pytest

from router.ingest.timestamps import LATEST, BadTime, TimeCache, end_by_default, format_time, parse_time


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T08:00:00Z", 1_769_846_400_000),
        ("2026-01-31T08:00:00.123Z", 1_769_846_400_123),
        ("2026-01-31T08:00:00.123999999Z", 1_769_846_400_123),  # truncated, not rounded
        ("2026-01-31T08:00:00.999999999Z", 1_769_846_400_999),
        ("2026-01-31T10:00:00+02:00", 1_769_846_400_000),
        ("2026-01-31T10:00:00+0200", 1_769_846_400_000),
        ("2026-01-31t08:00:00z", 1_769_846_400_000),
        ("2026-01-31 08:00:00Z", 1_769_846_400_000),
        ("1970-01-01T00:00:00Z", 0),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00.000Z", None),
        ("9999-12-31T23:59:59-23:59", LATEST),
        ("9999-12-31T23:59:59.999Z", LATEST),
    ],
)
def test_times(text: str, expected: int | None) -> None:
    assert parse_time(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-01-31",
        "2026-01-31T08:00:00",
        "2026-1-31T08:00:00Z",
        "2026-01-31T8:00:00Z",
        "2026-02-30T08:00:00Z",
        "2026-01-31T24:00:01Z",
        "2026-01-31T08:00:60Z",
        "1969-12-31T23:59:59Z",
        "0000-01-01T00:00:00Z",
        "2026-01-31T08:00:00+99:00",
        "\u0662026-01-31T08:00:00Z",
        "2026-01-31T08:00:00Z" + "0" * 1000,
    ],
)
def test_no_times(text: str) -> None:
    with pytest.raises(BadTime, match="expected") as caught:
        parse_time(text)
    assert len(str(caught.value)) < 300


def test_formatting_is_the_reverse() -> None:
    assert format_time(1_769_846_400_123) == "2026-01-31T08:00:00.123Z"
    assert parse_time(format_time(LATEST)) == LATEST


def test_the_cache_is_bounded_and_answers_alike() -> None:
    cache = TimeCache(bound=2)
    for second in (10, 11, 12, 10, 11, 12):
        text = f"2026-01-31T08:00:{second}Z"
        assert cache.read(text) == parse_time(text)
    with pytest.raises(BadTime):
        cache.read("never")
    assert cache.read("0001-01-01T00:00:00Z") is None


def test_an_end_by_default() -> None:
    assert end_by_default(1000, 500) == 1500
    assert end_by_default(1000, 0) == LATEST
