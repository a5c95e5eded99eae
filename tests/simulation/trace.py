"""What happened, in order: kept as values, shown as a timeline, digested to compare two runs."""

from __future__ import annotations

import hashlib
from typing import Any


class Violation(AssertionError):
    """A promise was broken in the simulated world."""


class Trace:
    """Everything worth a line, with its virtual time in milliseconds since the world began."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, str, tuple[Any, ...]]] = []

    def add(self, at: int, what: str, *values: Any) -> None:
        """One line; ``values`` are shown after ``what``."""
        self.lines.append((at, what, values))

    def digest(self) -> str:
        """Equal for equal runs."""
        state = hashlib.blake2b(digest_size=16)
        for line in self.lines:
            state.update(repr(line).encode())
        return state.hexdigest()

    def show(self, *, newest: int | None = None, about: str = "") -> str:
        """The timeline as text: the newest lines, or those that speak of something."""
        lines = [
            f"{at / 1000:10.3f}  {what:<16} {' '.join(map(str, values))}"
            for at, what, values in self.lines
            if not about or about in f"{what} {values}"
        ]
        cut = len(lines) - newest if newest is not None and len(lines) > newest else 0
        return "\n".join(([f"  … {cut} earlier lines"] if cut else []) + lines[cut:])
