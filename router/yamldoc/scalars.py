"""What unquoted text means under the YAML 1.2 core schema, and what a message calls a value.

Only ``null`` (also empty and ``~``), ``true``/``false``, decimal, ``0o`` and ``0x`` integers and decimal floats mean something;
``yes``, ``12:30:00`` and dates are text.
"""

from __future__ import annotations

import math
import re
from typing import Any

from router.yamldoc.document import Plain, shown

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_MOST_DIGITS = 25  # longer ones cannot fit, and int() refuses thousands of digits
_LARGEST = 2**63 - 1


class OutOfRange(ValueError):
    """A number that is not finite, or an integer that 64 bits cannot hold."""


def is_null(node: Any) -> bool:
    """Nothing, ``~`` or ``null``, unquoted."""
    return type(node) is Plain and node in _NULL


def is_integer(text: str) -> bool:
    """Looks like a whole number."""
    return _INTEGER.fullmatch(text) is not None


def is_number(text: str) -> bool:
    """Looks like a number, infinity and not-a-number included."""
    return is_integer(text) or _FLOAT.fullmatch(text) is not None or _NOT_FINITE.fullmatch(text) is not None


def has_leading_zero(text: str) -> bool:
    """Octal for YAML 1.1, decimal for YAML 1.2."""
    return _LEADING_ZERO.fullmatch(text) is not None


def to_integer(text: str) -> int:
    """The whole number that ``is_integer`` saw."""
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    if len(text) > _MOST_DIGITS or not -_LARGEST - 1 <= (number := int(text, base)) <= _LARGEST:
        raise OutOfRange(f"found {shown(text)[1:-1]}; expected a whole number that fits in 64 bits")
    return number


def to_float(text: str) -> float:
    """The number that ``is_number`` saw."""
    if is_integer(text):
        return float(to_integer(text))
    if _NOT_FINITE.fullmatch(text) or not math.isfinite(number := float(text)):
        raise OutOfRange(f"found {shown(text)[1:-1]}; expected a finite number")
    return number


def resolve(text: str) -> Any:
    """What unquoted text means where any value is welcome."""
    if text in _NULL:
        return None
    if text in BOOLEANS:
        return BOOLEANS[text]
    if is_integer(text):
        return to_integer(text)
    if is_number(text):
        return to_float(text)
    return str(text)


def describe(node: Any) -> str:
    """What a message says was found."""
    if isinstance(node, dict):
        return "a mapping"
    if isinstance(node, list):
        return "a list"
    if type(node) is Plain:
        return shown(node)[1:-1] if node else "nothing"
    return f"the text {shown(node)}"
