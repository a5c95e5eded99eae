"""What can happen to an incident, each step with its log entries, its pages and its announcement.

Functions take the world and the time; they never read a clock and never refuse: who may do what is decided by
the faces before they call.
"""

from __future__ import annotations

from typing import Any

from router.sandbox.ledger import PageReason
from router.sandbox.model import ALERTS_PER_INCIDENT, Agent, Alert, Change, Incident, LogEntry, Note, Service, World

ONE_DAY_MS = 86_400_000


def log(  # noqa: PLR0917 - read like a sentence at its many callers
    world: World,
    incident: Incident,
    kind: str,
    now: int,
    agent: Agent | None,
    summary: str,
    *,
    channel: dict[str, Any] | None = None,
    user_ids: list[str] | None = None,
) -> LogEntry:
    """Add a line to the incident's story; past the bound the oldest but the first leave and are counted."""
    entry = LogEntry(
        id=world.ids.resource("R"),
        type=kind,
        at=now,
        agent=agent,
        incident_id=incident.id,
        summary=summary,
        channel=channel or {"type": "auto"},
        user_ids=user_ids or [],
    )
    incident.updated_at = now
    incident.log_entries.append(entry)
    if len(incident.log_entries) > world.switches.kept_log_entries:
        del incident.log_entries[1]
        incident.log_entries_dropped += 1
    world.remember(incident)
    return entry


def announce(world: World, kind: str, incident: Incident, now: int, agent: Agent | None, **extra: Any) -> None:
    """Say to the webhooks that this happened to this incident."""
    world.announce(Change(kind=kind, at=now, agent=agent, incident=incident, extra=extra))


def page(world: World, incident: Incident, now: int, reason: PageReason, user_ids: list[str] | None = None) -> None:
    """Notify: into the ledger and into the incident's story."""
    keys = tuple(alert.dedup_key for alert in world.alerts_of(incident)[:20])
    for user_id in user_ids if user_ids is not None else incident.assignee_ids:
        user = world.users[user_id]
        world.ledger.record(
            at=now,
            incident_id=incident.id,
            incident_number=incident.number,
            service=world.services[incident.service_id].name,
            user_id=user_id,
            user=user.name,
            reason=reason,
            urgency=incident.urgency,
            title=incident.title,
            dedup_keys=keys,
        )
        log(world, incident, "notify", now, None, f"Notified {user.name}", user_ids=[user_id])


def open_incident(
    world: World,
    service: Service,
    now: int,
    *,
    title: str,
    urgency: Any,
    agent: Agent | None,
    alert: Alert | None = None,
    incident_key: str | None = None,
    policy_id: str = "",
    assignee_ids: list[str] | None = None,
    details: str = "",
    channel: dict[str, Any] | None = None,
) -> Incident:
    """A new incident, assigned and paged."""
    world.last_number += 1
    incident = Incident(
        id=world.ids.resource("Q"),
        number=world.last_number,
        title=title,
        service_id=service.id,
        policy_id=policy_id or service.policy_id,
        created_at=now,
        updated_at=now,
        urgency=urgency,
        last_status_change_at=now,
        last_status_change_by=agent,
        incident_key=incident_key,
        details=details,
        client=alert.client if alert else "",
        client_url=alert.client_url if alert else "",
    )
    world.incidents[incident.id] = incident
    world.incidents_by_number[incident.number] = incident
    world.open_incidents[incident.id] = incident
    service.open_incidents += 1
    service.last_incident_at = now
    if alert is not None:
        add_alert(incident, alert)
    log(world, incident, "trigger", now, agent, "Triggered", channel=channel or {"type": "api"})
    incident.assigned_via = "direct_assignment" if assignee_ids else "escalation_policy"
    incident.assignee_ids = assignee_ids or world.on_call(incident.policy_id)
    incident.assigned_at = now
    log(world, incident, "assign", now, agent, "Assigned", user_ids=incident.assignee_ids)
    announce(world, "incident.triggered", incident, now, agent)
    if agent is None or assignee_ids != [agent.id]:
        page(world, incident, now, "triggered")
    restart_escalation(world, incident, now)
    _restart_auto_resolve(world, service, incident, now)
    return incident


def add_alert(incident: Incident, alert: Alert) -> bool:
    """Put an alert into an incident; false when it is full."""
    if len(incident.alert_ids) >= ALERTS_PER_INCIDENT:
        return False
    incident.alert_ids.append(alert.id)
    alert.incident_id = incident.id
    return True


