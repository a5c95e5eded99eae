"""Silences that people add while the router runs, as plain values that the journal and the store can hold."""

from __future__ import annotations

import msgspec

from router.model.pattern import Pattern
from router.model.ruleset import LabelTest, Match, NumberTest
from router.model.severity import Severity

MAX_SILENCES = 1_000
"""How many may be in force at once; one more is refused."""

MAX_SILENCE_MS = 90 * 86_400_000
"""How long one may last, also one that lasts until what it mutes has resolved."""


class PlainMatch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A ``Match`` as text: patterns in the rule language's form."""

    services: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    severities: tuple[Severity, ...] | None = None
    sources: tuple[str, ...] = ()
    labels: tuple[tuple[str, tuple[str, ...]], ...] = ()
    where: tuple[NumberTest, ...] = ()
    unless: tuple[PlainMatch, ...] = ()

    @classmethod
    def of(cls, match: Match) -> PlainMatch:
        """The same conditions as text."""
        return cls(
            services=_texts(match.services),
            names=_texts(match.names),
            severities=None if match.severities is None else tuple(sorted(match.severities)),
            sources=_texts(match.sources),
            labels=tuple((test.label, _texts(test.patterns)) for test in match.labels),
            where=match.where,
            unless=tuple(map(cls.of, match.unless)),
        )

    def compile(self) -> Match:
        """The conditions again; PatternError for a regular expression that cannot be compiled."""
        return Match(
            services=_patterns(self.services),
            names=_patterns(self.names),
            severities=None if self.severities is None else frozenset(self.severities),
            sources=_patterns(self.sources),
            labels=tuple(LabelTest(label=label, patterns=_patterns(texts)) for label, texts in self.labels),
            where=self.where,
            unless=tuple(each.compile() for each in self.unless),
        )


def _texts(patterns: tuple[Pattern, ...]) -> tuple[str, ...]:
    return tuple(str(pattern) for pattern in patterns)


def _patterns(texts: tuple[str, ...]) -> tuple[Pattern, ...]:
    return tuple(Pattern.parse(text) for text in texts)


class Silence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Nobody is paged for what this matches, from ``starts_at`` until ``until`` (ms UTC).

    ``until_resolved``: it ends sooner, as soon as everything that it mutes has resolved.
    """

    id: str  # unique among those in force; one added under an id in force takes its place
    match: PlainMatch
    until: int
    reason: str
    starts_at: int = 0  # 0: from the instant it was added
    until_resolved: bool = False
    by: str = ""  # who added it
