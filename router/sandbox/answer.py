"""What the wire shall do about one request: an answer, or one of the ways a connection dies."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any

import msgspec


class Behaviour(StrEnum):
    """How the answer travels; a simulation maps these to its own failures."""

    ANSWER = "answer"
    RESET_BEFORE = "reset_before"  # connection reset, nothing was accepted
    RESET_AFTER = "reset_after"  # connection reset although the event was accepted: the lost 202
    HANG = "hang"  # no answer, ever
    DRIP = "drip"  # the answer comes byte by byte
    CUT = "cut"  # the connection is closed in the middle of the body


class Answer(msgspec.Struct, frozen=True):
    """Status, headers and body, how they travel, and how long to wait before the first byte."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    behaviour: Behaviour = Behaviour.ANSWER
    delay_ms: int = 0
    drip_ms: int = 0


_JSON = ("content-type", "application/json")


def json_answer(status: int, content: Any, *headers: tuple[str, str]) -> Answer:
    """An answer with a JSON body; plain ASCII, so that no text can make it fail."""
    return Answer(status, (_JSON, *headers), json.dumps(content, separators=(",", ":")).encode())


def text_answer(status: int, text: str, *headers: tuple[str, str], media: str = "text/plain") -> Answer:
    """An answer that is not JSON; the real service has some, and clients broke on them."""
    return Answer(status, (("content-type", f"{media}; charset=utf-8"), *headers), text.encode())


def empty_answer(status: int, *headers: tuple[str, str]) -> Answer:
    """An answer without a body."""
    return Answer(status, headers, b"")
