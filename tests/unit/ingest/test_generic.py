from __future__ import annotations

import json
from typing import Any

import pytest

from router.ingest.batch import Batch
from router.ingest.fingerprint import fingerprint_of_key
from router.ingest.generic import GenericReader
from router.ingest.sources import SourceSettings
from router.ingest.timestamps import LATEST
from router.model.alert import Image, Link
from router.model.receipt import TooLarge, Unreadable
from router.model.severity import Severity, SeverityScale
from tests.support.doors import AN_HOUR_AGO, AN_HOUR_ON, NOW, body

READER = GenericReader(SourceSettings(name="json", kind="json", resolve_timeout_ms=0), SeverityScale(), 10)


def read(*alerts: object) -> Batch:
    return READER.read(body(*alerts), NOW)


def test_a_service_is_enough() -> None:
    (alert,) = READER.read(b'{"service": "billing"}', NOW).events
    assert (alert.source, alert.service, alert.name, alert.kind, alert.status) == ("json", "billing", "", "event", "firing")
    assert alert.severity is Severity.ERROR
    assert alert.starts_at == NOW
    assert len(alert.fingerprint) == 16


def test_everything_of_an_alert_is_read() -> None:
    (alert,) = read(
        {
            "service": "billing",
            "name": "InvoiceFailed",
            "severity": "critical",
            "labels": {"env": "prod", "shard": 3, "ok": True, "ratio": 0.5, "none": None, "empty": ""},
            "annotations": {"summary": "from the annotation"},
            "details": {"a": [1, {"b": None}]},
            "links": [{"href": "https://a"}],
            "images": [{"src": "https://i"}],
            "starts_at": "2026-09-21T14:00:00Z",
            "generator_url": "https://g",
            "dedup_key": "k",
        }
    ).events
    assert (alert.name, alert.severity, alert.summary) == ("InvoiceFailed", Severity.CRITICAL, "from the annotation")
    assert alert.labels == {"env": "prod", "shard": "3", "ok": "true", "ratio": "0.5"}
    assert alert.details == {"a": [1, {"b": None}]}
    assert (alert.links, alert.images) == ((Link(href="https://a"),), (Image(src="https://i"),))
    assert (alert.starts_at, alert.generator_url) == (1_789_999_200_000, "https://g")
    assert alert.fingerprint == fingerprint_of_key("k")


def test_stateful_alerts_are_reported_to_the_register() -> None:
    batch = read(
        {"service": "a", "kind": "stateful", "name": "n"},
        {"service": "a", "kind": "stateful", "name": "n", "ends_at": AN_HOUR_ON},
        {"service": "a", "kind": "stateful", "name": "n", "status": "resolved"},
        {"service": "a", "kind": "stateful", "name": "n", "endsAt": AN_HOUR_AGO},
    )
    assert batch.events == []
    assert [(report.alert.status, report.is_timeout) for report in batch.reports] == [
        ("firing", True),
        ("firing", False),
        ("resolved", True),
        ("resolved", False),
    ]
    assert [report.ends_at for report in batch.reports] == [LATEST, NOW + 3_600_000, NOW, NOW - 3_600_000]
    assert len({report.alert.fingerprint for report in batch.reports}) == 1
    assert batch.reports[2].alert.resolved_by == "source"


def test_a_resolved_event() -> None:
    (alert,) = read({"service": "a", "dedup_key": "k", "status": "resolved"}).events
    assert (alert.status, alert.resolved_by, alert.starts_at) == ("resolved", "source", 0)


@pytest.mark.parametrize(
    ("fields", "severity"),
    [
        ({"severity": "FATAL"}, Severity.ERROR),
        ({"severity": "warning"}, Severity.WARNING),
        ({"severity": "0.9"}, Severity.CRITICAL),
        ({"severity": ""}, Severity.ERROR),
        ({"score": 0.9}, Severity.CRITICAL),
        ({"score": 0}, Severity.INFO),
        ({"score": 0.1, "severity": "critical"}, Severity.CRITICAL),
    ],
)
def test_severities(fields: dict[str, Any], severity: Severity) -> None:
    (alert,) = read({"service": "a"} | fields).events
    assert alert.severity is severity


