"""Guesses what somebody meant to write; bounded work whatever the words are."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_LONGEST = 64
_SHORTEST_PREFIX = 3
_CLOSE = 0.7


def suggest(word: str, candidates: Iterable[str]) -> str:
    """``did you mean "service"?`` for the nearest candidate, or nothing when none is near."""
    best = nearest(word, candidates)
    return f'did you mean "{best}"?' if best else ""


def nearest(word: str, candidates: Iterable[str]) -> str:
    """The candidate that looks most like the word, or nothing."""
    if not word or len(word) > _LONGEST:
        return ""
    known: dict[str, str] = {}
    for candidate in candidates:
        if len(candidate) <= _LONGEST:
            known.setdefault(_normal(candidate), candidate)
    wanted = _normal(word)
    if wanted in known:
        return known[wanted]
    close = difflib.get_close_matches(wanted, known, n=1, cutoff=_CLOSE)
    if close:
        return known[close[0]]
    if len(wanted) >= _SHORTEST_PREFIX:
        return next((candidate for name, candidate in known.items() if name.startswith(wanted)), "")
    return ""


def _normal(word: str) -> str:
    return word.casefold().replace("-", "_").strip()
