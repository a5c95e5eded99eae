"""What rules do to each other: ids that stand twice, rules that can never match because of one above."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from router.errors import Diagnostic
from router.model.pattern import Pattern
from router.model.ruleset import Rule, Standing
from router.rules.conditions import matches_everything
from router.rules.covering import match_covers
from router.rules.muting import Muting
from router.yamldoc import Document, to_diagnostic

MAX_COMPARED = 100_000
"""Pairs of rules that are compared; where there are more, some unreachable rules are not told."""

_WILDCARD = re.compile(r"[*?\[]")

Place = tuple[int, int]
"""Position of the file, position of the rule in it."""


class CompiledFile(msgspec.Struct, kw_only=True):
    """One file's rules in order, None for those that are broken; ``ids`` has all of them."""

    document: Document
    ids: list[str]
    rules: list[Rule | None]
    muting: Muting
    standing: Standing
    diagnostics: list[Diagnostic]


def check_rules_together(files: Sequence[CompiledFile]) -> list[Diagnostic]:
    """All diagnostics, those of the files included: by file, and in a file by place."""
    found: list[list[Diagnostic]] = [list(file.diagnostics) for file in files]
    _check_ids(files, found)
    _check_old_names(files, found)
    _check_reach(files, found)
    return [
        diagnostic
        for diagnostics in found
        for diagnostic in sorted(diagnostics, key=lambda each: (each.span.line, each.span.column))
    ]


def _check_ids(files: Sequence[CompiledFile], found: list[list[Diagnostic]]) -> None:
    first: dict[str, Place] = {}
    for position, file in enumerate(files):
        for index, id_ in enumerate(file.ids):
            # A stand-in's id counts only if the user wrote it.
            if file.rules[index] is None and _written_id(file.document, index) != id_:
                continue
            if id_ not in first:
                first[id_] = (position, index)
                continue
            other_position, other_index = first[id_]
            other = files[other_position].document.span(("rules", other_index, "id"))
            message = f"the id {id_!r} stands twice, first at {other}"
            hint = "ids are unique over all rule files: state is kept by them"
            found[position].append(to_diagnostic(file.document, ("rules", index, "id"), "duplicate-id", message, hint))


def _check_old_names(files: Sequence[CompiledFile], found: list[list[Diagnostic]]) -> None:
    """An old name is nobody's id, and belongs to one rule."""
    ids = {id_ for file in files for id_ in file.ids}
    taken: dict[str, str] = {}
    for position, file in enumerate(files):
        for index, rule in enumerate(file.rules):
            for old in rule.renamed_from if rule is not None else ():
                assert rule is not None
                if old in ids:
                    message = f"the rule {old!r} is still there, so what is open under it is its own"
                elif old in taken:
                    message = f"{taken[old]!r} was called {old!r} before already; what is open can go on under one rule only"
                else:
                    taken[old] = rule.id
                    continue
                path = ("rules", index, "renamed_from")
                found[position].append(to_diagnostic(file.document, path, "bad-old-name", message, "leave it out"))


def _written_id(document: Document, index: int) -> object:
    rule = document.data["rules"][index]
    return rule.get("id") if isinstance(rule, dict) else None


def _check_reach(files: Sequence[CompiledFile], found: list[list[Diagnostic]]) -> None:
    """Warn of each rule that one above takes everything from; below a rule that takes every alert, of the first only."""
    above = Above()
    for position, file in enumerate(files):
        for index, rule in enumerate(file.rules):
            if rule is None:
                continue
            place = (position, index)
            taking = above.takes_all_of(rule)
            if taking is not None:
                found[position].append(_unreachable(files, taking, place))
                taker = files[taking[0]].rules[taking[1]]
                assert taker is not None
                if _takes_everything(taker):
                    return
            if not rule.goes_on:
                above.add(rule, place)


def _takes_everything(rule: Rule) -> bool:
    return matches_everything(rule.match) and not rule.standing.owners


class Above:
    """The rules tried so far that end it. Filed by how a pattern for services begins, so that few are compared."""

    def __init__(self) -> None:
        """None was tried."""
        self._any: list[tuple[Rule, Place]] = []
        self._by_beginning: dict[str, list[tuple[Rule, Place]]] = {}
        self._compared = 0

    def add(self, rule: Rule, place: Place) -> None:
        """One more."""
        services = [pattern for pattern in rule.match.services if not pattern.negated]
        beginnings = {_beginning(pattern) for pattern in services}
        if not beginnings or "" in beginnings:
            self._any.append((rule, place))
            return
        for beginning in beginnings:
            self._by_beginning.setdefault(beginning, []).append((rule, place))

    def takes_all_of(self, rule: Rule) -> Place | None:
        """The first of them that matches whatever this one does; None also when there were too many to compare."""
        if self._compared > MAX_COMPARED:
            return None
        services = [pattern for pattern in rule.match.services if not pattern.negated]
        candidates = list(self._any)
        if services:
            text = _beginning(services[0])
            for length in range(1, len(text) + 1):
                candidates += self._by_beginning.get(text[:length], ())
        candidates.sort(key=lambda candidate: candidate[1])
        for other, place in candidates:
            self._compared += 1
            if _reaches_as_far(other.standing, rule.standing) and match_covers(other.match, rule.match):
                return place
        return None


def _beginning(pattern: Pattern) -> str:
    """The text before the first wildcard; a regular expression has none."""
    if pattern.kind == "glob":
        return _WILDCARD.split(pattern.text, maxsplit=1)[0]
    return "" if pattern.kind == "regex" else pattern.text


def _reaches_as_far(wide: Standing, narrow: Standing) -> bool:
    """Services have one owner each, so a file of some teams reaches no further than they do."""
    return not wide.owners or (bool(narrow.owners) and set(narrow.owners) <= set(wide.owners))


def _unreachable(files: Sequence[CompiledFile], above: Place, below: Place) -> Diagnostic:
    document = files[above[0]].document
    rule = files[above[0]].rules[above[1]]
    assert rule is not None
    other = files[below[0]].rules[below[1]]
    assert other is not None
    if _takes_everything(rule):
        takes = "takes every alert"
    else:
        takes = "has the same conditions" if rule.match == other.match else "takes every alert that this one could"
    message = f"this rule can never match: {rule.id!r} above it, at {document.span(('rules', above[1]))}, {takes}"
    more = sum(len(file.rules) for file in files[below[0] :]) - below[1] - 1
    if more and _takes_everything(rule):
        message += f" (nor can the {more} below)"
    hint = "move it up, or let the other go on with continue: true"
    if rule.standing.guard and not other.standing.guard:
        hint = "the other stands in a guard file, which comes first; it may go on with continue: true"
    return to_diagnostic(files[below[0]].document, ("rules", below[1]), "unreachable-rule", message, hint, "warning")
