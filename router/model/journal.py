"""What the journal holds: every fact the engine ever decides on, in the order it was accepted.

The journal is the inbox. One entry per new fact; a resend that changes nothing is none. The engine's only inputs are
entries and the passing of time, so replaying the journal through the same rules gives the same decisions, bit for bit.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from router.model.alert import Alert, Link
from router.model.event import EventAction
from router.model.severity import Severity
from router.model.silence import Silence


class AlertReceived(msgspec.Struct, frozen=True, kw_only=True, tag="alert", tag_field="fact", gc=False):
    """A new alert, a changed one, or a resolve."""

    alert: Alert


class Restarted(msgspec.Struct, frozen=True, kw_only=True, tag="restarted", tag_field="fact"):
    """The router came back: what went quiet between ``down_since`` and now may only be our own absence.

    The engine moves every timer that would have been due meanwhile to the entry's time plus ``grace_ms``.
    """

    down_since: int
    grace_ms: int = 0


class RulesChanged(msgspec.Struct, frozen=True, kw_only=True, tag="rules", tag_field="fact"):
    """From here on the rule set of this version (a digest of its texts, stored beside the journal) is in force."""

    version: str


class DeliveryFailed(msgspec.Struct, frozen=True, kw_only=True, tag="delivery_failed", tag_field="fact", omit_defaults=True):
    """A delivery was given up (dead letter). The engine pages the team's fallback, and raises the router's own alert."""

    delivery_id: int
    team: str
    dedup_key: str
    action: EventAction
    reason: str
    status: int = 0  # PagerDuty's HTTP status; 0: none came
    is_update: bool = False  # a trigger that only told more about an open episode: nobody waits for it, no fallback


class ChangeReceived(msgspec.Struct, frozen=True, kw_only=True, tag="change", tag_field="fact", omit_defaults=True):
    """Someone changed something (a deploy, a config push). Passed on to the team that owns ``service`` as a change event.

    It pages nobody, opens nothing, matches no rule: the answer is one Event with action ``change`` and no dedup key.
    """

    source: str  # the configured source it came through
    service: str
    summary: str
    origin: str = ""  # the sender's ``payload.source``
    details: dict[str, Any] = {}
    links: tuple[Link, ...] = ()
    changed_at: int = 0  # when the sender says it happened; 0: it did not say


class EventForwarded(msgspec.Struct, frozen=True, kw_only=True, tag="forwarded", tag_field="fact", omit_defaults=True):
    """An event of an inbound key in shadow: it goes on to PagerDuty as it came, and no rule decides on it.

    ``alert``: what it says, for a rehearsal of the rules; None where an event says nothing about an alert.
    """

    source: str  # the configured source it came through
    routing_key: str  # the reference of the key it goes on to
    action: EventAction
    dedup_key: str
    body: str  # JSON, without a routing key
    severity: Severity = Severity.ERROR
    alert: Alert | None = None


class IncidentChanged(msgspec.Struct, frozen=True, kw_only=True, tag="incident", tag_field="fact", omit_defaults=True):
    """PagerDuty says (webhook, read-back) that somebody changed the incident we opened under this dedup key.

    An acknowledgement stops escalation; a resolution closes our episode as far as its rule wants that. A key that no open
    episode has changes nothing, so the echo of our own resolve may be journalled or not.
    """

    dedup_key: str
    status: Literal["acknowledged", "unacknowledged", "resolved", "reopened"]
    who: str = ""  # the person's name, or the integration's, as PagerDuty says it
    team: str = ""  # whose incident it is, when several were paged under one key; empty: not known
    changed_at: int = 0  # when PagerDuty says it happened; 0: it did not say
    by_person: bool = False  # a user of PagerDuty's, not a timeout or an integration


class SilenceChanged(msgspec.Struct, frozen=True, kw_only=True, tag="silence", tag_field="fact", omit_defaults=True):
    """Somebody added a silence (``silence`` is set), or ended the one of this id before its time."""

    id: str
    silence: Silence | None = None
    by: str = ""


class EpisodeClosed(msgspec.Struct, frozen=True, kw_only=True, tag="episode_closed", tag_field="fact", omit_defaults=True):
    """Somebody closed here what is open under this dedup key, whatever fires, through the routing keys that opened it."""

    dedup_key: str
    by: str = ""
    reason: str = ""


class RuleAdopted(msgspec.Struct, frozen=True, kw_only=True, tag="rule_adopted", tag_field="fact", omit_defaults=True):
    """Somebody gave what a rule left open, which is no longer in force, to another rule."""

    rule: str
    into: str
    by: str = ""


Fact = (
    AlertReceived
    | Restarted
    | RulesChanged
    | DeliveryFailed
    | ChangeReceived
    | EventForwarded
    | IncidentChanged
    | SilenceChanged
    | EpisodeClosed
    | RuleAdopted
)


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A fact with its place and time. ``seq`` rises without repeats (gaps are possible); ``at`` is fixed once, at the door."""

    seq: int
    at: int
    fact: Fact
