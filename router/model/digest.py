"""When a digest is due: so long after the first thing it holds, or at times of the day on the clock of a zone. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

WEEK_DAYS = 7
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_MILLISECOND = timedelta(milliseconds=1)


class Digest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Either ``every_ms`` or ``at``. A time that the clock skips is taken where it would be, one that comes twice once."""

    every_ms: int = 0
    at: tuple[int, ...] = ()  # minutes of the day, rising
    weekdays: tuple[int, ...] = ()  # 0 is Monday; empty: every day
    zone: str = "UTC"

    def due(self, began_at: int) -> int:
        """When a digest is sent that holds something since ``began_at`` (ms UTC): always later than that."""
        if self.every_ms:
            return began_at + self.every_ms
        return _next_time(began_at, self.at, self.weekdays, self.zone)


@lru_cache(1_024)  # what is collected within one second asks alike
def _next_time(after: int, at: tuple[int, ...], weekdays: tuple[int, ...], zone: str) -> int:
    there = ZoneInfo(zone)
    day = (_EPOCH + after * _MILLISECOND).astimezone(there).date()
    for _ in range(WEEK_DAYS + 2):  # today's may be over, and tomorrow may be skipped whole
        if not weekdays or day.weekday() in weekdays:
            for minute in at:
                shown = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=there)
                instant = (shown.astimezone(UTC) - _EPOCH) // _MILLISECOND
                if instant > after:
                    return instant
        day += _DAY
    return after + WEEK_DAYS * (_DAY // _MILLISECOND)  # no times at all: the configuration refuses that


def digest_cause(key: str, due: str) -> str:
    """What a decision says of the digest that has taken something up."""
    return f"in {key}, due {due}"


def digest_key_of(cause: str) -> str:
    """The key of that digest."""
    return cause.removeprefix("in ").partition(",")[0]
