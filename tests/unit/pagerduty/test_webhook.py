"""Signatures by published facts and our own vector; bodies as they were captured, with what later versions may add."""

import json

import pytest

from router.pagerduty.webhook import Unreadable, is_signed, read_webhook

BODY = (
    '{"event":{"id":"01TESTEVENT0000000000000001","event_type":"incident.annotated","resource_type":"incident",'
    '"occurred_at":"2026-01-02T03:04:05.678Z","agent":null,"client":null,"data":{"type":"incident_note","id":"PNOTE01",'
    '"content":"café ☎ ok","trimmed":false,"incident":{"id":"QTEST0000000001","type":"incident_reference","summary":"t",'
    '"self":null,"html_url":null}}}}'
).encode()
FIRST = "v1=ac1b437d89411ca58ae82d561f61fdec0fb455a7a7af5ef5ebea5092c4affa71"
SECOND = "v1=5d80f7f90914c71b6dedf96c628a2051743d0cab1e4dda6e2b3f4bd551b1aeec"
SECRETS = ["first-test-secret", "second+test/secret=="]


@pytest.mark.parametrize(
    "header",
    [FIRST, SECOND, f"{FIRST},{SECOND}", f"v1={'0' * 64} , {SECOND}", f"v2={'a' * 64},{FIRST}", f"v1=zz,{FIRST}",
     FIRST[:3] + FIRST[3:].upper()],
)  # fmt: skip
def test_any_good_signature_will_do(header: str) -> None:
    assert is_signed(header, BODY, SECRETS)


@pytest.mark.parametrize("header", ["", "v1=", FIRST[3:], "v2=" + FIRST[3:], f"v1={'0' * 64}", FIRST + "0", "v1=" * 100, ",,,"])
def test_anything_else_will_not(header: str) -> None:
    assert not is_signed(header, BODY, SECRETS)


def test_a_signature_is_of_these_bytes_and_this_secret() -> None:
    assert not is_signed(FIRST, BODY + b" ", SECRETS)
    assert not is_signed(FIRST, json.dumps(json.loads(BODY)).encode(), SECRETS)
    assert not is_signed(FIRST, BODY, SECRETS[1:])
    assert not is_signed(FIRST, BODY, [])


def test_only_so_many_signatures_are_looked_at() -> None:
    assert not is_signed(",".join([f"v1={'0' * 64}"] * 16 + [FIRST]), BODY, SECRETS)


def test_a_note() -> None:
    webhook = read_webhook(BODY, webhook_id="abc", received_at=5)
    assert webhook is not None
    assert (webhook.webhook_id, webhook.event_id, webhook.received_at) == ("abc", "01TESTEVENT0000000000000001", 5)
    sighting = webhook.sighting
    assert (sighting.kind, sighting.pagerduty_id, sighting.text, sighting.note) == (
        "annotated",
        "QTEST0000000001",
        "café ☎ ok",
        "PNOTE01",
    )
    assert (sighting.at, sighting.status, sighting.who) == (1_767_323_045_678, "", "")


def event(kind: str, data: dict, **more: object) -> bytes:
    body = {"id": "01E", "event_type": kind, "occurred_at": "2026-01-02T03:04:05.678Z", "agent": None, "data": data} | more
    return json.dumps({"event": body}).encode()


INCIDENT = {
    "id": "Q1", "type": "incident", "number": 7, "status": "resolved", "incident_key": None, "html_url": "https://x/Q1",
    "service": {"id": "P1", "summary": None}, "assignees": [], "urgency": "high", "priority": None, "resolve_reason": None,
}  # fmt: skip


def test_true_is_no_number() -> None:
    """It would be kept, and could not be read back."""
    webhook = read_webhook(event("incident.resolved", INCIDENT | {"number": True}), webhook_id="w", received_at=5)
    assert webhook is not None
    assert webhook.sighting.number == 0


def test_what_happened_counts_not_how_it_stands_by_now() -> None:
    agent = {"id": "PA", "type": "user_reference", "summary": "Ada Example"}
    webhook = read_webhook(event("incident.acknowledged", INCIDENT, agent=agent, novelty=[1]), webhook_id="", received_at=0)
    assert webhook is not None
    sighting = webhook.sighting
    assert webhook.webhook_id == "01E"
    assert (sighting.status, sighting.who, sighting.by_person) == ("acknowledged", "Ada Example", True)
    assert (sighting.number, sighting.service, sighting.key) == (7, "P1", "")


def test_a_merge_names_its_target() -> None:
    reason = {"type": "merge_resolve_reason", "incident": {"id": "Q2", "type": "incident_reference"}}
    webhook = read_webhook(event("incident.resolved", INCIDENT | {"resolve_reason": reason}), webhook_id="w", received_at=0)
    assert webhook is not None
    assert webhook.sighting.merged_into == "Q2"


def test_a_responder() -> None:
    data = {"type": "incident_responder", "incident": {"id": "Q1"}, "user": {"summary": "Grace"}, "message": "please"}
    webhook = read_webhook(event("incident.responder.added", data), webhook_id="w", received_at=0)
    assert webhook is not None
    assert (webhook.sighting.responders, webhook.sighting.text) == ((("Grace", "pending"),), "please")
    data = {"type": "incident_responder", "incident": {"id": "Q1"}, "user": None, "escalation_policy": {"summary": "Database"}}
    webhook = read_webhook(event("incident.responder.replied", data | {"state": "declined"}), webhook_id="w", received_at=0)
    assert webhook is not None
    assert webhook.sighting.responders == (("Database", "declined"),)


def test_where_people_talk() -> None:
    data = {"type": "incident_conference_bridge", "incident": {"id": "Q1"}, "conference_numbers": [{"number": "+1 555"}]}
    for more, bridge in (({"conference_url": "https://meet/1"}, "https://meet/1"), ({"conference_url": None}, "+1 555")):
        webhook = read_webhook(event("incident.conference_bridge.updated", data | more), webhook_id="w", received_at=0)
        assert webhook is not None
        assert webhook.sighting.bridge == bridge


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("incident.hologram.projected", {"id": "Q1", "type": "incident_hologram"}),
        ("service.updated", {"id": "P1", "type": "service"}),
        ("pagey.ping", {"type": "ping", "message": "Hello"}),
        ("incident.role.assigned", {"type": "incident_role_assignment", "incident_role_assignments": []}),
        ("incident.annotated", {"type": "incident_note", "content": "of nothing"}),
        ("incident.resolved", {}),
    ],
)
def test_types_without_effect(kind: str, data: dict) -> None:
    assert read_webhook(event(kind, data), webhook_id="w", received_at=0) is None


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b'{"event": 1}', b'{"event": {"id": "x"}}', b'{"messages": []}'])
def test_what_is_no_webhook(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read_webhook(body, webhook_id="w", received_at=0)
