"""Rule sets with one small change each, to ask the tests whether they would notice.

A change is made to the compiled rules, so whatever the language grows is changed too: every length of time in a rule's
``when``, ``resolve`` or limit is halved and doubled, every count moves by one. A mutant that no test notices names the key that
nobody tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from router.model.pattern import Pattern
from router.model.quantity import format_duration
from router.model.ruleset import AfterQuiet, AllResolved, LabelTest, Match, Never, NumberTest, Rule, RuleSet
from router.model.severity import Severity
from router.yamldoc import Path

Change = Callable[[Rule], Rule | None]
"""Makes another rule of one; None takes it out."""

_EVERYTHING = Pattern("*")
_DURATION_END = "_ms"
_COUNTS = frozenset({"count", "changes", "incidents"})
_KEYS = {"within_ms": "within", "for_ms": "firing_for", "quiet_ms": "after_quiet", "per_ms": "per"}


class Mutant(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one rule. ``key``: where in the rule the changed text stands; empty for the rule as a whole."""

    rule: str
    key: Path
    what: str
    change: Change

    def apply(self, ruleset: RuleSet) -> RuleSet:
        """The rule set with this change; another version, so that a reload to the unchanged one is one."""
        rules = []
        for rule in ruleset.rules:
            changed = self.change(rule) if rule.id == self.rule else rule
            if changed is not None:
                rules.append(changed)
        return msgspec.structs.replace(ruleset, version=f"{ruleset.version}-mutant", rules=tuple(rules))


def mutants_of(ruleset: RuleSet) -> Iterator[Mutant]:
    """Every small change of every rule, in the order of the rules."""
    for rule in ruleset.rules:
        for key, what, change in _changes(rule):
            yield Mutant(rule=rule.id, key=key, what=what, change=change)


def _changes(rule: Rule) -> Iterator[tuple[Path, str, Change]]:
    yield (), "the rule is taken out", _take_out
    if rule.drop:
        yield ("drop",), "drop is taken out, so it pages at once", _set(drop="")
    else:
        yield from _of_struct(rule, "when")
        yield from _of_resolve(rule)
        yield from _of_groups(rule)
        if rule.limit is not None:
            yield from _of_struct(rule, "limit")
            yield ("limit",), "the limit is taken out", _set(limit=None)
        if rule.as_severity is not None:
            yield ("as_severity",), "as_severity is taken out", _set(as_severity=None)
        yield from _of_told(rule)
        for key in ("during", "outside"):
            if getattr(rule, key, ()):
                yield ("during" if key == "during" else "except",), "the schedule is taken out", _set(**{key: ()})
        yield ("continue",), f"continue becomes {'false' if rule.goes_on else 'true'}", _set(goes_on=not rule.goes_on)
    yield from _of_match(rule)


def _of_told(rule: Rule) -> Iterator[tuple[Path, str, Change]]:
    """Each team that is paged beside another, each channel that is told, and who is told meanwhile."""
    if len(rule.page) > 1:
        for team in rule.page:
            yield ("page",), f"{team} is no longer paged", _set(page=tuple(name for name in rule.page if name != team))
    for channel in rule.notify or ():
        left = tuple(name for name in rule.notify or () if name != channel)
        yield ("notify",), f"{channel} is no longer told", _set(notify=left)
    if rule.otherwise is not None:
        yield ("otherwise",), "otherwise is taken out", _set(otherwise=None)
    for place, step in enumerate(rule.escalate):
        for channel in step.notify:
            changed = msgspec.structs.replace(step, notify=tuple(name for name in step.notify if name != channel))
            steps = _replaced(rule.escalate, place, changed)
            yield ("escalate", place, "notify"), f"{channel} is no longer told", _set(escalate=steps)


def _take_out(_rule: Rule) -> None:
    return None


def _set(**fields: Any) -> Change:
    return lambda rule: msgspec.structs.replace(rule, **fields)


def _in_match(**fields: Any) -> Change:
    return lambda rule: msgspec.structs.replace(rule, match=msgspec.structs.replace(rule.match, **fields))


