"""REST's pictures of things, with the irregularities that official samples have.

Incidents carry ``Z``, notes and on-calls an offset; arrays and summaries of references are sometimes null.
"""

from __future__ import annotations

from typing import Any

from router.sandbox.model import Agent, Alert, Incident, Integration, LogEntry, Note, Policy, Service, User, World
from router.sandbox.timestamps import iso, iso_offset

SITE = "https://sandbox.invalid"
"""Stands for where the sandbox was asked, which the face puts in its place."""

PRIORITIES = ("P1", "P2", "P3", "P4", "P5")


def reference(kind: str, name_in_path: str, thing_id: str, summary: str | None) -> dict[str, Any]:
    """A pointer to a thing."""
    return {
        "id": thing_id,
        "type": f"{kind}_reference",
        "summary": summary,
        "self": f"{SITE}/{name_in_path}/{thing_id}",
        "html_url": None,
    }


def agent_reference(agent: Agent | None) -> dict[str, Any] | None:
    """Who did it."""
    if agent is None:
        return None
    return reference(agent.kind, f"{agent.kind}s", agent.id, agent.name)


def user_reference(user: User) -> dict[str, Any]:
    """A pointer to a user."""
    return reference("user", "users", user.id, user.name)


def service_reference(service: Service) -> dict[str, Any]:
    """A pointer to a service."""
    return reference("service", "services", service.id, service.name)


def policy_reference(policy: Policy) -> dict[str, Any]:
    """A pointer to an escalation policy."""
    return reference("escalation_policy", "escalation_policies", policy.id, policy.name)


def incident_reference(incident: Incident) -> dict[str, Any]:
    """A pointer to an incident."""
    pointer = reference("incident", "incidents", incident.id, f"[#{incident.number}] {incident.title}")
    return {**pointer, "html_url": f"{SITE}/incidents/{incident.id}"}


def priority(name: str | None) -> dict[str, Any] | None:
    """A priority; they have fixed ids."""
    if name is None:
        return None
    return {**reference("priority", "priorities", f"P0PRIORITY00{name}", name), "type": "priority", "name": name}


def user(found: User) -> dict[str, Any]:
    """A user in full."""
    return {**user_reference(found), "type": "user", "name": found.name, "email": found.email, "role": "user"}


def policy(world: World, found: Policy) -> dict[str, Any]:
    """An escalation policy in full."""
    rules = [
        {
            "id": level.id,
            "escalation_delay_in_minutes": found.delay_ms // 60_000,
            "targets": [user_reference(world.users[user_id]) for user_id in level.user_ids],
        }
        for level in found.levels
    ]
    services = [service_reference(one) for one in world.services.values() if one.policy_id == found.id]
    return {
        **policy_reference(found),
        "type": "escalation_policy",
        "name": found.name,
        "num_loops": found.loops,
        "escalation_rules": rules,
        "services": services,
        "teams": [],
    }


def service_status(world: World, found: Service, now: int) -> str:
    """How a service stands."""
    if found.disabled:
        return "disabled"
    if found.in_maintenance(now):
        return "maintenance"
    if not found.open_incidents:
        return "active"
    mine = [one for one in world.open_incidents.values() if one.service_id == found.id]
    return "critical" if any(one.status == "triggered" for one in mine) else "warning"


def integration(world: World, found: Integration) -> dict[str, Any]:
    """An integration with its key, which the published schema forgets."""
    return {
        **reference("events_api_v2_inbound_integration", "integrations", found.id, found.name),
        "type": "events_api_v2_inbound_integration",
        "name": found.name,
        "integration_key": found.key,
        "service": service_reference(world.services[found.service_id]),
    }


def service(world: World, found: Service, now: int, *, integrations: bool = False) -> dict[str, Any]:
    """A service in full."""
    mine = [one for one in world.integrations.values() if one.service_id == found.id]
    return {
        **service_reference(found),
        "type": "service",
        "name": found.name,
        "description": None,
        "status": service_status(world, found, now),
        "created_at": iso_offset(found.created_at),
        "last_incident_timestamp": iso(found.last_incident_at) if found.last_incident_at is not None else None,
        "acknowledgement_timeout": found.acknowledgement_timeout_ms // 1000 or None,
        "auto_resolve_timeout": found.auto_resolve_ms // 1000 or None,
        "alert_creation": "create_alerts_and_incidents",
        "escalation_policy": policy_reference(world.policies[found.policy_id]),
        "teams": [],
        "integrations": [
            integration(world, one)
            if integrations
            else reference("events_api_v2_inbound_integration", "integrations", one.id, one.name)
            for one in mine
        ],
    }


