"""Charts as inline SVG: bars in one or two shades. Pure text, no script, no font or picture from elsewhere; prints well.

Every label is escaped here. Each bar says its value when it is pointed at, and the chart as a whole says what it shows to those
who cannot see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import ceil

WIDTH = 720
HEIGHT = 170
_LEFT, _TOP, _BOTTOM = 34, 10, 22
_STEPS = (1, 2, 5, 10, 20, 25, 50)


def bars(labels: Sequence[str], stacks: Sequence[Sequence[int]], *, names: Sequence[str], title: str, every: int = 1) -> str:
    """``stacks``: for each label the heights from below, one for each of ``names``; every so many labels are written."""
    top = _ceiling(max((sum(stack) for stack in stacks), default=0))
    room = HEIGHT - _TOP - _BOTTOM
    step = (WIDTH - _LEFT) / max(1, len(labels))
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">']
    for line in range(5):
        value = top * line / 4
        if value == int(value):
            y = HEIGHT - _BOTTOM - room * line / 4
            parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(f'<text class="axis" x="{_LEFT - 6}" y="{y + 3.5:.1f}" text-anchor="end">{int(value)}</text>')
    for index, (label, stack) in enumerate(zip(labels, stacks, strict=True)):
        x, y = _LEFT + index * step, float(HEIGHT - _BOTTOM)
        said = ", ".join(f"{value} {name}" for name, value in zip(names, stack, strict=True))
        parts.append(f"<g><title>{escape(label)}: {escape(said)}</title>")
        for shade, value in enumerate(stack):
            height = room * value / top
            y -= height
            if value:
                place = f'x="{x + step * 0.14:.1f}" y="{y:.1f}" width="{step * 0.72:.1f}" height="{height:.1f}"'
                parts.append(f'<rect class="shade{shade}" {place}/>')
        parts.append("</g>")
        if index % every == 0:
            parts.append(
                f'<text class="axis" x="{x + step / 2:.1f}" y="{HEIGHT - 7}" text-anchor="middle">{escape(label)}</text>'
            )
    return "".join((*parts, "</svg>"))


def share(value: float, goal: float) -> str:
    """A share of 1 as a bar, with a mark at the goal."""
    width = 160
    word = "met" if value >= goal else "missed"
    return (
        f'<svg class="share" viewBox="0 0 {width} 12" role="img" aria-label="{value:.1%} of {goal:.1%}">'
        f'<rect class="track" width="{width}" height="12" rx="2"/>'
        f'<rect class="{word}" width="{width * min(1.0, max(0.0, value)):.1f}" height="12" rx="2"/>'
        f'<line class="goal" x1="{width * goal:.1f}" x2="{width * goal:.1f}" y1="0" y2="12"/></svg>'
    )


def _ceiling(highest: int) -> int:
    """A round number that is not below it, and that four lines divide into whole numbers where it is not small."""
    power = 1
    while True:
        for step in _STEPS:
            top = 4 * step * power
            if highest <= top:
                return top if highest > 2 else max(1, ceil(highest))  # noqa: PLR2004 -- one or two need no lines
        power *= 10
