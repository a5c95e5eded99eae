"""Why a rule does not concern an alert: the first of its conditions that fails, with what it wants and what is there.

Walks the same compiled tests in the same order as matching does (service, name, severity, source, labels, numbers,
exceptions), one rule after another and without the index; a property test holds the two to one answer. For people who ask,
never for the hot path.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from router.engine.match import any_matches, compares, number_of
from router.model.alert import Alert
from router.model.ownership import Ownership
from router.model.pattern import Pattern
from router.model.ruleset import Match, NumberTest, Rule, RuleSet
from router.model.severity import Severity

_OPERATORS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}


class Failure(NamedTuple):
    """A condition that does not hold: its key, what the rule wants there, what the alert has."""

    key: str
    wanted: str
    found: str


class Tried(NamedTuple):
    """A rule that was tried. ``failure`` is None when it matches; ``ends`` when no rule below is tried."""

    rule: Rule
    failure: Failure | None
    ends: bool


def first_failure(match: Match, alert: Alert) -> Failure | None:
    """The first condition that fails; None if all hold."""
    for key, patterns, value in (("service", match.services, alert.service), ("name", match.names, alert.name)):
        if not any_matches(patterns, value):
            return Failure(key, _patterns(patterns), _quoted(value))
    if match.severities is not None and alert.severity not in match.severities:
        return Failure("severity", _severities(match.severities), alert.severity.word)
    if not any_matches(match.sources, alert.source):
        return Failure("source", _patterns(match.sources), _quoted(alert.source))
    for test in match.labels:
        if not any_matches(test.patterns, alert.labels.get(test.label, "")):
            found = _quoted(alert.labels[test.label]) if test.label in alert.labels else "no such label"
            return Failure(f"label {test.label}", _patterns(test.patterns), found)
    for number in match.where:
        if not compares(number, alert):
            return Failure(number.field, f"{_OPERATORS[number.operator]} {number.value:g}", _number(number, alert))
    met = next((exception for exception in match.unless if first_failure(exception, alert) is None), None)
    return None if met is None else Failure("unless", f"not {describe(met)}", "that is what it is")


def describe(match: Match) -> str:
    """Its conditions on one line: ``service "api", label env "prod"``; ``anything`` when it has none."""
    fields = (("service", match.services), ("name", match.names), ("source", match.sources))
    parts = [f"{key} {_patterns(patterns)}" for key, patterns in fields if patterns]
    if match.severities is not None:
        parts.append(f"severity {_severities(match.severities)}")
    parts += [f"label {test.label} {_patterns(test.patterns)}" for test in match.labels]
    parts += [f"{test.field} {_OPERATORS[test.operator]} {test.value:g}" for test in match.where]
    parts += [f"not ({describe(exception)})" for exception in match.unless]
    return ", ".join(parts) or "anything"


def walk(ruleset: RuleSet, alert: Alert) -> Iterator[Tried]:
    """The rules in the order they are tried for this alert, up to the one that ends it."""
    owner = ""
    for rule in ruleset.rules:
        owners = rule.standing.owners
        if owners and not owner:
            owner = Ownership(ruleset.teams).owner(alert.service) or ruleset.default_team
        if owners and owner not in owners:
            failure: Failure | None = Failure("owner", " or ".join(owners), f"{owner} owns the service")
        else:
            failure = first_failure(rule.match, alert)
        ends = failure is None and (not rule.goes_on or bool(rule.drop))
        yield Tried(rule, failure, ends)
        if ends:
            return


def _patterns(patterns: tuple[Pattern, ...]) -> str:
    return " or ".join(f'"{pattern}"' for pattern in patterns)


def _quoted(value: str) -> str:
    return f'"{value}"'


def _severities(severities: frozenset[Severity]) -> str:
    lowest = min(severities)
    if len(severities) > 1 and severities == {severity for severity in Severity if severity >= lowest}:
        return f"{lowest.word} or worse"
    return " or ".join(severity.word for severity in sorted(severities))


def _number(test: NumberTest, alert: Alert) -> str:
    value = number_of(alert, test.field)
    if value is not None:
        return f"{value:g}"
    written = alert.labels.get(test.field, alert.details.get(test.field))
    return "no such label or detail" if written is None else f"no number: {written!r}"
