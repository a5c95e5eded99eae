from __future__ import annotations

from router.api.limits import ServerLimits


def test_deadlines_are_looked_at_often_enough() -> None:
    assert ServerLimits().sweep_seconds == 1.0
    assert ServerLimits(header_seconds=0.4).sweep_seconds == 0.1
