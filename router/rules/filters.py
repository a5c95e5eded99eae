"""The filters a template may use: few, total, and bounded in time and memory whatever an alert holds.

Every filter cuts text it is given to OUTPUT_CAP characters first, so no combination of them can grow without bound. They
take what alerts hold (text, numbers, lists, mappings); a missing value counts as empty text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

import jinja2
import msgspec

OUTPUT_CAP = 8_192
"""Characters a rendered text has at most; PagerDuty's own limits are applied later, by ``router.pagerduty``."""

ITEMS_CAP = 1_000
"""Items of a list or mapping a template ever looks at."""

_MAX_DECIMALS = 10


def as_text(value: Any) -> str:
    """What a value looks like on a page: text as it is, true and false as in JSON, nothing for missing, else JSON."""
    match value:
        case str():
            return value[:OUTPUT_CAP]
        case bool():
            return "true" if value else "false"
        case None | jinja2.Undefined():
            return ""
        case int() | float():
            return str(value)
        case _:
            return msgspec.json.encode(value, enc_hook=str).decode()[:OUTPUT_CAP]


def members(value: Any) -> list[Any]:
    """The members of a list, the keys of a mapping, the text itself as one member; in order and bounded."""
    if isinstance(value, str | int | float):
        return [value]
    if value is None or isinstance(value, jinja2.Undefined) or not isinstance(value, Iterable):
        return []
    return [member for member, _ in zip(value, range(ITEMS_CAP), strict=False)]


def _default(value: Any, instead: Any = "") -> Any:
    return instead if value is None or value == "" or isinstance(value, jinja2.Undefined) else value


def _float(value: Any, instead: float = 0.0) -> float:
    try:
        return float(as_text(value)[:64])
    except ValueError:
        return instead


def _int(value: Any, instead: int = 0) -> int:
    try:
        return int(_float(value, float(instead)))
    except (ValueError, OverflowError):
        return instead


def _join(value: Any, between: str = ", ") -> str:
    parts: list[str] = []
    left = OUTPUT_CAP
    for member in members(value):
        parts.append(as_text(member)[:left])
        left -= len(parts[-1]) + len(between)
        if left <= 0:
            break
    return between.join(parts)[:OUTPUT_CAP]


def _replace(value: Any, old: str, new: str) -> str:
    text = as_text(value)
    if not old:
        return text
    if len(new) > len(old):
        # As many replacements as can show at all.
        return text.replace(old, new, OUTPUT_CAP // len(new) + 1)[:OUTPUT_CAP]
    return text.replace(old, new)


def _round(value: Any, decimals: int = 0) -> float | int:
    rounded = round(_float(value), max(0, min(_int(decimals), _MAX_DECIMALS)))
    return int(rounded) if decimals == 0 and abs(rounded) < 2**63 else rounded


def _truncate(value: Any, length: int = 255) -> str:
    text = as_text(value)
    length = max(1, min(length, OUTPUT_CAP))
    return text if len(text) <= length else text[: length - 1] + "…"


def _pairs(value: Any) -> list[tuple[str, Any]]:
    return [(key, value[key]) for key in members(value)] if isinstance(value, Mapping) else []


FILTERS: dict[str, tuple[Callable[..., Any], str]] = {
    "capitalize": (lambda value: as_text(value).capitalize(), "First letter upper case, the rest lower."),
    "default": (_default, "`x|default('none')`: another value when this one is missing or empty."),
    "first": (lambda value: next(iter(members(value)), ""), "First member of a list."),
    "float": (_float, "As a number; 0 when it is none, or `x|float(1.5)`."),
    "int": (_int, "As a whole number; 0 when it is none."),
    "items": (_pairs, "Keys and values of a mapping: `{% for key, value in labels|items %}`."),
    "join": (_join, "Members of a list as one text: `x|join(' / ')`."),
    "last": (lambda value: next(reversed(members(value)), ""), "Last member of a list."),
    "length": (lambda value: len(value) if hasattr(value, "__len__") else 0, "Characters of a text, members of a list."),
    "lower": (lambda value: as_text(value).lower(), "Lower case."),
    "replace": (_replace, "`x|replace('_', ' ')`."),
    "round": (_round, "`x|round(2)`: decimals, at most 10."),
    "sort": (lambda value: sorted(members(value), key=as_text), "Members in alphabetical order."),
    "title": (lambda value: as_text(value).title(), "Each Word Upper Case."),
    "trim": (lambda value: as_text(value).strip(), "Without blanks at both ends."),
    "truncate": (_truncate, "`x|truncate(80)`: at most that many characters."),
    "upper": (lambda value: as_text(value).upper(), "Upper case."),
    "urlencode": (lambda value: quote(as_text(value), safe="")[:OUTPUT_CAP], "Safe inside an address."),
}
