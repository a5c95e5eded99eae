"""One request and its answer, as the doors see them: plain values, no protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"

MAX_QUERY_VALUES = 50

Headers = tuple[tuple[bytes, bytes], ...]


class Answer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is sent back. ``headers`` besides content type and length."""

    status: int = 200
    body: bytes = b""
    content_type: bytes = JSON
    headers: Headers = ()


class Request(msgspec.Struct, kw_only=True):
    """What was asked. ``headers`` has lower-case names, the last of equal ones; ``path`` is decoded."""

    method: str
    path: str
    query_text: bytes = b""
    headers: Mapping[bytes, bytes] = {}
    body: bytes = b""

    def query(self) -> dict[str, list[str]]:
        """The query string's values by name. Refused if there are more than fifty."""
        found: dict[str, list[str]] = {}
        text = self.query_text.decode("ascii", "replace")
        try:
            values = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_QUERY_VALUES)
        except ValueError as error:
            raise Refused(400, f"a query has at most {MAX_QUERY_VALUES} values") from error
        for name, value in values:
            found.setdefault(name, []).append(value)
        return found


class Refused(Exception):
    """A request that ends here, with this answer."""

    def __init__(self, status: int, text: str, headers: Headers = ()) -> None:
        """``text`` goes into the door's own shape of error."""
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = headers


def answer_json(value: Any, *, status: int = 200, headers: Headers = ()) -> Answer:
    """Any value msgspec can encode."""
    return Answer(status=status, body=msgspec.json.encode(value), headers=headers)


def answer_text(text: str, *, status: int = 200, headers: Headers = ()) -> Answer:
    """A line for people."""
    return Answer(status=status, body=text.encode(), content_type=TEXT, headers=headers)


def answer_error(status: int, text: str, headers: Headers = ()) -> Answer:
    """The shape of errors everywhere but behind the foreign protocols: ``{"error": "..."}``."""
    return answer_json({"error": text}, status=status, headers=headers)
