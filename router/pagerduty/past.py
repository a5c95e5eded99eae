"""Reads an account's past over REST: lists of incidents by span of time, what changed, and the story of one incident.

Must never do: ask for the channels of log entries (they hold addresses and telephone numbers of who was notified), or hand on
contact data that people wrote down.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from router.errors import RemoteRefused
from router.model.page import MAX_TEXT
from router.model.past import ActorKind, Change, PastAlert, PastEntry, PastIncident, PastList, PastNote, Story
from router.pagerduty.contacts import name_only, without_contacts
from router.pagerduty.pictures import instant, members, merge_target, name_of, rows, status_of, word
from router.pagerduty.rest import RestClient

MAX_DETAILS = 8_000
"""Characters of an alert's details that are kept."""

MAX_ENTRIES = 2_000
"""Lines of an incident's log that are kept: the newest ones."""

_ID = re.compile(r"[PQR][A-Z0-9]{5,}")
_KINDS: Mapping[str, ActorKind] = {"user": "person", "service": "service"}
_TOLD = frozenset({"annotate", "resolve", "escalate", "acknowledge"})


class Listed(Protocol):
    """As much of an incident as reading its story takes."""

    @property
    def pagerduty_id(self) -> str:
        """PagerDuty's id."""
        ...

    @property
    def alerts(self) -> int:
        """How many it held when it was listed."""
        ...


class PastReader:
    """Fits ``history.base.Remote``."""

    def __init__(self, rest: RestClient) -> None:
        """Through this account's client, at its pace."""
        self._rest = rest

    @property
    def calls(self) -> int:
        """Calls made so far by this client."""
        return self._rest.calls

    async def incidents(
        self, *, since: int, until: int, offset: int, statuses: Sequence[str] = (), services: Sequence[str] = ()
    ) -> PastList:
        """Those of a span of time, oldest first, from the ``offset``-th on."""
        query = [("since", _stamp(since)), ("until", _stamp(until)), ("time_zone", "UTC"), ("sort_by", "created_at:asc")]
        query += [("statuses[]", status) for status in statuses] + [("service_ids[]", service) for service in services]
        page = await self._rest.list_page("/incidents", "incidents", query, offset=offset)
        found = [incident for row in page.rows if (incident := past_incident(row)) is not None]
        return PastList(incidents=tuple(found), received=len(page.rows), more=page.more, total=page.total)

    async def changes(self, *, since: int, until: int, offset: int) -> PastList:
        """To which incidents something happened in a span of time."""
        query = [("since", _stamp(since)), ("until", _stamp(until)), ("time_zone", "UTC")]
        page = await self._rest.list_page("/log_entries", "log_entries", query, offset=offset)
        found = [
            Change(
                pagerduty_id=word(members(row.get("incident")).get("id")),
                service_id=word(members(row.get("service")).get("id")),
                at=instant(row.get("created_at")),
            )
            for row in page.rows
        ]
        return PastList(changes=tuple(found), received=len(page.rows), more=page.more, total=page.total)

    async def incident(self, pagerduty_id: str) -> PastIncident | None:
        """How it stands now; None if there is none of that id."""
        row = await self._rest.incident_row(pagerduty_id)
        return None if row is None else past_incident(row)

    async def story(self, incident: Listed) -> Story:
        """Its log, notes and alerts; empty if it is gone. Notes and alerts are asked for only where there are any."""
        log = await self._rest.incident_rows(incident.pagerduty_id, "log_entries")
        entries = [_entry(row) for row in log]
        # Their order is not documented, and their times are whole seconds: within one the order given is all there is.
        if entries and entries[0].at >= entries[-1].at:
            entries.reverse()
        entries = sorted(entries, key=lambda entry: entry.at)[-MAX_ENTRIES:]
        has_notes = any(entry.kind == "annotate" for entry in entries)
        notes = await self._rest.incident_rows(incident.pagerduty_id, "notes") if has_notes else []
        alerts = await self._rest.incident_rows(incident.pagerduty_id, "alerts") if incident.alerts else []
        return Story(
            entries=tuple(entries),
            notes=tuple(sorted((_note(row) for row in notes), key=lambda note: note.at)),
            alerts=tuple(sorted((_alert(row) for row in alerts), key=lambda alert: (alert.at, alert.key))),
        )

    async def service_ids(self, names: Sequence[str]) -> list[str]:
        """The ids of these services, given by id or by name. RemoteRefused names the one that is not there."""
        ids = []
        for name in names:
            found = [] if _ID.fullmatch(name) else await self._rest.services_named(name)
            named = [word(row.get("id")) for row in found if word(row.get("name")).lower() == name.lower()]
            if not named and not _ID.fullmatch(name):
                raise RemoteRefused(f"PagerDuty has no service {name!r} that this token may see", status=404)
            ids.append(named[0] if named else name)
        return ids


