"""An Alertmanager configuration to a configuration and rules of ours, with everything there is to tell about it."""

from __future__ import annotations

from typing import Any

import msgspec

from router.errors import Diagnostic
from router.importing.channels import USED_GLOBALS
from router.importing.matchers import to_match
from router.importing.names import Names
from router.importing.notes import Note, Notes
from router.importing.receivers import Paging, Receivers, Team, events_host, read_receivers
from router.importing.routes import Line, flatten
from router.importing.source import Inhibit, Route, mapping, read_inhibitions, read_routes, texts
from router.importing.times import Calendar, read_intervals
from router.importing.writing import block, entry_of
from router.model.quantity import QuantityError, parse_duration
from router.yamldoc import Document, Path, format_path, read

_FIELDS = frozenset({"service", "name", "source", "severity", "fingerprint"})
_TIMING = {
    "group_wait": "a page goes out at once, and alerts that follow join the incident; to wait first, use when: {firing_for: …}",
    "group_interval": "what changes in an open incident is told at once, spaced by the router itself",
    "repeat_interval": "PagerDuty keeps the incident open; use escalate to page others while nobody acknowledges",
}
_TOP = frozenset({"global", "route", "receivers", "inhibit_rules", "time_intervals", "mute_time_intervals", "templates"})
_DEFAULT_EVENTS_HOST = "https://events.pagerduty.com"
_ON_CALL = "on-call"
_SECOND_MS = 1_000
_WEEK_MS = 7 * 86_400_000


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Which route a rule came from, and whom it serves."""

    rule: str
    route: str
    line: int
    receiver: str
    teams: list[str]
    channels: list[str]


class Imported(msgspec.Struct, kw_only=True):
    """The texts to write, by their path below the folder; what each rule stands for; what there is to tell.

    ``mistakes``: the original cannot be read, and there is nothing else.
    """

    files: dict[str, str] = {}
    rules: list[Origin] = []
    notes: list[Note] = []
    mistakes: list[Diagnostic] = []


def translate_alertmanager(text: str | bytes, name: str) -> Imported:
    """Everything of it that can be said in our language; ``name`` is what the file is called."""
    document = read(text, name, anchors=True)
    if not document.is_readable or document.diagnostics:
        return Imported(mistakes=list(document.diagnostics))
    data = mapping(document.data)
    notes = Notes(document)
    for key in data:
        if key not in _TOP:
            notes.add("lost", (key,), "this section is not known here")
    root = read_routes(data, notes)
    if root is None:
        return Imported(notes=notes.all())
    receivers = read_receivers(data, {route.receiver for route in _every(root)}, notes)
    calendar = read_intervals(data, notes)
    lines = flatten(root, notes)
    rules, origins = _build_rules(lines, receivers, calendar, notes)
    inhibitions = _build_inhibitions(read_inhibitions(data, notes), notes)
    _note_timing(root, document, notes)
    for index, path in enumerate(texts(data.get("templates"))):
        notes.add("lost", ("templates", index), f"named templates, as in {path}, have no counterpart")
    config = _write_config(name, data, root, receivers, notes)
    return Imported(
        files={"config.yaml": config, "rules/alertmanager.yaml": _write_rules(name, rules, inhibitions, calendar)},
        rules=origins,
        notes=notes.all(),
    )


def _every(route: Route) -> list[Route]:
    return [route, *(each for child in route.routes for each in _every(child))]


Written = tuple[str, dict[str, Any]]
"""A comment and what stands below it."""


def _build_rules(
    lines: list[Line], receivers: Receivers, calendar: Calendar, notes: Notes
) -> tuple[list[Written], list[Origin]]:
    rules: list[Written] = []
    origins: list[Origin] = []
    names = Names()
    passed_over = False
    for line in lines:
        route = line.route
        paging = receivers.paging[route.receiver]
        tells = bool(paging.teams or paging.channels)
        if not tells and line.goes_on:
            passed_over = True
            notes.add("lost", route.path, f"{route.receiver!r} tells nobody, and the routes after it are tried: no rule")
            continue
        rule: dict[str, Any] = {"id": names.take(route.receiver)}
        if line.match:
            rule["match"] = line.match
        if tells:
            rule |= _telling_keys(line, paging, calendar, notes)
        else:
            others = f" ({', '.join(dict.fromkeys(paging.others))})" if paging.others else ""
            rule["drop"] = f"goes to {route.receiver}{others}, which tells nobody here"
        place = notes.line(route.path)
        rules.append((f"line {place}, {format_path(route.path)}: receiver {_comment(route.receiver)}", rule))
        origins.append(Origin(rule=rule["id"], route=format_path(route.path), line=place, receiver=route.receiver,
                              teams=paging.teams, channels=paging.channels))  # fmt: skip
    if passed_over and (not lines or lines[-1].match):
        comment = "what only routes took that tell nobody"
        rules.append((comment, {"id": names.take("nobody"), "drop": "no route that tells anybody took it"}))
    return rules, origins


def _telling_keys(line: Line, paging: Paging, calendar: Calendar, notes: Notes) -> dict[str, Any]:
    route = line.route
    keys: dict[str, Any] = {"page": paging.teams[0] if len(paging.teams) == 1 else paging.teams}
    if paging.channels:
        keys["notify"] = paging.channels[0] if len(paging.channels) == 1 else paging.channels
    keys["group_by"] = ["fingerprint"] if route.group_by is None else list(dict.fromkeys(map(_field, route.group_by)))
    keys |= paging.words
    for key, named, ours in (("active_time_intervals", route.active, "during"), ("mute_time_intervals", route.mute, "except")):
        schedules = []
        for name in named:
            if name in calendar.of_interval:
                schedules += calendar.of_interval[name]
            else:
                notes.add("error", (*route.path, key), f"there is no interval {name!r}")
        if schedules:
            keys[ours] = schedules[0] if len(schedules) == 1 else schedules
    if line.goes_on:
        keys["continue"] = True
    return keys


def _field(label: str) -> str:
    """A label as ``group_by`` and ``equal`` name it."""
    return "name" if label == "alertname" else f"labels.{label}" if label in _FIELDS else label


def _build_inhibitions(inhibitions: list[Inhibit], notes: Notes) -> list[Written]:
    found: list[Written] = []
    for number, each in enumerate(inhibitions, 1):
        source, target = to_match(each.source), to_match(each.target)
        if source is None or target is None:
            notes.add("differs", each.path, "no alert can meet these matchers; left out")
            continue
        written: dict[str, Any] = {"id": f"inhibition-{number}", "source": source, "target": target}
        if each.equal:
            written["equal"] = list(dict.fromkeys(map(_field, each.equal)))
        found.append((f"line {notes.line(each.path)}, {format_path(each.path)}", written))
    return found


def _note_timing(root: Route, document: Document, notes: Notes) -> None:
    """One note for each of the three, where it stands first."""
    for key, why in _TIMING.items():
        places = [route.path for route in _every(root) if key in mapping(_at(document.data, route.path))]
        if places:
            more = f" (so in {len(places)} routes)" if len(places) > 1 else ""
            notes.add("differs", (*places[0], key), why + more)


def _at(data: Any, path: Path) -> Any:
    for part in path:
        data = data[part]
    return data


def _write_config(name: str, data: dict[str, Any], root: Route, receivers: Receivers, notes: Notes) -> str:
    default = next(iter(receivers.paging[root.receiver].teams), None) or next((each.name for each in receivers.teams), None)
    if default is None:
        default = _ON_CALL
        notes.add("to do", ("receivers",), f"no receiver pages: put a routing key into PD_KEY_ON_CALL for the team {_ON_CALL}")
        receivers.teams.append(Team(name=_ON_CALL, receiver="", line=0, routing_key="env:PD_KEY_ON_CALL"))
    elif not receivers.paging[root.receiver].teams:
        notes.add("to do", ("route", "receiver"), f"default_team is {default!r}: who shall get the router's own troubles?")
    lines = [
        f"# Made from {_comment(name)} by `alert-router import`; what is not in here is told in import-report.txt.",
        "# Keys are references: put each routing key into its environment variable, or write file:PATH.",
        "listen: 127.0.0.1:9095",
        "rules: [rules/]",
        "",
        "# Gets the router's own troubles, and what no rule matches.",
        *block({"default_team": default}, 0),
        "",
        "teams:",
    ]
    for team in receivers.teams:
        origin = f"line {team.line}, receiver {_comment(team.receiver)}" if team.line else "there was none"
        lines += block({team.name: {"pagerduty": {"routing_key": team.routing_key}}}, 2, {team.name: origin})
    if receivers.channels:
        comments = {name: f"line {line}" for name, line in receivers.lines.items()}
        lines += ["", "channels:", *block(receivers.channels, 2, comments)]
    source = {"kind": "alertmanager", **_resolve_timeout(data, notes)}
    lines += ["", *block({"sources": {"alertmanager": source}}, 0)]
    hosts = {events_host(url): path for url, path in receivers.events_urls.items()}
    hosts.pop(_DEFAULT_EVENTS_HOST, None)
    for host in list(hosts)[:1]:
        lines += ["", *block({"pagerduty": {"events_url": host}}, 0)]
    for host in list(hosts)[1:]:
        notes.add("lost", hosts[host], f"there is one events_url for all teams; {host} is left out")
    _note_global(data, receivers, notes)
    return "\n".join(lines) + "\n"


def _resolve_timeout(data: dict[str, Any], notes: Notes) -> dict[str, str]:
    written = mapping(data.get("global")).get("resolve_timeout")
    if written is None:
        return {}
    try:
        length = parse_duration(written if isinstance(written, str) else "")
    except QuantityError:
        length = 0
    if not _SECOND_MS <= length <= _WEEK_MS:
        notes.add("lost", ("global", "resolve_timeout"), "expected a duration of 1s to 7d; the default of 5m stands")
        return {}
    return {"resolve_timeout": written}


def _note_global(data: dict[str, Any], receivers: Receivers, notes: Notes) -> None:
    for key in mapping(data.get("global")):
        if key not in ("resolve_timeout", "pagerduty_url") and not (key in USED_GLOBALS and receivers.channels):
            reason = "set pagerduty.use_environment_proxy for a proxy" if key == "http_config" else "serves no receiver here"
            notes.add("lost", ("global", key), reason)


def _write_rules(name: str, rules: list[Written], inhibitions: list[Written], calendar: Calendar) -> str:
    lines = [
        f"# Made from {_comment(name)} by `alert-router import`. Each rule names the line it came from.",
        "# Rules are tried from top to bottom: child routes stand before their parent; what goes on says continue: true.",
    ]
    if calendar.schedules:
        comments = {schedule: f"line {line}" for schedule, line in calendar.lines.items()}
        lines += ["schedules:", *block(calendar.schedules, 2, comments), ""]
    for key, written in (("rules", rules), ("inhibitions", inhibitions)):
        if written:
            lines.append(f"{key}:")
            for comment, entry in written:
                lines += [f"  # {comment}", *entry_of(entry, 2), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _comment(text: str) -> str:
    """Of another's text, what may stand in a comment."""
    return "".join(character if character.isprintable() else "?" for character in text)[:100]
