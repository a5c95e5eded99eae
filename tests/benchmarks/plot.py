"""Lines as SVG, the figure upwards from nought: through a few points over sizes, on a logarithmic axis, or over minutes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 480, 220
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 16, 44


def draw(points: Sequence[tuple[float, float]], *, x: str, y: str) -> str:
    """The picture; every point says its figure."""
    low, high = math.log10(min(size for size, _ in points)), math.log10(max(size for size, _ in points))
    top = max(value for _, value in points) * 1.15 or 1.0
    places = [
        (
            LEFT + (math.log10(size) - low) / ((high - low) or 1) * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM),
        )
        for size, value in points
    ]
    parts = _framed(places, x=x, y=y)
    for (size, value), (across, up) in zip(points, places, strict=True):
        parts += [
            f'<circle cx="{across:.1f}" cy="{up:.1f}" r="3" fill="#1565c0"/>',
            f'<text x="{across:.1f}" y="{up - 7:.1f}" text-anchor="middle">{value:,.1f}</text>',
            f'<text x="{across:.1f}" y="{HEIGHT - BOTTOM + 15}" text-anchor="middle">{size:,.0f}</text>',
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"


def trace(figures: Sequence[float], *, x: str, y: str) -> str:
    """The picture of a figure a minute; the greatest and the last are named."""
    top = max(figures) * 1.15 or 1.0
    places = [
        (
            LEFT + place / max(1, len(figures) - 1) * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM),
        )
        for place, value in enumerate(figures)
    ]
    parts = _framed(places, x=x, y=y)
    for place, minute in ((LEFT, 1), (WIDTH - RIGHT, len(figures))):
        parts.append(f'<text x="{place}" y="{HEIGHT - BOTTOM + 15}" text-anchor="middle">{minute}</text>')
    for index in sorted({len(figures) - 1, figures.index(max(figures))}):
        across, up = places[index]
        parts.append(f'<text x="{across:.1f}" y="{up - 7:.1f}" text-anchor="end">{figures[index]:,.0f}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _framed(places: Sequence[tuple[float, float]], *, x: str, y: str) -> list[str]:
    """The beginning of a picture: axes, their names, and the line."""
    line = " ".join(f"{across:.1f},{up:.1f}" for across, up in places)
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="11">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<path d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" fill="none" stroke="#888"/>',
        f'<polyline points="{line}" fill="none" stroke="#1565c0" stroke-width="2"/>',
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x)}</text>',
        f'<text transform="translate(16 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">{escape(y)}</text>',
    ]
