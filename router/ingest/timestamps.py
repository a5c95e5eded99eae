"""Times as senders write them (RFC 3339) to integer milliseconds, truncated. Year 1, Go's zero time, means "not set"."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_SHAPE = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,12})?(?:[Zz]|[+-]\d\d:?\d\d)", re.ASCII)
_LONGEST = 64

LATEST = 253_402_300_799_999
"""The last millisecond of the year 9999; later times count as this one."""

EXPECTED = "an RFC 3339 time such as 2026-01-31T08:00:00Z"


class BadTime(ValueError):
    """Not a time we take; the message says what was expected."""


def parse_time(text: str) -> int | None:
    """Milliseconds since 1970 UTC, fractions truncated; None for the zero time (year 1). BadTime before 1970 or if no time."""
    if len(text) > _LONGEST or not _SHAPE.fullmatch(text):
        raise BadTime(f"expected {EXPECTED}, found {text[:_LONGEST]!r}")
    if text.startswith("0001-01-01"):
        return None
    try:
        # fromisoformat truncates what is finer than a microsecond; it wants capitals.
        moment = (datetime.fromisoformat(text.upper()) - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError) as error:
        raise BadTime(f"expected {EXPECTED}, found {text!r}: {error}") from error
    if moment < 0:
        raise BadTime(f"expected a time since 1970, found {text!r}")
    return min(moment, LATEST)


def format_time(at: int) -> str:
    """``2026-01-31T08:00:00.000Z`` from milliseconds."""
    return (_EPOCH + timedelta(milliseconds=min(max(at, 0), LATEST))).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at % 1000:03d}Z"


def end_by_default(now: int, timeout_ms: int) -> int:
    """When an alert without an end of its own expires; never, for a timeout of 0."""
    return now + timeout_ms if timeout_ms else LATEST


class TimeCache:
    """Times already read, by their text: the alerts of a batch mostly share theirs. Bounded; begins anew when full."""

    def __init__(self, bound: int = 8_192) -> None:
        """Knows nothing yet."""
        self._bound = bound
        self._known: dict[str, int | None] = {}

    def read(self, text: str) -> int | None:
        """As ``parse_time``."""
        try:
            return self._known[text]
        except KeyError:
            moment = parse_time(text)
            if len(self._known) >= self._bound:
                self._known.clear()
            self._known[text] = moment
            return moment
