"""The severity a source means, from its word or its score."""

from __future__ import annotations

from router.model.severity import Severity, SeverityScale


def severity_of(text: str, scale: SeverityScale) -> Severity:
    """A word the scale knows, or a score from 0 to 1; anything else is the scale's default."""
    if not text:
        return scale.default
    found = scale.of_word(text)
    if found is not None:
        return found
    try:
        score = float(text)
    except ValueError:
        return scale.default
    return scale.of_score(score) if 0 <= score <= 1 else scale.default
