"""What rules do to each other: ids that stand twice, rules that can never match because of one above."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from router.errors import Diagnostic
from router.model.ruleset import Match, Rule
from router.rules.conditions import matches_everything
from router.rules.muting import Muting
from router.yamldoc import Document, to_diagnostic

Place = tuple[int, int]
"""Position of the file, position of the rule in it."""


class CompiledFile(msgspec.Struct, kw_only=True):
    """One file's rules in order, None for those that are broken; ``ids`` has all of them."""

    document: Document
    ids: list[str]
    rules: list[Rule | None]
    muting: Muting
    diagnostics: list[Diagnostic]


def check_rules_together(files: Sequence[CompiledFile]) -> list[Diagnostic]:
    """All diagnostics, those of the files included: by file, and in a file by place."""
    found: list[list[Diagnostic]] = [list(file.diagnostics) for file in files]
    _check_ids(files, found)
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


def _written_id(document: Document, index: int) -> object:
    rule = document.data["rules"][index]
    return rule.get("id") if isinstance(rule, dict) else None


def _check_reach(files: Sequence[CompiledFile], found: list[list[Diagnostic]]) -> None:
    """Warn of the first rule below one that takes every alert, and of each that repeats the conditions of one above."""
    taken: dict[Match, Place] = {}
    everything: Place | None = None
    for position, file in enumerate(files):
        for index, rule in enumerate(file.rules):
            if rule is None:
                continue
            if everything is not None:
                found[position].append(_unreachable(files, everything, (position, index)))
                return
            if rule.match in taken:
                found[position].append(_unreachable(files, taken[rule.match], (position, index)))
            if rule.goes_on:
                continue
            taken.setdefault(rule.match, (position, index))
            if matches_everything(rule.match):
                everything = (position, index)


def _unreachable(files: Sequence[CompiledFile], above: Place, below: Place) -> Diagnostic:
    document = files[above[0]].document
    rule = files[above[0]].rules[above[1]]
    assert rule is not None
    takes = "takes every alert" if matches_everything(rule.match) else "has the same conditions"
    message = f"this rule can never match: {rule.id!r} above it, at {document.span(('rules', above[1]))}, {takes}"
    more = sum(len(file.rules) for file in files[below[0] :]) - below[1] - 1
    if more and matches_everything(rule.match):
        message += f" (nor can the {more} below)"
    hint = "move it up, or let the other go on with continue: true"
    return to_diagnostic(files[below[0]].document, ("rules", below[1]), "unreachable-rule", message, hint, "warning")
