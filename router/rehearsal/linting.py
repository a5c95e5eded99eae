"""What is doubtful about a rule set although it is no mistake.

Rules that meet nothing, incidents that nothing closes, tests and rules that pass each other by. Each finding has a code of
its own and a place. What is said of services and events is said of those that were seen: recorded, listed by the user, or given
in a test. Must never do: claim what was not looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec

from router.engine.index import NameIndex
from router.engine.policy import Policy
from router.errors import Diagnostic, Span
from router.model.alert import Alert
from router.model.quantity import format_duration
from router.model.ruleset import (
    DEFAULT_RULE_ID,
    AbsentFor,
    AfterQuiet,
    AllResolved,
    AtOnce,
    Count,
    FiringFor,
    Flapping,
    Rule,
    RuleSet,
)
from router.rehearsal.stage import Decided, Happening
from router.rules.reading import LIMITS
from router.yamldoc import Document, Path, read, to_diagnostic

CODES = ("no-such-service", "event-never-closes", "window-beyond-retention", "test-without-rule", "untested-rule")
"""Every code of this room; docs/reference/diagnostics.md has each."""


class PlayedTest(msgspec.Struct, frozen=True, kw_only=True):
    """A rule test that was played."""

    name: str
    span: Span
    happenings: Sequence[Happening]
    wants_no_rule: bool = False  # it is about alerts that no rule matches


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the world. ``services`` None: nothing, so nothing is said of them."""

    services: Collection[str] | None = None
    alerts: Sequence[Alert] = ()
    tests: Sequence[PlayedTest] = ()
    retention_ms: int = 0


def lint(ruleset: RuleSet, texts: Mapping[str, bytes], seen: Seen) -> list[Diagnostic]:
    """Everything doubtful, by place. ``texts``: the rule files by name."""
    places = _Places(texts)
    found = [
        *_find_unknown_services(ruleset, places, seen.services),
        *_find_open_events(ruleset, places, seen.alerts),
        *_find_long_windows(ruleset, places, seen.retention_ms),
        *_find_untested(ruleset, places, seen.tests),
    ]
    return sorted(found, key=lambda each: (each.span.file, each.span.line, each.span.column))


class _Places:
    """Where rules stand, by id."""

    def __init__(self, texts: Mapping[str, bytes]) -> None:
        self._rules: dict[str, tuple[Document, int]] = {}
        for name, text in texts.items():
            document = read(text, name, limits=LIMITS)
            rules = document.data.get("rules") if isinstance(document.data, dict) else None
            for index, rule in enumerate(rules if isinstance(rules, list) else ()):
                if isinstance(rule, dict) and isinstance(rule.get("id"), str):
                    self._rules[rule["id"]] = (document, index)

    def warn(self, rule: Rule, path: Path, code: str, message: str, hint: str) -> Iterator[Diagnostic]:
        """A warning at a key of the rule, or at the rule where it does not say that itself."""
        if rule.id not in self._rules:
            return
        document, index = self._rules[rule.id]
        whole: Path = ("rules", index, *path)
        while len(whole) > 2 and not _stands(document, whole):  # noqa: PLR2004 -- the rule itself
            whole = whole[:-1]
        yield to_diagnostic(document, whole, code, message, hint, "warning")


def _stands(document: Document, path: Path) -> bool:
    part = document.data
    for step in path:
        try:
            part = part[step]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _find_unknown_services(ruleset: RuleSet, places: _Places, services: Collection[str] | None) -> Iterator[Diagnostic]:
    if not services:
        return
    wanted = [
        (rule, index, pattern)
        for rule in ruleset.rules
        for index, pattern in enumerate(rule.match.services)
        if not pattern.negated
    ]
    names = NameIndex((pattern, position) for position, (_, _, pattern) in enumerate(wanted))
    met: set[int] = set()
    for service in services:
        met |= names.find(service)
    for position, (rule, index, pattern) in enumerate(wanted):
        if position in met:
            continue
        path: Path = ("match", "service") if len(rule.match.services) == 1 else ("match", "service", index)
        message = f"no known service is called {str(pattern)!r}, of the {len(services):,} that are known"
        hint = "correct the pattern; or name what is to come in a file of services, one a line: check --services FILE"
        yield from places.warn(rule, path, "no-such-service", message, hint)


def _find_open_events(ruleset: RuleSet, places: _Places, alerts: Iterable[Alert]) -> Iterator[Diagnostic]:
    """An event says no end, so a rule that waits for one leaves its incident to people."""
    policy = Policy(ruleset)
    examples: dict[str, Alert] = {}
    for alert in alerts:
        if alert.kind == "event" and alert.status == "firing":
            for ready in policy.find(alert):
                examples.setdefault(ready.id, alert)
    for rule in ruleset.rules:
        example = examples.get(rule.id)
        if (
            example is None
            or rule.drop
            or not isinstance(rule.resolve, AllResolved)
            or isinstance(rule.when, AbsentFor | Flapping)
        ):
            continue
        what = f"{example.service} {example.name}".strip()
        message = f"events of {example.source} meet this rule ({what}), and say no end: only a person closes their incidents"
        hint = "add resolve: {after_quiet: 15m}, or resolve: never if that is meant"
        yield from places.warn(rule, ("resolve",), "event-never-closes", message, hint)


def _find_long_windows(ruleset: RuleSet, places: _Places, retention_ms: int) -> Iterator[Diagnostic]:
    if not retention_ms:
        return
    for rule in ruleset.rules:
        for path, length in _lengths(rule):
            if length > retention_ms:
                message = (
                    f"{format_duration(length)} is longer than history is kept ({format_duration(retention_ms)}): "
                    "explain and backtest cannot look back that far"
                )
                hint = "make it shorter, or store.retention.age in the configuration longer"
                yield from places.warn(rule, path, "window-beyond-retention", message, hint)


def _lengths(rule: Rule) -> Iterator[tuple[Path, int]]:
    """Every length of time that a rule looks back over or waits for."""
    match rule.when:
        case AtOnce():
            pass
        case Count(within_ms=within_ms):
            yield ("when", "within"), within_ms
        case FiringFor(for_ms=for_ms):
            yield ("when", "firing_for"), for_ms
        case AbsentFor(for_ms=for_ms):
            yield ("when", "absent_for"), for_ms
        case Flapping(within_ms=within_ms):
            yield ("when", "flapping", "within"), within_ms
    if isinstance(rule.resolve, AfterQuiet):
        yield ("resolve", "after_quiet"), rule.resolve.quiet_ms
    if rule.limit is not None:
        yield ("limit", "per"), rule.limit.per_ms
    for index, step in enumerate(rule.escalate):
        yield ("escalate", index, "after"), step.after_ms


def _find_untested(ruleset: RuleSet, places: _Places, tests: Sequence[PlayedTest]) -> Iterator[Diagnostic]:
    touched: set[str] = set()
    for test in tests:
        own = {each.decision.rule for each in test.happenings if isinstance(each, Decided)} - {"", DEFAULT_RULE_ID}
        touched |= own
        if not own and not test.wants_no_rule:
            message = f"no rule has a say in the test {test.name!r}: all its alerts go to the default team, or it has none"
            hint = "give it alerts that a rule matches; or expect reason: no_rule_matched, if that is meant"
            yield Diagnostic(code="test-without-rule", span=test.span, path="", message=message, hint=hint, level="warning")
    if not tests:
        return
    for rule in ruleset.rules:
        if rule.id not in touched:
            message = f"no test gives the rule {rule.id!r} anything to decide"
            yield from places.warn(rule, ("id",), "untested-rule", message, "add a test: docs/howto/test-rules.md shows how")
