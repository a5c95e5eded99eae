"""A rule set, compiled and immutable: all that the engine knows of rules and teams. Made by ``router.rules``.

The engine decides by this and by the journal alone; ``version`` is a digest of the texts it came from, so two equal
versions decide alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, Protocol

import msgspec

from router.errors import Span
from router.model.digest import Digest
from router.model.pattern import Pattern
from router.model.schedule import Schedule
from router.model.severity import Severity
from router.model.wish import Verb

OWNER = "owner"
"""In ``Rule.page``: the team that owns the alert's service; most specific pattern wins, the default team if none does."""

PAGE = "page"
"""In ``RuleSet.severity_channels``: the teams are paged."""

NOBODY = "*"
"""In ``FileRights.owners``: the file names no owner, and may concern every service."""

DEFAULT_RULE_ID = "default"
"""Reserved: the rule under which alerts that no rule matched go to the default team."""


class TemplateFailed(Exception):
    """A template could not be rendered; the page goes out plain."""


class Template(Protocol):
    """A compiled, sandboxed, length-capped text template."""

    def render(self, context: Mapping[str, Any]) -> str:
        """The text, or TemplateFailed; never another exception, never unbounded time or memory."""
        ...


class LabelTest(msgspec.Struct, frozen=True, kw_only=True):
    """The label's value must match one positive pattern (if there is any) and no negated one; a missing label is ``""``."""

    label: str
    patterns: tuple[Pattern, ...]


class NumberTest(msgspec.Struct, frozen=True, kw_only=True):
    """A numeric comparison over a label or detail; a missing or non-numeric field does not match."""

    field: str
    operator: Literal["lt", "lte", "gt", "gte"]
    value: float


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule concerns. An empty tuple, or None, is no condition; several must all hold, and none of ``unless`` may."""

    services: tuple[Pattern, ...] = ()
    names: tuple[Pattern, ...] = ()
    severities: frozenset[Severity] | None = None
    sources: tuple[Pattern, ...] = ()
    labels: tuple[LabelTest, ...] = ()
    where: tuple[NumberTest, ...] = ()
    unless: tuple[Match, ...] = ()


class AtOnce(msgspec.Struct, frozen=True, kw_only=True):
    """No ``when``: the first occurrence opens the episode."""


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """The ``count``-th occurrence within the sliding window (t - within_ms, t] opens the episode, at its own time.

    ``distinct``: count different values of this label or field instead of occurrences. ``per``: count over these fields
    instead of ``group_by``. ``firing_for_ms``: besides, the group has to have been firing without a break for this long.
    """

    count: int
    within_ms: int
    firing_for_ms: int = 0
    distinct: str | None = None
    per: tuple[str, ...] | None = None


class FiringFor(msgspec.Struct, frozen=True, kw_only=True):
    """Open only if the group has been firing without a break for this long."""

    for_ms: int


class AbsentFor(msgspec.Struct, frozen=True, kw_only=True):
    """Open when nothing matching has been there for this long, for each distinct values of the rule's ``group_by``."""

    for_ms: int


class Flapping(msgspec.Struct, frozen=True, kw_only=True):
    """Open when the group's alerts fired or resolved ``changes`` times within the window; close when none did for as long."""

    changes: int
    within_ms: int


When = AtOnce | Count | FiringFor | AbsentFor | Flapping


class AllResolved(msgspec.Struct, frozen=True, kw_only=True):
    """The episode closes when every alert of the group has resolved."""


class AfterQuiet(msgspec.Struct, frozen=True, kw_only=True):
    """The episode closes when nothing matching has occurred, and nothing stateful fires, for this long."""

    quiet_ms: int


class Never(msgspec.Struct, frozen=True, kw_only=True):
    """Only a person, in PagerDuty, closes what this rule opened."""


Resolve = AllResolved | AfterQuiet | Never


class CloseEpisode(msgspec.Struct, frozen=True, kw_only=True):
    """Resolved in PagerDuty: our episode is over too. What still fires pages again at its next occurrence, or if it worsens."""


class ReopenIfFiring(msgspec.Struct, frozen=True, kw_only=True):
    """The same, and what still fires ``after_ms`` later pages anew, under a new dedup key."""

    after_ms: int


class KeepEpisode(msgspec.Struct, frozen=True, kw_only=True):
    """Resolved in PagerDuty: our episode goes on until its alerts are over."""


OnResolved = CloseEpisode | ReopenIfFiring | KeepEpisode


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """At most this many incidents opened within a sliding window; above it they fold into one storm digest."""

    incidents: int
    per_ms: int


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """Something a rule wants done to the page of its incident. Which fields count depends on ``verb``."""

    verb: Verb
    text: Template | None = None  # the note, or the message
    link: Template | None = None
    users: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    priority: str = ""
    seconds: int = 0
    level: int = 0


class Actions(msgspec.Struct, frozen=True, kw_only=True):
    """What is done to the page, each once in an episode."""

    opened: tuple[Act, ...] = ()
    acknowledged: tuple[Act, ...] = ()
    closed: tuple[Act, ...] = ()


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """While nobody has acknowledged: so long after the opening these are paged or told, too, and this is done to the page."""

    after_ms: int
    page: tuple[str, ...] = ()
    notify: tuple[str, ...] = ()
    acts: tuple[Act, ...] = ()


