"""What led to a recorded decision: the rules as they were tried on the alert, and the occurrences that a window counted.

Both are worked out from the record: the texts of the rule set that decided, and the decisions before. Bounded; for people who
ask.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from router.engine.tried import walk
from router.errors import ConfigError
from router.model.alert import Alert
from router.model.decision import Decision, Reason
from router.model.quantity import QuantityError, parse_duration
from router.model.ruleset import RuleSet
from router.rules.compiling import ruleset_from_texts
from router.store.base import DecisionRow, Reader

MAX_LOOKED_AT = 10_000
"""Decisions before the one in question that are looked at for its window."""

_CHUNK = 1_000
_FIGURES = re.compile(r"(\d+) of \d+ (?:changes )?in ([0-9a-z]+)")
COUNTING = frozenset(
    {
        *(Reason.COUNT_REACHED, Reason.COUNT_NOT_REACHED, Reason.FLAPPING, Reason.NOT_FLAPPING),
        *(Reason.NOT_FIRING_LONG_ENOUGH, Reason.FIRED_LONG_ENOUGH),
    }
)


class TriedRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rule as it was tried. ``key`` is the first condition that failed, with what it wants and what was there."""

    rule: str
    place: str = ""
    guard: bool = False
    matches: bool = False
    goes_on: bool = False  # and the rules below were tried as well
    key: str = ""
    wanted: str = ""
    found: str = ""


def retell_rules(reader: Reader, alert: Alert, version: str) -> list[TriedRule]:
    """The rules of that version in the order they were tried; empty if its texts are not kept or cannot be read any more."""
    texts = reader.ruleset(version) if version else None
    ruleset = None if texts is None else _compile(texts)
    if ruleset is None:
        return []
    return [
        TriedRule(
            rule=tried.rule.id,
            place=str(tried.rule.span) if tried.rule.span else "",
            guard=tried.rule.standing.guard,
            matches=tried.failure is None,
            goes_on=tried.failure is None and not tried.ends,
            key=tried.failure.key if tried.failure else "",
            wanted=tried.failure.wanted if tried.failure else "",
            found=tried.failure.found if tried.failure else "",
        )
        for tried in walk(ruleset, alert)
    ]


@lru_cache(2)
def _compile(texts: bytes) -> RuleSet | None:
    try:
        return ruleset_from_texts(texts)
    except (ConfigError, ValueError):
        return None


def find_counted(reader: Reader, row: DecisionRow) -> tuple[int, ...]:
    """When the occurrences came that this decision's window held, oldest first; empty where nothing was counted."""
    decision = row.decision
    figures = _FIGURES.match(decision.cause)
    if figures is None or decision.reason not in COUNTING:
        return ()
    try:
        begins = decision.at - parse_duration(figures[2])
    except QuantityError:
        return ()
    wanted = int(figures[1])
    times = [decision.at]
    before = row.id
    for _ in range(MAX_LOOKED_AT // _CHUNK):
        rows = reader.decisions(before_id=before, limit=_CHUNK)
        for earlier in rows:
            if len(times) >= wanted or earlier.decision.at <= begins:
                return tuple(sorted(times))
            if _is_counted(earlier.decision, decision):
                times.append(earlier.decision.at)
        if len(rows) < _CHUNK:
            break
        before = rows[-1].id
    return tuple(sorted(times))


def _is_counted(earlier: Decision, decision: Decision) -> bool:
    same = (earlier.rule, earlier.group) == (decision.rule, decision.group)
    return same and bool(earlier.alert_seq) and earlier.reason in COUNTING
