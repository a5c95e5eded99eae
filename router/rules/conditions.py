"""The ``match`` of a rule: text to the conditions the engine tests, and what can never, or always, hold."""

from __future__ import annotations

from typing import Literal

from router.model.pattern import Pattern
from router.model.ruleset import LabelTest, Match, NumberTest
from router.model.severity import Severity
from router.rules.findings import Findings
from router.rules.schema import MatchSection, NumberSection
from router.yamldoc import Path

Operator = Literal["lt", "lte", "gt", "gte"]
_OPERATORS: tuple[Operator, ...] = ("lt", "lte", "gt", "gte")
_EVERYTHING = "*"


def build_match(section: MatchSection, path: Path, findings: Findings) -> Match:
    """The conditions; complaints about lists that are empty and bounds that contradict each other."""
    return Match(
        services=_build_patterns(section, "service", path, findings),
        names=_build_patterns(section, "name", path, findings),
        severities=_build_severities(section, path, findings),
        sources=_build_patterns(section, "source", path, findings),
        labels=tuple(
            _build_label(label, written, (*path, "labels", label), findings) for label, written in section.labels.items()
        ),
        where=tuple(
            test
            for field, bounds in section.where.items()
            for test in _build_bounds(field, bounds, (*path, "where", field), findings)
        ),
        unless=_build_exceptions(section, (*path, "unless"), findings),
    )


def _build_exceptions(section: MatchSection, path: Path, findings: Findings) -> tuple[Match, ...]:
    written = section.unless
    entries = [(path, written)] if isinstance(written, MatchSection) else [((*path, n), each) for n, each in enumerate(written)]
    built = []
    for place, each in entries:
        exception = build_match(each, place, findings)
        if matches_everything(exception):
            message = "this excepts every alert: nothing can match"
            findings.complain(place, "never-matches", message, "say which alerts are excepted")
        built.append(exception)
    return tuple(built)


def matches_everything(match: Match) -> bool:
    """Whether there is no alert this does not match."""
    return (
        all(_is_anything(patterns) for patterns in (match.services, match.names, match.sources))
        and match.severities is None
        and all(_is_anything(test.patterns) for test in match.labels)
        and not match.where
        and not match.unless
    )


def _is_anything(patterns: tuple[Pattern, ...]) -> bool:
    if any(pattern.negated for pattern in patterns):
        return False
    return not patterns or any(pattern.kind == "glob" and pattern.text == _EVERYTHING for pattern in patterns)


def _build_patterns(
    section: MatchSection, key: Literal["service", "name", "source"], path: Path, findings: Findings
) -> tuple[Pattern, ...]:
    written: str | list[str] = getattr(section, key)
    if isinstance(written, list) and not written and key in section.model_fields_set:
        findings.complain_empty((*path, key))
    patterns = tuple(map(Pattern.parse, [written] if isinstance(written, str) else written))
    _check_reach(patterns, (*path, key), findings)
    if key == "source":
        for index, pattern in enumerate(patterns):
            findings.check_source((*path, key) if isinstance(written, str) else (*path, key, index), pattern)
    return patterns


def _build_label(label: str, written: str | list[str], path: Path, findings: Findings) -> LabelTest:
    if not written and isinstance(written, list):
        findings.complain_empty(path)
    if written == _EVERYTHING:
        message = "this matches every alert, also one without the label: a missing label counts as empty"
        findings.warn(path, "always-true", message, f'to want the label there, write {label}: "!"')
    patterns = tuple(map(Pattern.parse, [written] if isinstance(written, str) else written))
    _check_reach(patterns, path, findings)
    return LabelTest(label=label, patterns=patterns)


def _check_reach(patterns: tuple[Pattern, ...], path: Path, findings: Findings) -> None:
    """Patterns of one list that stand there twice, or that another of the list excludes outright."""
    seen: set[Pattern] = set()
    for pattern in patterns:
        opposite = Pattern(pattern.text, kind=pattern.kind, negated=not pattern.negated) if len(patterns) > 1 else None
        if pattern in seen:
            findings.warn(path, "pattern-twice", f"{str(pattern)!r} stands here twice", hint="leave one of them out")
        elif opposite in seen:
            message = f"{pattern.text!r} is both wanted and excluded: the exclusion wins"
            findings.warn(path, "contradiction", message, "leave one of them out")
        seen.add(pattern)
    if any(pattern.negated and pattern.kind == "glob" and pattern.text == _EVERYTHING for pattern in patterns):
        findings.complain(
            path, "never-matches", '"!*" excludes everything: the rule can never match', hint="leave it out, or exclude less"
        )


def _build_severities(section: MatchSection, path: Path, findings: Findings) -> frozenset[Severity] | None:
    if "severity" in section.model_fields_set and section.min_severity is not None:
        message = "severity and min_severity stand side by side; a rule has one of them"
        findings.complain(
            (*path, "min_severity"), "severity-twice", message, "min_severity: error means error and critical", key=True
        )
        return None
    if section.min_severity is not None:
        lowest = findings.severity((*path, "min_severity"), section.min_severity)
        return _unless_all(severity for severity in Severity if severity >= lowest) if lowest else None
    if "severity" not in section.model_fields_set:
        return None
    written = section.severity
    if not written and isinstance(written, list):
        findings.complain_empty((*path, "severity"))
        return None
    entries = (
        [((*path, "severity"), written)]
        if isinstance(written, str)
        else [((*path, "severity", index), word) for index, word in enumerate(written)]
    )
    return _unless_all(found for place, word in entries if (found := findings.severity(place, word)))


def _unless_all(severities: object) -> frozenset[Severity] | None:
    found: frozenset[Severity] = frozenset(severities)  # type: ignore[call-overload]
    return None if len(found) in (0, len(Severity)) else found


def _build_bounds(field: str, section: NumberSection, path: Path, findings: Findings) -> list[NumberTest]:
    tests = [
        NumberTest(field=field, operator=operator, value=value)
        for operator in _OPERATORS
        if (value := getattr(section, operator)) is not None
    ]
    if not tests:
        findings.complain(path, "no-bound", "expected at least one of lt, lte, gt, gte", hint="for example: {gte: 0.5}")
    over = max((test.value for test in tests if test.operator in ("gt", "gte")), default=None)
    under = min((test.value for test in tests if test.operator in ("lt", "lte")), default=None)
    if over is not None and under is not None:
        is_strict = any(test.operator in ("lt", "gt") for test in tests if test.value == over)
        if over > under or (over == under and is_strict):
            findings.complain(
                path,
                "empty-range",
                f"no number is both above {over:g} and below {under:g}",
                hint="change one of the two bounds",
            )
    return tests
