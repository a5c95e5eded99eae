"""Milliseconds to the several spellings of time that the real service uses, and back.

Kept strict on purpose: unpadded fields and a blank instead of ``T`` were refused by the real service.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta, timezone

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OFFSET_ZONE = timezone(timedelta(hours=-5))
_ISO = re.compile(r"(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(Z|[+-]\d{2}:?\d{2})?)?", re.ASCII)


def iso(at: int) -> str:
    """Seconds and ``Z``, as incidents carry it."""
    return (_EPOCH + timedelta(milliseconds=at)).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_milliseconds(at: int) -> str:
    """Milliseconds and ``Z``, as webhook envelopes carry it."""
    moment = _EPOCH + timedelta(milliseconds=at)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def iso_offset(at: int) -> str:
    """Seconds and a numeric offset, as notes and on-calls carry it, so that readers who insist on ``Z`` fail."""
    return (_EPOCH + timedelta(milliseconds=at)).astimezone(_OFFSET_ZONE).isoformat(timespec="seconds")


def parse_iso(text: str, *, time_required: bool = True) -> int | None:
    """Milliseconds for a padded ISO 8601 text, or nothing when it is not one; without a zone it counts as UTC."""
    found = _ISO.fullmatch(text)
    if found is None:
        return None
    day, clock, seconds, fraction, zone = found.groups()
    if clock is None and time_required:
        return None
    offset = "+00:00" if zone in {None, "Z"} else zone
    try:
        moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}:{seconds or '00'}{offset}")
    except ValueError:
        return None
    milliseconds = (moment - _EPOCH) // timedelta(milliseconds=1)
    return milliseconds + int((fraction or "0").ljust(3, "0")[:3])


def add_months(at: int, months: int) -> int:
    """The same day and time that many months later (or earlier); the last day where a month is too short."""
    moment = _EPOCH + timedelta(milliseconds=at)
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    day = min(moment.day, monthrange(year, month + 1)[1])
    return (moment.replace(year=year, month=month + 1, day=day) - _EPOCH) // timedelta(milliseconds=1)
