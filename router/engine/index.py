"""Which of thousands of patterns match a name, without trying them all.

Exact texts are looked up; so are globs that are a beginning or an end alone, by their lengths. Any other glob is filed under
one piece of its literal text, four characters or the longest it has, with the name's beginning and end as characters of their
own; of its pieces the one fewest globs share. A name is looked up by all its own pieces, and what is found is verified by the
pattern itself. Globs with no literal at all, regular expressions and negated patterns are tried one by one. So 10,000 patterns
cost a name about what 10 do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from router.model.pattern import Pattern

PIECE = 4
"""Characters of a piece. Shorter pieces are used only for globs that have no longer literal."""

_BEGIN, _END = "\x02", "\x03"

_Tried = tuple[Callable[[str], bool], int]


def literals(glob: str) -> list[str]:
    """The literal runs of a glob, with marks for the beginning and the end of the name where they are known."""
    runs = []
    run = _BEGIN
    place, size = 0, len(glob)
    while place < size:
        character = glob[place]
        place += 1
        if character == "[":
            # As fnmatch reads it: "]" right after "[" or "[!" is a member, and a "[" never closed is a character.
            start = place + 1 if glob[place : place + 1] == "!" else place
            end = glob.find("]", start + 1)
            if end >= 0:
                place = end + 1
                character = "?"
        elif character not in "*?":
            run += character
            continue
        if character == "[":
            run += character
        else:
            runs.append(run)
            run = ""
    runs.append(run + _END)
    # A mark alone stands in every name.
    return [run for run in runs if run not in ("", _BEGIN, _END)]


def pieces(run: str, size: int) -> list[str]:
    """All parts of that length."""
    return [run[start : start + size] for start in range(len(run) - size + 1)]


class NameIndex:
    """Positions of the patterns that match a name. Immutable; a position may have several patterns."""

    __slots__ = ("_exact", "_filed", "_parts", "_tried")

    def __init__(self, patterns: Iterable[tuple[Pattern, int]]) -> None:
        """File every pattern under its position."""
        self._exact: dict[str, list[int]] = {}
        self._tried: list[_Tried] = []
        self._filed: list[tuple[int, dict[str, list[_Tried]]]] = []
        parts: dict[int, tuple[slice, dict[str, list[int]]]] = {}
        globs: list[tuple[_Tried, list[str]]] = []
        for pattern, position in patterns:
            if pattern.kind == "exact" and not pattern.negated:
                self._exact.setdefault(pattern.text, []).append(position)
                continue
            text = pattern.text
            runs = literals(text) if pattern.kind == "glob" and not pattern.negated else []
            length = len(text) - 1
            if runs == [_BEGIN + text[:-1]] and text[-1] == "*":
                parts.setdefault(length, (slice(length), {}))[1].setdefault(text[:-1], []).append(position)
            elif runs == [text[1:] + _END] and text[0] == "*":
                parts.setdefault(-length, (slice(-length, None), {}))[1].setdefault(text[1:], []).append(position)
            elif runs:
                globs.append(((pattern.matches, position), runs))
            else:
                self._tried.append((pattern.matches, position))
        self._parts = [*parts.values()]
        self._file(globs)

    def _file(self, globs: list[tuple[_Tried, list[str]]]) -> None:
        choices: list[tuple[_Tried, int, list[str]]] = []
        shared: Counter[str] = Counter()
        for tried, runs in globs:
            size = min(PIECE, max(map(len, runs)))
            own = sorted({piece for run in runs for piece in pieces(run, size)})
            shared.update(own)
            choices.append((tried, size, own))
        filed: dict[int, dict[str, list[_Tried]]] = {}
        for tried, size, own in choices:
            filed.setdefault(size, {}).setdefault(min(own, key=shared.__getitem__), []).append(tried)
        self._filed = sorted(filed.items(), key=lambda item: item[0])

    def __bool__(self) -> bool:
        """Whether there is anything to find."""
        return bool(self._exact or self._parts or self._filed or self._tried)

    def find(self, name: str) -> set[int]:
        """The positions whose pattern matches."""
        found = set(self._exact.get(name, ()))
        for part, by_text in self._parts:
            positions = by_text.get(name[part])
            if positions is not None:
                found.update(positions)
        if self._filed:
            self._find_filed(name, found)
        for matches, position in self._tried:
            if matches(name):
                found.add(position)
        return found

    def _find_filed(self, name: str, found: set[int]) -> None:
        text = f"{_BEGIN}{name}{_END}"
        for length, by_piece in self._filed:
            for start in range(len(text) - length + 1):
                bucket = by_piece.get(text[start : start + length])
                if bucket is not None:
                    for matches, position in bucket:
                        if matches(name):
                            found.add(position)
