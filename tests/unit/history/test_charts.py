from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from router.history.charts import HEIGHT, bars, share


def test_bars_are_as_high_as_their_values_and_stand_on_each_other() -> None:
    text = bars(["a", "b<"], [(3, 1), (0, 8)], names=("day", "night"), title='x"<')
    root = ET.fromstring(text)
    found = [(rect.get("class"), float(rect.get("y") or 0), float(rect.get("height") or 0)) for rect in root.iter("rect")]
    assert [name for name, _, _ in found] == ["shade0", "shade1", "shade1"]
    (_, y0, h0), (_, y1, h1), (_, _, h2) = found
    assert h0 == pytest.approx(3 * h1, abs=0.3)
    assert h2 == pytest.approx(8 * h1, abs=0.5)
    assert y1 + h1 == pytest.approx(y0, abs=0.2)
    assert root.get("aria-label") == 'x"<'
    assert [title.text for title in root.iter("title")] == ["a: 3 day, 1 night", "b<: 0 day, 8 night"]


@pytest.mark.parametrize("highest", [0, 1, 2, 3, 7, 9, 41, 99, 100, 12_345])
def test_nothing_reaches_above_the_chart_and_lines_are_whole_numbers(highest: int) -> None:
    root = ET.fromstring(bars(["a"], [(highest,)], names=("n",), title="t"))
    assert all(0 <= float(rect.get("y") or 0) <= HEIGHT for rect in root.iter("rect"))
    numbers = [text.text or "" for text in root.iter("text")][:-1]
    assert all(re.fullmatch(r"\d+", number) for number in numbers)
    assert int(numbers[-1]) >= highest


def test_labels_can_be_left_out() -> None:
    text = bars(list("abcd"), [(1,)] * 4, names=("n",), title="t", every=2)
    assert ">a</text>" in text
    assert ">b</text>" not in text


def test_a_share_shows_its_goal() -> None:
    assert 'class="met"' in share(0.95, 0.9)
    missed = ET.fromstring(share(0.5, 0.9))
    assert [rect.get("width") for rect in missed.iter("rect")] == ["160", "80.0"]
    assert next(missed.iter("line")).get("x1") == "144.0"
