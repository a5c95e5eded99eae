"""What a payload reader found in one body: resends already taken, reports to plan, events to journal, refusals to answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from router.ingest.limits import TooMuch, check_batch
from router.ingest.register import Report
from router.ingest.timestamps import BadTime
from router.model.alert import Alert
from router.model.receipt import Refusal, Unreadable

Item = TypeVar("Item")

UNREADABLE = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)
"""What msgspec raises on bad input: 100,000 nested brackets are a RecursionError, bad UTF-8 a UnicodeDecodeError."""


READING_FAILED = (*UNREADABLE, BadTime, TooMuch)
"""What may go wrong with one alert; everything else is our own mistake and is not hidden."""


class Batch:
    """Filled by a reader, in the order of the body."""

    __slots__ = ("events", "refusals", "reports", "resent")

    def __init__(self) -> None:
        """Empty."""
        self.resent = 0
        self.reports: list[Report] = []
        self.events: list[Alert] = []
        self.refusals: list[Refusal] = []

    def take(self, alert: Alert | None, report: Report | None) -> int:
        """One mapped alert, stateful if there is a report of it; 1 if there is none to take, else 0."""
        if alert is None:
            return 1
        if report is not None:
            self.reports.append(report)
        else:
            self.events.append(alert)
        return 0

    def refuse(self, index: int, error: Exception) -> None:
        """Note that this one is not taken, with the place and what was expected."""
        self.refusals.append(Refusal(index=index, field=field_of(error), reason=explain(error)))


def explain(error: Exception) -> str:
    """An error of reading, in a sender's words."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return f"not valid UTF-8 (byte {error.start})"
    text = str(error)
    return text.split(" - at `", maxsplit=1)[0] if isinstance(error, msgspec.ValidationError) else text


def field_of(error: Exception) -> str:
    """Where it went wrong, as a path inside the alert; empty for the alert as a whole."""
    if isinstance(error, TooMuch):
        return error.field
    if isinstance(error, msgspec.ValidationError):
        _, found, path = str(error).partition(" - at `$")
        return path.rstrip("`").replace("[...]", "").lstrip(".") if found else ""
    return ""


def refuse_odd_text(body: bytes) -> None:
    """A byte order mark, or nothing at all: each with a word of its own."""
    if not body:
        raise Unreadable("the body is empty; expected JSON")
    if body.startswith(b"\xef\xbb\xbf"):
        raise Unreadable("the body begins with a byte order mark; send plain UTF-8")


def decode_list(
    body: bytes, decode: Callable[[bytes], list[Item]], decode_one: Callable[[Any], Item], batch: Batch, max_batch: int
) -> list[tuple[int, Item]]:
    """Every readable item of a JSON array with its index; the others are refused one by one.

    Unreadable if the body is no JSON array, TooLarge if it is longer than ``max_batch``.
    """
    try:
        items = decode(body)
    except UNREADABLE:
        return _decode_each(body, decode_one, batch, max_batch)
    check_batch(len(items), max_batch)
    return list(enumerate(items))


def _decode_each(body: bytes, decode_one: Callable[[Any], Item], batch: Batch, max_batch: int) -> list[tuple[int, Item]]:
    good: list[tuple[int, Item]] = []
    for index, raw in enumerate(split_array(body, max_batch)):
        try:
            good.append((index, decode_one(_or_raise(raw))))
        except READING_FAILED as error:
            batch.refuse(index, error)
    return good


_RAW_LIST = msgspec.json.Decoder(list[msgspec.Raw])


def split_array(body: bytes, max_batch: int) -> list[msgspec.Raw | bytes | TooMuch]:
    """The items of a JSON array, each as its own JSON text, or what is wrong with it.

    Unreadable if the body is no JSON array, TooLarge if it is longer than ``max_batch``.
    """
    refuse_odd_text(body)
    try:
        raws = _RAW_LIST.decode(body)
    except UNREADABLE as error:
        salvaged = _salvage(body)
        if salvaged is None:
            raise Unreadable(f"not a JSON array of alerts: {explain(error)}") from error
        check_batch(len(salvaged), max_batch)
        return [*salvaged]
    check_batch(len(raws), max_batch)
    return [*raws]


def _salvage(body: bytes) -> list[bytes | TooMuch] | None:
    """The items of an array that is JSON but for what Python's own reader lets pass: NaN, half of a surrogate pair.

    So that one such value refuses its alert alone. None if there is no array to be had.
    """
    try:
        items = json.loads(body.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return None
    return [_rewrite(item) for item in items] if isinstance(items, list) else None


def _rewrite(item: Any) -> bytes | TooMuch:
    try:
        return json.dumps(item, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        return TooMuch("", "holds text that is no Unicode (half of a surrogate pair, or bytes that are no UTF-8)")
    except (ValueError, RecursionError):
        return TooMuch("", "holds NaN or an infinite number, which is not JSON")


def _or_raise(raw: msgspec.Raw | bytes | TooMuch) -> msgspec.Raw | bytes:
    if isinstance(raw, TooMuch):
        raise raw
    return raw
