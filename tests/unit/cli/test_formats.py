from __future__ import annotations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.cli.formats import clip, duration, instant, print_counted, severity


def test_instants_are_utc_and_never_is_a_dash() -> None:
    assert instant(1_790_000_000_000) == "2026-09-21 14:13:20Z"
    assert instant(0) == "-"


@pytest.mark.parametrize(
    ("length_ms", "text"),
    [
        (0, "0ms"), (999, "999ms"), (1_000, "1s"), (59_999, "59s"), (200_000, "3m20s"), (7_500_000, "2h05m"),
        (356_400_000, "4d03h"),
    ],
)  # fmt: skip
def test_durations(length_ms: int, text: str) -> None:
    assert duration(length_ms) == text


def test_a_severity_is_its_word_in_colour() -> None:
    assert severity("critical") == click.style("critical", fg="red")
    assert click.unstyle(severity("info")) == "info"


@given(st.text(max_size=200), st.integers(1, 100))
def test_clipped_text_is_one_printable_line_of_its_width(text: str, width: int) -> None:
    found = clip(text, width)
    assert len(found) <= width
    assert found.isprintable()
    if text.isprintable() and len(text) <= width:
        assert found == text


def test_when_occurrences_came(capsys: pytest.CaptureFixture[str]) -> None:
    print_counted([1_795_000_000_000])
    assert capsys.readouterr().out == ""
    print_counted([1_795_000_000_000, 1_795_000_060_000])
    assert capsys.readouterr().out == "  counted on 2026-11-18 at 11:06:40Z, 11:07:40Z\n"
    print_counted([1_795_000_000_000 + 1000 * n for n in range(20)])
    assert capsys.readouterr().out.count(":") == 2 * 8
