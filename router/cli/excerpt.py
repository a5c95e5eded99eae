"""The line a diagnostic speaks of, with a caret under the place. Never shows a secret, and nothing that drives a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from router.errors import Span
from router.yamldoc import read

WIDTH = 110
_LEAD = 30
_SECRET_KEYS = frozenset({"routing_key", "token", "keys", "api_token", "webhook_secrets"})
_SECRET_KEY = re.compile(rf"""["']?\b(?:{"|".join(_SECRET_KEYS)})["']?\s*:""")
_TOKEN = re.compile(r"""[^\s\[\]{},"']+""")
# What has the shape of a key of PagerDuty's: letters and digits mixed.
_KEY_SHAPED = re.compile(r"(?<![A-Za-z0-9])(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{20,}(?![A-Za-z0-9])")
_REFERENCES = ("env:", "file:", "credential:")


class Excerpts:
    """Lines of the files that were checked, by name."""

    def __init__(self, texts: Mapping[str, bytes]) -> None:
        """Lines are split when they are asked for."""
        self._texts = texts
        self._lines: dict[str, list[str]] = {}
        self._secrets: dict[str, list[str]] = {}

    def show(self, span: Span) -> list[str]:
        """The line and the caret's line; empty if there is no such line."""
        lines = self._lines_of(span.file)
        if not 1 <= span.line <= len(lines):
            return []
        line = hide_secrets(lines[span.line - 1], self._secrets[span.file])
        end = span.end_column if span.end_line == span.line else len(line) + 1
        start = span.column - 1
        length = max(1, min(end - span.column, len(line) - start))
        cut = max(0, start - _LEAD) if len(line) > WIDTH else 0
        shown = "".join(character if character.isprintable() else " " for character in line[cut : cut + WIDTH])
        gutter = f"{span.line:>5} | "
        return [f"{gutter}{shown}".rstrip(), " " * (len(gutter) - 2) + "| " + " " * (start - cut) + "^" * min(length, WIDTH)]

    def _lines_of(self, file: str) -> list[str]:
        if file not in self._lines:
            text = self._texts.get(file, b"").decode(errors="replace").removeprefix("\ufeff")
            # The longest first: one secret may be part of another.
            self._secrets[file] = sorted(find_secrets(read(text, file).data), key=len, reverse=True)
            self._lines[file] = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        return self._lines[file]


def find_secrets(data: Any) -> set[str]:
    """Texts in a document that stand where a secret does and are no references."""
    found: set[str] = set()
    waiting: list[tuple[Any, bool]] = [(data, False)]
    while waiting:
        part, is_secret = waiting.pop()
        if isinstance(part, dict):
            waiting.extend((value, is_secret or key in _SECRET_KEYS) for key, value in part.items())
        elif isinstance(part, list):
            waiting.extend((value, is_secret) for value in part)
        elif is_secret and isinstance(part, str) and part and not part.startswith(_REFERENCES):
            found.update(str(part).split("\n"))
    return found - {""}


def hide_secrets(line: str, secrets: Iterable[str] = ()) -> str:
    """The line with all that is, or may be, a secret as asterisks of the same length, so that columns still fit."""
    for secret in secrets:
        line = line.replace(secret, "*" * len(secret))
    for key in reversed(list(_SECRET_KEY.finditer(line))):
        line = line[: key.end()] + _hide_values(line[key.end() :])
    return _KEY_SHAPED.sub(lambda found: "*" * len(found[0]), line)


def _hide_values(rest: str) -> str:
    """What follows a key that holds a secret, hidden up to the next key of the line."""
    parts = []
    position = 0
    for token in _TOKEN.finditer(rest):
        text = token[0]
        if text.endswith(":") or text.startswith("#"):
            break
        parts.append(rest[position : token.start()])
        parts.append(text if text.startswith(_REFERENCES) else "*" * len(text))
        position = token.end()
    return "".join(parts) + rest[position:]
