"""What was read: the data, the place of every value and key, and the mistakes found while reading.

Data holds only ``dict`` (keys are text), ``list``, ``Plain`` (unquoted scalars) and ``str`` (quoted ones). Places are kept as
character offsets and turned into lines and columns when somebody asks.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, Literal, TypeAlias

import msgspec

from router.errors import Diagnostic, Span

Path: TypeAlias = tuple[str | int, ...]
"""``("rules", 3, "when")``: mapping keys as text, list positions from 0."""

_REST = 200  # characters of a line that are looked at for a hint
_WORD = re.compile(r"[A-Za-z_][\w-]*\Z")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one file may cost; anything above is a diagnostic."""

    size: int = 4 * 1024 * 1024  # bytes (characters, when the text comes as ``str``)
    depth: int = 64  # nested lists and mappings
    nodes: int = 200_000  # keys, values, lists and mappings
    diagnostics: int = 1_000  # mistakes reported; the rest is counted in one last diagnostic


DEFAULT = Limits()


class Plain(str):
    """The text of an unquoted scalar, as written; quoted and block scalars are plain ``str``."""

    __slots__ = ()


class Place:
    """Where a value and its key stand, as character offsets; containers know the places of their children."""

    __slots__ = ("children", "end", "key", "start")

    def __init__(
        self, start: int, end: int, key: tuple[int, int] | None = None, children: dict[str | int, Place] | None = None
    ) -> None:
        """Scalars have no children, containers gain them while they are read."""
        self.start = start
        self.end = end
        self.key = key
        self.children = children


class Lines:
    """Turns character offsets into lines and columns, both from 1; a line ends at LF, CR LF or CR."""

    def __init__(self, text: str, file: str) -> None:
        """Count nothing before it is asked for."""
        self.text = text
        self.file = file

    @cached_property
    def _starts(self) -> list[int]:
        unified = self.text.replace("\r\n", " \n").replace("\r", "\n")
        return list(accumulate((len(line) + 1 for line in unified.split("\n")), initial=0))[:-1]

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line_bounds(self, offset: int) -> tuple[int, int]:
        """Offsets of the first character of the line an offset lies in, and of its end without the line break."""
        line = bisect_right(self._starts, offset)
        start = self._starts[line - 1]
        if line == len(self._starts):
            return start, len(self.text)
        end = self._starts[line] - 1
        return start, end - (1 if self.text.startswith("\r\n", end - 1) else 0)

    def span(self, start: int, end: int) -> Span:
        """The span between two offsets."""
        start = min(start, len(self.text))
        line, column = self.position(start)
        end_line, end_column = self.position(min(max(start, end), len(self.text)))
        return Span(file=self.file, line=line, column=column, end_line=end_line, end_column=end_column)


@dataclass(frozen=True, eq=False, kw_only=True)
class Document:
    """One file, read. ``diagnostics`` are the mistakes of reading alone; ``validate`` adds those of the schema."""

    file: str
    text: str
    data: Any  # None when the document is empty, or not readable
    diagnostics: list[Diagnostic]
    left_off: int  # mistakes of reading beyond the limit, counted in a last diagnostic
    is_readable: bool  # False: so broken that there is no data to validate
    limits: Limits
    lines: Lines
    root: Place
    broken: frozenset[Path]  # already reported by the reader: no second diagnostic at or below these

    def span(self, path: Path, *, key: bool = False) -> Span:
        """Place of a value, or of its key; of the nearest existing parent when there is no such value."""
        place, is_found = self._place(path)
        if key and is_found and place.key is not None:
            return self.lines.span(*place.key)
        return self.lines.span(place.start, place.end)

    def offset_of(self, path: Path, text: str) -> int | None:
        """Where a text value begins in the file, inside its quotes; None if it is written differently (escapes, folded)."""
        place, is_found = self._place(path)
        raw = self.text[place.start : place.end]
        for skipped in (0, 1):
            if is_found and raw[skipped : skipped + len(text)] == text and len(raw) <= len(text) + 2 * skipped:
                return place.start + skipped
        return None

    def rest_of_line(self, path: Path) -> str:
        """What follows a value on its line, or the beginning of it."""
        place, _ = self._place(path)
        end = self.lines.line_bounds(place.end)[1]
        return self.text[place.end : min(end, place.end + _REST)]

    def _place(self, path: Path) -> tuple[Place, bool]:
        place = self.root
        for part in path:
            child = place.children.get(part) if place.children else None
            if child is None:
                return place, False
            place = child
        return place, True


def to_diagnostic(  # noqa: PLR0917 - the order in which a sentence would say it
    document: Document,
    path: Path,
    code: str,
    message: str,
    hint: str = "",
    level: Literal["error", "warning"] = "error",
    *,
    key: bool = False,
) -> Diagnostic:
    """A diagnostic at a value of the document (or at its key), for the cross-checks of callers."""
    span = document.span(path, key=key)
    return Diagnostic(code=code, span=span, path=format_path(path), message=message, hint=hint, level=level)


def format_path(path: Path) -> str:
    """``rules[3].when.within``; keys that are no plain words stand in brackets: ``labels["a b"]``."""
    text = ""
    for part in path:
        if isinstance(part, str) and _WORD.match(part):
            text += f".{part}" if text else part
        else:
            text += f"[{shown(part) if isinstance(part, str) else part}]"
    return text


def shown(text: str) -> str:
    """Text in double quotes for a message: on one line, and not too long."""
    most = 60
    cut = text if len(text) <= most else text[: most - 1] + "…"
    return json.dumps(cut, ensure_ascii=False)


def cut_short(diagnostics: list[Diagnostic], limit: int, left_off: int = 0) -> list[Diagnostic]:
    """At most ``limit`` diagnostics in the order of the file; one more counts the rest, and the ``left_off`` errors before."""
    ordered = sorted(diagnostics, key=lambda found: (found.span.line, found.span.column))
    rest = ordered[limit:]
    count = len(rest) + left_off
    if not count:
        return ordered
    is_error = left_off or any(found.level == "error" for found in rest)
    message = f"found {count:,} more mistakes that are not listed"
    span = ordered[min(limit, len(ordered) - 1)].span
    last = Diagnostic(
        code="more-mistakes",
        span=span,
        path="",
        message=message,
        level="error" if is_error else "warning",
        hint="correct those above, and check again",
    )
    return [*ordered[:limit], last]
