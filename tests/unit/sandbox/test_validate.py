"""Every member of an event: the documented and observed refusals, and the assumed ones with their switches."""

import pytest

from router.sandbox.switches import Switches
from router.sandbox.validate import check_change, check_event
from tests.unit.sandbox.builders import event, payload


def findings(content, **switches):
    return check_event(content, Switches(**switches))


def texts(content, **switches):
    return [finding.text for finding in findings(content, **switches)]


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (None, "'routing_key' cannot be blank"),
        ("", "'routing_key' cannot be blank"),
        ("a" * 31, "Length of 'routing_key' is incorrect (should be 32 characters)"),
        ("a" * 33, "Length of 'routing_key' is incorrect (should be 32 characters)"),
        ("u+abcdefghijklmnopqr", "Length of 'routing_key' is incorrect (should be 32 characters)"),
        ("a" * 31 + "-", "'routing_key' cannot contain non-alphanumeric characters."),
        ("a" * 31 + "é", "'routing_key' cannot contain non-alphanumeric characters."),
        (12, "'routing_key' must be a string"),
    ],
)
def test_routing_key(key, text):
    assert text in texts(event(routing_key=key))


def test_a_rest_token_earns_the_length_error():
    assert texts(event(routing_key="y" * 20)) == ["Length of 'routing_key' is incorrect (should be 32 characters)"]


@pytest.mark.parametrize("action", [None, ""])
def test_action_missing(action):
    assert texts(event(event_action=action)) == ["'event_action' is missing or blank"]


@pytest.mark.parametrize("action", ["Trigger", "close", 1, ["trigger"], {}])
def test_action_unknown(action):
    assert [finding.assumed for finding in findings(event(event_action=action))] == ["action-text"]


@pytest.mark.parametrize("action", ["acknowledge", "resolve"])
def test_later_actions_need_a_dedup_key_but_no_payload(action):
    assert findings(event(action)) == []
    assert findings(event(action, payload={"summary": "tolerated"}, links="tolerated")) == []
    assert texts(event(action, dedup_key=None)) == ["'dedup_key' is missing or blank"]


def test_dedup_key_length_and_its_switch():
    assert findings(event(dedup_key="é" * 255)) == []
    assert [finding.assumed for finding in findings(event(dedup_key="k" * 256))] == ["dedup-key-length"]
    assert findings(event(dedup_key="k" * 256), long_dedup_key="accept") == []
    assert [finding.assumed for finding in findings(event("resolve", dedup_key=7))] == ["dedup-key-type"]


@pytest.mark.parametrize("found", [None, "text", [], 1])
def test_payload_must_be_an_object(found):
    assert texts(event(payload=found) if found is not None else {**event(), "payload": None}) == [
        "'payload' is missing or not an object"
    ]


@pytest.mark.parametrize("summary", [None, "", " \t"])
def test_summary_missing(summary):
    assert texts(event(payload=payload(summary=summary))) == ["'payload.summary' is missing or blank"]


def test_summary_length_counts_code_points_or_utf16_units():
    too_long = "'summary' is too long (maiximum is 1024 characters)"
    assert findings(event(payload=payload(summary="é" * 1024))) == []
    assert texts(event(payload=payload(summary="x" * 1025))) == [too_long]
    emoji = event(payload=payload(summary="\N{FIRE}" * 1024))
    assert findings(emoji) == []
    assert texts(emoji, summary_unit="utf16") == [too_long]
    assert texts(event(payload=payload(summary=5))) == ["'payload.summary' must be a string"]


@pytest.mark.parametrize("source", [None, "", "  "])
def test_source_missing(source):
    assert texts(event(payload=payload(source=source))) == ["'payload.source' is missing or blank"]


def test_source_type():
    assert [finding.assumed for finding in findings(event(payload=payload(source=1)))] == ["source-type"]


def test_severity():
    for severity in ("critical", "error", "warning", "info"):
        assert findings(event(payload=payload(severity=severity))) == []
    assert texts(event(payload=payload(severity=None))) == ["'payload.severity' is missing or blank"]
    for severity in ("Critical", "CRITICAL", "high", "warn", 1, []):
        assert texts(event(payload=payload(severity=severity))) == [
            "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')"
        ]


