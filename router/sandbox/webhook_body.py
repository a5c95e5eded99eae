"""What a webhook says: the envelope, the data of each kind, and the signature in all its right and wrong forms.

The body is compact JSON with non-ASCII characters left as they are, so that a receiver who parses and writes it
again before verifying fails.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from router.sandbox import rest_render
from router.sandbox.model import Agent, Change, Incident, Service, World
from router.sandbox.switches import SignatureStyle
from router.sandbox.timestamps import iso, iso_milliseconds

EVENT_TYPES = frozenset(
    {
        "incident.triggered",
        "incident.acknowledged",
        "incident.unacknowledged",
        "incident.resolved",
        "incident.reopened",
        "incident.escalated",
        "incident.delegated",
        "incident.reassigned",
        "incident.priority_updated",
        "incident.service_updated",
        "incident.incident_type.changed",
        "incident.annotated",
        "incident.status_update_published",
        "incident.responder.added",
        "incident.responder.replied",
        "incident.conference_bridge.updated",
        "incident.custom_field_values.updated",
        "incident.role.assigned",
        "incident.task.created",
        "incident.task.updated",
        "incident.task.completed",
        "incident.action_invocation.created",
        "incident.action_invocation.updated",
        "incident.action_invocation.terminated",
        "incident.workflow.started",
        "incident.workflow.completed",
        "service.created",
        "service.updated",
        "service.deleted",
        "service.custom_field_values.updated",
    }
)


def envelope(world: World, kind: str, at: int, data: dict[str, Any], *, agent: Any = None, client: Any = None) -> bytes:
    """One event, ready to be signed."""
    event = {
        "id": world.ids.sortable(),
        "event_type": kind,
        "resource_type": kind.partition(".")[0],
        "occurred_at": iso_milliseconds(at),
        "agent": agent,
        "client": client,
        "data": data,
    }
    return json.dumps({"event": event}, ensure_ascii=False, separators=(",", ":")).encode()


def render(world: World, change: Change, *, with_agent: bool = True) -> bytes:
    """The body for a change in the model."""
    agent = _agent(change.agent) if with_agent else None
    return envelope(world, change.kind, change.at, _data(world, change), agent=agent, client=_client(change))


def _agent(agent: Agent | None) -> dict[str, Any] | None:
    if agent is None:
        return None
    return {**(rest_render.agent_reference(agent) or {}), "type": f"{agent.kind}_reference"}


def _client(change: Change) -> dict[str, str] | None:
    incident = change.incident
    if incident is None or not incident.client:
        return None
    client = {"name": incident.client}
    if incident.client_url:
        client["url"] = incident.client_url
    return client


def _data(world: World, change: Change) -> dict[str, Any]:
    incident, extra = change.incident, change.extra
    if incident is None:
        assert change.service is not None
        return _service(change.service)
    reference = rest_render.incident_reference(incident)
    match change.kind:
        case "incident.annotated":
            limit = world.switches.webhook_note_trim_length
            content = extra["content"]
            return {
                "incident": reference,
                "id": extra["note_id"],
                "content": content[:limit],
                "trimmed": len(content) > limit,
                "type": "incident_note",
            }
        case "incident.status_update_published":
            return {
                "incident": reference,
                "id": extra["update_id"],
                "message": extra["message"],
                "trimmed": False,
                "type": "incident_status_update",
            }
        case "incident.responder.added" | "incident.responder.replied":
            return {
                "incident": reference,
                "user": rest_render.user_reference(world.users[extra["user_id"]]),
                "escalation_policy": None,
                "message": extra["message"],
                "state": extra.get("state", "pending"),
                "type": "incident_responder",
            }
        case "incident.conference_bridge.updated":
            bridge = incident.conference_bridge or {}
            numbers = [{"label": "", "number": bridge["conference_number"]}] if "conference_number" in bridge else []
            return {
                "incident": reference,
                "conference_numbers": numbers,
                "conference_url": bridge.get("conference_url"),
                "type": "incident_conference_bridge",
            }
        case _:
            return incident_data(world, incident)


def incident_data(world: World, incident: Incident) -> dict[str, Any]:
    """An incident as webhooks carry it; no dedup key unless it was made by REST."""
    service, policy = world.services[incident.service_id], world.policies[incident.policy_id]
    reference = rest_render.incident_reference(incident)
    return {
        "id": incident.id,
        "type": "incident",
        "self": reference["self"],
        "html_url": reference["html_url"],
        "number": incident.number,
        "status": incident.status,
        "incident_key": incident.incident_key,
        "created_at": iso(incident.created_at),
        "reopened_at": iso(incident.reopened_at) if incident.reopened_at is not None else None,
        "title": incident.title,
        "incident_type": {"name": "incident_default"},
        "service": rest_render.service_reference(service),
        "assignees": [rest_render.user_reference(world.users[user_id]) for user_id in incident.assignee_ids],
        "escalation_policy": rest_render.policy_reference(policy),
        "teams": [],
        "priority": rest_render.priority(incident.priority),
        "urgency": incident.urgency,
        "conference_bridge": incident.conference_bridge,
        "resolve_reason": incident.resolve_reason,
    }


def _service(service: Service) -> dict[str, Any]:
    reference = rest_render.service_reference(service)
    return {**reference, "type": "service", "alert_creation": "create_alerts_and_incidents", "teams": []}


def foreign(world: World, at: int) -> bytes:
    """A webhook about an incident that nobody here knows."""
    data = {
        "id": world.ids.resource("Q"),
        "type": "incident",
        "number": 900_000,
        "status": "triggered",
        "incident_key": None,
        "title": "From somebody else",
        "created_at": iso(at),
        "service": {"id": world.ids.resource("P"), "type": "service_reference", "summary": None},
        "assignees": [],
        "urgency": "high",
    }
    return envelope(world, "incident.triggered", at, data)


def unknown(world: World, at: int) -> bytes:
    """A webhook of a type that does not exist yet, with members that do not exist yet."""
    data = {"id": world.ids.resource("Q"), "type": "incident_hologram", "hologram": {"depth": 3}}
    return envelope(world, "incident.hologram.projected", at, data)


def signature_header(style: SignatureStyle, secret: str, body: bytes) -> str | None:
    """The header's value, or nothing when it shall be missing."""
    good = _digest(secret, body)
    other = _digest(f"not {secret}", body)
    return {
        "one": f"v1={good}",
        "two_valid_first": f"v1={good},v1={other}",
        "two_valid_second": f"v1={other},v1={good}",
        "with_v2": f"v2={other},v1={good}",
        "blanks": f"v1={other} , v1={good}",
        "wrong_secret": f"v1={other}",
        "missing": None,
        "upper_hex": f"v1={good.upper()}",
        "other_body": f"v1={_digest(secret, body + b' ')}",
    }[style]


def _digest(secret: str, body: bytes) -> str:
    """The secret's characters are the key; it is not decoded although it looks like base64."""
    return hmac.new(secret.encode("ascii"), body, hashlib.sha256).hexdigest()