def test_a_whole_number_is_seconds() -> None:
    (alert,) = read({"service": "a", "startsAt": 1_790_000_000}).events
    assert alert.starts_at == 1_790_000_000_000


BAD: list[tuple[Any, str, str]] = [
    (7, "", "expected an object, found a number"),
    ({}, "service", "expected the name"),
    ({"service": " "}, "service", "expected the name"),
    ({"service": 5}, "service", "expected text, found a number"),
    ({"service": "a", "severty": "x"}, "severty", 'did you mean "severity"?'),
    ({"service": "a", "zzz": 1}, "zzz", "known are"),
    ({"service": "a", "name": "x" * 9000}, "name", "8192"),
    ({"service": "a", "severity": 5}, "severity", "expected a word"),
    ({"service": "a", "score": 2}, "score", "from 0 to 1"),
    ({"service": "a", "score": True}, "score", "from 0 to 1"),
    ({"service": "a", "score": "0.5"}, "score", "from 0 to 1"),
    ({"service": "a", "status": "open"}, "status", "firing or resolved"),
    ({"service": "a", "status": 5}, "status", "found a number"),
    ({"service": "a", "kind": "x"}, "kind", "event or stateful"),
    ({"service": "a", "labels": []}, "labels", "found a list"),
    ({"service": "a", "labels": {"a": {}}}, "labels.a", "found an object"),
    ({"service": "a", "labels": {"": "x"}}, "labels", "not empty"),
    ({"service": "a", "labels": {f"l{n}": "x" for n in range(300)}}, "labels", "256 labels"),
    ({"service": "a", "labels": {f"l{n}": "x" for n in range(10_000)}}, "", "65536 bytes"),
    ({"service": "a", "annotations": "x"}, "annotations", "found text"),
    ({"service": "a", "summary": 5}, "summary", "expected text"),
    ({"service": "a", "details": "x"}, "details", "expected an object"),
    ({"service": "a", "links": {}}, "links", "expected a list"),
    ({"service": "a", "images": [{"src": 5}]}, "images[0].src", "expected text"),
    ({"service": "a", "dedup_key": "k" * 256}, "dedup_key", "255"),
    ({"service": "a", "starts_at": "soon"}, "starts_at", "RFC 3339"),
    ({"service": "a", "startsAt": True}, "startsAt", "boolean"),
    ({"service": "a", "startsAt": -5}, "startsAt", "expected a time"),
    ({"service": "a", "startsAt": 1.5}, "startsAt", "expected a time"),
    ({"service": "a", "startsAt": AN_HOUR_ON, "starts_at": AN_HOUR_ON}, "starts_at", "found both"),
    ({"service": "a", "ends_at": AN_HOUR_ON}, "ends_at", "stateful"),
    ({"service": "a", "kind": "stateful", "starts_at": AN_HOUR_ON, "ends_at": AN_HOUR_AGO}, "starts_at", "before the end"),
]


@pytest.mark.parametrize(("bad", "field", "words"), BAD)
def test_a_bad_alert_is_refused_and_the_ones_beside_it_are_not(bad: Any, field: str, words: str) -> None:
    batch = read({"service": "a"}, bad, {"service": "b"})
    assert [alert.service for alert in batch.events] == ["a", "b"]
    (refusal,) = batch.refusals
    assert (refusal.index, refusal.field) == (1, field)
    assert words in refusal.reason
    assert len(str(refusal)) < 500


@pytest.mark.parametrize("text", [b"", b"[", b"\xef\xbb\xbf{}", b"[" * 100_000])
def test_bodies_that_cannot_be_read(text: bytes) -> None:
    with pytest.raises(Unreadable):
        READER.read(text, NOW)


@pytest.mark.parametrize(
    "text", [b"{", b'{"service":NaN}', b'{"service":"\xff"}', b"null", b'{"a":' * 50_000, b'{"service":"a"} x']
)
def test_one_alert_that_cannot_be_read(text: bytes) -> None:
    batch = READER.read(text, NOW)
    assert [refusal.index for refusal in batch.refusals] == [0]
    assert json.dumps(batch.refusals[0].reason)


def test_too_many() -> None:
    with pytest.raises(TooLarge):
        read(*[{"service": "a"}] * 11)
