"""``POST /v2/enqueue`` and ``/v2/change/enqueue``: any client of PagerDuty's Events API v2 points at us.

The key in the body is one of our own inbound keys and says which source it is. All failed checks are reported together, in
PagerDuty's words where those are known. Within an alert event, ``trigger`` is an occurrence, ``resolve`` resolves what has
the same dedup key; ``acknowledge`` is answered but nothing comes of it: whoever acknowledges does so in PagerDuty. Under a key
in shadow every event goes on as it came.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from router.ingest.attachments import kind_of, read_images, read_links
from router.ingest.batch import UNREADABLE, explain, refuse_odd_text
from router.ingest.fingerprint import fingerprint_of_key
from router.ingest.limits import MAX_ALERT_BYTES, MAX_DEPTH, MAX_KEY, TooMuch, check_depth
from router.ingest.sources import SourceSettings
from router.ingest.timestamps import BadTime, parse_time
from router.model.alert import Alert
from router.model.event import EventAction
from router.model.journal import ChangeReceived, EventForwarded
from router.model.receipt import Invalid, Unauthorised, Unreadable
from router.model.severity import Severity, SeverityScale

UNKNOWN_SERVICE = "unknown"
DEFAULT_SERVICE_FIELDS = ("service", "component", "source")
DEFAULT_NAME_FIELD = "class"
MAX_SUMMARY = 1024
"""Characters; PagerDuty refuses longer ones, and so do we, so that a client behaves alike with both."""
MAX_EVENT_BYTES = 512_000
"""PagerDuty's limit for one request."""

_SEVERITIES: Mapping[str, Severity] = {severity.word: severity for severity in Severity}
_LABEL_FIELDS = ("source", "component", "group", "class")
_JSON = msgspec.json.Decoder()


class EventRead(msgspec.Struct, frozen=True, kw_only=True):
    """One accepted event: at most one fact comes of it."""

    action: EventAction
    source: str
    dedup_key: str = ""
    alert: Alert | None = None
    change: ChangeReceived | None = None
    forward: EventForwarded | None = None  # the key is in shadow: this is the fact, whatever else the event says


