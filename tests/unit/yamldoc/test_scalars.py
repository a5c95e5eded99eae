"""YAML 1.2 core resolution, and what messages call a value."""

from __future__ import annotations

import pytest

from router.yamldoc import Plain, scalars


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("NULL", None), ("nULL", "nULL"), ("true", True), ("TRUE", True),
        ("False", False), ("yes", "yes"), ("on", "on"), ("y", "y"), ("0", 0), ("-12", -12), ("+3", 3),
        ("012", 12), ("0o17", 15), ("0x1F", 31),
        ("0b11", "0b11"), ("1_000", "1_000"), ("12:30:00", "12:30:00"), ("2026-01-01", "2026-01-01"), ("1.5", 1.5), (".5", 0.5),
        ("1.", 1.0), ("1e3", 1000.0), ("-1.5E-1", -0.15), (".", "."), ("1e", "1e"), ("1.2.3", "1.2.3"), ("inf", "inf"),
        ("nan", "nan"), ("9223372036854775807", 2**63 - 1), ("-9223372036854775808", -(2**63)), ("\u0661", "\u0661"),
    ],
)  # fmt: skip
def test_resolve(text, value):
    resolved = scalars.resolve(Plain(text))
    assert resolved == value
    assert type(resolved) is type(value)


@pytest.mark.parametrize("text", ["9223372036854775808", "9" * 5000, "0x" + "F" * 17, ".inf", "-.INF", ".nan", "1e999"])
def test_out_of_range(text):
    with pytest.raises(scalars.OutOfRange, match="expected a"):
        scalars.resolve(text)


def test_to_float_takes_whole_numbers():
    assert scalars.to_float("3") == 3.0


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ({}, "a mapping"),
        ([], "a list"),
        (Plain("no"), "no"),
        (Plain(""), "nothing"),
        ("no", 'the text "no"'),
        ("", 'the text ""'),
    ],
)
def test_describe(node, words):
    assert scalars.describe(node) == words


def test_null_is_only_unquoted():
    assert scalars.is_null(Plain("null"))
    assert not scalars.is_null("null")
    assert not scalars.is_null([])
