"""What only people do to incidents: merge, ask for responders and answer, publish a status, change what surrounds them."""

from __future__ import annotations

from typing import Any

from router.sandbox import transitions
from router.sandbox.model import ALERTS_PER_INCIDENT, Agent, Incident, World


def merge(world: World, target: Incident, sources: list[Incident], now: int, agent: Agent) -> bool:
    """Move the sources' alerts into the target and resolve them; false, and nothing done, when it gets too full."""
    moved = [alert for source in sources for alert in world.alerts_of(source)]
    if len(target.alert_ids) + len(moved) > ALERTS_PER_INCIDENT:
        return False
    for alert in moved:
        transitions.add_alert(target, alert)
    reason = {"type": "merge_resolve_reason", "incident": {"id": target.id, "type": "incident_reference"}}
    for source in sources:
        source.alert_ids = []
        if source.is_open:
            transitions.resolve(world, source, now, agent, reason=reason)
    transitions.log(world, target, "field_value_change", now, agent, f"Merged {len(sources)} incidents")
    return True


def request_responders(world: World, incident: Incident, user_ids: list[str], *, message: str, now: int, agent: Agent) -> None:
    """Ask more people; each is told once."""
    for user_id in user_ids:
        row = {"user_id": user_id, "state": "pending", "message": message, "requested_at": now}
        incident.responders.append(row)
        transitions.announce(world, "incident.responder.added", incident, now, agent, user_id=user_id, message=message)
    incident.updated_at = now
    transitions.page(world, incident, now, "responder_requested", user_ids)


def answer_request(world: World, incident: Incident, user_id: str, *, joins: bool, now: int, agent: Agent) -> bool:
    """Somebody who was asked joins or declines; false when nobody had asked."""
    for row in incident.responders:
        if row["user_id"] == user_id and row["state"] == "pending":
            row["state"] = "accepted" if joins else "declined"
            incident.updated_at = now
            extra = {"user_id": user_id, "message": row["message"], "state": row["state"]}
            transitions.announce(world, "incident.responder.replied", incident, now, agent, **extra)
            return True
    return False


def publish_status(world: World, incident: Incident, message: str, now: int, agent: Agent) -> str:
    """Tell the subscribers of an incident how it stands; returns the update's id."""
    update_id = world.ids.resource("P")
    extra: dict[str, Any] = {"update_id": update_id, "message": message}
    transitions.announce(world, "incident.status_update_published", incident, now, agent, **extra)
    return update_id


def set_priority(world: World, incident: Incident, priority: str | None, now: int, agent: Agent) -> None:
    """Change the priority; nobody is told again."""
    if incident.priority == priority:
        return
    incident.priority = priority
    summary = f"Priority is now {priority or 'not set'}"
    transitions.log(world, incident, "field_value_change", now, agent, summary)
    transitions.announce(world, "incident.priority_updated", incident, now, agent)


def set_bridge(world: World, incident: Incident, bridge: dict[str, str], now: int, agent: Agent) -> None:
    """Where those who work on it talk."""
    if incident.conference_bridge == bridge:
        return
    incident.conference_bridge = bridge
    incident.updated_at = now
    transitions.announce(world, "incident.conference_bridge.updated", incident, now, agent)


def move(world: World, incident: Incident, service_id: str, now: int, agent: Agent) -> None:
    """To another service; its alerts go along, and nobody is told again."""
    if incident.service_id == service_id:
        return
    if incident.is_open:
        world.services[incident.service_id].open_incidents -= 1
        world.services[service_id].open_incidents += 1
    incident.service_id = service_id
    transitions.log(world, incident, "field_value_change", now, agent, "Moved to another service")
    transitions.announce(world, "incident.service_updated", incident, now, agent)
