"""What may stand in a rule file: every key with its type, default and one line of documentation.

The single source of validation, of the JSON Schema for editors and of docs/reference/rules.md. Checks that need more than one
key of a rule, or more than one rule, are in ``router.rules.compiling`` and ``router.rules.crosscheck``.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from router.rules.forms import (
    PATTERN_DOC,
    Dates,
    Days,
    FieldName,
    Hours,
    Instant,
    LabelPatternText,
    Lasting,
    Months,
    PatternText,
    Quiet,
    RuleId,
    TemplateText,
    Weekdays,
    Window,
    Zone,
)
from router.yamldoc.sections import Maybe, Section, setting

GRAMMAR_VERSION = 1


class NumberSection(Section):
    """Bounds for a number; all that are given have to hold."""

    lt: Maybe[float] = setting(None, "Less than.")
    lte: Maybe[float] = setting(None, "At most.")
    gt: Maybe[float] = setting(None, "Greater than.")
    gte: Maybe[float] = setting(None, "At least.")


class MatchSection(Section):
    """Which alerts a rule concerns: all that is given has to hold; nothing given matches every alert."""

    service: PatternText | list[PatternText] = setting([], PATTERN_DOC, examples=["payment-*", ["payment-*", "checkout-*"]])
    name: PatternText | list[PatternText] = setting([], f"The alert's name, error type or class. {PATTERN_DOC}")
    severity: str | list[str] = setting([], "Exactly these severities, in any spelling the configuration knows.")
    min_severity: Maybe[str] = setting(None, "This severity or a worse one.", examples=["error"])
    source: PatternText | list[PatternText] = setting([], f"The configured source. {PATTERN_DOC}")
    labels: dict[FieldName, LabelPatternText | list[LabelPatternText]] = setting(
        {},
        'By label: name, glob, `/regex/` or `!exclusion`, or a list. A missing label counts as empty: `""` wants it missing, '
        '`"!"` wants it there.',
        examples=[{"env": "prod", "region": ["eu-*", "us-*"], "canary": "!true", "path": "/^\\/v[12]\\//"}],
    )
    where: dict[FieldName, NumberSection] = setting(
        {},
        "By label or field of `details`: bounds for its number. A missing or non-numeric field does not match.",
        examples=[{"confidence": {"lt": 0.5}}],
    )
    unless: MatchSection | list[MatchSection] = setting(
        [],
        "Not these: an alert that one of these matches is not meant, each with the keys of a `match`.",
        examples=[{"name": "DiskFull", "labels": {"env": "test"}}],
    )


class CountSection(Section):
    """So many occurrences within a sliding window, per group: the last of them opens the incident, at its own time."""

    count: int = Field(description="How many.", ge=1, le=10_000)
    within: Window = Field(description="Length of the window, 1s to 7d.")
    firing_for: Maybe[Window] = setting(None, "Besides, it has to have been firing without a break for this long.")
    per: Maybe[list[FieldName] | FieldName] = setting(
        None, "Count per distinct values of these fields instead of `group_by`.", min_length=1
    )
    distinct: Maybe[FieldName] = setting(None, "Count different values of this label or field instead of occurrences.")


class FiringForSection(Section):
    """Still firing after this long; what ends sooner never pages."""

    firing_for: Window = Field(description="How long without a break, 1s to 7d.")


class AbsentForSection(Section):
    """Nothing that matches has been there for this long; the incident is resolved when something arrives."""

    absent_for: Window = Field(description="How long, 1s to 7d.")
    per: Maybe[list[FieldName] | FieldName] = setting(
        None,
        "Expect each distinct values of these fields by itself, from when they were first seen. Takes the place of `group_by`.",
        min_length=1,
    )


class ChangesSection(Section):
    """How often within which time."""

    changes: int = Field(description="How many times it fires or resolves.", ge=2, le=10_000)
    within: Window = Field(description="Length of the sliding window, 1s to 7d; stable is no change for as long.")


class FlappingSection(Section):
    """Fires and resolves again and again: one incident that says so, open until it is stable."""

    flapping: ChangesSection = Field(description="What counts as flapping.")


class AfterQuietSection(Section):
    """Closed when nothing has occurred, and nothing fires, for this long."""

    after_quiet: Quiet = Field(description="How long, 1s to 30d.")


class LimitSection(Section):
    """Above it, incidents fold into one storm incident that names what it holds."""

    incidents: int = Field(description="Incidents opened within any `per`.", ge=1, le=100_000)
    per: Window = Field(description="Length of the sliding window, 1s to 7d.")


Address: TypeAlias = Annotated[str, Field(min_length=1, max_length=256)]


class RespondersSection(Section):
    """More people asked to help with the incident, in PagerDuty."""

    users: Address | list[Address] = setting([], "Email addresses or ids of users.")
    policies: Address | list[Address] = setting([], "Names or ids of escalation policies: whoever is on call for them.")
    message: TemplateText = Field(description="What they are told, a template.", min_length=1)
    link: Maybe[TemplateText] = setting(None, "Where to look, a template; put behind the message.")


class ActionSection(Section):
    """One thing done to the incident in PagerDuty: exactly one of these keys."""

    note: Maybe[TemplateText] = setting(None, "Add a note, a template.", examples=["runbook: https://wiki/{{ name }}"])
    responders: Maybe[RespondersSection] = setting(None, "Ask more people to help.")
    status: Maybe[TemplateText] = setting(None, "Publish a status update to its subscribers, a template.")
    priority: Maybe[Address] = setting(None, "Set its priority: name or id.", examples=["P1"])
    reassign: Maybe[Address] = setting(
        None, "Give it to somebody: email address or id. It escalates no more by itself.", examples=["ada@example.com"]
    )
    snooze: Maybe[Window] = setting(None, "Quiet for so long, 1s to 7d. In `acknowledged` only: it counts as that.")


class ActionsSection(Section):
    """What is done to the incident in PagerDuty, each once. Needs `pagerduty.api_token` (one that may write) and `from`."""

    opened: list[ActionSection] = setting([], "When PagerDuty shows the incident.", max_length=10)
    acknowledged: list[ActionSection] = setting([], "When somebody acknowledges it for the first time.", max_length=10)
    closed: list[ActionSection] = setting([], "When it is over: `note` and `status`.", max_length=10)


class OtherwiseSection(Section):
    """Who is told, once, while the rule holds its alerts back."""

    page: list[str] | str = setting([], "Teams.")
    notify: list[str] | str = setting([], "Channels.")


class StepSection(Section):
    """What happens while nobody has acknowledged: other teams are paged, PagerDuty's own escalation goes on, or both."""

    after: Window = Field(description="How long after the opening, or after it was given back; 1s to 7d.")
    page: list[str] | str = setting([], "A team, a list of teams, or `owner`: paged too, through their own routing keys.")
    notify: list[str] | str = setting([], "A channel, or a list of channels: told too.")
    level: Maybe[int] = setting(
        None, "The incident goes to this level of its escalation policy in PagerDuty. Needs `pagerduty.api_token`.", ge=1, le=20
    )
    policy: Maybe[Address] = setting(
        None, "The incident goes to this escalation policy in PagerDuty: name or id. Needs `pagerduty.api_token`."
    )
    actions: list[ActionSection] = setting([], "What else is done to the incident.", max_length=10)