class EventReader:
    """Reads the events of all sources of kind pagerduty; which one it is the key in the body says."""

    def __init__(self, sources: Iterable[SourceSettings], scale: SeverityScale, make_key: Callable[[], str]) -> None:
        """``make_key`` gives a dedup key nobody used before, for triggers that carry none."""
        self._scale = scale
        self._make_key = make_key
        # Digests only: the look-up takes the same time whatever the key begins with, and no key can leak from here.
        self._by_key = {_digest(key): source for source in sources if source.kind == "pagerduty" for key in source.keys}

    def read(self, body: bytes, now: int) -> EventRead:
        """One alert event. Unreadable, Invalid, or Unauthorised for a key of no source."""
        event = _decode(body)
        errors = _check_key(event)
        action: Any = event.get("event_action")
        if not isinstance(action, str) or not action:
            errors.append("'event_action' is missing or blank")
        elif action not in {"trigger", "acknowledge", "resolve"}:
            errors.append("'event_action' is invalid (must be one of the following: 'trigger', 'acknowledge' or 'resolve')")
        key = event.get("dedup_key")
        if key is not None and not isinstance(key, str):
            errors.append("'dedup_key' must be text")
        elif key and len(key) > MAX_KEY:
            errors.append(f"'dedup_key' is too long (maximum is {MAX_KEY} characters)")
        elif not key and action in ("acknowledge", "resolve"):
            errors.append("'dedup_key' is missing or blank")
        payload = event.get("payload")
        if action == "trigger":
            errors += _check_payload(payload)
        elif payload is not None and not isinstance(payload, dict):
            errors.append("'payload' must be an object")
        errors += _check_attachments(event)
        if errors:
            raise Invalid(errors)
        source = self._source(event)
        dedup_key = key or self._make_key()
        alert = None if action == "acknowledge" else self._alert(event, source, dedup_key, now)
        return EventRead(
            action=action,
            source=source.name,
            dedup_key=dedup_key,
            alert=alert,
            forward=_forward(event, source, action, dedup_key, alert),
        )

    def read_change(self, body: bytes) -> EventRead:
        """One change event; it pages nobody. Errors as in ``read``."""
        event = _decode(body)
        errors = _check_key(event)
        payload = event.get("payload")
        if not isinstance(payload, dict):
            errors.append("'payload' is missing or blank" if payload is None else "'payload' must be an object")
        else:
            errors += _check_summary(payload) + _check_optional(payload)
        errors += _check_attachments(event)
        if errors:
            raise Invalid(errors)
        source = self._source(event)
        assert isinstance(payload, dict)
        labels = _labels(payload)
        change = ChangeReceived(
            source=source.name,
            service=_service(payload, source),
            summary=payload["summary"],
            origin=labels.get("source", ""),
            details=_details(payload) or {},
            links=read_links(event.get("links")),
            changed_at=_time(payload),
        )
        return EventRead(
            action="change", source=source.name, change=change, forward=_forward(event, source, "change", "", None)
        )

    def _source(self, event: Mapping[str, Any]) -> SourceSettings:
        source = self._by_key.get(_digest(event["routing_key"]))
        if source is None:
            raise Unauthorised("Invalid routing key")
        return source

    def _alert(self, event: Mapping[str, Any], source: SourceSettings, dedup_key: str, now: int) -> Alert:
        payload: Mapping[str, Any] = event.get("payload") or {}
        labels = _labels(payload)
        client = event.get("client")
        if isinstance(client, str) and client:
            labels["client"] = client
        is_firing = event["event_action"] == "trigger"
        client_url = event.get("client_url")
        details = _details(payload)
        summary = payload.get("summary")
        return Alert(
            source=source.name,
            fingerprint=fingerprint_of_key(dedup_key),
            service=_service(payload, source),
            name=_field(payload, source.name_label or DEFAULT_NAME_FIELD),
            severity=_SEVERITIES.get(str(payload.get("severity")), self._scale.default),
            status="firing" if is_firing else "resolved",
            kind="event",
            labels=labels,
            details=details if isinstance(details, dict) else {},
            summary=summary if isinstance(summary, str) else "",
            generator_url=client_url if isinstance(client_url, str) else "",
            links=read_links(event.get("links")),
            images=read_images(event.get("images")),
            starts_at=(_time(payload) or now) if is_firing else 0,
            resolved_by="" if is_firing else "source",
        )


def _forward(
    event: Mapping[str, Any], source: SourceSettings, action: EventAction, dedup_key: str, alert: Alert | None
) -> EventForwarded | None:
    """Where the key is in shadow: the event as it came, but for its key, and with the dedup key that its sender is answered."""
    reference = source.shadows.get(event["routing_key"])
    if reference is None:
        return None
    body = {name: value for name, value in event.items() if name != "routing_key"}
    if dedup_key:
        body["dedup_key"] = dedup_key
    return EventForwarded(
        source=source.name,
        routing_key=reference,
        action=action,
        dedup_key=dedup_key,
        body=msgspec.json.encode(body).decode(),
        severity=Severity.ERROR if alert is None else alert.severity,
        alert=alert,
    )


def _digest(key: str) -> bytes:
    return hashlib.blake2b(key.encode(), digest_size=16).digest()


def _decode(body: bytes) -> dict[str, Any]:
    refuse_odd_text(body)
    if len(body) > MAX_EVENT_BYTES:
        raise Unreadable(f"expected at most {MAX_EVENT_BYTES} bytes for one event, found {len(body)}")
    try:
        event = _JSON.decode(body)
    except UNREADABLE as error:
        raise Unreadable(f"JSON parse error: {explain(error)}") from error
    if not isinstance(event, dict):
        raise Unreadable(f"expected a JSON object, found {kind_of(event)}")
    return event