def restart_escalation(world: World, incident: Incident, now: int) -> None:
    """Count the escalation delay from now, if this incident escalates at all."""
    incident.escalates_at = None
    escalates = incident.status == "triggered" and incident.urgency == "high" and world.switches.escalate_on_timeout
    policy = world.policies[incident.policy_id]
    has_next = incident.level < len(policy.levels) or incident.loops_done < policy.loops
    if escalates and has_next and incident.assigned_via == "escalation_policy":
        incident.escalates_at = now + policy.delay_ms
        world.wake_at(incident.escalates_at, incident.id)


def _restart_auto_resolve(world: World, service: Service, incident: Incident, now: int) -> None:
    wait = service.auto_resolve_ms
    if service.open_incidents > world.switches.forced_auto_resolve_open_limit:
        wait = min(wait, ONE_DAY_MS) if wait else ONE_DAY_MS
    if wait:
        incident.resolves_at = now + wait
        world.wake_at(incident.resolves_at, incident.id)


def _set_status(incident: Incident, status: Any, now: int, agent: Agent | None) -> None:
    incident.status = status
    incident.last_status_change_at = now
    incident.last_status_change_by = agent
    incident.updated_at = now


def acknowledge(world: World, incident: Incident, now: int, agent: Agent) -> None:
    """Somebody works on it: no more escalation until the service's timeout."""
    if incident.status == "acknowledged":
        return
    _set_status(incident, "acknowledged", now, agent)
    incident.acknowledgements = [(now, agent)]
    incident.escalates_at = None
    timeout = world.services[incident.service_id].acknowledgement_timeout_ms
    if timeout:
        incident.unacknowledges_at = now + timeout
        world.wake_at(incident.unacknowledges_at, incident.id)
    log(world, incident, "acknowledge", now, agent, f"Acknowledged by {agent.name}")
    announce(world, "incident.acknowledged", incident, now, agent)


def unacknowledge(world: World, incident: Incident, now: int, agent: Agent | None = None) -> None:
    """Back to triggered, and everybody assigned is told again."""
    _set_status(incident, "triggered", now, agent)
    incident.acknowledgements = []
    incident.unacknowledges_at = None
    log(world, incident, "unacknowledge", now, agent, "Unacknowledged")
    announce(world, "incident.unacknowledged", incident, now, agent)
    page(world, incident, now, "unacknowledged")
    restart_escalation(world, incident, now)


def resolve_alert(world: World, alert: Alert, now: int) -> None:
    """Close one alert; its key is free for a new one."""
    alert.status = "resolved"
    alert.resolved_at = now
    world.open_alerts.pop((alert.routing_key, alert.dedup_key), None)
    if not alert.incident_id:
        del world.alerts[alert.id]


def resolve(
    world: World,
    incident: Incident,
    now: int,
    agent: Agent | None,
    *,
    note: str = "",
    reason: dict[str, Any] | None = None,
) -> None:
    """Close an incident with all its alerts; a note becomes a resolution note."""
    for alert in world.alerts_of(incident):
        if alert.status == "triggered":
            resolve_alert(world, alert, now)
    _set_status(incident, "resolved", now, agent)
    incident.resolved_at = now
    incident.resolve_reason = reason
    incident.acknowledgements = []
    incident.assignee_ids = []
    incident.escalates_at = incident.unacknowledges_at = incident.resolves_at = None
    del world.open_incidents[incident.id]
    world.services[incident.service_id].open_incidents -= 1
    world.resolved_order[incident.id] = None
    channel: dict[str, Any] = {"type": "api", "note": note} if note else {"type": "api"}
    log(world, incident, "resolve", now, agent, "Resolved", channel=channel)
    announce(world, "incident.resolved", incident, now, agent)
    if note:
        annotate(world, incident, now, agent, f"Resolution Note: {note}")
    world.forget_oldest()


def reopen(world: World, incident: Incident, now: int, agent: Agent) -> None:
    """A resolved incident becomes triggered again, which only people can do."""
    _set_status(incident, "triggered", now, agent)
    incident.resolved_at = None
    incident.resolve_reason = None
    incident.reopened_at = now
    incident.level = 1
    incident.loops_done = 0
    del world.resolved_order[incident.id]
    world.open_incidents[incident.id] = incident
    world.services[incident.service_id].open_incidents += 1
    if world.switches.reopen_reopens_alerts:
        for alert in world.alerts_of(incident):
            if (alert.routing_key, alert.dedup_key) not in world.open_alerts:
                alert.status = "triggered"
                alert.resolved_at = None
                world.open_alerts[alert.routing_key, alert.dedup_key] = alert
    incident.assignee_ids = world.on_call(incident.policy_id)
    incident.assigned_at = now
    log(world, incident, "trigger", now, agent, f"Reopened by {agent.name}")
    announce(world, "incident.reopened", incident, now, agent)
    page(world, incident, now, "reopened")
    restart_escalation(world, incident, now)
    _restart_auto_resolve(world, world.services[incident.service_id], incident, now)


