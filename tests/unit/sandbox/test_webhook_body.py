"""The signature in all its forms, against vectors computed elsewhere."""

import hashlib
import hmac

import pytest

from router.sandbox.webhook_body import signature_header

BODY = (
    '{"event":{"id":"01TESTEVENT0000000000000001","event_type":"incident.annotated","resource_type":"incident",'
    '"occurred_at":"2026-01-02T03:04:05.678Z","agent":null,"client":null,"data":{"type":"incident_note","id":"PNOTE01",'
    '"content":"café ☎ ok","trimmed":false,"incident":{"id":"QTEST0000000001","type":"incident_reference",'
    '"summary":"t","self":null,"html_url":null}}}}'
).encode()
SECRET = "second+test/secret=="
GOOD = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("secret", "signature"),
    [
        ("first-test-secret", "v1=ac1b437d89411ca58ae82d561f61fdec0fb455a7a7af5ef5ebea5092c4affa71"),
        (SECRET, "v1=5d80f7f90914c71b6dedf96c628a2051743d0cab1e4dda6e2b3f4bd551b1aeec"),
    ],
)
def test_published_vectors(secret, signature):
    assert len(BODY) == 369
    assert signature_header("one", secret, BODY) == signature


@pytest.mark.parametrize("style", ["one", "two_valid_first", "two_valid_second", "with_v2", "blanks"])
def test_forms_with_a_valid_entry(style):
    entries = [entry.strip() for entry in signature_header(style, SECRET, BODY).split(",")]
    assert f"v1={GOOD}" in entries
    assert len(entries) == (1 if style == "one" else 2)


@pytest.mark.parametrize("style", ["wrong_secret", "missing", "upper_hex", "other_body"])
def test_forms_without(style):
    assert f"v1={GOOD}" not in (signature_header(style, SECRET, BODY) or "")
