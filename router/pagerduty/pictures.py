"""What PagerDuty's REST API and webhooks show of incidents, alerts, notes and log entries, as values of ours.

Tolerant on purpose: any member may be null or missing, arrays too; timestamps carry ``Z``, an offset, or no zone at all. Must
never do: fail on what PagerDuty adds.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from router.model.page import MAX_TEXT, AlertPicture, PageStatus, Sighting, SightingKind

MAX_WORD = 300
"""Characters of a name, id or address that are kept."""

LOG_KINDS: dict[str, SightingKind] = {
    "trigger_log_entry": "seen",
    "acknowledge_log_entry": "acknowledged",
    "unacknowledge_log_entry": "unacknowledged",
    "resolve_log_entry": "resolved",
    "annotate_log_entry": "annotated",
    "escalate_log_entry": "escalated",
    "delegate_log_entry": "delegated",
    "assign_log_entry": "reassigned",
}
MAX_RESPONDERS = 50
"""People asked to help that are kept with a page."""

STATUS_AFTER: dict[str, PageStatus] = {
    "triggered": "triggered",
    "acknowledged": "acknowledged",
    "unacknowledged": "triggered",
    "resolved": "resolved",
    "reopened": "triggered",
}


def instant(value: Any) -> int:
    """ISO 8601 to ms UTC; without a zone it is UTC; 0 if it cannot be read."""
    if not isinstance(value, str):
        return 0
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return 0
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0, round(moment.timestamp() * 1000))


def word(value: Any) -> str:
    """A short text; empty for anything else."""
    return value[:MAX_WORD] if isinstance(value, str) else ""


def text(value: Any) -> str:
    """A long text, cut to what is kept."""
    return value[:MAX_TEXT] if isinstance(value, str) else ""


def members(value: Any) -> Mapping[str, Any]:
    """An object; empty for anything else."""
    return value if isinstance(value, dict) else {}


def rows(value: Any) -> list[Mapping[str, Any]]:
    """The objects of an array; null is none."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def name_of(reference: Any) -> str:
    """Who or what a reference means, for people; its summary may be null."""
    found = members(reference)
    return word(found.get("summary")) or word(found.get("name")) or word(found.get("id"))


def is_person(reference: Any) -> bool:
    """Whether a reference is to a user."""
    return word(members(reference).get("type")).startswith("user")


def status_of(value: Any) -> PageStatus | Literal[""]:
    """One of PagerDuty's three words, or empty."""
    return value if value in {"triggered", "acknowledged", "resolved"} else ""


def merge_target(incident: Mapping[str, Any]) -> str:
    """The incident that took this one's alerts; empty if it was not merged."""
    reason = members(incident.get("resolve_reason"))
    if reason.get("type") != "merge_resolve_reason":
        return ""
    return word(members(reason.get("incident")).get("id")) or word(reason.get("id"))


def sighting_of(incident: Mapping[str, Any]) -> Sighting:
    """An incident as REST shows it."""
    by = incident.get("last_status_change_by")
    status = status_of(incident.get("status"))
    acknowledgements = rows(incident.get("acknowledgements"))
    if status == "acknowledged" and acknowledgements:
        by = acknowledgements[-1].get("acknowledger") or by
    return Sighting(
        kind="seen",
        pagerduty_id=word(incident.get("id")),
        at=instant(incident.get("last_status_change_at")),
        who=name_of(by),
        by_person=is_person(by),
        status=status,
        merged_into=merge_target(incident),
        number=_number(incident.get("incident_number")),
        url=word(incident.get("html_url")),
        service=word(members(incident.get("service")).get("id")),
        key=word(incident.get("incident_key")),
        urgency=word(incident.get("urgency")),
        priority=name_of(incident.get("priority")),
        assignees=tuple([name_of(row.get("assignee")) for row in rows(incident.get("assignments"))][:20]),
        responders=tuple([responder_of(row) for row in rows(incident.get("incidents_responders"))][:MAX_RESPONDERS]),
        bridge=bridge_of(incident.get("conference_bridge")),
        updated_at=instant(incident.get("updated_at")),
    )


def responder_of(row: Mapping[str, Any]) -> tuple[str, str]:
    """Who was asked to help (a person, or all of an escalation policy), and how they answered."""
    return name_of(row.get("user")) or name_of(row.get("escalation_policy")) or "somebody", word(row.get("state")) or "pending"


def bridge_of(bridge: Any) -> str:
    """Where people talk: the address, else the number to dial."""
    found = members(bridge)
    numbers = rows(found.get("conference_numbers"))
    number = word(found.get("conference_number")) or (word(numbers[0].get("number")) if numbers else "")
    return word(found.get("conference_url")) or number


def alert_of(alert: Mapping[str, Any]) -> AlertPicture:
    """An alert as REST shows it."""
    key = alert.get("alert_key")
    return AlertPicture(
        key=key if isinstance(key, str) else "",
        is_resolved=alert.get("status") == "resolved",
        service=word(members(alert.get("service")).get("id")),
        integration=word(members(alert.get("integration")).get("id")),
        summary=word(alert.get("summary")),
    )


def logged(entry: Mapping[str, Any], pagerduty_id: str) -> Sighting | None:
    """A line of an incident's log as a sighting; None for lines that say nothing we follow."""
    kind = LOG_KINDS.get(word(entry.get("type")))
    if kind is None:
        return None
    agent = entry.get("agent")
    channel = members(entry.get("channel"))
    note = text(entry.get("note")) or text(channel.get("note")) or text(channel.get("content")) or text(channel.get("summary"))
    return Sighting(
        kind=kind,
        pagerduty_id=pagerduty_id,
        at=instant(entry.get("created_at")),
        who=name_of(agent),
        by_person=is_person(agent),
        status=STATUS_AFTER.get(kind, ""),
        assignees=tuple([name_of(row) for row in rows(entry.get("assignees"))][:20]),
        text=note if kind == "annotated" else "",
        log_entry=word(entry.get("id")),
    )


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
