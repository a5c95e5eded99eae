from __future__ import annotations

import json
from typing import Any

import pytest

from router.ingest.events import EventRead, EventReader
from router.ingest.fingerprint import fingerprint_of_key
from router.ingest.sources import SourceSettings
from router.model.alert import Alert, Image, Link
from router.model.receipt import Invalid, Unauthorised, Unreadable
from router.model.severity import Severity, SeverityScale
from tests.support.doors import INBOUND_KEY, NOW, SOURCES, event

PAYLOAD: dict[str, Any] = {"summary": "disk full", "source": "db-1", "severity": "critical"}


@pytest.fixture
def reader() -> EventReader:
    return EventReader(SOURCES, SeverityScale(), lambda: "made-1")


def alert_of(read: EventRead) -> Alert:
    assert read.alert is not None
    return read.alert


def test_a_trigger_is_an_event_alert(reader: EventReader) -> None:
    payload = PAYLOAD | {
        "component": "postgres",
        "group": "storage",
        "class": "DiskFull",
        "timestamp": "2026-09-21T14:00:00.000+0000",
        "custom_details": {"free": 3, "nested": {"a": [1]}},
    }
    read = reader.read(
        event(
            payload=payload,
            dedup_key="k1",
            client="nagios",
            client_url="https://nagios",
            links=[{"href": "https://a", "text": "A"}],
            images=[{"src": "https://i"}],
        ),
        NOW,
    )
    alert = alert_of(read)
    assert (read.action, read.source, read.dedup_key) == ("trigger", "tools", "k1")
    assert (alert.source, alert.kind, alert.status) == ("tools", "event", "firing")
    assert alert.fingerprint == fingerprint_of_key("k1")
    assert (alert.service, alert.name, alert.severity) == ("postgres", "DiskFull", Severity.CRITICAL)
    assert alert.labels == {
        "source": "db-1",
        "component": "postgres",
        "group": "storage",
        "class": "DiskFull",
        "client": "nagios",
    }
    assert alert.details == {"free": 3, "nested": {"a": [1]}}
    assert (alert.summary, alert.generator_url) == ("disk full", "https://nagios")
    assert (alert.links, alert.images) == ((Link(href="https://a", text="A"),), (Image(src="https://i"),))
    assert alert.starts_at == 1_789_999_200_000


@pytest.mark.parametrize(("sent", "kept"), [("cpu: 99\nload: 7", {"details": "cpu: 99\nload: 7"}), (" ", {})])
def test_details_that_are_a_text_lose_no_page(reader: EventReader, sent: str, kept: dict[str, str]) -> None:
    payload = PAYLOAD | {"custom_details": sent}
    assert alert_of(reader.read(event(payload=payload), NOW)).details == kept
    change = reader.read_change(json.dumps({"routing_key": INBOUND_KEY, "payload": payload}).encode()).change
    assert change is not None
    assert change.details == kept


def test_without_a_dedup_key_one_is_made(reader: EventReader) -> None:
    read = reader.read(event(), NOW)
    assert read.dedup_key == "made-1"
    assert alert_of(read).fingerprint == fingerprint_of_key("made-1")
    assert alert_of(read).starts_at == NOW


def test_a_resolve_needs_no_payload(reader: EventReader) -> None:
    read = reader.read(event("resolve", dedup_key="k1"), NOW)
    assert (alert_of(read).status, alert_of(read).resolved_by) == ("resolved", "source")
    assert alert_of(read).fingerprint == fingerprint_of_key("k1")
    assert read.action == "resolve"


def test_an_acknowledge_is_answered_and_nothing_comes_of_it(reader: EventReader) -> None:
    read = reader.read(event("acknowledge", dedup_key="k1"), NOW)
    assert (read.action, read.dedup_key, read.alert) == ("acknowledge", "k1", None)


@pytest.mark.parametrize(
    ("payload", "settings", "service", "name"),
    [
        ({"custom_details": {"service": "a"}, "component": "b"}, {}, "a", ""),
        ({"component": "b"}, {}, "b", ""),
        ({"component": " "}, {}, "db-1", ""),
        ({"custom_details": {"service": 5}}, {}, "db-1", ""),
        ({"group": "g"}, {"service_labels": ("group",), "name_label": "component"}, "g", ""),
        ({"component": "b"}, {"service_labels": ("group",), "name_label": "component"}, "unknown", "b"),
    ],
)
def test_what_names_service_and_alert(payload: dict[str, Any], settings: dict[str, Any], service: str, name: str) -> None:
    source = SourceSettings(name="tools", kind="pagerduty", keys=(INBOUND_KEY,), **settings)
    alert = alert_of(EventReader([source], SeverityScale(), str).read(event(payload=PAYLOAD | payload), NOW))
    assert (alert.service, alert.name) == (service, name)


