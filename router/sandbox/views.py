"""Frozen pictures of incidents, as tests, the control endpoints and the browser page read them."""

from __future__ import annotations

import msgspec

from router.sandbox.model import Incident, World


class IncidentView(msgspec.Struct, frozen=True, kw_only=True):
    """One incident as it is now; later changes do not reach it."""

    id: str
    number: int
    title: str
    status: str
    urgency: str
    severity: str
    service: str
    dedup_keys: tuple[str, ...]
    open_dedup_keys: tuple[str, ...]
    alerts: int
    triggers: int
    log_entries: int
    notes: tuple[str, ...]
    assignees: tuple[str, ...]
    level: int
    levels: int
    policy: str
    priority: str
    responders: tuple[str, ...]
    incident_key: str
    created_at: int
    acknowledged_at: int | None
    resolved_at: int | None
    client: str
    client_url: str


def view(world: World, incident: Incident) -> IncidentView:
    """The incident's picture at this moment."""
    alerts = world.alerts_of(incident)
    severities = [alert.severity for alert in alerts]
    worst = next((name for name in ("critical", "error", "warning", "info") if name in severities), "")
    return IncidentView(
        id=incident.id,
        number=incident.number,
        title=incident.title,
        status=incident.status,
        urgency=incident.urgency,
        severity=worst,
        service=world.services[incident.service_id].name,
        dedup_keys=tuple(alert.dedup_key for alert in alerts),
        open_dedup_keys=tuple(alert.dedup_key for alert in alerts if alert.status == "triggered"),
        alerts=len(incident.alert_ids),
        triggers=sum(alert.triggers for alert in alerts),
        log_entries=len(incident.log_entries) + incident.log_entries_dropped,
        notes=tuple(note.content for note in incident.notes),
        assignees=tuple(world.users[user_id].name for user_id in incident.assignee_ids),
        level=incident.level,
        levels=len(world.policies[incident.policy_id].levels),
        policy=world.policies[incident.policy_id].name,
        priority=incident.priority or "",
        responders=tuple(f"{world.users[row['user_id']].name} ({row['state']})" for row in incident.responders),
        incident_key=incident.incident_key or "",
        created_at=incident.created_at,
        acknowledged_at=incident.acknowledgements[0][0] if incident.acknowledgements else None,
        resolved_at=incident.resolved_at,
        client=incident.client,
        client_url=incident.client_url,
    )
