"""Search: from what a person typed to the incidents that fit best. Mistyped words are mended; a phrase in quotes is one.

What is typed is data, never the index's query language. Every look at the index is bounded: of words that stand nearly
everywhere only the newest incidents are ranked. Must never do: answer with nothing where a word like it finds something.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import msgspec

from router.history.base import Found, Past, Record

MAX_WORDS = 12
MAX_LENGTH = 300
"""Characters of a query that are looked at."""

MAX_RANKED = 10_000
"""Incidents that are ranked when even the rarest word of a query stands in more."""

MAX_MENDED = 4
"""Words that one mistyped word may mean."""

_NEAR = 40
_PARTS = re.compile(r'"([^"]+)"|([^\s"]+)')
_WORD = re.compile(r"\w+")
_TOLD = (
    *("number", "title", "url", "service", "team", "rule", "status", "urgency", "created_at", "acknowledged_by", "resolved_at"),
    *("resolved_by", "resolution"),
)


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """One incident found. ``excerpt``: where, with the words between U+0002 and U+0003."""

    record: Record
    score: float
    excerpt: str


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """Best first. ``mended``: which words were taken for which; ``is_loose``: not all words stand in each."""

    hits: tuple[Hit, ...]
    mended: dict[str, list[str]] = {}
    is_loose: bool = False


class _Part(msgspec.Struct, frozen=True):
    """A word or phrase as the index is asked for it, and in how many incidents it stands at most."""

    expression: str
    frequency: int


def search(past: Past, text: str, *, limit: int = 20, exact: bool = False) -> Results:
    """The incidents that hold all the words; where there are none, those that hold some (unless ``exact``)."""
    typed = "".join(letter if letter.isprintable() else " " for letter in text[:MAX_LENGTH])
    pieces = [(phrase or word, bool(phrase)) for phrase, word in _PARTS.findall(typed)][:MAX_WORDS]
    pieces = [(piece, is_phrase) for piece, is_phrase in pieces if _WORD.search(piece)]
    mended: dict[str, list[str]] = {}
    parts = [_part(past, piece, mended, exact=exact or is_phrase) for piece, is_phrase in pieces]
    if not parts:
        return Results(hits=())
    found = _look(past, " AND ".join(part.expression for part in parts), min(part.frequency for part in parts), limit)
    is_loose = not found and not exact and len(parts) > 1
    if is_loose:
        found = _look(past, " OR ".join(part.expression for part in parts), sum(part.frequency for part in parts), limit)
    return Results(hits=_hits(past, found), mended=mended, is_loose=is_loose and bool(found))


def fold(word: str) -> str:
    """As the index folds words: without case and diacritics."""
    decomposed = unicodedata.normalize("NFKD", word.lower())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def distance(one: str, other: str, most: int) -> int:
    """Letters to change, leave out, add or swap with the next; more than ``most`` is ``most`` + 1."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        current = [row]
        for column, wanted in enumerate(other, 1):
            cost = min(last[column] + 1, current[column - 1] + 1, last[column - 1] + (letter != wanted))
            swaps = row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == wanted
            current.append(min(cost, before[column - 2] + 1) if swaps else cost)
        if min(current) > most:
            return most + 1
        before, last = last, current
    return min(last[-1], most + 1)


def _part(past: Past, piece: str, mended: dict[str, list[str]], *, exact: bool) -> _Part:
    words = _WORD.findall(piece)
    frequency = min(past.frequency(fold(word)) for word in words)
    if exact or len(words) > 1 or frequency:
        return _Part(_quoted(piece), max(1, frequency))
    word = fold(words[0])
    meant = _mend(past, word)
    if meant:
        mended[piece] = meant
        return _Part(f"({' OR '.join(map(_quoted, meant))})", sum(past.frequency(fold(each)) for each in meant))
    return _Part(f"{_quoted(piece)} *", MAX_RANKED)  # the beginning of a longer one


def _mend(past: Past, word: str) -> list[str]:
    """Known words close to this one, the closest and most frequent first."""
    most = 1 if len(word) < 8 else 2  # noqa: PLR2004 -- two slips need a long word
    if len(word) < 4:  # noqa: PLR2004 -- of shorter words none is known
        return []
    near = [(distance(word, fold(each), most), each) for each in past.spellings_near(word, _NEAR)]
    close = [(away, -past.frequency(fold(each)), each) for away, each in near if away <= most]
    best = min((away for away, _, _ in close), default=0)
    return [each for away, frequency, each in sorted(close) if away == best and frequency][:MAX_MENDED]


def _look(past: Past, expression: str, frequency: int, limit: int) -> list[Found]:
    from_number = 0
    if frequency > MAX_RANKED:
        from_number = int(past.newest_number() * (1 - MAX_RANKED / frequency))
    found = past.search(expression, from_number=from_number, limit=limit)
    return found if len(found) >= limit or not from_number else past.search(expression, from_number=0, limit=limit)


def _hits(past: Past, found: Sequence[Found]) -> tuple[Hit, ...]:
    records = {record.number: record for record in past.numbered([each.number for each in found])}
    return tuple(
        Hit(record=records[each.number], score=round(each.score, 3), excerpt=each.excerpt)
        for each in found
        if each.number in records
    )


def hit_plain(hit: Hit) -> dict[str, Any]:
    """For programs."""
    return {name: getattr(hit.record, name) for name in _TOLD} | {"score": hit.score, "excerpt": hit.excerpt}


def _quoted(text: str) -> str:
    """As a string of the index's query language: nothing in it means anything."""
    return '"' + text.replace('"', '""') + '"'