def incident(world: World, found: Incident, include: frozenset[str] = frozenset()) -> dict[str, Any]:
    """An incident in full; ``include`` names the references to give in full."""
    nulls = world.switches.rest_nulls
    users = world.users
    full_users = bool(include & {"users", "assignees"})
    first = found.log_entries[0] if found.log_entries else None
    its_service, its_policy = world.services[found.service_id], world.policies[found.policy_id]
    alerts = world.alerts_of(found)
    triggered = sum(alert.status == "triggered" for alert in alerts)
    acknowledgements: list[dict[str, Any]] | None = [
        {"at": iso(at), "acknowledger": _acknowledger(world, agent, include)} for at, agent in found.acknowledgements
    ]
    if nulls and not acknowledgements and found.number % 2 == 0:
        acknowledgements = None
    shown_policy = policy(world, its_policy) if "escalation_policies" in include else policy_reference(its_policy)
    if nulls and found.number % 5 == 0:
        shown_policy["summary"] = None
    picture = {
        **incident_reference(found),
        "type": "incident",
        "incident_number": found.number,
        "title": found.title,
        "created_at": iso(found.created_at),
        "updated_at": iso(found.updated_at),
        "resolved_at": iso(found.resolved_at) if found.resolved_at is not None else None,
        "status": found.status,
        "urgency": found.urgency,
        "priority": priority(found.priority),
        "incident_key": found.incident_key,
        "service": service(world, its_service, found.updated_at) if "services" in include else service_reference(its_service),
        "escalation_policy": shown_policy,
        "teams": [],
        "assignments": [
            {
                "at": iso(found.assigned_at),
                "assignee": user(users[user_id]) if full_users else user_reference(users[user_id]),
            }
            for user_id in found.assignee_ids
        ],
        "acknowledgements": acknowledgements,
        "assigned_via": found.assigned_via,
        "last_status_change_at": iso(found.last_status_change_at),
        "last_status_change_by": agent_reference(found.last_status_change_by),
        "first_trigger_log_entry": first and reference("trigger_log_entry", "log_entries", first.id, first.summary),
        "alert_counts": {"all": len(alerts), "triggered": triggered, "resolved": len(alerts) - triggered},
        "pending_actions": _pending_actions(found),
        "resolve_reason": found.resolve_reason,
        "is_mergeable": found.is_open,
        "alert_grouping": None,
        "incident_type": {"name": "incident_default"},
        "conference_bridge": found.conference_bridge,
        "incidents_responders": [
            {"user": user_reference(users[row["user_id"]]), "state": row["state"]} for row in found.responders
        ],
        "responder_requests": [
            {
                "incident": incident_reference(found),
                "requester": user_reference(users[row["requester_id"]]),
                "requested_at": iso(row["requested_at"]),
                "message": row["message"],
                "responder_request_targets": row["targets"],
            }
            for row in found.responder_requests
        ],
    }
    if "first_trigger_log_entries" in include and first is not None:
        picture["first_trigger_log_entry"] = log_entry(world, found, first)
    if "body" in include:
        picture["body"] = {"type": "incident_body", "details": found.details}
    return picture


def _acknowledger(world: World, agent: Agent, include: frozenset[str]) -> dict[str, Any] | None:
    if "acknowledgers" in include and agent.id in world.users:
        return user(world.users[agent.id])
    return agent_reference(agent)


def _pending_actions(found: Incident) -> list[dict[str, Any]]:
    times = (
        ("escalate", found.escalates_at),
        ("unacknowledge", found.unacknowledges_at),
        ("resolve", found.resolves_at),
    )
    return [{"type": kind, "at": iso(at)} for kind, at in times if at is not None]


def alert(world: World, found: Alert) -> dict[str, Any]:
    """An alert in full; ``alert_key`` is the dedup key."""
    its_service = world.services.get(found.service_id)
    its_incident = world.incidents.get(found.incident_id)
    its_integration = world.integrations.get(found.routing_key)
    return {
        **reference("alert", "alerts", found.id, found.summary),
        "type": "alert",
        "status": found.status,
        "alert_key": found.dedup_key,
        "severity": found.severity,
        "suppressed": found.suppressed,
        "created_at": iso(found.created_at),
        "service": service_reference(its_service) if its_service else None,
        "integration": its_integration
        and reference("events_api_v2_inbound_integration", "integrations", its_integration.id, its_integration.name),
        "incident": incident_reference(its_incident) if its_incident else None,
        "body": {"type": "alert_body", "details": found.details, "contexts": found.contexts},
    }


def note(world: World, found: Note) -> dict[str, Any]:
    """A note; stamped with an offset."""
    author = world.users.get(found.user_id)
    return {
        "id": found.id,
        "user": user_reference(author) if author else reference("bot_user", "users", "P0BOT000000000", None),
        "channel": {"summary": "The PagerDuty website or APIs"},
        "content": found.content,
        "created_at": iso_offset(found.created_at),
        "updated_at": iso_offset(found.updated_at),
    }


def log_entry(world: World, its_incident: Incident, found: LogEntry, *, channels: bool = False) -> dict[str, Any]:
    """A line of an incident's story; the channel's members only on demand, in no published layout."""
    shown_channel = found.channel if channels else {"type": found.channel["type"]}
    picture = {
        **reference(f"{found.type}_log_entry", "log_entries", found.id, found.summary),
        "type": f"{found.type}_log_entry",
        "created_at": iso(found.at),
        "agent": agent_reference(found.agent),
        "channel": shown_channel,
        "note": found.channel.get("note"),
        "incident": incident_reference(its_incident),
        "service": service_reference(world.services[its_incident.service_id]),
        "teams": [],
        "contexts": [],
        "event_details": {"description": found.summary},
    }
    people = [user_reference(world.users[user_id]) for user_id in found.user_ids]
    if found.type in {"assign", "delegate", "escalate"}:
        picture["assignees"] = people
    elif found.type == "notify" and people:
        picture["user"] = people[0]
    return picture
