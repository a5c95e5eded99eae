import json

import pytest

from router.model.alert import Image, Link
from router.model.event import Event
from router.model.severity import Severity
from router.pagerduty.events_v2 import MAX_BODY, dedup_key_of, encode, put_key, summary_of, timestamp
from router.wire.text import units

AT = 1_790_000_000_123
KEY = "0123456789abcdef0123456789abcdef"


def make_event(**members) -> Event:
    usual = {
        "team": "payments",
        "routing_key": "env:PAYMENTS",
        "dedup_key": "rule/group/1",
        "action": "trigger",
        "at": AT,
        "severity": Severity.CRITICAL,
        "summary": "It is down",
        "source": "checkout",
    }
    return Event(**(usual | members))


def body_of(**members):
    return json.loads(encode(make_event(**members)))


def test_a_trigger_says_everything():
    body = body_of(
        component="db",
        group="eu",
        class_="Down",
        details={"a": 1, "b": {"c": [True, None, 1.5]}},
        links=(Link(href="https://x", text="X"), Link(href="https://y")),
        images=(Image(src="https://i", href="https://h", alt="A"),),
        client_url="https://router",
    )
    assert body == {
        "event_action": "trigger",
        "dedup_key": "rule/group/1",
        "payload": {
            "summary": "It is down",
            "source": "checkout",
            "severity": "critical",
            "timestamp": "2026-09-21T14:13:20.123Z",
            "component": "db",
            "group": "eu",
            "class": "Down",
            "custom_details": {"a": 1, "b": {"c": [True, None, 1.5]}},
        },
        "links": [{"href": "https://x", "text": "X"}, {"href": "https://y"}],
        "images": [{"src": "https://i", "href": "https://h", "alt": "A"}],
        "client": "alert-router",
        "client_url": "https://router",
    }


@pytest.mark.parametrize("action", ["resolve", "acknowledge"])
def test_a_resolve_says_only_what_it_needs(action):
    assert body_of(action=action, details={"x": "\ud800"}, summary="") == {
        "event_action": action,
        "dedup_key": "rule/group/1",
    }


def test_a_change_event_has_its_own_shape():
    assert body_of(action="change", dedup_key="", details={"a": "b"}, links=(Link(href="https://x"),)) == {
        "payload": {
            "summary": "It is down",
            "source": "checkout",
            "timestamp": "2026-09-21T14:13:20.123Z",
            "custom_details": {"a": "b"},
        },
        "links": [{"href": "https://x"}],
    }


def test_the_key_is_put_in_front_and_the_same_every_time():
    body = encode(make_event())
    whole = put_key(body, KEY)
    assert whole.startswith(b'{"routing_key":"' + KEY.encode() + b'","event_action"')
    assert json.loads(whole) == {"routing_key": KEY} | json.loads(body)
    assert whole == put_key(encode(make_event()), KEY)
    assert json.loads(put_key(body, 'odd"\\key'))["routing_key"] == 'odd"\\key'


@pytest.mark.parametrize("severity", list(Severity))
def test_severities_are_pagerdutys_words(severity):
    assert body_of(severity=severity)["payload"]["severity"] in {"critical", "error", "warning", "info"}


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        ("x" * 1_024, "x" * 1_024),
        ("x" * 1_025, "x" * 999 + "…"),
        ("😀" * 512, "😀" * 512),
        ("😀" * 513, "😀" * 499 + "…"),
        ("a" + "😀" * 512, "a" + "😀" * 499 + "…"),
        ("two\nlines\t\x00", "two lines �"),
        ("  spaces  ", "spaces"),
        ("", "checkout: Down"),
        (" \n\u2003", "checkout: Down"),
    ],
)
def test_summaries_are_never_blank_nor_too_long(summary, expected):
    found = summary_of(make_event(summary=summary, class_="Down"))
    assert found == expected
    assert units(found) <= 1_024


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"source": "", "class_": ""}, "Alert from an unnamed service"),
        ({"source": "a", "class_": ""}, "Alert from a"),
        ({"source": "a", "class_": "", "component": "db"}, "a: db"),
    ],
)
def test_without_a_summary_the_event_says_what_it_knows(members, expected):
    assert summary_of(make_event(summary=" ", **members)) == expected


