"""A picture of a few points: each where it belongs, with its figure."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from tests.benchmarks.plot import draw, trace


def test_every_point_says_its_figure_and_stands_where_it_belongs() -> None:
    svg = draw([(10, 1.0), (1_000, 4.0)], x="rules & more", y="us")
    root = ET.fromstring(svg)
    shown = ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert shown == ["rules & more", "us", "1.0", "10", "4.0", "1,000"]
    first, last = [
        (float(dot.get("cx", 0)), float(dot.get("cy", 0))) for dot in root.iter("{http://www.w3.org/2000/svg}circle")
    ]
    assert first[0] < last[0]
    assert first[1] > last[1]


def test_a_single_point_of_nought_can_be_drawn() -> None:
    assert "0.0" in draw([(5, 0.0)], x="a", y="b")


def test_a_figure_over_minutes_names_its_greatest_and_its_last() -> None:
    svg = trace([10.0, 40.0, 20.0], x="minute", y="MB")
    root = ET.fromstring(svg)
    shown = ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert shown == ["minute", "MB", "1", "3", "40", "20"]
    line = next(root.iter("{http://www.w3.org/2000/svg}polyline")).get("points", "").split()
    heights = [float(point.split(",")[1]) for point in line]
    assert heights[1] < heights[2] < heights[0]
    assert "0" in trace([0.0], x="minute", y="MB")