@pytest.mark.parametrize(
    "good",
    [
        "2026-01-02T03:04:05.678Z",
        "2026-01-02T03:04:05.678+0000",
        "2026-01-02T03:04:05+02:00",
        "2026-01-02T03:04:05",
        "2026-01-02T03:04Z",
        "2026-01-02T03:04:05.123456789Z",
    ],
)
def test_good_timestamps(good):
    assert findings(event(payload=payload(timestamp=good))) == []


@pytest.mark.parametrize(
    "bad",
    [
        "2026-01-02T3:04:05Z",
        "2026-01-02 03:04:05Z",
        "2026-1-2T03:04:05Z",
        "2026-01-02",
        "2026-02-30T00:00:00Z",
        "2026-01-02T25:00:00Z",
        "2026-01-02T03:04:05 Z",
        "yesterday",
        "",
        1_767_323_045,
        "2026-01-02T03:04:05Z\n",
        "٢٠٢٦-01-02T03:04:05Z",
    ],
)
def test_bad_timestamps(bad):
    assert texts(event(payload=payload(timestamp=bad))) == ["'payload.timestamp' is not an ISO 8601 date and time"]


@pytest.mark.parametrize("details", ["text", [], 1, True])
def test_custom_details_and_its_switch(details):
    content = event(payload=payload(custom_details=details))
    assert [finding.assumed for finding in findings(content)] == ["custom-details-type"]
    assert findings(content, custom_details_type="accept") == []
    assert findings(event(payload=payload(custom_details={"deep": [{"x": None}]}))) == []


@pytest.mark.parametrize("links", [[{}], [{"href": ""}], [{"href": 1}], ["https://x"], "https://x", {}])
def test_links_and_the_switch(links):
    content = event(links=links)
    assert [finding.assumed for finding in findings(content)] == ["link-member"]
    assert findings(content, malformed_attachments="drop") == []
    assert content["links"] == []


@pytest.mark.parametrize("images", [[{}], [{"src": "http://x/y.png"}], [{"href": "https://x"}], 1])
def test_images_and_the_switch(images):
    content = event(images=images)
    assert [finding.assumed for finding in findings(content)] == ["image-member"]
    assert findings(content, malformed_attachments="drop") == []


def test_good_attachments():
    content = event(links=[{"href": "https://x", "text": "y"}], images=[{"src": "https://x/y.png", "alt": "z"}])
    assert findings(content) == []
    assert findings(content, malformed_attachments="drop") == []
    assert len(content["links"]) == len(content["images"]) == 1


def test_types_of_optional_members_and_the_switch():
    content = event(client=1, client_url=2, payload=payload(component=3, group=4, **{"class": 5}))
    assert [finding.assumed for finding in findings(content)] == ["optional-member-type"] * 5
    assert findings(content, optional_member_types="accept") == []


def test_unknown_members_and_the_switch():
    content = event(priority="P1")
    assert findings(content) == []
    assert [finding.assumed for finding in findings(content, unknown_members="reject")] == ["unknown-member"]


def test_change_events():
    def wrong(**changes):
        content = {"routing_key": "a" * 32, "payload": {"summary": "deployed"}, **changes}
        return len(check_change(content, Switches()))

    assert wrong() == 0
    assert wrong(payload={"summary": "x", "source": "ci", "timestamp": "2026-01-02T03:04:05Z"}) == 0
    assert wrong(links=[{"href": "https://x"}], images=[{"src": "https://x"}]) == 0
    assert wrong(payload=None) == 1
    assert wrong(payload={}) == 1
    assert wrong(payload={"summary": "x" * 1025}) == 1
    assert wrong(payload={"summary": "x", "source": 1, "custom_details": [], "timestamp": "x"}) == 3
    assert wrong(routing_key="R" * 32) == 1
    assert wrong(routing_key=None) == 1