class LinkSection(Section):
    """A link on the page."""

    href: TemplateText = Field(description="Where to, a template.", min_length=1)
    text: Maybe[TemplateText] = setting(None, "What it says, a template.")


class ImageSection(Section):
    """An image on the page."""

    src: TemplateText = Field(description="The image, a template; PagerDuty takes https only.", min_length=1)
    href: Maybe[TemplateText] = setting(None, "Where a click leads, a template.")
    alt: Maybe[TemplateText] = setting(None, "What it shows, a template.")


class ReopenSection(Section):
    """Closed, and paged anew if it still fires after a while."""

    reopen_if_firing_after: Quiet = Field(description="How long after it was resolved in PagerDuty, 1s to 30d.")


class TimesSection(Section):
    """Times that all these conditions name together, by the clock on the wall of the schedule's zone."""

    weekdays: Weekdays | list[Weekdays] = setting([], "Weekdays, or ranges of them.", examples=["mon-fri", ["mon", "thu-sat"]])
    hours: Hours | list[Hours] = setting(
        [],
        "From and until. Hours over midnight belong to the day on which they begin.",
        examples=["09:00-17:00", ["22:00-06:00"]],
    )
    dates: Dates | list[Dates] = setting([], "Dates, or ranges of them.", examples=["2026-12-24..2027-01-02"])
    days: Days | list[Days] = setting([], "Days of the month, or ranges of them; `-1` is the last.", examples=["1..7", "-1"])
    months: Months | list[Months] = setting([], "Months, or ranges of them.", examples=["jun-aug"])


