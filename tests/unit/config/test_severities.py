from __future__ import annotations

import pytest

from router.config.severities import DEFAULT_SCALE, SPELLINGS
from router.model.severity import BY_WORD, Severity
from tests.support.config_texts import MINIMAL, load


def test_the_usual_spellings_are_known_without_being_configured() -> None:
    scale = load(MINIMAL).scale
    assert scale == DEFAULT_SCALE
    for severity, words in SPELLINGS.items():
        for word in (severity, *words):
            assert scale.of_word(word.upper()) is BY_WORD[severity]


def test_a_configuration_adds_spellings_and_may_move_them() -> None:
    scale = load(MINIMAL + "severities: {critical: [Sev1, ' HIGH '], info: page}").scale
    assert [scale.of_word(word) for word in ("sev1", "high", "page", "panic", "err")] == [
        Severity.CRITICAL,
        Severity.CRITICAL,
        Severity.INFO,
        Severity.CRITICAL,
        Severity.ERROR,
    ]


def test_a_severity_may_name_itself() -> None:
    assert load(MINIMAL + "severities: {critical: [critical, CRITICAL]}").scale == DEFAULT_SCALE


@pytest.mark.parametrize(("score", "severity"), [(0.0, Severity.INFO), (0.5, Severity.WARNING), (0.99, Severity.CRITICAL)])
def test_scores_are_sorted(score: float, severity: Severity) -> None:
    text = "score_severities: {0.9: critical, 0.3: warning}\ndefault_severity: info"
    scale = load(MINIMAL + text).scale
    assert scale.of_score(score) is severity
    assert scale.default is Severity.INFO
