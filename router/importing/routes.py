"""Alertmanager's tree of routes as a list of rules that choose the same nodes for the same labels.

The tree is walked to its leaves, children first: an alert belongs to the nodes that match and of whose children none does; a
child that matched ends the walk through its siblings unless it says ``continue``. As a list, first match wins, that is the
order of the rules itself. Only where a rule goes on (``continue``) can one further down match wrongly: there the conditions of
the siblings and children that took the alert already are excepted by ``unless``.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from router.importing.matchers import Match, Matcher, to_match
from router.importing.notes import Notes
from router.importing.source import Route
from router.yamldoc import format_path


class Line(msgspec.Struct, kw_only=True):
    """A node of the tree as one rule."""

    route: Route
    match: Match
    goes_on: bool


def flatten(root: Route, notes: Notes) -> list[Line]:
    """The rules in their order. What can never be reached is left out, with a note."""
    lines: list[Line] = []
    for line in _walk(root, [], [], notes, is_followed=False):
        taker = next((above for above in lines if not above.goes_on and above.match in ({}, line.match)), None)
        if taker is not None:
            what = "the same alerts" if taker.match else "every alert"
            notes.add("differs", line.route.path, f"never reached: {format_path(taker.route.path)} takes {what}; left out")
        else:
            lines.append(line)
    return lines


def _walk(
    route: Route, above: list[Matcher], excepted: list[list[Matcher]], notes: Notes, *, is_followed: bool
) -> Iterator[Line]:
    """``is_followed``: what matches here goes on to rules further down all the same."""
    matchers = above + route.matchers
    match = to_match(matchers)
    if match is None:
        notes.add("differs", route.path, "no alert can meet these matchers and those of the routes around it; left out")
        return
    passed: list[list[Matcher]] = []
    taken: list[list[Matcher]] = []
    for position, child in enumerate(route.routes):
        goes_on = is_followed or (child.goes_on and position + 1 < len(route.routes))
        yield from _walk(child, matchers, excepted + passed, notes, is_followed=goes_on)
        if goes_on or _goes_on_below(child):
            taken.append(child.matchers)
            passed += [] if child.goes_on else [child.matchers]
    exceptions = [each for each in excepted + taken if to_match(matchers + each) is not None]
    unless = [found for each in exceptions if (found := to_match(each)) is not None]
    if any(not each for each in unless):
        notes.add("differs", route.path, "never reached: a route within or before it takes every alert; left out")
        return
    yield Line(route=route, match=_except(match, unless), goes_on=is_followed)


def _goes_on_below(route: Route) -> bool:
    """Whether a rule of its children goes on."""
    last = len(route.routes) - 1
    return any((child.goes_on and n < last) or _goes_on_below(child) for n, child in enumerate(route.routes))


def _except(match: Match, exceptions: list[Match]) -> Match:
    unless = [*match.get("unless", ()), *exceptions]
    distinct = [each for place, each in enumerate(unless) if each not in unless[:place]]
    return {**match, "unless": distinct} if distinct else match
