"""What may stand in a ``*.test.yaml``: every key with its type, default and one line of documentation."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, PlainValidator, WithJsonSchema

from router.config.channel_schema import DigestSection
from router.config.fields import SeverityWord
from router.model.quantity import DURATION_FORM, QuantityError, parse_duration
from router.rules.forms import FieldName, PatternText
from router.rules.schema import LimitSection
from router.yamldoc import Mistake
from router.yamldoc.sections import Maybe, Section, setting

SHOWN = 80
START_FORM = "a date and time with its zone, for example 2026-01-05T09:00:00Z"
RESTART_FORM = f"true, or how long the router is down: {DURATION_FORM}"
PAGERDUTY_FORM = "refuses TEAM, stalls, answers, or acknowledged, unacknowledged, resolved or reopened TEAM"
MOST_ALERTS = 10_000


def _convert_offset(value: Any) -> int:
    try:
        return parse_duration(value if isinstance(value, str) else "")
    except QuantityError as error:
        raise Mistake("bad-duration", f"found {str(value)[:SHOWN]!r}; {error}", error.hint) from error


def _convert_restart(value: Any) -> int:
    if value == "true" or value is True:
        return 0
    if value == "false" or value is False:
        raise Mistake("bad-restart", f"found false; expected {RESTART_FORM}", "leave the key out")
    return _convert_offset(value)


def _convert_start(value: Any) -> int:
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise Mistake(
            "bad-start", f"found {str(value)[:SHOWN]!r}; expected {START_FORM}", hint='in quotes: "2026-11-02T09:00:00Z"'
        ) from error
    if found.tzinfo is None:
        raise Mistake("bad-start", f"found {value[:SHOWN]!r}; expected {START_FORM}", f"add its zone: {value[:SHOWN]}Z")
    return round(found.timestamp() * 1000)


def _said(words: str, example: str) -> Any:
    return Field(json_schema_extra={"expected": words, "examples": [example]})


Offset: TypeAlias = Annotated[
    int,
    PlainValidator(_convert_offset),
    WithJsonSchema({"type": "string", "examples": ["30s", "5m"]}),
    _said(DURATION_FORM, "5m"),
]
Restart: TypeAlias = Annotated[
    int, PlainValidator(_convert_restart), WithJsonSchema({"type": ["boolean", "string"]}), _said(RESTART_FORM, "10m")
]
Start: TypeAlias = Annotated[
    int, PlainValidator(_convert_start), WithJsonSchema({"type": "string"}), _said(START_FORM, "2026-01-05T09:00:00Z")
]
Names: TypeAlias = list[str] | str


class AlertSection(Section):
    """An alert that arrives. Two are the same alert when source and key are equal; without a key: service, name and labels."""

    service: str = Field(description="What is affected.", min_length=1)
    name: str = setting("", "Alert name, error type or class.")
    severity: str = setting("error", "In any spelling the configuration knows.")
    status: Literal["firing", "resolved"] = setting("firing", "`resolved` ends it.")
    kind: Maybe[Literal["stateful", "event"]] = setting(
        None, "`event`: every report is an occurrence. `stateful`: it fires until it resolves. Default: what its source is."
    )
    source: str = setting("json", "The source it comes through; `alertmanager` and `prometheus` are stateful.")
    key: str = setting("", "The sender's own key for it.")
    labels: dict[FieldName, str] = setting({}, "Labels.", examples=[{"env": "prod"}])
    annotations: dict[FieldName, str] = setting({}, "Annotations.")
    details: dict[FieldName, Any] = setting({}, "The sender's free data.")
    summary: str = setting("", "What the sender wrote.")
    generator_url: str = setting("", "Where it was made.")
    times: int = Field(
        1, description="So many of it at once; `{n}` in service, name, key and labels is its number.", ge=1, le=MOST_ALERTS
    )


AlertText: TypeAlias = Annotated[str, Field(json_schema_extra={"expected": "the name of one of `alerts`"})]
Alerts: TypeAlias = AlertSection | AlertText | list[AlertSection | AlertText]


class ExpectSection(Section):
    """What has to have happened since the expectation before, or since the beginning."""

    page: Maybe[Names] = setting(None, "Exactly these teams were paged, each once unless `pages` says how often.")
    no_page: bool = setting(False, "Nobody was paged.")  # noqa: FBT003
    pages: Maybe[int] = setting(None, "So many pages were sent.", ge=0)
    severity: Maybe[str] = setting(None, "What was told with the page, update, notification or digest.")
    summary: Maybe[str] = setting(None, "Its title; `*` is any run of characters.")
    details: dict[FieldName, str] = setting({}, "Its details, by name; `*` is any run of characters.")
    notify: Maybe[Names] = setting(None, "Exactly these channels were told of something new, digests aside.")
    no_notify: bool = setting(False, "No channel was told of anything new, nor by a digest.")  # noqa: FBT003
    notify_resolve: Maybe[Names] = setting(None, "Exactly these channels were told that it is over.")
    digest: Maybe[Names] = setting(None, "Exactly these channels were sent their digest.")
    update: Maybe[Names] = setting(None, "These teams were told more about an open incident.")
    resolve: Maybe[Names] = setting(None, "Exactly these teams were told that it is over.")
    no_resolve: bool = setting(False, "Nobody was told that anything is over.")  # noqa: FBT003
    storm: Maybe[Names] = setting(None, "These teams got a storm digest.")
    holds: Maybe[int] = setting(None, "How many incidents the storm was last told to hold, or the digest names.", ge=0)
    held: Maybe[str] = setting(None, "An alert was held, for this reason: `2 of 3`.")
    dropped: Maybe[str] = setting(None, "An alert was dropped, for this reason.")
    suppressed: Maybe[str] = setting(None, "An alert was muted, for this reason.")
    acted: Maybe[str] = setting(
        None,
        "Something was done in PagerDuty by `actions` or `escalate`: `note`, `to level 2`.",
        examples=["note"],
    )
    reason: Maybe[Names] = setting(None, "Decisions with these reasons were taken.", examples=["count_reached"])
    rule: Maybe[str] = setting(None, "It is this rule that all of this is about.")
    open: Maybe[int] = setting(None, "So many incidents are open now.", ge=0)


class StepSection(Section):
    """One moment: what happens then, and what has to have happened by then."""

    at: Maybe[Offset] = setting(None, "Time since the beginning of the test; absent: as the step before.")
    wait: Maybe[Offset] = setting(None, "Time since the step before, instead of `at`.")
    restart: Maybe[Restart] = setting(None, "The router stops and comes back, at once or after so long.")
    reload: Maybe[Names] = setting(None, "From here on these rule files are in force; paths start from the test file.")
    pagerduty: Maybe[str] = setting(None, f"How PagerDuty behaves from here on, or what a person does there: {PAGERDUTY_FORM}.")
    alert: Maybe[Alerts] = setting(None, "What arrives: an alert, the name of one of `alerts`, or a list.")
    resolve: Maybe[Alerts] = setting(None, "Every alert given before with this service, name and labels is over.")
    expect: Maybe[ExpectSection] = setting(None, "What has to have happened.")


class StorySection(Section):
    """One story in virtual time."""

    name: str = Field(description="What it shows.", min_length=1)
    start: Maybe[Start] = setting(None, "When it begins; only rules that know the calendar care.")
    steps: list[StepSection] = Field(description="In order of time.", min_length=1)


class CastSection(Section):
    """A team for the tests of this file."""

    services: PatternText | list[PatternText] = setting([], "What the team owns.")
    limit: Maybe[LimitSection] = setting(None, "Above it, incidents fold into one storm incident.")
    fallback: Maybe[str] = setting(None, "Who is paged when this team cannot be.")
    channels: Names = setting([], "Told too of whatever this team is paged for.")


class CastChannelSection(Section):
    """A channel for the tests of this file."""

    digest: Maybe[DigestSection] = setting(None, "It collects, and is sent one message now and then.")
    limit: Maybe[LimitSection] = setting(None, "Above it, incidents fold into one storm message.")


class StoryFile(Section):
    """Tests of rules. Files are called `*.test.yaml` and stand beside the rules."""

    version: Literal[1] = setting(1, "Version of the test language.")
    rules: Maybe[Names] = setting(
        None, "Rule files or directories to test, from the directory of this file; absent: those beside it."
    )
    teams: Maybe[list[str] | dict[FieldName, CastSection | list[PatternText] | PatternText]] = setting(
        None, "Names of teams, or what each team owns; absent: those of the configuration."
    )
    channels: Maybe[list[str] | dict[FieldName, CastChannelSection]] = setting(
        None, "Names of channels, or how each is told; absent: those of the configuration."
    )
    severity_channels: dict[SeverityWord, Names] = setting({}, "As in the configuration, for the `channels` of this file.")
    default_team: Maybe[str] = setting(None, "Who gets what no rule matched; absent: the last of `teams`.")
    start: Maybe[Start] = setting(None, "When the tests begin.")
    alerts: dict[FieldName, AlertSection] = setting({}, "Alerts by name, for use in steps.")
    tests: list[StorySection] = Field(description="The tests; each begins anew.", min_length=1)
