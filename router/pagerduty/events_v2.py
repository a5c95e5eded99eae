"""An event as the Events API v2 takes it: ``Event`` -> bytes, always acceptable. Pure.

Keeps these invariants: the body is at most ``MAX_BODY`` bytes with its routing key, its summary and source are not blank, its
severity is one of PagerDuty's words, and what identifies the problem survives every cut. Cosmetics never lose a page: what
cannot be said is left out, and the details say so. Source of the limits: PagerDuty's "Send an alert event" (summary 1024,
dedup key 255 characters) and "Events API v2 overview" (512 KB a request; counted here as 512,000 bytes, the smaller reading).
"""

from __future__ import annotations

import functools
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from router.model.alert import Image, Link
from router.model.event import Event
from router.pagerduty import shrink
from router.wire.text import clean, clean_line, cut, units

MAX_BODY = 512_000
MAX_SUMMARY = 1_024
SUMMARY_CUT = 1_000
MAX_DEDUP_KEY = 255
MAX_FIELD = 1_024
"""UTF-16 units of source, component, group, class and client: PagerDuty documents no limit, a page needs no more."""

MAX_URL = 4_096
"""A longer address is left out: cut, it would lead nowhere."""

_KEY_ROOM = 512  # bytes kept free for ``"routing_key":"…",``
_BODY_ROOM = MAX_BODY - _KEY_ROOM
_LAST_AT = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNENCODABLE = (UnicodeEncodeError, RecursionError, TypeError, ValueError, OverflowError)

_encode = msgspec.json.Encoder().encode


class _Payload(msgspec.Struct, omit_defaults=True, gc=False):
    summary: str
    source: str
    severity: str
    timestamp: str
    component: str = ""
    group: str = ""
    class_: str = msgspec.field(default="", name="class")
    custom_details: dict[str, Any] = {}


class _Trigger(msgspec.Struct, omit_defaults=True, gc=False):
    event_action: str = msgspec.field()
    dedup_key: str = msgspec.field()
    payload: _Payload = msgspec.field()
    links: list[dict[str, str]] = []
    images: list[dict[str, str]] = []
    client: str = ""
    client_url: str = ""


class _Follow(msgspec.Struct, gc=False):
    event_action: str
    dedup_key: str


class _ChangePayload(msgspec.Struct, omit_defaults=True, gc=False):
    summary: str
    source: str
    timestamp: str
    custom_details: dict[str, Any] = {}


class _Change(msgspec.Struct, omit_defaults=True, gc=False):
    payload: _ChangePayload
    links: list[dict[str, str]] = []


def encode(event: Event) -> bytes:
    """The JSON body without its routing key (``put_key`` adds that). Never fails, whatever the alert held."""
    if event.body:
        return event.body.encode()
    if event.action == "change":
        return _change(event)
    dedup_key = dedup_key_of(event.dedup_key)
    if event.action != "trigger":
        # Nothing else is needed, so nothing else can get a resolve refused.
        return _encode(_Follow(event.action, dedup_key))
    payload = _Payload(
        summary=summary_of(event),
        source=_field(event.source) or "alert-router",
        severity=event.severity.word,
        timestamp=timestamp(event.at),
        component=_field(event.component),
        group=_field(event.group),
        class_=_field(event.class_),
        custom_details=event.details,
    )
    body = _Trigger(
        event_action="trigger",
        dedup_key=dedup_key,
        payload=payload,
        links=_links(event.links) if event.links else [],
        images=_images(event.images) if event.images else [],
        client=_field(event.client),
        client_url=_url(event.client_url),
    )
    return _acceptable(body)


def put_key(body: bytes, key: str) -> bytes:
    """The body with the routing key in front: the same bytes for the same body and key."""
    return b'{"routing_key":%b,%b' % (_encode(key), body[1:])