def _of_struct(rule: Rule, part: str) -> Iterator[tuple[Path, str, Change]]:
    """Lengths of time halved and doubled, counts one more and one less, in ``when`` or ``limit``."""
    value = getattr(rule, part)
    for field in msgspec.structs.fields(value):
        found = getattr(value, field.name)
        if not isinstance(found, int) or isinstance(found, bool):
            continue
        key: Path = (part, _KEYS.get(field.name, field.name.removesuffix(_DURATION_END)))
        changed: dict[str, int] = {}
        if field.name.endswith(_DURATION_END) and found > 1:
            changed = {
                f"{format_duration(length)} instead of {format_duration(found)}": length for length in (found // 2, found * 2)
            }
        elif field.name in _COUNTS:
            changed = {f"{count} instead of {found}": count for count in (found - 1, found + 1) if count > 0}
        for what, number in changed.items():
            yield key, f"{key[-1]}: {what}", _set(**{part: msgspec.structs.replace(value, **{field.name: number})})


def _of_resolve(rule: Rule) -> Iterator[tuple[Path, str, Change]]:
    if isinstance(rule.resolve, AfterQuiet):
        yield from _of_struct(rule, "resolve")
    if not isinstance(rule.resolve, AllResolved):
        yield ("resolve",), "resolve becomes all_resolved", _set(resolve=AllResolved())
    if not isinstance(rule.resolve, Never):
        yield ("resolve",), "resolve becomes never", _set(resolve=Never())


def _of_groups(rule: Rule) -> Iterator[tuple[Path, str, Change]]:
    for field in rule.group_by:
        left = tuple(name for name in rule.group_by if name != field)
        yield ("group_by",), f"{field} is taken out of group_by", _set(group_by=left)


def _of_match(rule: Rule) -> Iterator[tuple[Path, str, Change]]:
    match = rule.match
    for part, name in (("services", "service"), ("names", "name"), ("sources", "source")):
        for what, patterns in _widened(getattr(match, part)):
            yield ("match", name), f"{name}: {what}", _in_match(**{part: patterns})
    for place, test in enumerate(match.labels):
        for what, patterns in _widened(test.patterns):
            tests = _replaced(match.labels, place, LabelTest(label=test.label, patterns=patterns))
            yield ("match", "labels", test.label), f"{test.label}: {what}", _in_match(labels=tests)
    for place, number in enumerate(match.where):
        yield from _of_number(match, place, number)
    for place in range(len(match.unless)):
        left = _replaced(match.unless, place)
        yield ("match", "unless", place), "the exception is taken out", _in_match(unless=left)
    yield from _of_severities(match)


def _widened(patterns: tuple[Pattern, ...]) -> Iterator[tuple[str, tuple[Pattern, ...]]]:
    """Each pattern of a list as wide as can be: a wanted one matches everything, an excluded one excludes nothing."""
    for place, pattern in enumerate(patterns):
        if pattern.negated:
            yield f'"{pattern}" is taken out', _replaced(patterns, place)
        elif pattern != _EVERYTHING:
            yield f'"*" instead of "{pattern}"', _replaced(patterns, place, _EVERYTHING)


def _of_number(match: Match, place: int, test: NumberTest) -> Iterator[tuple[Path, str, Change]]:
    for factor, word in ((1.1, "up"), (0.9, "down")):
        value = test.value * factor if test.value else factor - 1
        moved = NumberTest(field=test.field, operator=test.operator, value=round(value, 12))
        key: Path = ("match", "where", test.field, test.operator)
        what = f"{test.field} {test.operator}: {moved.value:g} instead of {test.value:g}, a tenth {word}"
        yield key, what, _in_match(where=_replaced(match.where, place, moved))


def _of_severities(match: Match) -> Iterator[tuple[Path, str, Change]]:
    wanted = match.severities
    if wanted is None:
        return
    lowest = min(wanted)
    is_threshold = wanted == {severity for severity in Severity if severity >= lowest}
    key: Path = ("match", "min_severity" if is_threshold else "severity")
    for severity in sorted(Severity):
        if is_threshold and abs(severity - lowest) > 1:
            continue
        if severity in wanted and len(wanted) > 1 and (not is_threshold or severity == lowest):
            yield key, f"{severity.word} no longer matches", _in_match(severities=wanted - {severity})
        elif severity not in wanted:
            yield key, f"{severity.word} matches as well", _in_match(severities=wanted | {severity})


def _replaced(entries: Sequence[Any], place: int, *instead: Any) -> tuple[Any, ...]:
    return (*entries[:place], *instead, *entries[place + 1 :])
