from __future__ import annotations

import pytest

from router.config.fields import DAY_MS, between
from router.yamldoc import Mistake
from tests.support.config_texts import MINIMAL, diagnose


def test_durations_are_held_to_their_range() -> None:
    validator = between(1_000, DAY_MS, "1s to 1d")
    assert validator.func(1_000) == 1_000  # type: ignore[call-arg]
    for value in (999, DAY_MS + 1):
        with pytest.raises(Mistake, match="1s to 1d"):
            validator.func(value)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("shutdown_timeout: 5 minutes", "bad-duration"),
        ("limits: {body: much}", "bad-size"),
        ("pagerduty: {rate: fast}", "bad-rate"),
        ("sources: {Bad Name: {kind: json}}", "bad-name"),
        ("tls:", "empty-value"),
    ],
)
def test_each_kind_of_text_has_its_own_complaint(text: str, code: str) -> None:
    assert code in [found.code for found in diagnose(MINIMAL + text)]
