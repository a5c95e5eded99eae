"""``POST /v1/sources/NAME``: any JSON body made into alerts by the mapping of its source.

Must never do: lose an alert because one of its fields is odd. What makes two reports the same alert is the mapping's dedup
key, or service, name and labels; so a problem and its recovery meet in one episode.
"""

from __future__ import annotations

from collections.abc import Mapping as Members
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from router.ingest.batch import UNREADABLE, Batch, explain, refuse_odd_text
from router.ingest.fingerprint import LabelFingerprints, fingerprint_of_key, fingerprint_of_parts
from router.ingest.limits import MAX_BATCH, TooMuch, check_batch
from router.ingest.mapping import Fields, Mapping
from router.ingest.register import Report
from router.ingest.sources import SourceSettings
from router.ingest.timestamps import end_by_default
from router.model.alert import Alert
from router.model.receipt import Unreadable
from router.model.severity import SeverityScale
from router.model.webhook import Webhook

UNKNOWN_SERVICE = "unknown"
"""The service of an alert whose mapping finds none."""
MAX_FORM_FIELDS = 200

_JSON = msgspec.json.Decoder()
_HIDDEN_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """One item of a body: the alert it became, or None if it says neither firing nor resolved."""

    alert: Alert | None
    report: Report | None  # for a stateful alert
    fields: Fields


class MappedReader:
    """Reads the bodies of one source."""

    def __init__(self, source: SourceSettings, webhook: Webhook, scale: SeverityScale, max_batch: int = MAX_BATCH) -> None:
        """``webhook`` with its preset's parts already in it."""
        self.source = source
        self._mapping = Mapping(webhook, scale)
        self._labels_are_key = webhook.preset in LABELS_ARE_KEY
        self._fingerprints = LabelFingerprints()
        self._max_batch = max_batch

    def read(self, body: Any, headers: Members[bytes, bytes], now: int) -> tuple[Batch, int]:
        """Everything in a decoded body, and how much of it says neither firing nor resolved. TooLarge for too many alerts."""
        batch, ignored = Batch(), 0
        try:
            for read in self.read_each(body, headers, now):
                ignored += batch.take(read.alert, read.report)
        except TooMuch as error:
            batch.refuse(0, error)
        return batch, ignored

    def read_each(self, body: Any, headers: Members[bytes, bytes], now: int) -> list[Read]:
        """Item by item, with what each expression gave. TooMuch if the body holds no items, TooLarge if too many."""
        return self.read_items(self._mapping.find_items(body, show_headers(headers)), body, headers, now)

    def read_items(self, items: list[Any], body: Any, headers: Members[bytes, bytes], now: int) -> list[Read]:
        """These items of a body. TooLarge if there are too many."""
        check_batch(len(items), self._max_batch)
        shown = show_headers(headers)
        return [self._read(self._mapping.read(item, body, shown), now) for item in items]

    def _read(self, fields: Fields, now: int) -> Read:
        if fields.status == "ignored":
            return Read(alert=None, report=None, fields=fields)
        is_firing = fields.status == "firing"
        service = fields.service or UNKNOWN_SERVICE
        alert = Alert(
            source=self.source.name,
            fingerprint=self._fingerprint(fields, service),
            service=service,
            name=fields.name,
            severity=fields.severity,
            status="firing" if is_firing else "resolved",
            kind="event" if fields.kind == "event" else "stateful",
            labels=fields.labels,
            annotations=fields.annotations,
            details=fields.details,
            summary=fields.summary,
            generator_url=fields.generator_url,
            links=fields.links,
            images=fields.images,
            starts_at=fields.starts_at or (now if is_firing else 0),
            resolved_by="" if is_firing else "source",
        )
        return Read(alert=alert, report=self._report(alert, fields, now) if alert.kind == "stateful" else None, fields=fields)

    def _report(self, alert: Alert, fields: Fields, now: int) -> Report:
        is_timeout = False
        if alert.status == "resolved":
            ends_at = fields.ends_at or now
        elif fields.ends_at > now:
            ends_at = fields.ends_at
        else:
            is_timeout, ends_at = True, end_by_default(now, self.source.resolve_timeout_ms)
        # Without an end of the sender's own, its start is not compared with our clock: that may differ from the sender's.
        began_at = fields.starts_at if alert.status == "firing" or fields.ends_at else 0
        content = hash(msgspec.json.encode(msgspec.structs.replace(alert, starts_at=fields.starts_at))) or 1
        return Report(alert, ends_at, is_timeout, b"", content, began_at)

    def _fingerprint(self, fields: Fields, service: str) -> str:
        if fields.dedup_key:
            return fingerprint_of_key(fields.dedup_key)
        if self._labels_are_key and fields.labels:
            return self._fingerprints.of(fields.labels)
        return fingerprint_of_parts(service, fields.name, fields.labels)


LABELS_ARE_KEY = frozenset({"alertmanager-webhook"})
"""Presets whose alerts are known by the fingerprint that Alertmanager gives them."""


def decode(body: bytes, content_type: str = "") -> Any:
    """A body as a value: JSON, or the fields of a form (one called ``payload`` holds JSON). Unreadable if it is neither."""
    refuse_odd_text(body)
    if content_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded":
        return _decode_form(body)
    try:
        return _JSON.decode(body)
    except UNREADABLE as error:
        raise Unreadable(f"not JSON: {explain(error)}") from error


def _decode_form(body: bytes) -> Any:
    try:
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS))
    except ValueError as error:
        raise Unreadable(f"not a form: {error}") from error
    if set(fields) == {"payload"}:
        return decode(fields["payload"].encode())
    return fields


def show_headers(headers: Members[bytes, bytes]) -> dict[str, str]:
    """Headers for expressions, without those that hold credentials."""
    shown = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers.items()}
    return {name: value for name, value in shown.items() if name not in _HIDDEN_HEADERS}
