"""Alerts: what makes two the same, and that the journal's bytes come back as they went."""

import msgspec
import pytest

from router.model.alert import Alert, Image, Link
from router.model.severity import Severity

ALERT = Alert(
    source="prometheus",
    fingerprint="0011223344556677",
    service="payment-api",
    name="CardError",
    severity=Severity.CRITICAL,
    labels={"env": "prod"},
    details={"score": 0.7, "nested": {"a": [1, None]}},
    links=(Link(href="https://wiki"),),
    images=(Image(src="https://graph", alt="a graph"),),
    starts_at=1_700_000_000_000,
)


def test_identity_is_source_and_fingerprint() -> None:
    other = msgspec.structs.replace(ALERT, severity=Severity.INFO, summary="changed")
    assert other.identity == ALERT.identity == ("prometheus", "0011223344556677")
    assert msgspec.structs.replace(ALERT, source="other").identity != ALERT.identity


def test_bytes_come_back_alike_and_hold_no_defaults() -> None:
    body = msgspec.json.encode(ALERT)
    assert msgspec.json.decode(body, type=Alert) == ALERT
    assert b"resolved_by" not in body
    assert b"annotations" not in body


def test_an_alert_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        ALERT.summary = "x"  # type: ignore[misc]


def test_a_status_that_is_none_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"source":"s","fingerprint":"f","service":"a","status":"open"}', type=Alert)
