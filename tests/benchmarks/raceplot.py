"""The race as a picture: one line a row, how many times as good as Alertmanager, with floor and aim, on a logarithmic axis.

Whatever a row measures, further right is better: a row of which less is good (CPU, memory, time) is drawn as the inverse of its
ratio. Rows of faults are left out; what is right there does not depend on Alertmanager. The colours follow the reader's scheme.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from tests.benchmarks.table import ROWS, Results, Row, median, values_of, verdict

WIDTH, LEFT, RIGHT, TOP, LINE, BOTTOM = 860, 372, 34, 34, 24, 40
TICKS = (0.25, 0.5, 1, 2, 4, 8, 16, 32)

STYLE = """
  text { fill: #24292f } .faint { fill: #57606a } .grid { stroke: #d0d7de } .one { stroke: #57606a; stroke-width: 1.5 }
  .limit { fill: #57606a } .spread { stroke: #24292f } .aim { fill: #1a7f37 } .floor { fill: #0969da } .below { fill: #cf222e }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .faint { fill: #9198a1 } .grid { stroke: #3d444d } .one { stroke: #9198a1 }
    .limit { fill: #9198a1 } .spread { stroke: #e6edf3 } .aim { fill: #3fb950 } .floor { fill: #4493f8 } .below { fill: #f85149 }
  }
"""


def draw_race(results: Results) -> str:
    """The picture of all rows that both have run; empty if there is none."""
    rows = [row for row in ROWS if not row.absolute and verdict(row, results)]
    if not rows:
        return ""
    height = TOP + LINE * len(rows) + BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f"<style>{STYLE}</style>",
        f'<text x="{LEFT}" y="16" class="faint">times as good as Alertmanager: further right is better</text>',
    ]
    for tick in TICKS:
        across, kind = _across(tick), "one" if tick == 1 else "grid"
        parts += [
            f'<path d="M{across:.1f} {TOP - 8}V{height - BOTTOM}" class="{kind}"/>',
            f'<text x="{across:.1f}" y="{height - BOTTOM + 16}" text-anchor="middle" class="faint">{tick:g}</text>',
        ]
    for number, row in enumerate(rows):
        parts += _draw_row(row, results, TOP + LINE * number + LINE / 2)
    parts += _legend(height - 8)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _draw_row(row: Row, results: Results, middle: float) -> list[str]:
    theirs = median(values_of(row, results, "alertmanager"))
    ratios = [value / theirs for value in values_of(row, results, "router")]
    ours = sorted(_goodness(row, ratio) for ratio in ratios)
    place = _goodness(row, median(ratios))
    return [
        f'<text x="{LEFT - 14}" y="{middle + 4:.1f}" text-anchor="end">{escape(row.title)}</text>',
        _bar(_across(_goodness(row, row.floor)), middle, 3),
        _bar(_across(_goodness(row, row.aim)), middle, 1),
        f'<path d="M{_across(ours[0]):.1f} {middle:.1f}H{_across(ours[-1]):.1f}" class="spread"/>',
        f'<circle cx="{_across(place):.1f}" cy="{middle:.1f}" r="5" class="{verdict(row, results)}">',
        f"<title>{place:.2f} times as good</title></circle>",
    ]


def _bar(across: float, middle: float, width: int) -> str:
    return f'<rect x="{across - width / 2:.1f}" y="{middle - 8:.1f}" width="{width}" height="16" class="limit"/>'


def _legend(y: float) -> list[str]:
    """What the marks mean, from left to right."""
    marks: Sequence[tuple[str, str]] = (("aim", "reaches its aim"), ("floor", "passes its floor"), ("below", "below its floor"))
    parts, x = [], float(LEFT - 358)
    for kind, words in marks:
        parts.append(
            f'<circle cx="{x}" cy="{y - 4}" r="5" class="{kind}"/><text x="{x + 10}" y="{y}" class="faint">{words}</text>'
        )
        x += 118
    parts.append(f'{_bar(x, y - 4, 3)}<text x="{x + 8}" y="{y}" class="faint">floor</text>')
    parts.append(f'{_bar(x + 52, y - 4, 1)}<text x="{x + 60}" y="{y}" class="faint">aim; lines: least to most</text>')
    return parts


def _goodness(row: Row, ratio: float) -> float:
    return ratio if row.better == "more" else 1 / ratio if ratio else math.inf


def _across(goodness: float) -> float:
    """Where on the axis; what is beyond its ends stands at them."""
    low, high = math.log2(TICKS[0]), math.log2(TICKS[-1])
    place = min(max(math.log2(goodness), low), high) if goodness and math.isfinite(goodness) else high
    return LEFT + (place - low) / (high - low) * (WIDTH - LEFT - RIGHT)
