"""What may stand in a rule file: every key with its type, default and one line of documentation.

The single source of validation, of the JSON Schema for editors and of docs/reference/rules.md. Checks that need more than one
key of a rule, or more than one rule, are in ``router.rules.compiling`` and ``router.rules.crosscheck``.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, PlainValidator, WithJsonSchema

from router.model.pattern import Pattern, PatternError
from router.model.quantity import DURATION_FORM, QuantityError, parse_duration
from router.model.ruleset import DEFAULT_RULE_ID
from router.yamldoc import Mistake, YamlModel

GRAMMAR_VERSION = 1
ID_FORM = "at most 64 lower-case letters, digits, dots, dashes and underscores, beginning with a letter or digit"
_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")
_UNFIT_FOR_ID = re.compile(r"[^a-z0-9._-]+")
_SHOWN = 80
MAX_PATTERN_CHARACTERS = 1_024

SECOND_MS = 1_000
DAY_MS = 86_400_000

LATER = {
    "rule": ("notify", "escalate", "during", "except", "otherwise"),
    "when": ("absent_for", "flapping"),
    "file": ("schedules", "inhibitions", "silences", "maintenance"),
}
"""Keys of the language that this version refuses with a message of their own, by where they stand."""


def _check_id(value: str) -> str:
    if not _ID.match(value):
        better = _UNFIT_FOR_ID.sub("-", value.strip().lower()).strip("-._")[:64]
        raise Mistake("bad-id", f"found {value[:_SHOWN]!r}; expected {ID_FORM}", f'did you mean "{better}"?' if better else "")
    if value == DEFAULT_RULE_ID:
        message = f"the id {DEFAULT_RULE_ID!r} is reserved for alerts that no rule matches"
        raise Mistake("reserved-id", message, "call it catch-all")
    return value


def _check_pattern(value: str) -> str:
    if len(value) > MAX_PATTERN_CHARACTERS:
        raise Mistake(
            "long-pattern", f"found a pattern of {len(value)} characters, at most {MAX_PATTERN_CHARACTERS} are allowed"
        )
    if not value.endswith("/"):  # no regular expression, and nothing else can fail
        return value
    try:
        Pattern.parse(value)
    except PatternError as error:
        message = f"the regular expression {value[:_SHOWN]} cannot be used: {error}"
        raise Mistake("bad-regex", message, "the syntax is RE2's: no look-around, no back-references") from error
    return value


def _check_some(value: str) -> str:
    if not value.removeprefix("!"):
        raise Mistake("empty-pattern", "expected a pattern, found nothing", "leave the key out to match anything")
    return _check_pattern(value)


def _duration(shortest_ms: int, longest_ms: int, words: str) -> Any:
    def convert(value: Any) -> int:
        if not isinstance(value, str):
            raise Mistake("bad-duration", f"expected {DURATION_FORM}")
        try:
            length = parse_duration(value)
        except QuantityError as error:
            raise Mistake("bad-duration", f"found {value[:_SHOWN]!r}; {error}", error.hint) from error
        if not shortest_ms <= length <= longest_ms:
            raise Mistake("duration-out-of-range", f"found {value!r}; expected {words}")
        return length

    return PlainValidator(convert)


_DURATION_SCHEMA = WithJsonSchema(
    {"type": "string", "pattern": r"^([0-9]+(d|h|m|s|ms))+$", "examples": ["30s", "5m", "1h30m", "7d"]}
)
_DURATION_WORDS = Field(json_schema_extra={"expected": DURATION_FORM, "expected_plural": "durations"})
Window: TypeAlias = Annotated[
    int, _duration(SECOND_MS, 7 * DAY_MS, "a duration of 1s to 7d"), _DURATION_SCHEMA, _DURATION_WORDS
]
Quiet: TypeAlias = Annotated[
    int, _duration(SECOND_MS, 30 * DAY_MS, "a duration of 1s to 30d"), _DURATION_SCHEMA, _DURATION_WORDS
]
RuleId: TypeAlias = Annotated[
    str,
    AfterValidator(_check_id),
    Field(json_schema_extra={"expected": ID_FORM, "pattern": r"^[a-z0-9][a-z0-9._-]{0,63}$"}),
]
PatternText: TypeAlias = Annotated[
    str,
    AfterValidator(_check_some),
    Field(json_schema_extra={"expected": "a name, glob or /regex/", "expected_plural": "patterns"}),
]
LabelPatternText: TypeAlias = Annotated[
    str,
    AfterValidator(_check_pattern),
    Field(json_schema_extra={"expected": "a name, glob, /regex/ or !exclusion", "expected_plural": "patterns"}),
]
TemplateText: TypeAlias = Annotated[str, Field(json_schema_extra={"expected": "a text, with {{ fields }}"})]
FieldName: TypeAlias = Annotated[str, Field(min_length=1, max_length=256)]

PATTERN_DOC = "Name, glob or `/regex/`, or a list of which one has to match; `!` in front excludes."


Kind = TypeVar("Kind")


def _refuse_null(value: Kind) -> Kind:
    """A key whose default is "none" is left out, not left empty: an empty one is somebody's half-finished line."""
    if value is None:
        raise Mistake("empty-value", "the key has no value", "give it a value, or leave it out")
    return value


