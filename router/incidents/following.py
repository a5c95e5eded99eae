"""What one piece of news from PagerDuty changes about one page. Pure: a page and a sighting in, the page as it is now out.

Keeps these invariants: old news never moves a page back; the same news twice changes nothing the second time; a merge is no
resolution; nobody's name is invented; a page that PagerDuty has an incident for is open until it is known to be resolved,
whatever was heard of it first.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import msgspec

from router.model.journal import IncidentChanged
from router.model.page import AuditEntry, Page, Sighting

LAG_MS = 60_000
"""How far what is read back may lag behind what a webhook told: longer than that, and it counts although it says less."""

MAX_READ = 50
"""Lines of PagerDuty's log of one second that are remembered as read."""

ASSIGNED = frozenset({"escalated", "delegated", "reassigned"})
"""News of whose it is, which may take an acknowledgement away."""

MAX_RESPONDERS = 50
"""People asked to help that are kept with a page, the newest."""

MAX_OWN_NOTES = 20

RESOLUTION_NOTE = "Resolution Note: "
"""How PagerDuty begins the note that somebody gave while resolving."""

_RANK = {"": 0, "triggered": 1, "acknowledged": 2, "resolved": 3}
_STORIES = {
    "escalated": "escalated",
    "delegated": "delegated",
    "reassigned": "reassigned",
    "status_update_published": "status_published",
}


class Step(NamedTuple):
    """The page now, what goes into the audit record, what the engine has to know."""

    page: Page
    audit: tuple[AuditEntry, ...] = ()
    facts: tuple[IncidentChanged, ...] = ()


def follow(page: Page, sighting: Sighting, *, now: int) -> Step:
    """``now`` in ms UTC. Nothing is asked, nothing is written."""
    if page.merged_from and sighting.pagerduty_id == page.merged_from:
        return Step(page)
    if sighting.log_entry:
        if sighting.at < page.read_until or (sighting.at == page.read_until and sighting.log_entry in page.read_entries):
            return Step(page)
        before = page.read_entries if sighting.at == page.read_until else ()
        page = msgspec.structs.replace(page, read_until=sighting.at, read_entries=(*before, sighting.log_entry)[-MAX_READ:])
    if _is_of_former(page, sighting):
        return Step(page)
    audit: list[AuditEntry] = []
    is_first = not page.pagerduty_id or _is_of_next(page, sighting)
    news = sighting
    if is_first:
        if not sighting.status:  # a note may be the first that is heard: it is there, and nobody is known to have it
            news = msgspec.structs.replace(sighting, status="triggered", who="", by_person=False)
        text = f"PagerDuty's incident {sighting.number}" if sighting.number else f"PagerDuty's incident {sighting.pagerduty_id}"
        audit.append(_entry(page, sighting, "confirmed", now, text=text, by_us=True))
        page = msgspec.structs.replace(
            page,
            pagerduty_id=sighting.pagerduty_id,
            confirmed_at=page.confirmed_at or now,
            merged_from="",
            changed_at=0,
            described_at=0,
            priority="",
            assignees=(),
            responders=(),
            bridge="",
        )
    page, surroundings = _describe(page, sighting, now)
    if not is_first:
        audit += surroundings
    if sighting.merged_into:
        audit.append(_entry(page, sighting, "merged", now, text=f"into {sighting.merged_into}"))
        merged = msgspec.structs.replace(
            page,
            pagerduty_id=sighting.merged_into,
            merged_from=sighting.pagerduty_id,
            number=0,
            url="",
            status=page.status or "triggered",
        )
        return Step(merged, tuple(audit))
    page, told = _tell(page, sighting, now)
    page, moved, facts = _move(page, news, now)
    if news is not sighting:
        page = msgspec.structs.replace(page, changed_at=0)  # since when is not known: whatever is heard of that counts
    return Step(page, (*audit, *told, *moved), facts)


