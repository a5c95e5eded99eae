"""Drills as the configuration words them, and what is missing for them."""

from __future__ import annotations

import pytest

from router.model.drill import Drill
from router.model.severity import Severity
from tests.support.config_texts import diagnose, load


def text(drill: str, *, services: str = "[pay-*, pay-api]", token: str = "env:TOKEN") -> str:
    rest = f"pagerduty: {{api_token: {token}}}\n" if token else ""
    return (
        f"default_team: a\nteams:\n  a: {{pagerduty: {{routing_key: env:KEY}}, services: {services}, drill: {drill}}}\n{rest}"
    )


def test_all_it_says() -> None:
    settings = load(text("{at: '10:05', weekdays: [tue, mon], zone: Europe/Berlin, severity: warning, within: 2m}"))
    assert settings.drills == {
        "a": Drill(
            team="a", service="pay-api", severity=Severity.WARNING, weekdays=(0, 1), minute=605, zone="Europe/Berlin",
            within_ms=120_000,
        )
    }  # fmt: skip
    assert load(text("{at: '00:00', service: other}")).drills["a"].service == "other"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (text("{at: '24:00'}"), "invalid-value"),
        (text("{at: '10:00', zone: Europe/Nowhere}"), "unknown-zone"),
        (text("{at: '10:00', weekdays: []}"), "invalid-value"),
        (text("{weekdays: [mon]}"), "missing-key"),
        (text("{at: '10:00'}", services="['pay-*']"), "no-service"),
        (text("{at: '10:00'}", token=""), "no-token"),
    ],
)
def test_what_is_refused(given: str, code: str) -> None:
    assert code in {each.code for each in diagnose(given)}
