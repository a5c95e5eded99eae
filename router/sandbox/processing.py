"""What becomes of an accepted event, some time after its 202: the deduplication table and the silent drops.

Every outcome is a short text that goes into the request journal, because the real service shows none of them.
"""

from __future__ import annotations

from typing import Any

import msgspec

from router.sandbox import transitions
from router.sandbox.model import ALERTS_PER_INCIDENT, Agent, Alert, Incident, Integration, Service, World

_HIGH = frozenset({"critical", "error"})


class AcceptedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event that was answered with 202; ``content`` is the decoded body."""

    routing_key: str
    action: str  # trigger, acknowledge, resolve, or change
    dedup_key: str
    content: dict[str, Any]
    accepted_at: int


class _Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted event at its integration, at its moment."""

    world: World
    integration: Integration
    event: AcceptedEvent
    now: int
    agent: Agent


def process(world: World, event: AcceptedEvent, now: int) -> str:
    """Apply one accepted event to the world and say what it did."""
    integration = world.integrations.get(event.routing_key)
    if integration is None:
        return "dropped: the key was removed meanwhile"
    loss = world.switches.accepted_loss_probability
    if loss and world.chance.random() < loss:
        return "dropped: lost inside"
    if event.action == "change":
        world.change_events.append({"at": now, "routing_key": event.routing_key, "content": event.content})
        return "change recorded"
    agent = Agent("inbound_integration", integration.id, integration.name)
    arrival = _Arrival(world=world, integration=integration, event=event, now=now, agent=agent)
    alert = world.open_alerts.get((event.routing_key, event.dedup_key))
    if event.action == "trigger":
        return _trigger(arrival, alert)
    if alert is None:
        return f"dropped: no open alert to {event.action}"
    incident = world.incidents.get(alert.incident_id)
    return (_acknowledge if event.action == "acknowledge" else _resolve)(arrival, alert, incident)


def _acknowledge(arrival: _Arrival, _alert: Alert, incident: Incident | None) -> str:
    if incident is None or not incident.is_open:
        return "dropped: the alert has no open incident"
    if incident.status == "acknowledged":
        return "already acknowledged"
    transitions.acknowledge(arrival.world, incident, arrival.now, arrival.agent)
    return "acknowledged"


def _resolve(arrival: _Arrival, alert: Alert, incident: Incident | None) -> str:
    world, now, agent = arrival.world, arrival.now, arrival.agent
    transitions.resolve_alert(world, alert, now)
    if incident is None or not incident.is_open:
        return "resolved the alert only"
    if any(other.status == "triggered" for other in world.alerts_of(incident)):
        transitions.log(world, incident, "field_value_change", now, agent, "An alert was resolved")
        return "resolved the alert, others keep the incident open"
    transitions.resolve(world, incident, now, agent)
    return "resolved"


def _trigger(arrival: _Arrival, alert: Alert | None) -> str:
    service = _route(arrival.world, arrival.integration, arrival.event.content["payload"])
    if service is not None and service.disabled:
        return "dropped: service disabled"
    if service is not None and service.in_maintenance(arrival.now):
        return "dropped: service in maintenance"
    if alert is not None:
        return _repeat(arrival, alert)
    if service is None or service.suppressed:
        _new_alert(arrival, service).suppressed = True
        return "suppressed: no route" if service is None else "suppressed"
    return _page_for(arrival, service)


def _page_for(arrival: _Arrival, service: Service) -> str:
    world, now, agent = arrival.world, arrival.now, arrival.agent
    joined = _incident_to_join(world, service)
    if joined is None and not world.on_call(service.policy_id):
        return "dropped: nobody on call"
    alert = _new_alert(arrival, service)
    urgency = _urgency(service, alert.severity)
    channel = {"type": "api", "details": arrival.event.content}
    if joined is None:
        transitions.open_incident(
            world, service, now, title=alert.summary, urgency=urgency, agent=agent, alert=alert, channel=channel
        )
        return "opened"
    transitions.add_alert(joined, alert)
    transitions.log(world, joined, "trigger", now, agent, "An alert joined", channel=channel)
    _raise_urgency(arrival, joined, urgency)
    return "joined"


def _repeat(arrival: _Arrival, alert: Alert) -> str:
    world, now, agent, content = arrival.world, arrival.now, arrival.agent, arrival.event.content
    replaces = world.switches.repeat_trigger_summary == "replace"
    alert.triggers += 1
    alert.severity = content["payload"]["severity"]
    if replaces:
        alert.summary = content["payload"]["summary"]
    incident = world.incidents.get(alert.incident_id)
    if incident is None:
        return "repeated on a suppressed alert"
    if not incident.is_open:  # the alert outlived its incident: closed one, reopened, closed again
        return "repeated on an alert without an open incident"
    if replaces and incident.alert_ids[0] == alert.id:
        incident.title = alert.summary
    channel = {"type": "api", "details": content}
    transitions.log(world, incident, "trigger", now, agent, "Triggered again", channel=channel)
    _raise_urgency(arrival, incident, _urgency(world.services[incident.service_id], alert.severity))
    return "repeated"


def _raise_urgency(arrival: _Arrival, incident: Incident, urgency: str) -> None:
    if urgency == "high" and incident.urgency == "low":
        transitions.set_urgency(arrival.world, incident, "high", arrival.now, arrival.agent)


def _urgency(service: Service, severity: str) -> str:
    if service.urgency != "severity":
        return service.urgency
    return "high" if severity in _HIGH else "low"


def _route(world: World, integration: Integration, payload: dict[str, Any]) -> Service | None:
    if not integration.is_orchestration:
        return world.services[integration.service_id]
    value = payload.get(integration.route_field)
    if value is None and isinstance(payload.get("custom_details"), dict):
        value = payload["custom_details"].get(integration.route_field)
    return world.services.get(integration.routes.get(value, "")) if isinstance(value, str) else None


def _incident_to_join(world: World, service: Service) -> Incident | None:
    if not service.alert_grouping:
        return None
    for incident in reversed(world.open_incidents.values()):
        grouped = incident.service_id == service.id and incident.alert_ids
        if grouped and len(incident.alert_ids) < ALERTS_PER_INCIDENT:
            return incident
    return None


def _new_alert(arrival: _Arrival, service: Service | None) -> Alert:
    world, event = arrival.world, arrival.event
    content, payload = event.content, event.content["payload"]
    alert = Alert(
        id=world.ids.resource("Q"),
        integration_id=arrival.integration.id,
        routing_key=event.routing_key,
        dedup_key=event.dedup_key,
        summary=payload["summary"],
        severity=payload["severity"],
        created_at=arrival.now,
        service_id=service.id if service else "",
        details=payload.get("custom_details"),
        contexts=_contexts(content),
        source=payload["source"],
        client=content.get("client") or "",
        client_url=content.get("client_url") or "",
    )
    world.alerts[alert.id] = alert
    world.open_alerts[event.routing_key, event.dedup_key] = alert
    return alert


def _contexts(content: dict[str, Any]) -> list[dict[str, Any]]:
    links = [{"type": "link", **link} for link in content.get("links") or [] if isinstance(link, dict)]
    images = [{"type": "image", **image} for image in content.get("images") or [] if isinstance(image, dict)]
    return links + images
