"""What PagerDuty remembers of an incident once it is past: how it stood, what happened, what was written, which alerts it held.

Names of people and nothing else about them: addresses and telephone numbers are taken out where PagerDuty is read.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from router.model.page import PageStatus

ActorKind = Literal["person", "service", "integration", ""]
"""Who did something: a user, PagerDuty by a timeout of the service, a monitoring tool; empty: not told."""


class PastIncident(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An incident as a list of PagerDuty's shows it."""

    number: int
    pagerduty_id: str
    title: str
    created_at: int
    url: str = ""
    service_id: str = ""
    service: str = ""
    team: str = ""
    status: PageStatus = "triggered"
    urgency: str = ""
    priority: str = ""
    updated_at: int = 0
    resolved_at: int = 0
    changed_by: str = ""  # who set its status last
    changed_by_kind: ActorKind = ""
    merged_into: str = ""
    alerts: int = 0


class PastEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One line of its log. ``kind`` is PagerDuty's word without ``_log_entry``."""

    at: int
    kind: str
    who: str = ""
    who_kind: ActorKind = ""
    text: str = ""


class PastNote(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What somebody wrote on it."""

    at: int
    who: str
    text: str


class PastAlert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An alert inside it; ``key`` is its dedup key, ``details`` its custom details as lines of text."""

    at: int
    key: str
    summary: str = ""
    severity: str = ""
    is_resolved: bool = False
    details: str = ""


class Story(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that is known of an incident besides the incident itself, oldest first."""

    entries: tuple[PastEntry, ...] = ()
    notes: tuple[PastNote, ...] = ()
    alerts: tuple[PastAlert, ...] = ()


class Change(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """That something happened to an incident, out of the account's log."""

    pagerduty_id: str
    service_id: str
    at: int


class PastList(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a list. ``received``: rows of PagerDuty's, ``total``: of the whole list, None if it does not say."""

    incidents: tuple[PastIncident, ...] = ()
    changes: tuple[Change, ...] = ()
    received: int
    more: bool
    total: int | None = None