INVALID: list[tuple[dict[str, Any], list[str]]] = [
    ({"routing_key": None}, ["'routing_key' cannot be blank"]),
    ({"routing_key": 5}, ["'routing_key' cannot be blank"]),
    ({"event_action": ""}, ["'event_action' is missing or blank"]),
    ({"event_action": "open"}, ["'event_action' is invalid"]),
    ({"event_action": []}, ["'event_action' is missing or blank"]),
    ({"event_action": "resolve"}, ["'dedup_key' is missing or blank"]),
    ({"dedup_key": "k" * 256}, ["'dedup_key' is too long"]),
    ({"dedup_key": 5}, ["'dedup_key' must be text"]),
    ({"payload": None}, ["'payload' is missing or blank"]),
    ({"payload": "x"}, ["'payload' must be an object"]),
    ({"event_action": "resolve", "dedup_key": "k", "payload": "x"}, ["'payload' must be an object"]),
    (
        {"payload": {}},
        ["'payload.summary' is missing", "'payload.source' is missing", "'payload.severity' is missing"],
    ),
    ({"payload": PAYLOAD | {"summary": "x" * 1025}}, ["'summary' is too long"]),
    ({"payload": PAYLOAD | {"severity": "Critical"}}, ["'payload.severity' is invalid"]),
    ({"payload": PAYLOAD | {"severity": []}}, ["'payload.severity' is invalid"]),
    ({"payload": PAYLOAD | {"component": 5}}, ["'payload.component' must be text"]),
    ({"payload": PAYLOAD | {"custom_details": ["x"]}}, ["'payload.custom_details' must be an object"]),
    ({"payload": PAYLOAD | {"custom_details": "x" * 70_000}}, ["'payload.custom_details' is too large"]),
    ({"payload": PAYLOAD | {"custom_details": {"a": "x" * 70_000}}}, ["'payload.custom_details' is too large"]),
    ({"payload": PAYLOAD | {"timestamp": "2026-01-31 8:00"}}, ["'payload.timestamp' is invalid"]),
    ({"payload": PAYLOAD | {"timestamp": 5}}, ["'payload.timestamp' is invalid"]),
    ({"links": "x"}, ["'links': expected a list"]),
    ({"links": [{"href": 5}]}, ["'links[0].href': expected text"]),
    ({"images": [5]}, ["'images[0]': expected an object"]),
]


@pytest.mark.parametrize(("change", "errors"), INVALID)
def test_every_failed_check_is_named(reader: EventReader, change: dict[str, Any], errors: list[str]) -> None:
    with pytest.raises(Invalid) as caught:
        reader.read(event(**change), NOW)
    assert len(caught.value.errors) == len(errors)
    for found, expected in zip(caught.value.errors, errors, strict=True):
        assert found.startswith(expected)


def test_a_key_of_nobody_is_refused_without_repeating_it(reader: EventReader) -> None:
    with pytest.raises(Unauthorised) as caught:
        reader.read(event(routing_key="f" * 32), NOW)
    assert "ffff" not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"5",
        b"{",
        b'{"a":NaN}',
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        b"\xef\xbb\xbf{}",
        b'{"a":' * 5000,
        b" " * 600_000,
    ],
)
def test_what_cannot_be_read(reader: EventReader, body: bytes) -> None:
    with pytest.raises(Unreadable):
        reader.read(body, NOW)


def change_event(**fields: Any) -> bytes:
    payload = {"summary": "deployed 1.2", "source": "ci", "custom_details": {"service": "checkout", "build": 7}}
    return json.dumps({"routing_key": INBOUND_KEY, "payload": payload} | fields).encode()


def test_a_change_goes_to_the_owner_of_its_service(reader: EventReader) -> None:
    read = reader.read_change(change_event(links=[{"href": "https://ci"}]))
    change = read.change
    assert change is not None
    assert (change.source, change.service, change.summary, change.origin) == ("tools", "checkout", "deployed 1.2", "ci")
    assert change.details == {"service": "checkout", "build": 7}
    assert change.links == (Link(href="https://ci"),)


@pytest.mark.parametrize("change", [{"payload": None}, {"payload": []}, {"payload": {}}, {"routing_key": ""}, {"links": 5}])
def test_changes_are_checked_too(reader: EventReader, change: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        reader.read_change(change_event(**change))


@pytest.fixture
def shadowed() -> EventReader:
    source = SourceSettings(name="tools", kind="pagerduty", keys=(INBOUND_KEY,), shadows={INBOUND_KEY: "env:REAL"})
    return EventReader([source], SeverityScale(), lambda: "made-1")


def test_in_shadow_an_event_goes_on_as_it_came(shadowed: EventReader) -> None:
    read = shadowed.read(event(payload=PAYLOAD, client="nagios", unknown={"a": [1]}), NOW)
    assert read.forward is not None
    assert (read.forward.source, read.forward.routing_key, read.forward.action) == ("tools", "env:REAL", "trigger")
    # But for the key, and with the dedup key that the sender is answered with, so that its resolve meets it.
    assert json.loads(read.forward.body) == {
        "event_action": "trigger",
        "payload": PAYLOAD,
        "client": "nagios",
        "unknown": {"a": [1]},
        "dedup_key": "made-1",
    }
    assert read.forward.severity is Severity.CRITICAL
    assert read.forward.alert == read.alert
    assert INBOUND_KEY not in read.forward.body


def test_in_shadow_acknowledgements_and_changes_go_on_too(shadowed: EventReader) -> None:
    acknowledged = shadowed.read(event("acknowledge", dedup_key="k1"), NOW).forward
    assert acknowledged is not None
    assert (acknowledged.action, acknowledged.dedup_key, acknowledged.alert) == ("acknowledge", "k1", None)
    body = json.dumps({"routing_key": INBOUND_KEY, "payload": {"summary": "deployed"}}).encode()
    change = shadowed.read_change(body).forward
    assert change is not None
    assert (change.action, json.loads(change.body)) == ("change", {"payload": {"summary": "deployed"}})


def test_out_of_shadow_nothing_goes_on(reader: EventReader) -> None:
    assert reader.read(event(dedup_key="k1"), NOW).forward is None