def _check_key(event: Mapping[str, Any]) -> list[str]:
    key = event.get("routing_key")
    return [] if isinstance(key, str) and key else ["'routing_key' cannot be blank"]


def _check_payload(payload: Any) -> list[str]:
    if payload is None:
        return ["'payload' is missing or blank"]
    if not isinstance(payload, dict):
        return ["'payload' must be an object"]
    errors = _check_summary(payload)
    source = payload.get("source")
    if not isinstance(source, str) or not source.strip():
        errors.append("'payload.source' is missing or blank")
    severity = payload.get("severity")
    if severity is None or severity == "":
        errors.append("'payload.severity' is missing or blank")
    elif not isinstance(severity, str) or severity not in _SEVERITIES:
        errors.append("'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')")
    return errors + _check_optional(payload)


def _check_summary(payload: Mapping[str, Any]) -> list[str]:
    summary = payload.get("summary")
    if not isinstance(summary, str) or not summary.strip():
        return ["'payload.summary' is missing or blank"]
    if len(summary) > MAX_SUMMARY:
        return [f"'summary' is too long (maximum is {MAX_SUMMARY} characters)"]
    return []


def _check_optional(payload: Mapping[str, Any]) -> list[str]:
    errors = [
        f"'payload.{name}' must be text"
        for name in ("component", "group", "class")
        if payload.get(name) is not None and not isinstance(payload[name], str)
    ]
    details = _details(payload)
    if details is not None and not isinstance(details, dict):
        errors.append("'payload.custom_details' must be an object")
    elif details and _is_too_deep(details):
        errors.append(f"'payload.custom_details' is nested too deeply (maximum is {MAX_DEPTH} levels)")
    elif details and len(msgspec.json.encode(details)) > MAX_ALERT_BYTES:
        errors.append(f"'payload.custom_details' is too large (maximum is {MAX_ALERT_BYTES} bytes)")
    timestamp = payload.get("timestamp")
    if timestamp not in (None, ""):
        try:
            parse_time(timestamp if isinstance(timestamp, str) else "")
        except BadTime as error:
            errors.append(f"'payload.timestamp' is invalid ({error})")
    return errors


def _details(payload: Mapping[str, Any]) -> Any:
    """``custom_details``: an object by PagerDuty's reference, and a text from some clients (Grafana's, for years).

    A text stands under the key ``details``: to refuse it would lose a page.
    """
    details = payload.get("custom_details")
    if isinstance(details, str):
        return {"details": details} if details.strip() else {}
    return details


def _is_too_deep(details: Any) -> bool:
    try:
        check_depth(details, "")
    except TooMuch:
        return True
    return False


def _check_attachments(event: Mapping[str, Any]) -> list[str]:
    errors = []
    for read, name in ((read_links, "links"), (read_images, "images")):
        try:
            read(event.get(name))
        except TooMuch as error:
            errors.append(f"'{error.field}': {error}")
    return errors


def _labels(payload: Mapping[str, Any]) -> dict[str, str]:
    return {name: payload[name] for name in _LABEL_FIELDS if isinstance(payload.get(name), str) and payload[name].strip()}


def _service(payload: Mapping[str, Any], source: SourceSettings) -> str:
    for field in source.service_labels or DEFAULT_SERVICE_FIELDS:
        found = _field(payload, field)
        if found:
            return found
    return UNKNOWN_SERVICE


def _field(payload: Mapping[str, Any], field: str) -> str:
    """A key of ``custom_details``, else a field of the payload; empty if it is neither, or no text."""
    details = payload.get("custom_details")
    found = details.get(field) if isinstance(details, dict) else None
    if not isinstance(found, str) or not found.strip():
        found = payload.get(field)
    return found if isinstance(found, str) and found.strip() else ""


def _time(payload: Mapping[str, Any]) -> int:
    timestamp = payload.get("timestamp")
    return (parse_time(timestamp) or 0) if isinstance(timestamp, str) and timestamp else 0
