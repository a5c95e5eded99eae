"""PagerDuty's V3 webhooks: is it signed by one of our secrets, and what does it say.

The signature is over the untouched bytes; the key is the secret's text as shown, not what its base64 would decode to (source:
PagerDuty's "Verifying signatures", recomputed on published captures). Must never do: parse a body before it is verified.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

import msgspec

from router.model.page import Sighting, SightingKind, Webhook
from router.pagerduty.pictures import (
    STATUS_AFTER,
    bridge_of,
    instant,
    is_person,
    members,
    merge_target,
    name_of,
    responder_of,
    rows,
    status_of,
    text,
    word,
)

MAX_SIGNATURES = 16
"""Signatures of one header that are looked at; PagerDuty sends one for each secret in rotation."""

KINDS: dict[str, SightingKind] = {
    "incident.triggered": "triggered",
    "incident.acknowledged": "acknowledged",
    "incident.unacknowledged": "unacknowledged",
    "incident.resolved": "resolved",
    "incident.reopened": "reopened",
    "incident.escalated": "escalated",
    "incident.delegated": "delegated",
    "incident.reassigned": "reassigned",
    "incident.annotated": "annotated",
    "incident.priority_updated": "priority_updated",
    "incident.service_updated": "service_updated",
    "incident.responder.added": "responder_added",
    "incident.responder.replied": "responder_replied",
    "incident.status_update_published": "status_update_published",
    "incident.conference_bridge.updated": "bridge_updated",
}
"""Event types with an effect."""

WITHOUT_EFFECT = frozenset(
    {
        "incident.custom_field_values.updated",
        "incident.incident_type.changed",
        "incident.role.assigned",
        *("incident.task.created", "incident.task.updated", "incident.task.completed"),
        *("incident.workflow.started", "incident.workflow.completed"),
        *("incident.action_invocation.created", "incident.action_invocation.updated", "incident.action_invocation.terminated"),
        *("service.created", "service.updated", "service.deleted", "service.custom_field_values.updated"),
        "pagey.ping",
    }
)
"""The others PagerDuty documents. Like every type that comes new they are answered 2xx and left: they say nothing of who has
a page. docs/howto/follow-pages.md gives the reason of each."""

_ASSIGNED = {"escalated", "delegated", "reassigned"}


class Unreadable(ValueError):
    """A body that is signed and still no webhook."""


def is_signed(header: str, body: bytes, secrets: Iterable[str]) -> bool:
    """Whether any ``v1`` signature in the header is that of any secret. Every pair is compared, in constant time."""
    given: list[bytes] = []
    for part in header.split(",")[:MAX_SIGNATURES]:
        version, _, digest = part.strip().partition("=")
        if version == "v1":
            try:
                given.append(bytes.fromhex(digest))
            except ValueError:
                continue
    found = False
    for secret in secrets:
        wanted = hmac.new(secret.encode(), body, hashlib.sha256).digest()
        for one in given:
            found |= hmac.compare_digest(wanted, one)
    return found


def read_webhook(body: bytes, *, webhook_id: str, received_at: int) -> Webhook | None:
    """What a verified body says; None for a type without effect, Unreadable if it is no webhook at all."""
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable("the body is no JSON") from error
    event = members(members(decoded).get("event"))
    event_type = word(event.get("event_type"))
    event_id = word(event.get("id"))
    if not event_type or not event_id:
        raise Unreadable("the body has no event with an id and a type")
    kind = KINDS.get(event_type)
    data = members(event.get("data"))
    incident = data if data.get("type") == "incident" else members(data.get("incident"))
    pagerduty_id = word(incident.get("id"))
    if kind is None or not pagerduty_id:
        return None
    agent = event.get("agent")
    is_whole = incident is data
    sighting = Sighting(
        kind=kind,
        pagerduty_id=pagerduty_id,
        at=instant(event.get("occurred_at")),
        who=name_of(agent),
        by_person=is_person(agent),
        # What happened counts, not how the incident stands in ``data``: that may be later than the event. Only whether a new
        # assignment takes the acknowledgement away is not in the event's name.
        status=STATUS_AFTER.get(kind, "") or (status_of(data.get("status")) if is_whole and kind in _ASSIGNED else ""),
        merged_into=merge_target(data) if is_whole else "",
        number=data["number"] if is_whole and type(data.get("number")) is int else 0,  # a bool is an int, and none here
        url=word(incident.get("html_url")),
        service=word(members(data.get("service")).get("id")) if is_whole else "",
        key=word(data.get("incident_key")) if is_whole else "",
        urgency=word(data.get("urgency")) if is_whole else "",
        priority=name_of(data.get("priority")) if is_whole else "",
        assignees=tuple([name_of(row) for row in rows(data.get("assignees"))][:20]) if is_whole else (),
        responders=(responder_of(data),) if data.get("type") == "incident_responder" else (),
        bridge=bridge_of(data.get("conference_bridge") if is_whole else data),
        text=text(data.get("content")) or text(data.get("message")),
        note=word(data.get("id")) if data.get("type") == "incident_note" else "",
        is_trimmed=data.get("trimmed") is True,
    )
    return Webhook(
        webhook_id=word(webhook_id) or event_id,
        event_id=event_id,
        event_type=event_type,
        received_at=received_at,
        sighting=sighting,
    )
