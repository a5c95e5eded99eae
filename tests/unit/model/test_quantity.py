from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.model.quantity import (
    QuantityError,
    Rate,
    format_duration,
    format_size,
    parse_duration,
    parse_rate,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "length_ms"),
    [
        ("300ms", 300),
        ("15s", 15_000),
        ("5m", 300_000),
        ("1h30m", 5_400_000),
        ("7d", 604_800_000),
        ("1m500ms", 60_500),
        ("0s", 0),
        (" 5m ", 300_000),
        ("90m", 5_400_000),
    ],
)
def test_durations(text: str, length_ms: int) -> None:
    assert parse_duration(text) == length_ms


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", ""),
        ("5", "a duration needs a unit: 5s, 5m or 5h?"),
        ("5 minutes", "did you mean 5m?"),
        ("1.5h", "did you mean 1h30m?"),
        ("5min", "did you mean 5m?"),
        ("30sec", "did you mean 30s?"),
        ("2 hours 5 mins", "did you mean 2h5m?"),
        ("1w", "did you mean 7d?"),
        ("5M", "did you mean 5m?"),
        ("30s5m", "did you mean 5m30s?"),
        ("-5m", "did you mean 5m?"),
        ("five", ""),
        ("5x", ""),
        ("\u0665m", ""),
        ("9" * 40, ""),
        ("9999d", ""),
        ("0.0001ms", ""),
    ],
)
def test_bad_durations(text: str, hint: str) -> None:
    with pytest.raises(QuantityError) as caught:
        parse_duration(text)
    assert caught.value.hint == hint
    assert "expected a duration" in str(caught.value)


@given(st.integers(min_value=0, max_value=10 * 365 * 86_400_000))
def test_a_duration_is_read_back_as_it_was_written(length_ms: int) -> None:
    assert parse_duration(format_duration(length_ms)) == length_ms


@pytest.mark.parametrize(("length_ms", "text"), [(0, "0s"), (90_000, "1m30s"), (300_000, "5m"), (86_400_001, "1d1ms")])
def test_format_duration(length_ms: int, text: str) -> None:
    assert format_duration(length_ms) == text


@pytest.mark.parametrize(
    ("text", "size"),
    [("64MiB", 64 * 1024**2), ("2GiB", 2 * 1024**3), ("1 KiB", 1024), ("1kB", 1000), ("2GB", 2 * 10**9), ("7B", 7), ("0B", 0)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("64", "bytes? write 64B"),
        ("64mib", "did you mean 64MiB?"),
        ("64M", "did you mean 64MiB?"),
        ("2g", "did you mean 2GiB?"),
        ("much", ""),
        ("5 apples", ""),
        ("9999999TiB", ""),
        ("9" * 40, ""),
    ],
)
def test_bad_sizes(text: str, hint: str) -> None:
    with pytest.raises(QuantityError) as caught:
        parse_size(text)
    assert caught.value.hint == hint


@given(st.integers(min_value=0, max_value=2**50))
def test_a_size_is_read_back_as_it_was_written(size: int) -> None:
    assert parse_size(format_size(size)) == size


def test_rates() -> None:
    assert parse_rate("100/1m") == Rate(calls=100, per_ms=60_000)
    assert parse_rate("5/s") == Rate(calls=5, per_ms=1_000)
    assert parse_rate("Unlimited") is None
    assert str(Rate(calls=100, per_ms=60_000)) == "100/1m"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("100", "per minute? write 100/1m"),
        ("0/1m", 'for no limit write "unlimited"'),
        ("5/0s", 'for no limit write "unlimited"'),
        ("99999999/1m", 'for no limit write "unlimited"'),
        ("a/1m", ""),
        ("5/fast", ""),
        ("-5/1m", ""),
        ("", ""),
    ],
)
def test_bad_rates(text: str, hint: str) -> None:
    with pytest.raises(QuantityError) as caught:
        parse_rate(text)
    assert caught.value.hint == hint
