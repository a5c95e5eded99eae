"""A channel's own pace, and what is not named as for PagerDuty."""

from __future__ import annotations

from router.dispatch.settings import Pacing, Settings


def test_what_is_not_named_is_as_pagerduty() -> None:
    settings = Settings(calls=7, window_ms=5, retry_max_age_ms=9, channels={"chat": Pacing(calls=1)})
    assert settings.pacing("chat") == Pacing(calls=1)
    assert settings.pacing("pagerduty") == settings.pacing("other") == Pacing(calls=7, window_ms=5, retry_max_age_ms=9)
