"""Details made harmless and small enough. Pure; called only for events that need it, so it may take its time.

``harmless``: JSON types only, no control characters, no lone surrogates, nested no deeper than ``MAX_DEPTH``. ``fit_details``:
within a number of bytes, longest values cut first, then whole details left out, and a note of what went.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from router.wire.text import clean, cut

MAX_DEPTH = 8
MAX_ITEMS = 10_000
"""Members of one nested object or list."""

MAX_KEY = 255
NOTE = "alert_router_note"
NOTE_ROOM = 2_048
"""Bytes kept free for the note."""

_VALUE_LIMITS = (65_536, 16_384, 4_096, 1_024, 256)
_LARGEST_INTEGER = 2**63
_PLAIN = frozenset({str, int, float, bool, type(None)})
_NAMED = 20  # details named one by one in the note

_encode = msgspec.json.Encoder().encode


def is_flat(details: dict[str, Any]) -> bool:
    """Whether all values are plain: then depth and types need no look."""
    return all(type(value) in _PLAIN for value in details.values()) if details else True


def harmless(details: dict[str, Any]) -> dict[str, Any]:
    """The same details as JSON anybody can read."""
    found = _harmless(details, MAX_DEPTH)
    return found if isinstance(found, dict) else {}


def _harmless(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return clean(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -_LARGEST_INTEGER <= value < _LARGEST_INTEGER else _text_of(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        if depth <= 0:
            return f"(an object of {len(value)} members, nested too deep)"
        members = list(value.items())[:MAX_ITEMS]
        return {cut(clean(str(key)), MAX_KEY): _harmless(member, depth - 1) for key, member in members}
    if isinstance(value, list | tuple | set | frozenset):
        if depth <= 0:
            return f"(a list of {len(value)} items, nested too deep)"
        return [_harmless(item, depth - 1) for item in list(value)[:MAX_ITEMS]]
    return clean(_text_of(value))


def _text_of(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - a value that cannot say what it is must not lose the page
        return f"({type(value).__name__})"


def keep_within(items: list[dict[str, str]], room: int) -> list[dict[str, str]]:
    """As many from the beginning as fit ``room`` bytes of JSON."""
    used = 2
    for position, item in enumerate(items):
        used += len(_encode(item)) + 1
        if used > room:
            return items[:position]
    return items


def fit_details(details: dict[str, Any], room: int, notes: list[str]) -> dict[str, Any]:
    """The details within ``room`` bytes of JSON, with a note of what was cut; ``notes`` are things left out before."""
    sizes = {key: _member_size(key, value) for key, value in details.items()}
    kept = dict(details)
    available = room - NOTE_ROOM
    shortened = _shorten(kept, sizes, available)
    left_out = _leave_out(kept, sizes, available)
    said = [f"{len(left_out)} details ({_named(left_out)})"] if left_out else []
    parts = []
    if shortened:
        parts.append(f"cut: {_named([key for key in shortened if key in kept])}")
    if notes or said:
        parts.append(f"left out: {', '.join([*notes, *said])}")
    if parts:
        kept[NOTE] = cut(f"Too long for PagerDuty (512 KB); {'; '.join(parts)}", NOTE_ROOM // 4)
    return kept


def _member_size(key: str, value: Any) -> int:
    return len(_encode(key)) + len(_encode(value)) + 2


def _shorten(kept: dict[str, Any], sizes: dict[str, int], available: int) -> list[str]:
    """Cut the longest values step by step until all fits or every value is short; the keys of those that were cut."""
    shortened: dict[str, None] = {}
    used = sum(sizes.values()) + 2
    for limit in _VALUE_LIMITS:
        for key in sorted(sizes, key=lambda name: sizes[name], reverse=True):
            if used <= available:
                return list(shortened)
            if sizes[key] <= limit:
                break
            value = kept[key]
            text = value if isinstance(value, str) else _encode(value).decode()
            kept[key] = cut(text, limit // 4)  # a unit may take three bytes, or two when escaped
            shortened[key] = None
            used -= sizes[key]
            sizes[key] = _member_size(key, kept[key])
            used += sizes[key]
    return list(shortened)


def _leave_out(kept: dict[str, Any], sizes: dict[str, int], available: int) -> list[str]:
    """Leave out the last details until the rest fits: what an author puts first matters most."""
    used = sum(sizes.values()) + 2
    left_out: list[str] = []
    while used > available and kept:
        key, _ = kept.popitem()
        used -= sizes[key]
        left_out.append(key)
    return left_out[::-1]


def _named(keys: list[str]) -> str:
    named = ", ".join(cut(key, 40) for key in keys[:_NAMED])
    return f"{named} and {len(keys) - _NAMED} more" if len(keys) > _NAMED else named