def summary_of(event: Event) -> str:
    """What the incident is called: never blank, at most 1,024 UTF-16 units, on one line."""
    summary = clean_line(event.summary).strip()
    if not summary:
        subject = _field(event.source) or "an unnamed service"
        what = _field(event.class_) or _field(event.component)
        summary = f"{subject}: {what}" if what else f"Alert from {subject}"
    return summary if len(summary) <= MAX_SUMMARY and units(summary) <= MAX_SUMMARY else cut(summary, SUMMARY_CUT)


def dedup_key_of(dedup_key: str) -> str:
    """As it is, or its beginning with a digest if it is longer than PagerDuty takes: equal only for equal keys."""
    if len(dedup_key) * 2 <= MAX_DEDUP_KEY and dedup_key.isprintable():
        return dedup_key
    cleaned = clean(dedup_key)
    if cleaned == dedup_key and units(dedup_key) <= MAX_DEDUP_KEY:
        return dedup_key
    digest = hashlib.blake2b(dedup_key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{cut(cleaned, MAX_DEDUP_KEY - len(digest) - 1)}/{digest}"


def timestamp(at: int) -> str:
    """``YYYY-MM-DDTHH:MM:SS.mmmZ``; a time outside of years 1970 to 9999 becomes the nearest inside."""
    at = min(max(at, 0), _LAST_AT)
    return f"{_second(at // 1000)}.{at % 1000:03d}Z"


@functools.lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")


def _change(event: Event) -> bytes:
    payload = _ChangePayload(
        summary=summary_of(event),
        source=_field(event.source) or "alert-router",
        timestamp=timestamp(event.at),
        custom_details=event.details,
    )
    return _acceptable(_Change(payload=payload, links=_links(event.links)))


def _acceptable(body: _Trigger | _Change) -> bytes:
    """Encoded; made harmless and smaller only if it has to be, because nearly all bodies need neither."""
    details = body.payload.custom_details
    if shrink.is_flat(details):
        try:
            encoded = _encode(body)
        except _UNENCODABLE:
            encoded = b"\\u00"
        # msgspec writes control characters as \u00XX; the same letters in a text only cost a second look.
        if b"\\u00" not in encoded and len(encoded) <= _BODY_ROOM:
            return encoded
    body.payload.custom_details = shrink.harmless(details)
    encoded = _encode(body)
    if len(encoded) <= _BODY_ROOM:
        return encoded
    return _smaller(body)


def _smaller(body: _Trigger | _Change) -> bytes:
    """Longest detail values first, then fewer details, then images, then links; the details say what went."""
    details = body.payload.custom_details
    body.payload.custom_details = {}
    base = len(_encode(body))
    notes: list[str] = []
    if isinstance(body, _Trigger) and body.images and base > _BODY_ROOM - shrink.NOTE_ROOM:
        notes.append(f"{len(body.images)} images")
        body.images = []
        base = len(_encode(body))
    if base > _BODY_ROOM - shrink.NOTE_ROOM:
        room = _BODY_ROOM - shrink.NOTE_ROOM - (base - len(_encode(body.links)))
        kept = shrink.keep_within(body.links, room)
        notes.append(f"{len(body.links) - len(kept)} links")
        body.links = kept
        base = len(_encode(body))
    body.payload.custom_details = shrink.fit_details(details, _BODY_ROOM - base, notes)
    return _encode(body)


def _field(text: str) -> str:
    if len(text) * 2 <= MAX_FIELD and text.isprintable():
        return text.strip()
    return cut(clean_line(text).strip(), MAX_FIELD)


def _url(text: str) -> str:
    text = text.strip()
    return text if len(text) <= MAX_URL and text.isprintable() else ""


def _links(links: tuple[Link, ...]) -> list[dict[str, str]]:
    found = []
    for link in links:
        href = _url(link.href)
        if href:
            text = _field(link.text)
            found.append({"href": href, "text": text} if text else {"href": href})
    return found


def _images(images: tuple[Image, ...]) -> list[dict[str, str]]:
    found = []
    for image in images:
        source = _url(image.src)
        if source[:8].lower() == "https://":
            shown = {"src": source, "href": _url(image.href), "alt": _field(image.alt)}
            found.append({name: value for name, value in shown.items() if value})
    return found
