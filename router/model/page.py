"""A page as PagerDuty tells of it: which incident there is ours, who has it, how it ended; and who did what.

What we sent is in the deliveries; here is only what came back. A page is one team told of one incident of ours, so an incident
that paged two teams has two, each with an incident of its own in PagerDuty.
"""

from __future__ import annotations

from typing import Literal

import msgspec

PageStatus = Literal["triggered", "acknowledged", "resolved"]
"""PagerDuty's own three words."""

SightingKind = Literal[
    "seen",  # read back: how it stands, not what happened
    "triggered",
    "acknowledged",
    "unacknowledged",
    "resolved",
    "reopened",
    "escalated",
    "delegated",
    "reassigned",
    "annotated",
    "priority_updated",
    "service_updated",
    "responder_added",
    "responder_replied",
    "status_update_published",
    "bridge_updated",
    "other",  # a type that has no effect here
]

MAX_TEXT = 4_000
"""Characters of a note or a message that are kept."""


class Sighting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What PagerDuty said of one of its incidents at one moment, by webhook or when it was asked."""

    kind: SightingKind
    pagerduty_id: str  # PagerDuty's id of the incident
    at: int = 0  # when it happened, as PagerDuty says; 0: it did not say
    who: str = ""  # the person or integration that did it; empty: PagerDuty itself, or not told
    by_person: bool = False
    status: PageStatus | Literal[""] = ""  # empty: this says nothing about it
    merged_into: str = ""  # id of the incident that took its alerts; then "resolved" is no fix
    number: int = 0
    url: str = ""
    service: str = ""  # PagerDuty's id of its service
    key: str = ""  # dedup key, for the rare ones that say it
    urgency: str = ""
    priority: str = ""
    assignees: tuple[str, ...] = ()
    responders: tuple[tuple[str, str], ...] = ()  # those who were asked to help: name, and how they answered
    bridge: str = ""  # where those who work on it talk
    text: str = ""  # of a note, a message
    note: str = ""  # id of the note
    is_trimmed: bool = False  # the text was cut; the whole one can be read back
    updated_at: int = 0  # when anything about the incident last changed; read back only
    by_us: bool = False  # the answer to something we did, or what we are about to say: told in the audit record already
    log_entry: str = ""  # id of the line in PagerDuty's log that says so; read back only


class Webhook(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A webhook that was taken: kept until its effect is recorded, and remembered so that a repeat is known."""

    webhook_id: str  # the same on every retry
    event_id: str
    event_type: str
    received_at: int
    sighting: Sighting


class Page(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One team told of one incident. Written once PagerDuty has said something of it, or has said nothing for too long."""

    incident: int  # our number
    team: str
    dedup_key: str
    sent_at: int = 0  # PagerDuty's 202
    missed_at: int = 0  # not confirmed in time: since then its fallback knows; 0: no
    pagerduty_id: str = ""  # empty: not confirmed
    number: int = 0  # PagerDuty's number of it
    url: str = ""
    service: str = ""
    status: PageStatus | Literal[""] = ""
    confirmed_at: int = 0
    changed_at: int = 0  # when the status was last changed, by PagerDuty's clock; older news does not move it back
    acknowledged_at: int = 0  # first time in this episode
    acknowledged_by: str = ""
    holder: str = ""  # who has it acknowledged now
    resolved_at: int = 0
    resolved_by: str = ""
    reopened: int = 0  # how often
    escalated: int = 0
    merged_from: str = ""
    urgency: str = ""
    priority: str = ""
    assignees: tuple[str, ...] = ()
    responders: tuple[tuple[str, str], ...] = ()  # name, and how they answered: pending, accepted, declined
    bridge: str = ""
    own_notes: tuple[str, ...] = ()  # digests of the newest notes that we wrote: they come back with a person's name
    described_at: int = 0  # how new the five above are, by PagerDuty's clock
    read_until: int = 0  # PagerDuty's log of it was read up to here
    read_entries: tuple[str, ...] = ()  # ids of the entries of that very moment

    @property
    def is_open(self) -> bool:
        """PagerDuty has an incident that nobody has resolved."""
        return self.status in {"triggered", "acknowledged"}


Through = Literal["pagerduty", "api", "router"]
"""By which way something was done: in PagerDuty, through our API (the command line asks there, too), by the router itself."""


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who did what; only ever added."""

    at: int
    who: str  # a person's name as PagerDuty says it, a token's name, or "alert-router"
    through: Through
    what: str  # acknowledged, resolved, noted, confirmed, not_confirmed, merged ...
    incident: int = 0  # our number; 0: none
    team: str = ""
    pagerduty_id: str = ""
    text: str = ""


class AlertPicture(msgspec.Struct, frozen=True, kw_only=True):
    """One alert inside an incident of PagerDuty's."""

    key: str  # the dedup key of the event that made it
    is_resolved: bool
    service: str  # PagerDuty's id
    integration: str = ""  # PagerDuty's id of the way it came in
    summary: str = ""


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """One step of following, made durable as a whole: what pages look like now, who did what, which webhooks are done."""

    pages: tuple[Page, ...] = ()
    audit: tuple[AuditEntry, ...] = ()
    done: tuple[str, ...] = ()  # webhook ids
