"""The spellings and scores a configuration adds to the four severities."""

from __future__ import annotations

from router.config.findings import Findings
from router.config.schema import Configuration
from router.model.severity import BY_WORD, Severity, SeverityScale
from router.yamldoc import Path

SPELLINGS: dict[str, tuple[str, ...]] = {
    "critical": ("panic", "fatal", "page", "p1"),
    "error": ("err", "high", "p2"),
    "warning": ("warn", "medium", "p3"),
    "info": ("low", "debug", "notice", "p4"),
}
"""Known without being configured; a configuration adds to these and may move them."""

DEFAULT_SCALE = SeverityScale(
    spellings=BY_WORD | {word: BY_WORD[severity] for severity, words in SPELLINGS.items() for word in words}
)


def build_scale(value: Configuration, findings: Findings) -> SeverityScale:
    """How words and scores become severities; complaints for a word under two of them and for scores that are none."""
    given: dict[str, tuple[str, Path]] = {}
    for severity, written in value.severities.items():
        words = [written] if isinstance(written, str) else written
        for index, word in enumerate(words):
            path: Path = ("severities", severity) if isinstance(written, str) else ("severities", severity, index)
            _add(word.strip().lower(), severity, path, given, findings)
    spellings = DEFAULT_SCALE.spellings | {word: BY_WORD[severity] for word, (severity, _) in given.items()}
    scores: dict[float, Severity] = {}
    for written, severity in value.score_severities.items():
        path = ("score_severities", written)
        bound = _to_score(written)
        if bound is None:
            findings.complain(
                path, "bad-score", f"found {written[:40]!r}; expected a number from 0 to 1", key=True, hint="for example: 0.8"
            )
        elif bound in scores:
            findings.complain(
                path, "duplicate-score", f"the bound {bound} stands here twice", key=True, hint="leave one of them out"
            )
        else:
            scores[bound] = BY_WORD[severity]
    return SeverityScale(spellings=spellings, scores=tuple(sorted(scores.items())), default=BY_WORD[value.default_severity])


def _add(word: str, severity: str, path: Path, given: dict[str, tuple[str, Path]], findings: Findings) -> None:
    if not word:
        findings.complain(
            path, "empty-spelling", "expected a word, found nothing", hint="write the word that senders use, such as page"
        )
    elif word in BY_WORD and word != severity:
        message = f"{word!r} is a severity of its own and cannot mean {severity}"
        findings.complain(path, "severity-conflict", message, "let a rule raise it: as_severity")
    elif word in given and given[word][0] != severity:
        other, other_path = given[word]
        message = f"{word!r} means {other} already, at {findings.document.span(other_path)}"
        findings.complain(path, "severity-conflict", message, hint="leave it with one of the two")
    else:
        given[word] = (severity, path)


def _to_score(text: str) -> float | None:
    try:
        bound = float(text)
    except ValueError:
        return None
    return bound if 0 <= bound <= 1 else None
