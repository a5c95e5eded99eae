"""How bad it is, in PagerDuty's four words, and how the words and numbers of sources become one of them."""

from __future__ import annotations

from enum import IntEnum

import msgspec


class Severity(IntEnum):
    """Ordered: 4 critical, 3 error, 2 warning, 1 info. The lower-case name is PagerDuty's spelling."""

    INFO = 1
    WARNING = 2
    ERROR = 3
    CRITICAL = 4

    @property
    def word(self) -> str:
        """``critical``, ``error``, ``warning`` or ``info``: exactly what PagerDuty accepts."""
        return _WORDS[self]


_WORDS = {severity: severity.name.lower() for severity in Severity}
BY_WORD = {word: severity for severity, word in _WORDS.items()}


class SeverityScale(msgspec.Struct, frozen=True, kw_only=True):
    """How the spellings and scores of sources map to the four severities.

    ``spellings`` has lower-case keys and always holds the four words themselves. ``scores`` are (lower bound, severity) in
    rising order for sources that report 0..1: a score below the first bound is ``info``.
    """

    spellings: dict[str, Severity] = msgspec.field(default_factory=lambda: dict(BY_WORD))
    scores: tuple[tuple[float, Severity], ...] = (
        (0.4, Severity.WARNING),
        (0.6, Severity.ERROR),
        (0.8, Severity.CRITICAL),
    )
    default: Severity = Severity.ERROR

    def of_word(self, word: str) -> Severity | None:
        """The severity a source means by this word, or None if the spelling is unknown."""
        return self.spellings.get(word) or self.spellings.get(word.strip().lower())

    def of_score(self, score: float) -> Severity:
        """The severity of the band a 0..1 score falls in."""
        found = Severity.INFO
        for bound, severity in self.scores:
            if score >= bound:
                found = severity
        return found
