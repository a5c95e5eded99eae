"""How times, ages and severities look in the output for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import click

MAX_COUNTED = 8
"""Times of occurrences shown to people."""

_SECOND_MS = 1000
_COLOURS = {"critical": "red", "error": "red", "warning": "yellow", "info": "blue"}


def instant(at: int) -> str:
    """``2026-11-21 01:42:07Z``; a dash for 0 (never)."""
    if not at:
        return "-"
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def duration(length_ms: int) -> str:
    """``250ms``, ``12s``, ``3m20s``, ``2h05m``, ``4d03h``."""
    if length_ms < _SECOND_MS:
        return f"{length_ms}ms"
    seconds = length_ms // 1000
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d{hours:02}h"
    if hours:
        return f"{hours}h{minutes:02}m"
    if minutes:
        return f"{minutes}m{seconds:02}s"
    return f"{seconds}s"


def print_counted(times: Sequence[int]) -> None:
    """When the occurrences came that a window holds, the newest of them; nothing for one alone."""
    if len(times) < 2:  # noqa: PLR2004 -- it is the one that is explained
        return
    shown = [instant(at)[11:] for at in times[-MAX_COUNTED:]]
    cut = "… " if len(times) > MAX_COUNTED else ""
    click.echo(f"  counted on {instant(times[-1])[:10]} at {cut}{', '.join(shown)}")


def severity(word: str) -> str:
    """The word in its colour, on a terminal."""
    return click.style(word, fg=_COLOURS.get(word))


def clip(text: str, width: int = 70) -> str:
    """One line, at most ``width`` characters; control characters made visible, so that no alert can drive a terminal."""
    flat = "".join(character if character.isprintable() else "·" for character in text)
    return flat if len(flat) <= width else flat[: width - 1] + "…"
