"""``POST /api/v2/alerts`` as Prometheus, vmalert, Thanos, Loki and Grafana speak it to an Alertmanager.

Alertmanager's semantics: labels with empty values are dropped and at least one must remain; ``startsAt`` defaults to now,
``endsAt`` to now plus the resolve timeout; an end that has passed means resolved; a start after the end is invalid; the
fingerprint is that of the labels. ``startsAt`` moving while the alert fires (Prometheus was restarted) is no new occurrence.

The hot way: a resend is decoded to raw bytes only and recognised by the register; labels, annotations and fingerprint are
read on a miss. Whatever is wrong with one alert refuses that alert and no other.
"""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from router.ingest.batch import READING_FAILED, Batch, decode_list
from router.ingest.fingerprint import LabelFingerprints
from router.ingest.limits import MAX_BATCH, TooMuch, check_annotations, check_labels, check_size
from router.ingest.register import Register, Report
from router.ingest.severities import severity_of
from router.ingest.sources import SourceSettings
from router.ingest.timestamps import BadTime, TimeCache, end_by_default
from router.model.alert import Alert
from router.model.severity import SeverityScale

DEFAULT_SERVICE_LABELS = ("service", "job")
UNKNOWN_SERVICE = "unknown"
"""The service of an alert that carries none of the source's service labels."""

_SUMMARY_ANNOTATIONS = ("summary", "message", "description")
_MAX_SHARED_TEXTS = 32_768
_LONGEST_SHARED_TEXT = 96
_MAX_NAME_SHOWN = 64
_MAX_URL_SHARED = 512
_MAX_SHARED_ANNOTATIONS = 2_048
_LONGEST_SHARED_ANNOTATIONS = 2_048
"""Bytes of JSON. Alerts of one rule and service often say the same: they are read once and kept once."""
_SURELY_WITHIN_LIMITS = 250
"""Bytes of JSON that cannot hold too many or too long labels, so that nothing needs counting."""
_EMPTY = msgspec.Raw(b"{}")


class _Posted(msgspec.Struct, gc=False):
    """One alert as posted; fields we do not know are passed over."""

    labels: msgspec.Raw
    annotations: msgspec.Raw = _EMPTY
    startsAt: str | None = None  # noqa: N815 -- the wire's spelling
    endsAt: str | None = None  # noqa: N815
    generatorURL: str | None = None  # noqa: N815


_LIST = msgspec.json.Decoder(list[_Posted])
_ONE = msgspec.json.Decoder(_Posted)
_LABELS = msgspec.json.Decoder(dict[str, str])
_ANNOTATIONS = msgspec.json.Decoder(dict[str, str] | None)


