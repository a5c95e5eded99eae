"""Which team owns a service: the most specific pattern wins.

Definition, in this order: (1) an exact name beats every glob; (2) the pattern that spells out more characters wins (``*``,
``?`` and ``[...]`` spell none); (3) the longer beginning before the first wildcard; (4) more sets ``[...]``, then more ``?``,
then fewer ``*``; (5) the team that was configured first. A regular expression spells nothing and ranks with ``*``.

Answers are cached within a bound. New names cost a few dictionary look-ups: patterns are indexed by the text before their
first wildcard or, if that is empty, by the text after their last one; only patterns with neither are tried one by one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from router.model.pattern import Pattern
from router.model.ruleset import Team

CACHED_NAMES = 8_192
"""Service names remembered; the least recently used is forgotten."""

_WILDCARD = re.compile(r"\*|\?|\[!?\]?[^\]]*\]")

Specificity = tuple[int, int, int, int, int]
"""Compared as tuples; greater is more specific."""


def specificity(pattern: Pattern) -> Specificity:
    """How specific a glob or regular expression is: literal characters, length of the beginning, sets, ``?``, minus ``*``."""
    if pattern.kind == "regex":
        return (0, 0, 0, 0, -1)
    wildcards = _WILDCARD.findall(pattern.text)
    literals = len(pattern.text) - sum(map(len, wildcards))
    sets = sum(wildcard.startswith("[") for wildcard in wildcards)
    return (literals, len(_beginning(pattern.text)), sets, wildcards.count("?"), -wildcards.count("*"))


class _Candidate:
    """One glob of one team, with what it takes to compare it."""

    __slots__ = ("matches", "rank", "team")

    def __init__(self, pattern: Pattern, team: str, order: int) -> None:
        self.matches = pattern.matches
        self.team = team
        self.rank = (*specificity(pattern), -order)


class Ownership:
    """Answers ``owner`` for one set of teams; immutable but for its cache."""

    def __init__(self, teams: Mapping[str, Team]) -> None:
        """Index the positive patterns of all teams; negated ones own nothing."""
        self._exact: dict[str, str] = {}
        self._by_beginning: dict[int, dict[str, list[_Candidate]]] = {}
        self._by_ending: dict[int, dict[str, list[_Candidate]]] = {}
        self._rest: list[_Candidate] = []
        for order, team in enumerate(teams.values()):
            for pattern in team.services:
                if not pattern.negated:
                    self._add(pattern, team.name, order)
        for index in (self._by_beginning, self._by_ending):
            for bucket in (bucket for group in index.values() for bucket in group.values()):
                bucket.sort(key=lambda candidate: candidate.rank, reverse=True)
        self._rest.sort(key=lambda candidate: candidate.rank, reverse=True)
        # Longest first: a long beginning usually settles it.
        self._beginnings = sorted(self._by_beginning.items(), reverse=True)
        self._endings = sorted(self._by_ending.items(), reverse=True)
        self.owner = lru_cache(CACHED_NAMES)(self._find)
        """``owner(service)``: the team that owns the service, or None."""

    def _add(self, pattern: Pattern, team: str, order: int) -> None:
        text = pattern.text
        if pattern.kind == "exact":
            self._exact.setdefault(text, team)
            return
        candidate = _Candidate(pattern, team, order)
        if pattern.kind == "glob":
            if beginning := _beginning(text):
                self._by_beginning.setdefault(len(beginning), {}).setdefault(beginning, []).append(candidate)
                return
            if ending := _ending(text):
                self._by_ending.setdefault(len(ending), {}).setdefault(ending, []).append(candidate)
                return
        self._rest.append(candidate)

    def _find(self, service: str) -> str | None:
        exact = self._exact.get(service)
        if exact is not None:
            return exact
        best: _Candidate | None = None
        for length, group in self._beginnings:
            best = _better(best, group.get(service[:length]), service)
        for length, group in self._endings:
            best = _better(best, group.get(service[-length:]), service)
        best = _better(best, self._rest, service)
        return best.team if best else None


def _better(best: _Candidate | None, bucket: list[_Candidate] | None, service: str) -> _Candidate | None:
    """The first of the bucket (most specific first) that matches, if it is more specific than the best so far."""
    for candidate in bucket or ():
        if best is not None and candidate.rank <= best.rank:
            break
        if candidate.matches(service):
            return candidate
    return best


def _beginning(text: str) -> str:
    found = _WILDCARD.search(text) or re.search(r"\[", text)
    return text[: found.start()] if found else text


def _ending(text: str) -> str:
    """The literal text after the last wildcard; empty if a bracket makes that uncertain."""
    return "" if "[" in text or "]" in text else re.split(r"[*?]", text)[-1]