class Otherwise(msgspec.Struct, frozen=True, kw_only=True):
    """Who is told once while the rule holds its alerts back: ``when`` is not met yet, or it does not page at this time."""

    page: tuple[str, ...] = ()
    notify: tuple[str, ...] = ()


class LinkTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """A link to put on the page."""

    href: Template
    text: Template | None = None


class ImageTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """An image to put on the page."""

    src: Template
    href: Template | None = None
    alt: Template | None = None


class Standing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the file is that something stands in. A guard's rules are tried first, and muted by guards and people alone.

    With ``owners`` it concerns only alerts of services that one of these teams owns.
    """

    guard: bool = False
    owners: tuple[str, ...] = ()


class FileRights(msgspec.Struct, frozen=True, kw_only=True):
    """Which rule files may be what, by patterns for their names: the first that fits counts. Empty: any may be anything.

    ``owners``: the team that the file has to name as its owner, or NOBODY.
    """

    guards: tuple[str, ...] = ()
    owners: tuple[tuple[str, str], ...] = ()


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One line of policy. Rules are tried in order; the first that matches ends it unless ``goes_on``.

    ``group_by`` names fields of the alert: ``service``, ``name``, ``source``, ``severity``, ``fingerprint``, or any label;
    ``labels.severity`` is the label, whatever field is called like it.
    ``drop`` is the reason given; not empty means never page. ``during``: page only while one of these holds; ``outside``: never
    while one of these does. ``notify``: the channels told besides; None: it does not say, so its teams' channels and the table
    of severities do. ``by_severity``: it says neither ``page`` nor ``notify``, so that the table settles who is paged, too.
    """

    id: str
    span: Span | None = None
    description: str = ""
    match: Match = Match()
    drop: str = ""
    when: When = AtOnce()
    page: tuple[str, ...] = (OWNER,)
    notify: tuple[str, ...] | None = None
    by_severity: bool = False
    otherwise: Otherwise | None = None
    group_by: tuple[str, ...] = ("service", "name")
    summary: Template | None = None
    details: tuple[tuple[str, Template], ...] = ()
    links: tuple[LinkTemplate, ...] = ()
    images: tuple[ImageTemplate, ...] = ()
    as_severity: Severity | None = None
    resolve: Resolve = AllResolved()
    on_resolved_in_pagerduty: OnResolved = CloseEpisode()
    limit: Limit | None = None
    escalate: tuple[Step, ...] = ()
    actions: Actions | None = None
    during: tuple[Schedule, ...] = ()
    outside: tuple[Schedule, ...] = ()
    goes_on: bool = False
    standing: Standing = Standing()
    renamed_from: tuple[str, ...] = ()  # ids it had before: what they hold is its own


class Team(msgspec.Struct, frozen=True, kw_only=True):
    """Who is paged. ``routing_key`` is a reference, never the key. ``channels`` are told of whatever it is paged for."""

    name: str
    services: tuple[Pattern, ...] = ()
    routing_key: str
    limit: Limit | None = None
    fallback: str | None = None
    channels: tuple[str, ...] = ()


class ChannelPolicy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the engine has to know of a channel. With ``digest`` it is told in one message now and then."""

    name: str
    digest: Digest | None = None
    limit: Limit | None = None


class Callback(msgspec.Struct, frozen=True, kw_only=True):
    """How a source is told what became of its alerts: by this channel, of these."""

    channel: str
    on: tuple[Literal["acknowledged", "resolved"], ...]


class Channels(msgspec.Struct, frozen=True, kw_only=True):
    """All that rules can tell besides teams. ``by_severity``: who is told where no rule says otherwise; PAGE is the team.

    ``callbacks``: by the name of the source that is told.
    """

    policies: Mapping[str, ChannelPolicy] = MappingProxyType({})
    by_severity: Mapping[Severity, tuple[str, ...]] = MappingProxyType({})
    callbacks: Mapping[str, Callback] = MappingProxyType({})


NO_CHANNELS = Channels()


class FileSilence(msgspec.Struct, frozen=True, kw_only=True):
    """A silence that stands in a rule file: nobody is paged for what it matches, from ``starts_at`` until ``until``."""

    id: str
    match: Match
    until: int
    reason: str
    starts_at: int = 0
    span: Span | None = None
    standing: Standing = Standing()


class Maintenance(msgspec.Struct, frozen=True, kw_only=True):
    """Nobody is paged for what it matches while one of its schedules holds, or from ``starts_at`` until ``until``."""

    id: str
    match: Match
    reason: str = ""
    schedules: tuple[Schedule, ...] = ()
    starts_at: int = 0
    until: int = 0
    span: Span | None = None
    standing: Standing = Standing()


class Inhibition(msgspec.Struct, frozen=True, kw_only=True):
    """Nobody is paged for a target while a source fires that has the same value in each of the ``equal`` fields.

    A missing field equals an empty one. An alert that is source and target is not muted by another one that is both.
    """

    id: str
    source: Match
    target: Match
    equal: tuple[str, ...] = ()
    span: Span | None = None
    standing: Standing = Standing()


class RuleSet(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the engine decides by. ``default_team`` is a key of ``teams``."""

    version: str
    rules: tuple[Rule, ...]
    teams: dict[str, Team]
    default_team: str
    channels: dict[str, ChannelPolicy] = {}
    callbacks: dict[str, Callback] = {}  # by source
    severity_channels: dict[Severity, tuple[str, ...]] = {}
    silences: tuple[FileSilence, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()
    inhibitions: tuple[Inhibition, ...] = ()