class ScheduleSection(TimesSection):
    """Times with a name, for `during` and `except` of rules, and for maintenance."""

    zone: Zone = Field(description="The zone whose clock is meant, as the IANA calls it.", examples=["Europe/Berlin"])
    also: list[TimesSection] = setting([], "Further times that belong to it.")
    holidays: Dates | list[Dates] = setting([], "Dates on which none of it begins.")


class SilenceSection(Section):
    """Pages nobody for what it matches, until it ends. What still fires then is paged."""

    id: RuleId = Field(description="Its name, shown with each decision.")
    match: MatchSection = Field(description="Which alerts it mutes.")
    until: Instant = Field(description="When it ends.", examples=["2026-12-24T18:00:00+01:00"])
    since: Maybe[Instant] = setting(None, "When it begins; absent: it has begun.", alias="from")
    reason: str = Field(description="Why, for those who wonder.", min_length=1)


class WantedSilence(Section):
    """A silence as a person asks for it; it lasts at most 90 days."""

    match: MatchSection = Field(description="Which alerts it mutes, as in a rule.")
    reason: str = Field(description="Why, for those who wonder.", min_length=1, max_length=4_096)
    lasting: Maybe[Lasting] = setting(None, "How long it lasts; with `until: resolved`: at most.", alias="for")
    until: Maybe[str] = setting(None, "When it ends, or `resolved`: as soon as all that it mutes has resolved.")
    since: Maybe[Instant] = setting(None, "When it begins; absent: at once.", alias="from")
    by: str = setting("", "Who asks for it.", max_length=256)
    id: Maybe[RuleId] = setting(None, "Of the silence it takes the place of.")


class MaintenanceSection(Section):
    """Pages nobody for what it matches while a schedule holds, or once from then until then."""

    id: RuleId = Field(description="Its name, shown with each decision.")
    match: MatchSection = setting({}, "Which alerts it mutes; absent: all.")
    during: str | list[str] = setting([], "The schedules while which it mutes.")
    since: Maybe[Instant] = setting(None, "When it begins, once.", alias="from")
    until: Maybe[Instant] = setting(None, "When it ends, once.")
    reason: str = setting("", "Why, for those who wonder.")


class InhibitionSection(Section):
    """Pages nobody for a target while a source fires that has equal values."""

    id: RuleId = Field(description="Its name, shown with each decision.")
    source: MatchSection = Field(description="The alerts that mute others.")
    target: MatchSection = Field(description="The alerts that are muted.")
    equal: list[FieldName] = setting(
        [], "Labels or fields that have to be equal in both; a missing one equals an empty one.", examples=[["cluster", "node"]]
    )


When: TypeAlias = CountSection | FiringForSection | AbsentForSection | FlappingSection
Resolve: TypeAlias = Literal["all_resolved", "never"] | AfterQuietSection
OnResolved: TypeAlias = Literal["close", "keep"] | ReopenSection


class DefaultsSection(Section):
    """What the rules of this file have unless they say otherwise."""

    page: list[str] | str = setting("owner", "As in a rule.")
    notify: Maybe[list[str] | str] = setting(None, "As in a rule.")
    group_by: list[FieldName] = setting(["service", "name"], "As in a rule.")
    summary: Maybe[TemplateText] = setting(None, "As in a rule.")
    resolve: Resolve = setting("all_resolved", "As in a rule.")
    limit: Maybe[LimitSection] = setting(None, "As in a rule.")
    details: dict[FieldName, TemplateText] = setting(
        {}, "As in a rule; a rule's own details take the place of all.", max_length=100
    )
    links: list[LinkSection] = setting([], "As in a rule.", max_length=20)
    images: list[ImageSection] = setting([], "As in a rule.", max_length=20)
    as_severity: Maybe[str] = setting(None, "As in a rule.")
    on_resolved_in_pagerduty: OnResolved = setting("close", "As in a rule.")
    escalate: list[StepSection] = setting([], "As in a rule; `escalate: []` in a rule: nobody else.", max_length=10)
    during: str | list[str] = setting([], "As in a rule.")
    outside: str | list[str] = setting([], "As in a rule.", alias="except")


