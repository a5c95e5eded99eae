"""How long to wait before the next attempt. Pure: chance is a ``random.Random`` that is handed in."""

from __future__ import annotations

import random

MAX_PAUSE_MS = 3_600_000
"""A pause of a routing key that was asked for (429) is honoured up to an hour."""

MAX_RETRY_AFTER_MS = 300_000
"""A wait that an endpoint in trouble asked for is honoured up to five minutes: pages are waiting."""

THROTTLE_BASE_MS = 5_000
THROTTLE_CAP_MS = 120_000
"""PagerDuty speaks of thirty seconds in one place and of a few minutes in another."""

_MAX_DOUBLINGS = 20


def plan_retry_ms(attempts: int, retry_after_ms: int | None, *, chance: random.Random, base_ms: int, cap_ms: int) -> int:
    """Wait after the n-th failed attempt: full jitter under a doubling ceiling, never less than what was asked for."""
    ceiling = min(cap_ms, base_ms * 2 ** min(max(attempts - 1, 0), _MAX_DOUBLINGS))
    wait = int(chance.random() * ceiling)
    return wait if retry_after_ms is None else max(wait, min(retry_after_ms, MAX_RETRY_AFTER_MS))


def plan_pause_ms(streak: int, retry_after_ms: int | None, *, chance: random.Random) -> int:
    """Pause of a routing key after the n-th 429 in a row: what was asked for, otherwise half to all of a doubling ceiling."""
    if retry_after_ms is not None:
        return min(retry_after_ms, MAX_PAUSE_MS)
    ceiling = min(THROTTLE_CAP_MS, THROTTLE_BASE_MS * 2 ** min(max(streak - 1, 0), _MAX_DOUBLINGS))
    return int(ceiling * (0.5 + chance.random() / 2))


def is_too_old(created_at: int, now: int, max_age_ms: int) -> bool:
    """Whether a delivery that has just failed is given up: by age, not by count, so that long outages are outlasted."""
    return now - created_at > max_age_ms