class AlertmanagerReader:
    """Reads the bodies of one source."""

    def __init__(self, source: SourceSettings, register: Register, scale: SeverityScale, max_batch: int = MAX_BATCH) -> None:
        """``scale`` turns the severity label into one of four severities."""
        self.source = source
        self.scale = scale
        self._max_batch = max_batch
        self._name_label = source.name_label or "alertname"
        self._service_labels = source.service_labels or DEFAULT_SERVICE_LABELS
        self._lane = register.of(source.name)
        self._fingerprints = LabelFingerprints()
        self._times = TimeCache()
        self._texts: dict[str, str] = {}
        self._annotations: dict[bytes, dict[str, str]] = {}

    def read(self, body: bytes, now: int) -> Batch:
        """Everything in this body; resends are taken at once. Unreadable if it is no list of alerts at all."""
        batch = Batch()
        if len(self._texts) > _MAX_SHARED_TEXTS:
            self._texts.clear()
        resend, times, timeout_ms = self._lane.resend, self._times, self.source.resolve_timeout_ms
        for index, posted in decode_list(body, _LIST.decode, _ONE.decode, batch, self._max_batch):
            try:
                raw = blake2b(posted.labels, digest_size=16).digest()
                said = bytes(posted.annotations)
                content = hash((said, posted.startsAt, posted.generatorURL))
                ends_at = times.read(posted.endsAt) if posted.endsAt else None
                if ends_at is not None and ends_at > now and resend(raw, content, ends_at):
                    batch.resent += 1
                else:
                    end = end_by_default(now, timeout_ms) if ends_at is None else ends_at
                    batch.reports.append(self._report(posted, raw, said, content, end, now, is_timeout=ends_at is None))
            except BadTime as error:
                batch.refuse(index, TooMuch("endsAt", str(error)))
            except READING_FAILED as error:
                batch.refuse(index, error)
        return batch

    def _report(  # noqa: PLR0917 -- called for every new alert; keywords would cost more than the call
        self, posted: _Posted, raw: bytes, said: bytes, content: int, ends_at: int, now: int, *, is_timeout: bool
    ) -> Report:
        size = len(memoryview(posted.labels))
        check_size(size + len(said) + len(posted.generatorURL or ""))
        labels = self._read_labels(posted.labels, size)
        annotations = self._annotations.get(said)
        if annotations is None:
            annotations = self._read_annotations(said)
        starts_at = self._starts_at(posted, ends_at, is_timeout=is_timeout)
        service = UNKNOWN_SERVICE
        for label in self._service_labels:
            if label in labels:
                service = labels[label]
                break
        summary = ""
        for name in _SUMMARY_ANNOTATIONS:
            if annotations.get(name):
                summary = annotations[name]
                break
        is_firing = ends_at > now
        alert = Alert(
            source=self.source.name,
            fingerprint=self._fingerprints.of(labels),
            service=service,
            name=labels.get(self._name_label, ""),
            severity=severity_of(labels.get(self.source.severity_label, ""), self.scale),
            status="firing" if is_firing else "resolved",
            labels=labels,
            annotations=annotations,
            summary=summary,
            generator_url=self._share(posted.generatorURL or ""),
            starts_at=starts_at or (now if is_firing else ends_at),
            resolved_by="" if is_firing else "source",
        )
        return Report(alert, ends_at, is_timeout, raw, content or 1, starts_at)

    def _read_labels(self, raw: msgspec.Raw, size: int) -> dict[str, str]:
        try:
            labels = _LABELS.decode(raw)
        except msgspec.ValidationError as error:
            raise _below("labels", error, raw) from error
        if "" in labels.values():
            labels = {name: value for name, value in labels.items() if value}
        if not labels:
            raise TooMuch("labels", "expected at least one label with a value that is not empty")
        if size > _SURELY_WITHIN_LIMITS or "" in labels:
            check_labels(labels)
        share = self._texts.setdefault
        for name, value in labels.items():
            if len(value) <= _LONGEST_SHARED_TEXT:
                labels[name] = share(value, value)
        return labels

    def _read_annotations(self, raw: bytes) -> dict[str, str]:
        try:
            annotations = _ANNOTATIONS.decode(raw) or {}
        except msgspec.ValidationError as error:
            raise _below("annotations", error, raw) from error
        if len(raw) > _SURELY_WITHIN_LIMITS or "" in annotations:
            check_annotations(annotations)
        share = self._texts.setdefault
        for name, value in annotations.items():
            if len(value) <= _LONGEST_SHARED_TEXT:
                annotations[name] = share(value, value)
        if len(raw) <= _LONGEST_SHARED_ANNOTATIONS:
            if len(self._annotations) >= _MAX_SHARED_ANNOTATIONS:
                self._annotations.clear()
            self._annotations[raw] = annotations
        return annotations

    def _starts_at(self, posted: _Posted, ends_at: int, *, is_timeout: bool) -> int:
        if not posted.startsAt:
            return 0
        try:
            starts_at = self._times.read(posted.startsAt)
        except BadTime as error:
            raise TooMuch("startsAt", str(error)) from error
        if starts_at is None:
            return 0
        if starts_at > ends_at and not is_timeout:
            raise TooMuch("startsAt", f"start time must be before end time, found {posted.startsAt} after {posted.endsAt}")
        return starts_at

    def _share(self, text: str) -> str:
        """The same object for equal texts: most of them repeat from alert to alert, and alerts live long."""
        return self._texts.setdefault(text, text) if len(text) <= _MAX_URL_SHARED else text


def _below(field: str, error: msgspec.ValidationError, raw: msgspec.Raw | bytes) -> TooMuch:
    """The same error with its place below a field of the alert; msgspec does not say which member it was."""
    text, found, _ = str(error).partition(" - at `$")
    members = msgspec.json.decode(raw) if found else None
    wrong = next((name for name, value in members.items() if not isinstance(value, str)), "") if members else ""
    return TooMuch(f"{field}.{wrong[:_MAX_NAME_SHOWN]}" if wrong else field, text)
