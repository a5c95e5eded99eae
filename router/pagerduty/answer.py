"""What an answer of PagerDuty's Events API means: one table, one function, no network.

Keeps this invariant: the status line alone decides between accepted, refused and try again. Bodies only explain, because the
Events API answers some refusals in plain text and a connection may die in the middle of a body. A routing key never gets
into a cause.
"""

from __future__ import annotations

from typing import Any

import msgspec

from router.model.delivery import Accepted, Outcome, Rejected, Throttled, Unavailable
from router.wire.answer import Answer, cause_line, retry_after_ms

TOO_MANY_CALLS = 429
REQUEST_TIMEOUT = 408


class _Body(msgspec.Struct):
    """The members of an answer that mean something; all optional, because not even 400 is always JSON."""

    status: str = ""
    message: str = ""
    errors: list[Any] = []


_decode_body = msgspec.json.Decoder(_Body).decode


def outcome_of(answer: Answer, *, key: str, now: int) -> Outcome:
    """What shall become of the delivery. ``key`` is blotted out of the cause, ``now`` (ms UTC) is for dated waits.

    Source: PagerDuty's "Events API v2 overview" (202, 400, 429, 5xx) and "Rate limits"; the codes they do not name are
    refused for good if 4xx, and tried again otherwise.
    """
    status = answer.status
    if 200 <= status < 300:  # noqa: PLR2004 - HTTP's classes
        return _ACCEPTED if status == _ACCEPTED.status else Accepted(status=status)
    wait_ms = retry_after_ms(answer.headers.get("retry-after"), now)
    if status == TOO_MANY_CALLS:
        return Throttled(retry_after_ms=wait_ms)
    cause = cause_of(answer, key)
    if 400 <= status < 500 and status != REQUEST_TIMEOUT:  # noqa: PLR2004 - HTTP's classes
        return Rejected(cause=cause, status=status)
    return Unavailable(cause=cause, status=status, retry_after_ms=wait_ms)


_ACCEPTED = Accepted()


def oddness_of(answer: Answer) -> str:
    """What is strange about an answer and worth a line in the log; empty if nothing is."""
    status = answer.status
    if status == 202:  # noqa: PLR2004 - the documented code
        if not answer.complete:
            return "accepted, but the answer broke off"
        try:
            said = _decode_body(answer.body).status
        except (msgspec.DecodeError, UnicodeDecodeError):
            return "accepted, but the answer is not the documented JSON"
        return "" if said == "success" else f"accepted, but the answer's status is {said[:40]!r}"
    if 200 <= status < 300:  # noqa: PLR2004
        return "accepted with a code that is not documented"
    if 300 <= status < 400:  # noqa: PLR2004
        return "redirected: the events URL is wrong, or something between answers in PagerDuty's place"
    if status >= 600 or status < 200:  # noqa: PLR2004
        return "answered with a code that does not exist"
    return ""


def cause_of(answer: Answer, key: str) -> str:
    """One line for people: the code, and what PagerDuty says about it if anything legible came."""
    text = cause_line(_explanation(answer.body), (key,))
    return f"HTTP {answer.status}: {text}" if text else f"HTTP {answer.status}"


def _explanation(body: bytes) -> str:
    try:
        found = _decode_body(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return body.decode("utf-8", "replace")
    errors = "; ".join(error if isinstance(error, str) else msgspec.json.encode(error).decode() for error in found.errors)
    return errors or found.message or found.status