def past_incident(row: Mapping[str, Any]) -> PastIncident | None:
    """An incident as REST shows it; None for one without number, id or time of creation."""
    number, pagerduty_id, created_at = row.get("incident_number"), word(row.get("id")), instant(row.get("created_at"))
    if not isinstance(number, int) or isinstance(number, bool) or number < 1 or not pagerduty_id or not created_at:
        return None
    by = row.get("last_status_change_by")
    counts = members(row.get("alert_counts")).get("all")
    teams = rows(row.get("teams"))
    status = status_of(row.get("status")) or "triggered"
    changed_at = instant(row.get("last_status_change_at"))
    return PastIncident(
        number=number,
        pagerduty_id=pagerduty_id,
        title=without_contacts(word(row.get("title")) or word(row.get("summary"))),
        created_at=created_at,
        url=word(row.get("html_url")),
        service_id=word(members(row.get("service")).get("id")),
        service=name_of(row.get("service")),
        team=name_of(teams[0]) if teams else "",
        status=status,
        urgency=word(row.get("urgency")),
        priority=name_of(row.get("priority")),
        updated_at=instant(row.get("updated_at")),
        resolved_at=(instant(row.get("resolved_at")) or changed_at) if status == "resolved" else 0,
        changed_by=name_only(name_of(by)),
        changed_by_kind=_kind_of(by),
        merged_into=merge_target(row),
        alerts=counts if isinstance(counts, int) and counts > 0 else 0,
    )


def _entry(row: Mapping[str, Any]) -> PastEntry:
    kind = word(row.get("type")).removesuffix("_log_entry")
    agent = row.get("agent")
    return PastEntry(
        at=instant(row.get("created_at")),
        kind=kind,
        who=name_only(name_of(agent)),
        who_kind=_kind_of(agent),
        text=_text(row.get("note")) if kind in _TOLD else "",
    )


def _note(row: Mapping[str, Any]) -> PastNote:
    return PastNote(at=instant(row.get("created_at")), who=name_only(name_of(row.get("user"))), text=_text(row.get("content")))


def _alert(row: Mapping[str, Any]) -> PastAlert:
    key = row.get("alert_key")
    return PastAlert(
        at=instant(row.get("created_at")),
        key=key if isinstance(key, str) else "",
        summary=without_contacts(word(row.get("summary"))),
        severity=word(row.get("severity")),
        is_resolved=row.get("status") == "resolved",
        details=without_contacts(_flat(members(row.get("body")).get("details")))[:MAX_DETAILS],
    )


def _flat(details: Any) -> str:
    """Custom details as lines ``name: value``; whatever is nested as JSON."""
    if isinstance(details, str):
        return details[:MAX_DETAILS]
    if not isinstance(details, dict):
        return ""
    lines = [
        f"{name}: {value if isinstance(value, str) else msgspec.json.encode(value).decode()}" for name, value in details.items()
    ]
    return "\n".join(lines)[: MAX_DETAILS + 200]  # a contact that the cut would halve is still taken out


def _text(value: Any) -> str:
    return without_contacts(value[: MAX_TEXT + 200])[:MAX_TEXT] if isinstance(value, str) else ""


def _kind_of(agent: Any) -> ActorKind:
    kind = word(members(agent).get("type")).removesuffix("_reference")
    return _KINDS.get(kind, "integration" if "integration" in kind else "")


def _stamp(at: int) -> str:
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
