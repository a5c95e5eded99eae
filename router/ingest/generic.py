"""``POST /v1/alerts``: our own JSON, one alert or an array; the documented, simple way in.

Every field but ``service`` has a default. Unknown fields are refused with a hint: a misspelt ``severty`` must not page with
the wrong severity. Whatever is wrong with one alert refuses that alert and no other.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from router.ingest.attachments import kind_of, read_images, read_links
from router.ingest.batch import READING_FAILED, Batch, refuse_odd_text, split_array
from router.ingest.fingerprint import fingerprint_of_key, fingerprint_of_parts
from router.ingest.limits import (
    MAX_BATCH,
    MAX_KEY,
    MAX_LABEL_VALUE,
    TooMuch,
    check_annotations,
    check_depth,
    check_labels,
    check_size,
    shorten,
)
from router.ingest.register import Report
from router.ingest.severities import severity_of
from router.ingest.sources import SourceSettings
from router.ingest.timestamps import LATEST, BadTime, end_by_default, parse_time
from router.model.alert import Alert, AlertKind, AlertStatus
from router.model.severity import Severity, SeverityScale

FIELDS = (
    "service",
    "name",
    "severity",
    "score",
    "status",
    "kind",
    "labels",
    "annotations",
    "summary",
    "details",
    "links",
    "images",
    "starts_at",
    "startsAt",
    "ends_at",
    "endsAt",
    "generator_url",
    "dedup_key",
)
_STATUSES: dict[str, AlertStatus] = {"firing": "firing", "resolved": "resolved"}
_KINDS: dict[str, AlertKind] = {"event": "event", "stateful": "stateful"}
_MAX_TEXT = 32_768

_ANY = msgspec.json.Decoder()


class GenericReader:
    """Reads the bodies of one source."""

    def __init__(self, source: SourceSettings, scale: SeverityScale, max_batch: int = MAX_BATCH) -> None:
        """``scale`` knows the spellings and scores of severities."""
        self.source = source
        self._scale = scale
        self._max_batch = max_batch

    def read(self, body: bytes, now: int) -> Batch:
        """Everything in this body. Unreadable if it is neither an object nor an array, TooLarge for too long an array."""
        refuse_odd_text(body)
        batch = Batch()
        for index, raw in enumerate(_split(body, self._max_batch)):
            try:
                self._read_one(raw, now, batch)
            except READING_FAILED as error:
                batch.refuse(index, error)
        return batch

    def _read_one(self, raw: msgspec.Raw | bytes | TooMuch, now: int, batch: Batch) -> None:
        if isinstance(raw, TooMuch):
            raise raw
        check_size(len(memoryview(raw)))
        fields = _ANY.decode(raw)
        if not isinstance(fields, dict):
            raise TooMuch("", f"expected an object, found {kind_of(fields)}")
        for name in fields:
            if name not in FIELDS:
                close = difflib.get_close_matches(name[:64], FIELDS, 1)
                hint = f'; did you mean "{close[0]}"?' if close else f"; known are {', '.join(FIELDS)}"
                raise TooMuch(shorten(name)[1:-1], f"unknown field{hint}")
        alert, ends_at = self._alert(fields, now)
        if alert.kind == "event":
            batch.events.append(alert)
            return
        is_timeout = ends_at is None
        if ends_at is None:
            ends_at = end_by_default(now, self.source.resolve_timeout_ms) if alert.status == "firing" else now
        content = hash(bytes(raw)) or 1
        began_at = alert.starts_at if fields.get("starts_at") or fields.get("startsAt") else 0
        batch.reports.append(Report(alert, ends_at, is_timeout, b"", content, began_at))

    def _alert(self, fields: dict[str, Any], now: int) -> tuple[Alert, int | None]:
        service = _text(fields, "service", longest=MAX_LABEL_VALUE)
        if not service.strip():
            raise TooMuch("service", "expected the name of the affected service, found none")
        name = _text(fields, "name", longest=MAX_LABEL_VALUE)
        labels = _texts(fields, "labels")
        check_labels(labels)
        annotations = _texts(fields, "annotations")
        check_annotations(annotations)
        key = _text(fields, "dedup_key", longest=MAX_KEY)
        kind = _KINDS[_word(fields, "kind", _KINDS, "event")]
        status = _STATUSES[_word(fields, "status", _STATUSES, "firing")]
        starts_at = _time(fields, "starts_at", "startsAt")
        ends_at = _time(fields, "ends_at", "endsAt")
        if starts_at is not None and ends_at is not None and starts_at > ends_at:
            raise TooMuch("starts_at", "expected a start before the end")
        if ends_at is not None and kind == "event":
            raise TooMuch("ends_at", 'only an alert of kind "stateful" has an end; an event is reported once')
        if ends_at is not None and ends_at <= now:
            status = "resolved"
        alert = Alert(
            source=self.source.name,
            fingerprint=fingerprint_of_key(key) if key else fingerprint_of_parts(service, name, labels),
            service=service,
            name=name,
            severity=self._severity(fields),
            status=status,
            kind=kind,
            labels=labels,
            annotations=annotations,
            details=_details(fields),
            summary=_text(fields, "summary") or annotations.get("summary", ""),
            generator_url=_text(fields, "generator_url"),
            links=read_links(fields.get("links")),
            images=read_images(fields.get("images")),
            starts_at=starts_at or (now if status == "firing" else 0),
            resolved_by="source" if status == "resolved" else "",
        )
        return alert, ends_at

    def _severity(self, fields: dict[str, Any]) -> Severity:
        severity, score = fields.get("severity"), fields.get("score")
        if score is not None:
            if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
                raise TooMuch("score", f"expected a number from 0 to 1, found {shorten(str(score))}")
            if severity is None:
                return self._scale.of_score(score)
        if severity is None or severity == "":
            return self._scale.default
        if not isinstance(severity, str):
            raise TooMuch("severity", f"expected a word such as critical, found {kind_of(severity)}")
        return severity_of(severity, self._scale)


def _split(body: bytes, max_batch: int) -> Sequence[msgspec.Raw | bytes | TooMuch]:
    return split_array(body, max_batch) if body.lstrip()[:1] == b"[" else [body]


def _text(fields: dict[str, Any], name: str, *, longest: int = _MAX_TEXT) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TooMuch(name, f"expected text, found {kind_of(value)}")
    if len(value) > longest:
        raise TooMuch(name, f"expected at most {longest} characters, found {len(value)}")
    return value


def _texts(fields: dict[str, Any], name: str) -> dict[str, str]:
    """An object of texts; numbers and booleans become text, as senders without types write them. Empty values are dropped."""
    value = fields.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise TooMuch(name, f"expected an object of texts, found {kind_of(value)}")
    texts = {}
    for key, item in value.items():
        match item:
            case str():
                texts[key] = item
            case bool():
                texts[key] = "true" if item else "false"
            case int():
                texts[key] = str(item)
            case float() if math.isfinite(item):
                texts[key] = repr(item)
            case None:
                continue
            case _:
                raise TooMuch(f"{name}.{key}", f"expected text, found {kind_of(item)}")
    return {key: item for key, item in texts.items() if item}


def _word(fields: dict[str, Any], name: str, known: dict[str, Any], default: Literal["event", "firing"]) -> str:
    value = fields.get(name)
    if value is None:
        return default
    if not isinstance(value, str) or value not in known:
        found = shorten(value) if isinstance(value, str) else kind_of(value)
        raise TooMuch(name, f"expected {' or '.join(known)}, found {found}")
    return value


def _details(fields: dict[str, Any]) -> dict[str, Any]:
    value = fields.get("details")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise TooMuch("details", f"expected an object, found {kind_of(value)}")
    check_depth(value, "details")
    return value


def _time(fields: dict[str, Any], name: str, other: str) -> int | None:
    """From either spelling; a whole number is seconds since 1970."""
    if fields.get(name) is not None and fields.get(other) is not None:
        raise TooMuch(name, f"expected either {name} or {other}, found both")
    field = name if fields.get(name) is not None else other
    value = fields.get(field)
    match value:
        case None | "":
            return None
        case bool():
            raise TooMuch(field, "expected a time, found a boolean")
        case str():
            try:
                return parse_time(value)
            except BadTime as error:
                raise TooMuch(field, str(error)) from error
        case int() if 0 < value <= LATEST // 1000:
            return value * 1000
        case _:
            raise TooMuch(field, f"expected a time such as 2026-01-31T08:00:00Z, found {shorten(str(value))}")
