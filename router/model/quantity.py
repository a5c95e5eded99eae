"""Durations, sizes and rates as people write them: ``1h30m``, ``64MiB``, ``100/1m``.

One spelling for configuration, rules and messages. Durations are whole milliseconds, sizes whole bytes. Never guesses a
unit: a bare number is refused with the spelling that was probably meant.
"""

from __future__ import annotations

import re

import msgspec

_UNIT_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?\Z", re.ASCII)
_BINARY = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "TiB": 1024**4}
_DECIMAL = {"kB": 1000, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "TB": 1000**4}
_SIZE = re.compile(r"(\d+)\s*([A-Za-z]+)\Z", re.ASCII)
_LONGEST_TEXT = 32
_MAX_DURATION_MS = 10 * 365 * 86_400_000
_MAX_SIZE_BYTES = 2**50

DURATION_FORM = "a duration such as 300ms, 15s, 5m, 1h30m or 7d"
SIZE_FORM = "a size such as 512KiB, 64MiB or 2GiB"
RATE_FORM = 'a rate such as 100/1m (100 in one minute), or "unlimited"'


class QuantityError(ValueError):
    """The text is no quantity of this kind; the message says what is expected, ``hint`` what was probably meant."""

    def __init__(self, message: str, hint: str = "") -> None:
        """Keep the hint apart from the message."""
        super().__init__(message)
        self.hint = hint


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """At most this many within any ``per_ms`` milliseconds."""

    calls: int
    per_ms: int

    def __str__(self) -> str:
        """As it is written in a configuration."""
        return f"{self.calls}/{format_duration(self.per_ms)}"


def parse_duration(text: str) -> int:
    """Milliseconds of ``300ms``, ``15s``, ``5m``, ``1h30m``, ``7d`` (largest unit first); QuantityError says what is wrong."""
    cut = text.strip()
    found = _DURATION.match(cut) if cut and len(cut) <= _LONGEST_TEXT else None
    if found is None:
        raise QuantityError(f"expected {DURATION_FORM}", _duration_hint(cut))
    days, hours, minutes, seconds, milliseconds = (int(part or 0) for part in found.groups())
    total = days * _UNIT_MS["d"] + hours * _UNIT_MS["h"] + minutes * _UNIT_MS["m"] + seconds * _UNIT_MS["s"] + milliseconds
    if total > _MAX_DURATION_MS:
        raise QuantityError("expected a duration of at most 3650d")
    return total


def format_duration(length_ms: int) -> str:
    """The shortest spelling that ``parse_duration`` reads back to the same length: ``90000`` is ``1m30s``."""
    if length_ms == 0:
        return "0s"
    parts = []
    rest = length_ms
    for unit, size in _UNIT_MS.items():
        whole, rest = divmod(rest, size)
        if whole:
            parts.append(f"{whole}{unit}")
    return "".join(parts)


def parse_size(text: str) -> int:
    """Bytes of ``64MiB`` or ``2GB`` (KiB, MiB, GiB count by 1024; kB, MB, GB by 1000); QuantityError says what is wrong."""
    cut = text.strip()
    found = _SIZE.match(cut) if len(cut) <= _LONGEST_TEXT else None
    if found is None:
        hint = f"bytes? write {cut}B" if cut.isascii() and cut.isdigit() and len(cut) <= _LONGEST_TEXT else ""
        raise QuantityError(f"expected {SIZE_FORM}", hint)
    number, unit = found.groups()
    factor = _BINARY.get(unit) or _DECIMAL.get(unit)
    if factor is None:
        known = {name.lower(): name for name in _BINARY}
        meant = known.get(unit.lower()) or known.get(unit.lower() + "ib")
        raise QuantityError(f"expected {SIZE_FORM}", f"did you mean {number}{meant}?" if meant else "")
    size = int(number) * factor
    if size > _MAX_SIZE_BYTES:
        raise QuantityError("expected a size of at most 1024TiB")
    return size


def format_size(size_bytes: int) -> str:
    """The largest unit that leaves a whole number: ``67108864`` is ``64MiB``."""
    for unit, factor in reversed(_BINARY.items()):
        if size_bytes and size_bytes % factor == 0:
            return f"{size_bytes // factor}{unit}"
    return f"{size_bytes}B"


def parse_rate(text: str) -> Rate | None:
    """``100/1m`` is 100 within any minute, ``unlimited`` is None; QuantityError says what is wrong."""
    cut = text.strip()
    if cut.lower() == "unlimited":
        return None
    calls, slash, per = cut.partition("/")
    if not slash or not (calls.isascii() and calls.isdigit()) or len(calls) > _LONGEST_TEXT:
        hint = f"per minute? write {cut}/1m" if cut.isascii() and cut.isdigit() and len(cut) <= _LONGEST_TEXT else ""
        raise QuantityError(f"expected {RATE_FORM}", hint)
    per_ms = _UNIT_MS.get(per) or parse_duration(per)
    if int(calls) < 1 or per_ms < 1:
        raise QuantityError("expected a rate of at least one call", 'for no limit write "unlimited"')
    if int(calls) > 1_000_000:  # noqa: PLR2004 -- more than any interface takes
        raise QuantityError("expected a rate of at most 1000000 calls", 'for no limit write "unlimited"')
    return Rate(calls=int(calls), per_ms=per_ms)


def _duration_hint(text: str) -> str:
    if len(text) > _LONGEST_TEXT:
        return ""
    if text.isascii() and text.isdigit():
        return f"a duration needs a unit: {text}s, {text}m or {text}h?"
    parts = re.findall(r"([0-9]+(?:\.[0-9]+)?)\s*([a-z]+)", text.lower())
    units = {"sec": "s", "min": "m", "hour": "h", "hr": "h", "day": "d", "millisecond": "ms", "msec": "ms", "week": "w"}
    total = 0.0
    for number, word in parts:
        stem = word.rstrip("s") if word not in {"s", "ms"} else word
        unit = {"second": "s", "minute": "m"}.get(stem) or units.get(stem, stem)
        factor = 7 * _UNIT_MS["d"] if unit == "w" else _UNIT_MS.get(unit, 0)
        if not factor:
            return ""
        total += float(number) * factor
    if not parts or total < 1 or total > _MAX_DURATION_MS:
        return ""
    return f"did you mean {format_duration(round(total))}?"