def _is_of_former(page: Page, sighting: Sighting) -> bool:
    """What we sent after somebody had resolved it there opened another incident under our key; this is about the one before."""
    return sighting.pagerduty_id != page.pagerduty_id and 0 < sighting.number < page.number


def _is_of_next(page: Page, sighting: Sighting) -> bool:
    """The same, and this is the first we hear of the other one: from now on the page is that."""
    return sighting.pagerduty_id != page.pagerduty_id and 0 < page.number < sighting.number


def _describe(page: Page, sighting: Sighting, now: int) -> tuple[Page, tuple[AuditEntry, ...]]:
    """Who and where it is: what it says now counts, whichever way that was heard, and what was different is told once."""
    page = msgspec.structs.replace(
        page,
        number=sighting.number or page.number,
        url=sighting.url or page.url,
        urgency=sighting.urgency or page.urgency,
        service=page.service or sighting.service,
    )
    told_at = sighting.updated_at or sighting.at
    if sighting.by_us and sighting.text:
        page = msgspec.structs.replace(page, own_notes=(*page.own_notes, _digest(sighting.text))[-MAX_OWN_NOTES:])
    is_late = told_at // 1000 < page.described_at // 1000 or (sighting.kind != "seen" and told_at < page.described_at)
    if is_late or sighting.log_entry or sighting.kind == "other":
        return page, ()
    audit: list[AuditEntry] = []
    changes: dict[str, object] = {"described_at": max(told_at, page.described_at)}
    if sighting.assignees:
        changes["assignees"] = sighting.assignees
    is_cleared = sighting.kind == "priority_updated" and not sighting.priority
    if (sighting.priority or is_cleared) and sighting.priority != page.priority:
        changes["priority"] = sighting.priority
        audit.append(_surrounding(page, sighting, "priority_updated", now, text=sighting.priority or "none"))
    if sighting.service and sighting.service != page.service:
        changes["service"] = sighting.service
        audit.append(_surrounding(page, sighting, "moved", now, text=f"to PagerDuty's service {sighting.service}"))
    if sighting.bridge and sighting.bridge != page.bridge:
        changes["bridge"] = sighting.bridge
        audit.append(_surrounding(page, sighting, "bridge_updated", now, text=sighting.bridge))
    responders = dict(page.responders)
    for name, state in sighting.responders:
        if state != responders.get(name):
            what = "responder_added" if state == "pending" else "responder_replied"
            text = f"{name}: {sighting.text}" if sighting.text and state == "pending" else f"{name} ({state})"
            audit.append(_surrounding(page, sighting, what, now, text=text))
            responders[name] = state
    changes["responders"] = tuple(responders.items())[-MAX_RESPONDERS:]
    return msgspec.structs.replace(page, **changes), () if sighting.by_us else tuple(audit)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.strip().encode(), digest_size=8).hexdigest()


def _surrounding(page: Page, sighting: Sighting, what: str, now: int, *, text: str) -> AuditEntry:
    """What is read back says who changed the status last, not who changed this."""
    if sighting.kind == "seen":
        sighting = msgspec.structs.replace(sighting, who="", at=sighting.updated_at)
    return _entry(page, sighting, what, now, text=text)


def _tell(page: Page, sighting: Sighting, now: int) -> tuple[Page, tuple[AuditEntry, ...]]:
    """What happened besides a change of the status."""
    kind = sighting.kind
    if kind == "annotated" and _digest(sighting.text) in page.own_notes:
        return page, ()
    if kind == "annotated":
        is_resolution = sighting.text.startswith(RESOLUTION_NOTE)
        what = "resolution" if is_resolution else "noted"
        return page, (_entry(page, sighting, what, now, text=sighting.text.removeprefix(RESOLUTION_NOTE)),)
    if kind == "escalated":
        page = msgspec.structs.replace(page, escalated=page.escalated + 1)
    story = _STORIES.get(kind)
    if story is None or (kind == "reassigned" and sighting.log_entry and not sighting.by_person):  # to whoever is on call
        return page, ()
    to = f"to {', '.join(sighting.assignees)}" if sighting.assignees else ""
    text = ": ".join(part for part in (to, sighting.text) if part)
    return page, (_entry(page, sighting, story, now, text=text),)


