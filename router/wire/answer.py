"""An HTTP answer as a plain value, and what every service says alike in one: how long to wait, and why not, for people."""

from __future__ import annotations

import email.utils
from collections.abc import Iterable
from datetime import UTC

import msgspec

MAX_CAUSE = 300
"""Characters of a cause that are kept: it is stored with the delivery and shown to people."""

MAX_RETRY_AFTER_MS = 3_600_000
"""A wait longer than an hour is taken for a mistake of the other side and cut to an hour."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP answer. Header names are lower case; of a repeated header the last counts.

    ``complete`` is False when the status line came and the body then broke off, dripped past the deadline or grew too long.
    """

    status: int
    headers: dict[str, str] = {}
    body: bytes = b""
    complete: bool = True


def cause_line(text: str, secrets: Iterable[str] = ()) -> str:
    """What the other side said, on one printable line of bounded length, without these secrets."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    text = " ".join(text.split())
    text = "".join(character if character.isprintable() else "?" for character in text[: MAX_CAUSE + 1])
    return f"{text[: MAX_CAUSE - 1]}…" if len(text) > MAX_CAUSE else text


def retry_after_ms(text: str | None, now: int) -> int | None:
    """The wait a ``Retry-After`` header asks for, in ms: seconds or an HTTP date; None if there is none that can be read."""
    if text is None:
        return None
    text = text.strip()
    try:
        if text.isascii() and text.isdigit():
            wait = int(text[:12]) * 1000
        else:
            date = email.utils.parsedate_to_datetime(text)
            date = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
            wait = int(date.timestamp() * 1000) - now
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
    return min(max(wait, 0), MAX_RETRY_AFTER_MS)
