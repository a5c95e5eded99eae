"""The picture of the race: every row that both have run, where its ratio belongs, in the colour of its verdict."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from tests.benchmarks.raceplot import draw_race
from tests.benchmarks.table import ROWS, Results

_SVG = "{http://www.w3.org/2000/svg}"
RESULTS: Results = {
    ("accept-64", "router"): [
        {"new_per_second": 200.0, "new_cpu_per_100k": 1.0},
        {"new_per_second": 260.0, "new_cpu_per_100k": 1.0},
        {"new_per_second": 240.0, "new_cpu_per_100k": 1.0},
    ],
    ("accept-64", "alertmanager"): [{"new_per_second": 100.0, "new_cpu_per_100k": 4.0}],
    ("one-core", "router"): [{"new_per_second": 100.0}],
    ("crash", "router"): [{"lost": 0, "second_incidents": 0, "repeated": 3}],
}


def dots(svg: str) -> list[tuple[str, float, str]]:
    """Class, place and words of each row's dot."""
    circles = [circle for circle in ET.fromstring(svg).iter(f"{_SVG}circle") if len(circle)]
    return [(circle.get("class", ""), float(circle.get("cx", 0)), circle[0].text or "") for circle in circles]


def test_less_is_drawn_as_more_and_further_right_is_better() -> None:
    svg = draw_race(RESULTS)
    (throughput, cpu) = dots(svg)
    assert (throughput[0], throughput[2]) == ("aim", "2.40 times as good")
    assert (cpu[0], cpu[2]) == ("aim", "4.00 times as good")
    assert cpu[1] > throughput[1]
    titles = [row.title for row in ROWS if row.section == "accept-64" and row.figure.startswith("new")]
    shown = ["".join(text.itertext()) for text in ET.fromstring(svg).iter(f"{_SVG}text")]
    assert [text for text in shown if text in titles] == titles, "one core has nobody to be measured against, faults stay out"


def test_what_is_beyond_the_axis_stands_at_its_end() -> None:
    far = draw_race({("one-core", name): [{"new_per_second": rate}] for name, rate in (("router", 1e6), ("alertmanager", 1.0))})
    near = draw_race(
        {("one-core", name): [{"new_per_second": rate}] for name, rate in (("router", 32.0), ("alertmanager", 1.0))}
    )
    assert dots(far)[0][1] == dots(near)[0][1]


def test_nothing_is_drawn_of_nothing() -> None:
    assert draw_race({}) == ""