def _move(page: Page, sighting: Sighting, now: int) -> tuple[Page, tuple[AuditEntry, ...], tuple[IncidentChanged, ...]]:
    """A change of the status, if it is one and not old news."""
    before, after = page.status, sighting.status
    if not after or _is_old(page, sighting, now):
        return page, (), ()
    at = sighting.at or now
    changed = msgspec.structs.replace(page, status=after, changed_at=max(at, page.changed_at))
    if before == after:
        if after == "acknowledged" and sighting.kind == "acknowledged" and sighting.who and sighting.who != page.holder:
            changed = msgspec.structs.replace(changed, holder=sighting.who)
            return changed, (_entry(page, sighting, "acknowledged", now),), ()
        return changed, (), ()
    audit: list[AuditEntry] = []
    facts: list[IncidentChanged] = []
    if before == "resolved":
        changed = msgspec.structs.replace(changed, resolved_at=0, resolved_by="", reopened=page.reopened + 1)
        audit.append(_entry(page, sighting, "reopened", now))
        facts.append(_fact(page, sighting, "reopened"))
    if after == "acknowledged":
        changed = msgspec.structs.replace(
            changed,
            holder=sighting.who,
            acknowledged_at=page.acknowledged_at or at,
            acknowledged_by=page.acknowledged_by or sighting.who,
        )
        audit.append(_entry(page, sighting, "acknowledged", now))
        facts.append(_fact(page, sighting, "acknowledged"))
    elif after == "resolved":
        changed = msgspec.structs.replace(changed, holder="", resolved_at=at, resolved_by=sighting.who or "PagerDuty")
        audit.append(_entry(page, sighting, "resolved", now))
        facts.append(_fact(page, sighting, "resolved"))
    elif before == "acknowledged":
        changed = msgspec.structs.replace(changed, holder="")
        audit.append(_entry(page, sighting, "unacknowledged", now))
        facts.append(_fact(page, sighting, "unacknowledged"))
    return changed, tuple(audit), tuple(facts)


def _is_old(page: Page, sighting: Sighting, now: int) -> bool:
    """Webhooks tell milliseconds, REST whole seconds; lists lag behind; deliveries come late and in any order."""
    if not page.status or not page.changed_at:
        return False
    second, changed_second = sighting.at // 1000, page.changed_at // 1000
    if sighting.log_entry:
        return second < changed_second
    if sighting.kind == "seen":
        if second == changed_second and now - page.changed_at < LAG_MS:
            return _RANK[sighting.status] < _RANK[page.status]
        return second < changed_second
    if second == changed_second and sighting.kind in ASSIGNED:
        return True  # whether that was before or after cannot be told: what the page is now is asked soon enough
    if second == changed_second and page.status == "resolved" and sighting.kind != "reopened":
        return True
    return sighting.at < page.changed_at


def _entry(page: Page, sighting: Sighting, what: str, now: int, *, text: str = "", by_us: bool = False) -> AuditEntry:
    return AuditEntry(
        at=now if by_us else sighting.at or now,
        who="alert-router" if by_us else sighting.who or "PagerDuty",
        through="router" if by_us else "pagerduty",
        what=what,
        incident=page.incident,
        team=page.team,
        pagerduty_id=sighting.pagerduty_id,
        text=text,
    )


def _fact(page: Page, sighting: Sighting, status: str) -> IncidentChanged:
    return IncidentChanged(
        dedup_key=page.dedup_key,
        status=status,  # type: ignore[arg-type]
        who=sighting.who,
        team=page.team,
        changed_at=sighting.at,
        by_person=sighting.by_person,
    )