def test_fields_are_never_blank_where_they_must_not_be_and_bounded():
    payload = body_of(source=" ", component="c\n" * 2_000, group="\ud800", class_=" ")["payload"]
    assert payload["source"] == "alert-router"
    assert units(payload["component"]) <= 1_024
    assert payload["group"] == "�"
    assert "class" not in payload


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (-5, "1970-01-01T00:00:00.000Z"),
        (AT, "2026-09-21T14:13:20.123Z"),
        (1_757_000_000_007, "2025-09-04T15:33:20.007Z"),
        (10**18, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_timestamps(at, text):
    assert timestamp(at) == text


@pytest.mark.parametrize("key", ["rule/group/1", "k" * 255, "é" * 255, "😀" * 127])
def test_dedup_keys_that_fit_are_left_alone(key):
    assert dedup_key_of(key) == key


@pytest.mark.parametrize("key", ["k" * 256, "😀" * 128, "a\x00", "a\ud800", "x" * 100_000])
def test_dedup_keys_that_do_not_fit_stay_apart(key):
    found = dedup_key_of(key)
    assert units(found) <= 255
    assert found == dedup_key_of(key)
    assert found != dedup_key_of(key + "x")
    assert found[:1] == key[:1]
    found.encode()


def test_links_without_href_and_images_that_are_not_https_are_left_out():
    body = body_of(
        links=(
            Link(href=" "),
            Link(href="https://" + "x" * 5_000),
            Link(href="https://a\nb"),
            Link(href="https://ok", text="\x00"),
        ),
        images=(
            Image(src="http://a"),
            Image(src=""),
            Image(src="HTTPS://b", href="https://" + "x" * 5_000),
            Image(src="ftp://c"),
        ),
        client_url="https://" + "y" * 5_000,
    )
    assert body["links"] == [{"href": "https://ok", "text": "�"}]
    assert body["images"] == [{"src": "HTTPS://b"}]
    assert "client_url" not in body


def nested(levels):
    value = "deep"
    for _ in range(levels):
        value = {"x": [value]}
    return value


@pytest.mark.parametrize(
    "details",
    [
        {"text": "a\x00b\x1f"},
        {"text": "a\ud800b"},
        {"\ud800": 1},
        {"number": float("nan"), "inf": float("inf")},
        {"in": {"number": float("-inf")}},
        {"big": 10**30, "list": [2**63]},
        {"odd": {1: 2, None: 3}},
        {"set": {1}, "tuple": (1, 2), "object": object(), "bytes": b"\xff"},
        {"deep": nested(5_000)},
        {"k" * 100_000: "v"},
        {f"key {number}": number for number in range(20_000)},
    ],
    ids=lambda details: next(iter(details))[:10],
)
def test_whatever_the_details_hold_the_body_is_plain_json(details):
    encoded = encode(make_event(details=details))
    text = encoded.decode()
    assert "\\u00" not in text
    assert len(encoded) <= MAX_BODY
    body = json.loads(text, parse_constant=pytest.fail)
    assert body["payload"]["custom_details"]


def test_a_body_that_is_too_long_loses_long_values_first_and_says_so():
    details = {"short": "kept", "log": "x" * 900_000, "number": 5}
    encoded = encode(make_event(details=details, links=(Link(href="https://x"),), images=(Image(src="https://i"),)))
    body = json.loads(encoded)
    found = body["payload"]["custom_details"]
    assert len(put_key(encoded, KEY)) <= MAX_BODY
    assert (found["short"], found["number"]) == ("kept", 5)
    assert found["log"].startswith("xxx")
    assert found["log"].endswith("…")
    assert "log" in found["alert_router_note"]
    assert body["links"]
    assert body["images"]


def test_then_details_go_then_images_and_identity_and_links_stay():
    images = tuple(Image(src="https://" + "i" * 4_000) for _ in range(100))
    links = tuple(Link(href=f"https://{number}/" + "l" * 1_000) for number in range(200))
    encoded = encode(make_event(details={f"k{n}": "v" * 250 for n in range(5_000)}, links=links, images=images))
    body = json.loads(encoded)
    assert len(put_key(encoded, KEY)) <= MAX_BODY
    assert len(body["links"]) == 200
    assert "images" not in body
    assert body["dedup_key"] == "rule/group/1"
    note = body["payload"]["custom_details"]["alert_router_note"]
    assert "100 images" in note
    assert "details" in note
    assert body["payload"]["custom_details"]["k0"]


def test_links_are_the_last_to_go():
    links = tuple(Link(href=f"https://{number}/" + "l" * 4_000) for number in range(300))
    encoded = encode(make_event(links=links, details={"a": "b"}))
    body = json.loads(encoded)
    assert len(put_key(encoded, KEY)) <= MAX_BODY
    assert 100 < len(body["links"]) < 300
    assert body["links"][0]["href"].startswith("https://0/")
    assert "links" in body["payload"]["custom_details"]["alert_router_note"]
    change = json.loads(encode(make_event(action="change", links=links)))
    assert 100 < len(change["links"]) < 300
