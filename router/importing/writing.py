"""Values as YAML that a person goes on editing: short lists on one line, a comment where each thing came from."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_/](?:[A-Za-z0-9_./@:+-]*[A-Za-z0-9_./@+-])?(?: [A-Za-z0-9_./-]+)*\Z")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
_UNSAFE = re.compile("[\x7f-\xa0\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]")
_WIDTH = 120


def scalar(text: str) -> str:
    """A text, quoted where YAML or a reader could take it for something else."""
    if _PLAIN.match(text) and text.lower() not in _WORDS:
        return text
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))


def on_one_line(value: Any) -> str:
    """The value in flow style."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case Mapping():
            return "{" + ", ".join(f"{scalar(str(key))}: {on_one_line(inner)}" for key, inner in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(on_one_line, value)) + "]"
    return scalar(str(value))


def block(value: Mapping[str, Any], indent: int, comments: Mapping[str, str] | None = None) -> list[str]:
    """A mapping key by key; ``comments`` stand above their keys."""
    lines: list[str] = []
    space = " " * indent
    for key, inner in value.items():
        if comments and key in comments:
            lines.append(f"{space}# {comments[key]}")
        short = f"{space}{scalar(str(key))}: {on_one_line(inner)}"
        if not isinstance(inner, Mapping | list) or not inner or (len(short) <= _WIDTH and not _is_deep(inner)):
            lines.append(short)
        elif isinstance(inner, list):
            lines.append(f"{space}{scalar(str(key))}:")
            lines += [line for entry in inner for line in entry_of(entry, indent + 2)]
        else:
            lines += [f"{space}{scalar(str(key))}:", *block(inner, indent + 2)]
    return lines


def entry_of(value: Any, indent: int) -> list[str]:
    """An entry of a list."""
    if not isinstance(value, Mapping) or not value:
        return [f"{' ' * indent}- {on_one_line(value)}"]
    lines = block(value, indent + 2)
    return [f"{' ' * indent}- {lines[0].lstrip()}", *lines[1:]]


def _is_deep(value: Any) -> bool:
    """Whether it is a mapping of mappings, or a list of more than one mapping: better read line by line."""
    if isinstance(value, Mapping):
        return any(isinstance(inner, Mapping) for inner in value.values())
    return sum(isinstance(inner, Mapping) for inner in value) > 1
