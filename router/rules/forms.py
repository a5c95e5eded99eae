"""What a key of a rule file may hold: ids, patterns, durations, times, each with its form in words and its check.

Shared by every file in the rule language, tests of rules too; which keys there are is ``router.rules.schema``'s. Must never do:
look at more than one value.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema

from router.model.pattern import Pattern, PatternError
from router.model.quantity import DURATION_FORM, QuantityError, parse_duration
from router.model.ruleset import DEFAULT_RULE_ID
from router.model.silence import MAX_SILENCE_MS
from router.rules import timetable
from router.yamldoc import Mistake
from router.yamldoc.sections import reads, said

ID_FORM = "at most 64 lower-case letters, digits, dots, dashes and underscores, beginning with a letter or digit"
_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")
_UNFIT_FOR_ID = re.compile(r"[^a-z0-9._-]+")
_SHOWN = 80
MAX_PATTERN_CHARACTERS = 1_024

SECOND_MS = 1_000
DAY_MS = 86_400_000


def _check_id(value: str) -> str:
    if not _ID.match(value):
        better = _UNFIT_FOR_ID.sub("-", value.strip().lower()).strip("-._")[:64]
        raise Mistake(
            "bad-id",
            f"found {value[:_SHOWN]!r}; expected {ID_FORM}",
            f'did you mean "{better}"?' if better else "for example: payment-errors",
        )
    if value == DEFAULT_RULE_ID:
        message = f"the id {DEFAULT_RULE_ID!r} is reserved for alerts that no rule matches"
        raise Mistake("reserved-id", message, "call it catch-all")
    return value


def _check_pattern(value: str) -> str:
    if len(value) > MAX_PATTERN_CHARACTERS:
        raise Mistake(
            "long-pattern",
            f"found a pattern of {len(value)} characters, at most {MAX_PATTERN_CHARACTERS} are allowed",
            hint="make several patterns of it, or match a label instead",
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
            raise Mistake("bad-duration", f"expected {DURATION_FORM}", hint="write one text, such as 5m")
        try:
            length = parse_duration(value)
        except QuantityError as error:
            raise Mistake("bad-duration", f"found {value[:_SHOWN]!r}; {error}", error.hint) from error
        if not shortest_ms <= length <= longest_ms:
            raise Mistake("duration-out-of-range", f"found {value!r}; expected {words}", hint="choose one within that")
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
Lasting: TypeAlias = Annotated[
    int, _duration(SECOND_MS, MAX_SILENCE_MS, "a duration of 1s to 90d"), _DURATION_SCHEMA, _DURATION_WORDS
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
Weekdays: TypeAlias = Annotated[str, reads(timetable.parse_weekdays), said(timetable.WEEKDAYS_FORM, "weekdays")]
Hours: TypeAlias = Annotated[str, reads(timetable.parse_hours), said(timetable.HOURS_FORM, "hours")]
Dates: TypeAlias = Annotated[str, reads(timetable.parse_dates), said(timetable.DATES_FORM, "dates")]
Days: TypeAlias = Annotated[str, reads(timetable.parse_days), said(timetable.DAYS_FORM, "days of the month")]
Months: TypeAlias = Annotated[str, reads(timetable.parse_months), said(timetable.MONTHS_FORM, "months")]
Instant: TypeAlias = Annotated[str, reads(timetable.parse_instant), said(timetable.INSTANT_FORM, "times")]
Zone: TypeAlias = Annotated[str, reads(timetable.check_zone), said("a zone such as Europe/Berlin or UTC", "zones")]
TemplateText: TypeAlias = Annotated[str, Field(json_schema_extra={"expected": "a text, with {{ fields }}"})]
FieldName: TypeAlias = Annotated[str, Field(min_length=1, max_length=256)]

PATTERN_DOC = "Name, glob or `/regex/`, or a list of which one has to match; `!` in front excludes."
