"""Does a rule concern an alert: the conditions that are left once service and name have been looked up, and fields by name.

Definitions: a list of patterns holds when one positive pattern matches (if there is any) and every negated one does; a missing
label is ``""``; a number that is missing, not finite or not a number matches nothing.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable

from router.model.alert import Alert
from router.model.pattern import Pattern
from router.model.ruleset import Match, NumberTest

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}
_NUMBER_CAP = 64
LABEL = "labels."


def any_matches(patterns: Iterable[Pattern], text: str) -> bool:
    """One positive pattern matches, if there is any, and all negated ones hold."""
    positive = satisfied = False
    for pattern in patterns:
        if pattern.negated:
            if not pattern.matches(text):
                return False
        elif not satisfied:
            positive = True
            satisfied = pattern.matches(text)
    return satisfied or not positive


def field_of(alert: Alert, field: str) -> str:
    """A field as text: ``service``, ``name``, ``source``, ``severity``, ``fingerprint``, else the label, else the detail.

    ``labels.severity`` is the label, also where a field is called like it.
    """
    match field:
        case "service":
            return alert.service
        case "name":
            return alert.name
        case "source":
            return alert.source
        case "severity":
            return alert.severity.word
        case "fingerprint":
            return alert.fingerprint
        case _:
            value = alert.labels.get(field)
            if value is None:
                if field.startswith(LABEL):
                    return alert.labels.get(field[len(LABEL) :], "")
                value = alert.details.get(field)
                if not isinstance(value, str | int | float):
                    return ""
            return str(value)


def number_of(alert: Alert, field: str) -> float | None:
    """A label or detail as a finite number, or None."""
    value: object = alert.labels.get(field)
    if value is None:
        value = alert.details.get(field)
    if isinstance(value, str):
        return _number_in(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if isinstance(value, int) or math.isfinite(value) else None


def _number_in(text: str) -> float | None:
    # Python reads 1_000 as a number; no monitoring tool writes that.
    if len(text) > _NUMBER_CAP or "_" in text:
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def holds(match: Match, alert: Alert) -> bool:
    """All conditions but service and name, which the index has answered."""
    if match.severities is not None and alert.severity not in match.severities:
        return False
    if match.sources and not any_matches(match.sources, alert.source):
        return False
    for test in match.labels:
        if not any_matches(test.patterns, alert.labels.get(test.label, "")):
            return False
    for number in match.where:
        if not compares(number, alert):
            return False
    return not any(concerns(exception, alert) for exception in match.unless)


def concerns(match: Match, alert: Alert) -> bool:
    """All of its conditions hold, service and name among them."""
    return any_matches(match.services, alert.service) and any_matches(match.names, alert.name) and holds(match, alert)


def compares(test: NumberTest, alert: Alert) -> bool:
    """The number is there and on the right side of the bound."""
    value = number_of(alert, test.field)
    return value is not None and _COMPARE[test.operator](value, test.value)
