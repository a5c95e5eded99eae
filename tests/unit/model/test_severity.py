"""Severities: ordered, PagerDuty's words, spellings and scores."""

import pytest

from router.model.severity import BY_WORD, Severity, SeverityScale

SCALE = SeverityScale(
    spellings=BY_WORD | {"fatal": Severity.CRITICAL},
    scores=((0.4, Severity.WARNING), (0.6, Severity.ERROR), (0.8, Severity.CRITICAL)),
)


def test_order_and_words() -> None:
    assert sorted(Severity, reverse=True) == [Severity.CRITICAL, Severity.ERROR, Severity.WARNING, Severity.INFO]
    assert [severity.word for severity in Severity] == ["info", "warning", "error", "critical"]


@pytest.mark.parametrize(
    ("word", "severity"),
    [("critical", 4), ("Fatal", 4), (" ERROR ", 3), ("info", 1), ("nonsense", None), ("", None)],
)
def test_spellings(word: str, severity: int | None) -> None:
    assert SCALE.of_word(word) == severity


@pytest.mark.parametrize(
    ("score", "severity"), [(0.0, 1), (0.39, 1), (0.4, 2), (0.59, 2), (0.6, 3), (0.8, 4), (1.0, 4), (7.0, 4), (-1.0, 1)]
)
def test_scores(score: float, severity: int) -> None:
    assert SCALE.of_score(score) == severity


def test_defaults() -> None:
    scale = SeverityScale()
    assert scale.default is Severity.ERROR
    assert scale.of_word("warning") is Severity.WARNING
    assert scale.of_score(0.7) is Severity.ERROR
