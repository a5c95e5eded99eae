from __future__ import annotations

import pytest

from router.history.figures import Times
from router.history.wording import NOTHING, change_of, clean, length, per_cent, safe_url


@pytest.mark.parametrize(
    ("milliseconds", "told"),
    [(0, "0s"), (59_999, "59s"), (60_000, "1m 00s"), (3_725_000, "1h 02m"), (90_061_000, "1d 1h")],
)
def test_lengths(milliseconds: int, told: str) -> None:
    assert length(milliseconds) == told


def test_what_was_not_measured_is_a_dash() -> None:
    assert length(0, Times()) == NOTHING
    assert length(1_000, Times(count=1)) == "1s"
    assert per_cent(1, 0) == NOTHING
    assert per_cent(1, 3) == "33 %"


def test_changes() -> None:
    assert change_of(11, 10, is_known=True) == ("+10 %", "worse")
    assert change_of(9, 10, is_known=True) == ("-10 %", "better")
    assert change_of(10, 10, is_known=True) == ("as before", "")
    assert change_of(1, 0, is_known=True) == ("none before", "worse")
    assert change_of(1, 0, is_known=False) == ("", "")


def test_texts_are_one_line_of_bounded_length() -> None:
    assert clean("a\nb\x1b[31m") == "a b [31m"
    assert len(clean("x" * 10_000)) == 300


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "https://", "//example.test", "https://a b", "http://[", ""]
)
def test_addresses_that_are_none_of_the_web(url: str) -> None:
    assert safe_url(url) == ""


def test_addresses_of_the_web() -> None:
    assert safe_url("https://example.test/x?y=1") == "https://example.test/x?y=1"