Maybe: TypeAlias = Annotated[Kind | None, AfterValidator(_refuse_null)]


class Section(YamlModel):
    """A mapping of a rule file; defaults are written as a user would write them."""

    model_config = ConfigDict(validate_default=True)


def setting(default: Any, description: str, **more: Any) -> Any:
    """A key that may be left out."""
    if default is None:
        more["validate_default"] = False
    return Field(default, description=description, **more)


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


class CountSection(Section):
    """So many occurrences within a sliding window, per group: the last of them opens the incident, at its own time."""

    count: int = Field(description="How many.", ge=1, le=10_000)
    within: Window = Field(description="Length of the window, 1s to 7d.")
    per: Maybe[list[FieldName] | FieldName] = setting(
        None, "Count per distinct values of these fields instead of `group_by`.", min_length=1
    )
    distinct: Maybe[FieldName] = setting(None, "Count different values of this label or field instead of occurrences.")


class FiringForSection(Section):
    """Still firing after this long; what ends sooner never pages."""

    firing_for: Window = Field(description="How long without a break, 1s to 7d.")


class AfterQuietSection(Section):
    """Closed when nothing has occurred, and nothing fires, for this long."""

    after_quiet: Quiet = Field(description="How long, 1s to 30d.")


class LimitSection(Section):
    """Above it, incidents fold into one storm incident that names what it holds."""

    incidents: int = Field(description="Incidents opened within any `per`.", ge=1, le=100_000)
    per: Window = Field(description="Length of the sliding window, 1s to 7d.")


class LinkSection(Section):
    """A link on the page."""

    href: TemplateText = Field(description="Where to, a template.", min_length=1)
    text: Maybe[TemplateText] = setting(None, "What it says, a template.")


class ImageSection(Section):
    """An image on the page."""

    src: TemplateText = Field(description="The image, a template; PagerDuty takes https only.", min_length=1)
    href: Maybe[TemplateText] = setting(None, "Where a click leads, a template.")
    alt: Maybe[TemplateText] = setting(None, "What it shows, a template.")


When: TypeAlias = CountSection | FiringForSection
Resolve: TypeAlias = Literal["all_resolved", "never"] | AfterQuietSection


class DefaultsSection(Section):
    """What the rules of this file have unless they say otherwise."""

    page: list[str] | str = setting("owner", "As in a rule.", min_length=1)
    group_by: list[FieldName] = setting(["service", "name"], "As in a rule.")
    summary: Maybe[TemplateText] = setting(None, "As in a rule.")
    resolve: Resolve = setting("all_resolved", "As in a rule.")
    limit: Maybe[LimitSection] = setting(None, "As in a rule.")


class RuleSection(Section):
    """One line of policy. Rules are tried in order; the first that matches ends it, unless it says `continue`."""

    id: RuleId = Field(description="Stable name: what is open and counted survives edits of everything else.")
    description: str = setting("", "For people: why the rule is there.")
    match: MatchSection = setting({}, "Which alerts it concerns; absent: all.")
    drop: str = setting("", "Never page for these, and why: the reason is recorded with each decision.")
    when: Maybe[When] = setting(None, "What has to happen before it pages; absent: at once.")
    page: list[str] | str = setting(
        "owner", "Who is paged: a team, a list of teams, or `owner`, the team that owns the service.", min_length=1
    )
    group_by: list[FieldName] = setting(
        ["service", "name"],
        "One incident per distinct values of these: `service`, `name`, `source`, `severity`, `fingerprint`, or labels. `[]`: "
        "one incident for all.",
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
    limit: Maybe[LimitSection] = setting(None, "At most so many incidents of this rule; above it one storm incident.")
    goes_on: bool = Field(False, alias="continue", description="Go on to the rules below.")  # noqa: FBT003


class RuleFile(Section):
    """A file of rules. Files are read in sorted order and their rules tried one after another."""

    version: Literal[1] = setting(1, "Version of the rule language.")
    rules: list[RuleSection] = Field(description="The rules, in the order they are tried.")
    defaults: DefaultsSection = setting({}, "What the rules of this file have unless they say otherwise.")