class RuleSection(Section):
    """One line of policy. Rules are tried in order; the first that matches ends it, unless it says `continue`."""

    id: RuleId = Field(description="Stable name: what is open and counted survives edits of everything else.")
    description: str = setting("", "For people: why the rule is there.")
    match: MatchSection = setting({}, "Which alerts it concerns; absent: all.")
    drop: str = setting("", "Never page for these, and why: the reason is recorded with each decision.")
    when: Maybe[When] = setting(None, "What has to happen before it pages; absent: at once.")
    page: list[str] | str = setting(
        "owner",
        "Who is paged: a team, a list of teams, or `owner`, the team that owns the service. `[]`, or nothing beside `notify`: "
        "nobody.",
    )
    notify: Maybe[list[str] | str] = setting(
        None,
        "Channels that are told, besides or instead of paging. Absent: those of the teams it pages, and those that "
        "`severity_channels` of the configuration names.",
        examples=["payments-chat", ["payments-chat", "ops-mail"]],
    )
    otherwise: Maybe[OtherwiseSection] = setting(
        None,
        "Who is told while `when` is not met yet, or outside `during`: once for each group, and then when it opens or is over.",
        examples=[{"notify": ["payments-chat"]}],
    )
    group_by: list[FieldName] = setting(
        ["service", "name"],
        "One incident per distinct values of these: `service`, `name`, `source`, `severity`, `fingerprint`, or labels; "
        "`labels.severity` is the label where a field is called like it. `[]`: one incident for all.",
    )
    summary: Maybe[TemplateText] = setting(
        None, "Title of the incident, a template.", examples=["{{ service }}: {{ name }} ({{ count }} in {{ within }})"]
    )
    details: dict[FieldName, TemplateText] = setting({}, "Shown with the incident, templates by name.", max_length=100)
    links: list[LinkSection] = setting([], "Links on the page.", max_length=20)
    images: list[ImageSection] = setting([], "Images on the page.", max_length=20)
    as_severity: Maybe[str] = setting(None, "What PagerDuty is told; absent: the worst of the group.")
    resolve: Resolve = setting(
        "all_resolved", "When the incident is closed: all its alerts have resolved, nothing for a while, or only by a person."
    )
    on_resolved_in_pagerduty: OnResolved = setting(
        "close",
        "When somebody resolves it in PagerDuty while it fires: `close` pages again when it occurs again or worsens, "
        "`keep` leaves it open here.",
    )
    limit: Maybe[LimitSection] = setting(None, "At most so many incidents of this rule; above it one storm incident.")
    escalate: list[StepSection] = setting(
        [],
        "While nobody has acknowledged the incident in PagerDuty, page these too, step by step. Needs `pagerduty.api_token`.",
        max_length=10,
        examples=[[{"after": "15m", "page": "payments-leads"}]],
    )
    actions: ActionsSection = setting({}, "What is done to the incident in PagerDuty when it is opened, acknowledged, closed.")
    during: str | list[str] = setting([], "Page only while one of these schedules holds; what still fires then is paged.")
    outside: str | list[str] = setting([], "Never page while one of these schedules holds.", alias="except")
    renamed_from: RuleId | list[RuleId] = setting(
        [],
        "Ids it had before: what is open, held and counted under them goes on under this one.",
    )
    goes_on: bool = Field(False, alias="continue", description="Go on to the rules below.")  # noqa: FBT003


class RuleFile(Section):
    """A file of rules. Files are read in sorted order and their rules tried one after another."""

    version: Literal[1] = setting(1, "Version of the rule language.")
    owner: Maybe[list[str] | str] = setting(
        None,
        "Whose file it is, a team or a list of teams: all that stands in it concerns only services that they own.",
        min_length=1,
        examples=["payments"],
    )
    guard: bool = setting(
        False,  # noqa: FBT003 -- the key's default
        "Whether it is a guard: its rules are tried before those of all other files, and nothing that stands in another file "
        "keeps them from paging.",
    )
    rules: list[RuleSection] = Field(description="The rules, in the order they are tried.")
    defaults: DefaultsSection = setting({}, "What the rules of this file have unless they say otherwise.")
    schedules: dict[RuleId, ScheduleSection] = setting({}, "Times with names, for the rules of all files.")
    silences: list[SilenceSection] = setting([], "What pages nobody for a while.")
    maintenance: list[MaintenanceSection] = setting([], "What pages nobody at certain times.")
    inhibitions: list[InhibitionSection] = setting([], "What pages nobody while something else fires.")
