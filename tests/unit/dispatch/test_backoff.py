import random

import pytest

from router.dispatch.backoff import is_too_old, plan_pause_ms, plan_retry_ms


class Chance(random.Random):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def random(self) -> float:
        return self.value


@pytest.mark.parametrize(
    ("attempts", "retry_after_ms", "chance", "wait"),
    [
        (1, None, 0.0, 0),
        (1, None, 0.5, 500),
        (2, None, 0.5, 1_000),
        (5, None, 0.5, 8_000),
        (6, None, 0.5, 15_000),
        (1_000, None, 0.5, 15_000),
        (0, None, 0.5, 500),
        (1, 7_000, 0.9, 7_000),
        (9, 7_000, 0.9, 27_000),
        (1, 86_400_000, 0.9, 300_000),
    ],
)
def test_waits_have_full_jitter_under_a_doubling_ceiling(attempts, retry_after_ms, chance, wait):
    assert plan_retry_ms(attempts, retry_after_ms, chance=Chance(chance), base_ms=1_000, cap_ms=30_000) == wait


@pytest.mark.parametrize(
    ("streak", "retry_after_ms", "chance", "pause"),
    [
        (1, None, 0.0, 2_500),
        (1, None, 1.0, 5_000),
        (3, None, 1.0, 20_000),
        (99, None, 1.0, 120_000),
        (5, 30_000, 1.0, 30_000),
        (5, 0, 1.0, 0),
        (1, 99_000_000, 1.0, 3_600_000),
    ],
)
def test_a_pause_is_what_was_asked_for_or_grows(streak, retry_after_ms, chance, pause):
    assert plan_pause_ms(streak, retry_after_ms, chance=Chance(chance)) == pause


def test_age_decides_when_to_give_up():
    assert not is_too_old(1_000, 2_000, 1_000)
    assert is_too_old(1_000, 2_001, 1_000)
