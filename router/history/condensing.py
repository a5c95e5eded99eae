"""An incident and its story condensed to a record: when somebody had it, how it ended, of which kind it is. Pure.

The definitions are those of docs/reference/figures.md, which tests compare with plain SQL.
"""

from __future__ import annotations

import re

import msgspec

from router.history.base import Ending, Ours, Record
from router.model.past import PastEntry, PastIncident, Story

RESOLUTION_NOTE = "Resolution Note: "
"""What PagerDuty puts before the note of a resolution."""

MAX_RESOLUTION = 500
MAX_KIND = 300

_OURS = re.compile(r"(?P<rule>.+)/(?P<group>[0-9a-f]{16})/(?P<episode>[0-9a-z]+-[0-9a-z]+)")
_VARIABLE = re.compile(
    r"(?<![A-Za-z0-9])(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|0x[0-9a-f]+|(?=[0-9a-f]*\d)[0-9a-f]{6,}|\d[\d.,:]*)(?:ms|s|m|h|d|%|[kmgt]i?b)?(?![A-Za-z])"
    r"|\d+",
    re.IGNORECASE,
)
_AFTER_AN_END = frozenset({"trigger", "acknowledge", "unacknowledge", "assign", "escalate", "delegate"})


def record_of(incident: PastIncident) -> Record:
    """What the list alone says."""
    is_over = incident.status == "resolved"
    return Record(
        number=incident.number,
        pagerduty_id=incident.pagerduty_id,
        title=incident.title,
        created_at=incident.created_at,
        url=incident.url,
        service_id=incident.service_id,
        service=incident.service,
        team=incident.team,
        kind=kind_of("", incident.service, incident.title),
        status=incident.status,
        urgency=incident.urgency,
        priority=incident.priority,
        updated_at=incident.updated_at,
        resolved_at=incident.resolved_at,
        resolved_by=incident.changed_by if is_over else "",
        ending=_ending(incident.merged_into, incident.changed_by_kind) if is_over else "",
        merged_into=incident.merged_into,
        alerts=incident.alerts,
    )


def condense(listed: Record, story: Story, ours: Ours | None) -> Record:
    """The list's word and the story's together; ``ours``: what our own record adds."""
    key = next((alert.key for alert in story.alerts if _OURS.fullmatch(alert.key)), "")
    key = key or (story.alerts[0].key if story.alerts else "")
    entries = story.entries
    first_ack = next((entry for entry in entries if entry.kind == "acknowledge"), None)
    last_end = next((entry for entry in reversed(entries) if entry.kind == "resolve"), None)
    changes: dict[str, object] = {
        "dedup_key": key,
        "rule": rule_of(key),
        "kind": kind_of(key, listed.service, listed.title),
        "acknowledged_at": max(listed.created_at, first_ack.at) if first_ack else 0,
        "acknowledged_by": first_ack.who if first_ack else "",
        "reopened": _count_reopened(entries),
        "escalated": sum(entry.kind == "escalate" for entry in entries),
        "alerts": max(listed.alerts, len(story.alerts)),
        "notes": len(story.notes),
        "resolution": resolution_of(story)[:MAX_RESOLUTION],
        "is_read": True,
    }
    if listed.status == "resolved" and last_end is not None:
        changes["resolved_at"] = max(listed.created_at, last_end.at)
        changes["resolved_by"] = last_end.who or listed.resolved_by
        changes["ending"] = _ending(listed.merged_into, last_end.who_kind)
    if ours is not None:
        changes["team"] = ours.team or listed.team
        changes["alerted_at"] = min(ours.alerted_at, listed.created_at) if ours.alerted_at else 0
    return msgspec.structs.replace(listed, **changes)


def rule_of(dedup_key: str) -> str:
    """The rule that opened it; empty for a key that is not of ours. A very long rule id is cut in the key."""
    found = _OURS.fullmatch(dedup_key)
    return found["rule"] if found else ""


def kind_of(dedup_key: str, service: str, title: str) -> str:
    """Incidents of one kind: the same group of the same rule of ours; else the same service and title but for its numbers."""
    found = _OURS.fullmatch(dedup_key)
    if found:
        return f"{found['rule']}/{found['group']}"
    return f"{service}: {mask(title)}"[:MAX_KIND]


def mask(text: str) -> str:
    """The text with ``#`` for numbers, addresses and ids, so that "disk 93 % full" and "disk 97 % full" are the same."""
    return _VARIABLE.sub("#", text).strip().lower()


def resolution_of(story: Story) -> str:
    """How it was resolved, in somebody's words: the note of the last resolution, else the last note; empty: nobody said."""
    for note in reversed(story.notes):
        if note.text.startswith(RESOLUTION_NOTE):
            return note.text.removeprefix(RESOLUTION_NOTE).strip()
    said = next((entry.text for entry in reversed(story.entries) if entry.kind == "resolve" and entry.text), "")
    return (said or (story.notes[-1].text if story.notes else "")).strip()


def _ending(merged_into: str, by: str) -> Ending:
    if merged_into:
        return "merged"
    return "person" if by == "person" else "itself"


def _count_reopened(entries: tuple[PastEntry, ...]) -> int:
    """How often it went on after a resolution."""
    reopened, is_over = 0, False
    for entry in entries:
        if entry.kind == "resolve":
            is_over = True
        elif is_over and entry.kind in _AFTER_AN_END:
            reopened, is_over = reopened + 1, False
    return reopened
