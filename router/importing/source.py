"""An Alertmanager configuration as values: routes, receivers, inhibitions, intervals, each with its place.

Tolerant where Alertmanager is strict: what is not understood becomes a note and the rest is read on. The text is read by
``yamldoc``, so every scalar is text here.
"""

from __future__ import annotations

from typing import Any

import msgspec

from router.importing.matchers import BadMatcher, Matcher, read_matchers
from router.importing.notes import Notes
from router.yamldoc import Path

_ROUTE_KEYS = frozenset(
    {
        *("receiver", "group_by", "group_wait", "group_interval", "repeat_interval", "matchers", "match", "match_re"),
        *("continue", "routes", "mute_time_intervals", "active_time_intervals"),
    }
)
MAX_LABEL = 256
"""Characters of a label's name; longer ones no alert here can have."""

MAX_DEPTH = 30
"""How deep routes may be nested; yamldoc's own limit is not far above."""


class Route(msgspec.Struct, kw_only=True):
    """A node of the tree; ``receiver`` and ``group_by`` are inherited already. ``group_by`` None: by all labels."""

    path: Path
    receiver: str
    matchers: list[Matcher]
    goes_on: bool
    group_by: list[str] | None
    active: list[str]
    mute: list[str]
    routes: list[Route]


class Inhibit(msgspec.Struct, kw_only=True):
    """One of ``inhibit_rules``."""

    path: Path
    source: list[Matcher]
    target: list[Matcher]
    equal: list[str]


def mapping(value: Any) -> dict[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def listed(value: Any) -> list[Any]:
    """The value if it is a list, a list of it if it is a text, else an empty one."""
    return value if isinstance(value, list) else [value] if isinstance(value, str) and value else []


def texts(value: Any) -> list[str]:
    """The texts of a list."""
    return [entry for entry in listed(value) if isinstance(entry, str)]


def is_true(value: Any) -> bool:
    """As YAML 1.1 and Go read it."""
    return isinstance(value, str) and value.lower() in ("true", "yes", "on", "y")


def read_routes(data: dict[str, Any], notes: Notes) -> Route | None:
    """The tree; None without a root."""
    root = data.get("route")
    if not isinstance(root, dict):
        notes.add("error", ("route",) if "route" in data else (), "there is no root route")
        return None
    if any(key in root for key in ("matchers", "match", "match_re")):
        notes.add("error", ("route",), "the root route must not have matchers: Alertmanager refuses this file")
    return _read_route(root, ("route",), Route(path=(), receiver="", matchers=[], goes_on=False, group_by=[],
                       active=[], mute=[], routes=[]), notes)  # fmt: skip


def _read_route(data: dict[str, Any], path: Path, parent: Route, notes: Notes) -> Route | None:
    for key in data:
        if key not in _ROUTE_KEYS:
            notes.add("lost", (*path, key), "this key of a route is not known here")
    matchers = _read_conditions(data, path, "", notes)
    if matchers is None:
        return None
    if len(path) > 2 * MAX_DEPTH:
        notes.add("error", path, f"routes are nested deeper than {MAX_DEPTH} levels")
        return None
    route = Route(
        path=path,
        receiver=str(data.get("receiver") or parent.receiver),
        matchers=matchers,
        goes_on=is_true(data.get("continue")),
        group_by=_read_group_by(data, parent),
        active=texts(data.get("active_time_intervals")),
        mute=texts(data.get("mute_time_intervals")),
        routes=[],
    )
    for index, child in enumerate(listed(data.get("routes"))):
        found = _read_route(mapping(child), (*path, "routes", index), route, notes)
        if found is not None:
            route.routes.append(found)
    return route


def _read_group_by(data: dict[str, Any], parent: Route) -> list[str] | None:
    if "group_by" not in data:
        return parent.group_by
    names = texts(data["group_by"])
    return None if "..." in names else _labels(names)


def _labels(names: list[str]) -> list[str]:
    return [name for name in names if 0 < len(name) <= MAX_LABEL]


def _read_conditions(data: dict[str, Any], path: Path, prefix: str, notes: Notes) -> list[Matcher] | None:
    """``match``, ``match_re`` and ``matchers`` together; None, with a note, if one of them cannot be read."""
    found: list[Matcher] = []
    for key, is_regex in ((f"{prefix}match", False), (f"{prefix}match_re", True)):
        for name, value in mapping(data.get(key)).items():
            found.append(Matcher(label=name, value=str(value), is_regex=is_regex))
    for index, text in enumerate(texts(data.get(f"{prefix}matchers"))):
        try:
            found += read_matchers(text)
        except BadMatcher as error:
            notes.add("error", (*path, f"{prefix}matchers", index), str(error))
            return None
    for matcher in found:
        problem = matcher.problem()
        if problem:
            notes.add("error", path, f"{matcher}: {problem}")
            return None
    return found


def read_inhibitions(data: dict[str, Any], notes: Notes) -> list[Inhibit]:
    """``inhibit_rules``, those that can be read."""
    found = []
    for index, each in enumerate(listed(data.get("inhibit_rules"))):
        path: Path = ("inhibit_rules", index)
        rule = mapping(each)
        source = _read_conditions(rule, path, "source_", notes)
        target = _read_conditions(rule, path, "target_", notes)
        if source is not None and target is not None:
            found.append(Inhibit(path=path, source=source, target=target, equal=_labels(texts(rule.get("equal")))))
        for key in rule:
            if key not in {"equal", "name", *(f"{side}_{kind}" for side in ("source", "target") for kind in _KINDS)}:
                notes.add("lost", (*path, key), "this key of an inhibition is not known here")
    return found


_KINDS = ("match", "match_re", "matchers")
