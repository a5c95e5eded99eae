from __future__ import annotations

import pytest

from router.ingest.severities import severity_of
from router.model.severity import BY_WORD, Severity, SeverityScale

SCALE = SeverityScale(spellings=BY_WORD | {"page": Severity.CRITICAL}, default=Severity.WARNING)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("critical", Severity.CRITICAL),
        (" Page ", Severity.CRITICAL),
        ("0.85", Severity.CRITICAL),
        ("0.3", Severity.INFO),
        ("1", Severity.CRITICAL),
        ("1.5", Severity.WARNING),
        ("nan", Severity.WARNING),
        ("-0.1", Severity.WARNING),
        ("odd", Severity.WARNING),
        ("", Severity.WARNING),
    ],
)
def test_severities(text: str, expected: Severity) -> None:
    assert severity_of(text, SCALE) is expected