def set_urgency(world: World, incident: Incident, urgency: Any, now: int, agent: Agent | None) -> None:
    """Change the urgency; going up tells the assigned people again unless somebody has acknowledged."""
    if incident.urgency == urgency:
        return
    raised = urgency == "high"
    incident.urgency = urgency
    log(world, incident, "urgency_change", now, agent, f"Urgency is now {urgency}")
    if raised and incident.status == "triggered":
        page(world, incident, now, "urgency_raised")
    restart_escalation(world, incident, now)


def annotate(world: World, incident: Incident, now: int, agent: Agent | None, content: str) -> Note:
    """Write a note."""
    note = Note(
        id=world.ids.resource("P"),
        user_id=agent.id if agent else "",
        content=content,
        created_at=now,
        updated_at=now,
    )
    incident.notes.append(note)
    log(world, incident, "annotate", now, agent, content[:100], channel={"type": "note", "summary": content})
    announce(world, "incident.annotated", incident, now, agent, note_id=note.id, content=content)
    return note


def _wake(world: World, incident: Incident, now: int, agent: Agent | None) -> None:
    if incident.status == "acknowledged" and world.switches.reassign_unacknowledges:
        _set_status(incident, "triggered", now, agent)
        incident.acknowledgements = []
        incident.unacknowledges_at = None


def reassign(world: World, incident: Incident, user_ids: list[str], now: int, agent: Agent) -> None:
    """Give it to named people; an incident assigned by hand no longer escalates."""
    _wake(world, incident, now, agent)
    told = [user_id for user_id in user_ids if user_id != agent.id]
    incident.assignee_ids = list(user_ids)
    incident.assigned_at = now
    incident.assigned_via = "direct_assignment"
    incident.escalates_at = None
    log(world, incident, "assign", now, agent, "Reassigned", user_ids=list(user_ids))
    announce(world, "incident.reassigned", incident, now, agent)
    page(world, incident, now, "reassigned", told)


def delegate(world: World, incident: Incident, policy_id: str, now: int, agent: Agent) -> None:
    """Give it to another escalation policy, from its first level."""
    _wake(world, incident, now, agent)
    incident.policy_id = policy_id
    incident.level = 1
    incident.loops_done = 0
    incident.assigned_via = "escalation_policy"
    incident.assignee_ids = world.on_call(policy_id)
    incident.assigned_at = now
    log(world, incident, "delegate", now, agent, "Delegated", user_ids=incident.assignee_ids)
    announce(world, "incident.delegated", incident, now, agent)
    page(world, incident, now, "reassigned")
    restart_escalation(world, incident, now)


def escalate(world: World, incident: Incident, level: int, now: int, agent: Agent | None) -> None:
    """Tell the people of that level instead."""
    _wake(world, incident, now, agent)
    incident.level = level
    incident.assigned_via = "escalation_policy"
    incident.assignee_ids = world.on_call(incident.policy_id, level)
    incident.assigned_at = now
    log(world, incident, "escalate", now, agent, f"Escalated to level {level}", user_ids=incident.assignee_ids)
    announce(world, "incident.escalated", incident, now, agent)
    page(world, incident, now, "escalated")
    restart_escalation(world, incident, now)


def snooze(world: World, incident: Incident, until: int, now: int, agent: Agent) -> None:
    """Acknowledged until then, triggered again afterwards."""
    if incident.status == "triggered":
        acknowledge(world, incident, now, agent)
    incident.unacknowledges_at = until
    world.wake_at(until, incident.id)
    log(world, incident, "snooze", now, agent, "Snoozed")


def run_timers(world: World, incident: Incident, now: int) -> None:
    """Whatever of this incident is due at this moment."""
    service = world.services[incident.service_id]
    if incident.resolves_at is not None and incident.resolves_at <= now:
        resolve(world, incident, now, Agent("service", service.id, service.name))
        return
    if incident.unacknowledges_at is not None and incident.unacknowledges_at <= now:
        unacknowledge(world, incident, now)
    elif incident.escalates_at is not None and incident.escalates_at <= now:
        _escalate_on_timeout(world, incident, now)


def _escalate_on_timeout(world: World, incident: Incident, now: int) -> None:
    level = incident.level + 1
    if level > len(world.policies[incident.policy_id].levels):
        incident.loops_done += 1
        level = 1
        log(world, incident, "repeat_escalation_path", now, None, "Escalation starts over")
    escalate(world, incident, level, now, None)
    if incident.escalates_at is None:
        log(world, incident, "exhaust_escalation_path", now, None, "Nobody is left to escalate to")
