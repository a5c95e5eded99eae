"""Alertmanager's receivers as teams: who is paged, with which words, by which key.

A key itself is never taken over: the team refers to an environment variable that a person has to fill, a key in a file stays
in its file. What a receiver does beside PagerDuty are channels, see ``router.importing.channels``.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import msgspec

from router.importing.channels import Reader, globals_of
from router.importing.names import Names
from router.importing.notes import Notes
from router.importing.source import is_true, listed, mapping
from router.importing.wording import Untranslatable, translate
from router.yamldoc import Path

_KINDS = re.compile(r"[a-z0-9_]+_configs\Z")
_OWN_DEFAULTS = re.compile(r"\s*\{\{-?\s*template\s+\"(?:pagerduty\.default\.[a-z.]+|__subject)\"\s+\.\s*-?\}\}\s*\Z")
_SEVERITIES = frozenset({"critical", "error", "warning", "info"})
_SEVERITY_LABEL = re.compile(r"\s*\{\{-?\s*\.(?:Common|Group)Labels\.severity(?:\s*\|\s*toLower)?\s*-?\}\}\s*")
_KEYS = ("routing_key", "service_key", "routing_key_file", "service_key_file")
_TRANSLATED = frozenset({*_KEYS, "description", "severity", "details", "links", "images", "send_resolved", "url", "summary"})
_HTTP = "set pagerduty.use_environment_proxy for a proxy; the rest of http_config has no counterpart"
_WHY = {
    "class": "the alert's name is told as the class",
    "component": "the service is told as the component",
    "group": "incidents are told their rule",
    "client": "the router names itself as the client",
    "client_url": 'links lead to the alert\'s origin: links: [{href: "{{ generator_url }}"}]',
    "source": "the service is told as the source",
    "http_config": _HTTP,
    "timeout": "set pagerduty.timeout",
    "proxy_url": _HTTP,
}


class Paging(msgspec.Struct, kw_only=True):
    """How a receiver pages: its teams, and what its rules say besides."""

    teams: list[str] = []
    channels: list[str] = []
    others: list[str] = []  # kinds of what it does beside: email, slack, …
    words: dict[str, Any] = {}


class Team(msgspec.Struct, kw_only=True):
    """A team as it will be written."""

    name: str
    receiver: str
    line: int
    routing_key: str


class Receivers(msgspec.Struct, kw_only=True):
    """All of them, by name; ``events_urls``: other addresses of PagerDuty, with where they stand."""

    paging: dict[str, Paging] = {}
    teams: list[Team] = []
    events_urls: dict[str, Path] = {}
    channels: dict[str, dict[str, Any]] = {}
    lines: dict[str, int] = {}  # of the channels


def read_receivers(data: dict[str, Any], used: set[str], notes: Notes) -> Receivers:
    """The receivers that routes name."""
    found = Receivers()
    names = Names()
    reader = Reader(globals_of(data), notes)
    found.channels, found.lines = reader.channels, reader.lines
    global_url = globals_of(data).get("pagerduty_url")
    if isinstance(global_url, str):
        _keep_url(global_url, ("global", "pagerduty_url"), found, notes)
    for index, each in enumerate(listed(data.get("receivers"))):
        path: Path = ("receivers", index)
        receiver = mapping(each)
        name = str(receiver.get("name") or "")
        if name in found.paging:
            notes.add("error", path, f"the receiver {name!r} stands twice")
        elif name not in used:
            notes.add("differs", path, f"no route leads to the receiver {name!r}: left out")
        else:
            found.paging[name] = _read_receiver(name, receiver, path, names, found, reader, notes)
    for name in sorted(used - set(found.paging)):
        notes.add("error", ("route",), f"there is no receiver {name!r}")
        found.paging[name] = Paging()
    return found


def _read_receiver(  # noqa: PLR0917 -- the walk's own state
    name: str, receiver: dict[str, Any], path: Path, names: Names, found: Receivers, reader: Reader, notes: Notes
) -> Paging:
    paging = Paging()
    for key, configs in receiver.items():
        if key == "pagerduty_configs":
            for index, each in enumerate(listed(configs)):
                place: Path = (*path, key, index)
                team = names.take(name)
                reference = _read_key(team, mapping(each), place, notes)
                found.teams.append(Team(name=team, receiver=name, line=notes.line(place), routing_key=reference))
                paging.teams.append(team)
                words = _read_words(name, mapping(each), place, found, notes)
                if index and words != paging.words:
                    notes.add("differs", place, f"says other words than the first of {name!r}, whose words all its teams get")
                paging.words = words if not index else paging.words
        elif _KINDS.match(key):
            kind = key.removesuffix("_configs")
            paging.others.append(kind)
            for index, each in enumerate(listed(configs)):
                channel = reader.read(name, kind, mapping(each), (*path, key, index))
                paging.channels += [] if channel is None else [channel]
        elif key != "name":
            notes.add("lost", (*path, key), "this key of a receiver is not known here")
    return paging


def _read_key(team: str, config: dict[str, Any], path: Path, notes: Notes) -> str:
    for key in ("routing_key_file", "service_key_file"):
        if config.get(key):
            _note_version(key, path, notes)
            return f"file:{config[key]}"
    variable = "PD_KEY_" + re.sub(r"[^A-Z0-9]+", "_", team.upper())
    written = [key for key in ("routing_key", "service_key") if key in config]
    if not written:
        notes.add("error", path, f"there is no routing key; put one into the environment variable {variable}")
    for key in written[:1]:
        notes.add("to do", (*path, key), f"put this key into the environment variable {variable} of the router")
        _note_version(key, path, notes)
    return f"env:{variable}"


def _note_version(key: str, path: Path, notes: Notes) -> None:
    if key.startswith("service_key"):
        text = "a key of Events API v1: add an integration Events API v2 to the PagerDuty service and use its key"
        notes.add("to do", (*path, key), text)


def _read_words(receiver: str, config: dict[str, Any], path: Path, found: Receivers, notes: Notes) -> dict[str, Any]:
    """What rules say for this receiver: summary, details, links, images, severity, and whether they resolve."""
    words: dict[str, Any] = {}
    summary = _word(receiver, config.get("description"), (*path, "description"), notes)
    if summary:
        words["summary"] = summary
    details = {
        key: text
        for key, value in mapping(config.get("details")).items()
        if (text := _word(receiver, value, (*path, "details", key), notes))
    }
    if details:
        words["details"] = details
    for key, needed, others in (("links", "href", ("text",)), ("images", "src", ("href", "alt"))):
        entries = [_entry(receiver, mapping(each), (*path, key, n), (needed, *others), notes)
                   for n, each in enumerate(listed(config.get(key)))]  # fmt: skip
        kept = [each for each in entries if needed in each]
        if kept:
            words[key] = kept
    severity = _read_severity(config, path, notes)
    if severity:
        words["as_severity"] = severity
    if "send_resolved" in config and not is_true(config["send_resolved"]):
        words["resolve"] = "never"
    if isinstance(config.get("url"), str):
        _keep_url(config["url"], (*path, "url"), found, notes)
    for key in config:
        if key not in _TRANSLATED:
            notes.add("lost", (*path, key), _WHY.get(key, "this key has no counterpart"))
    return words


def _read_severity(config: dict[str, Any], path: Path, notes: Notes) -> str:
    """The severity all its pages have; empty where the alert's own is told."""
    severity = config.get("severity")
    if severity is None:
        notes.add("differs", path, "Alertmanager tells PagerDuty error whatever fires; here the alert's severity is told")
    elif isinstance(severity, str) and severity in _SEVERITIES:
        return str(severity)
    elif not _SEVERITY_LABEL.fullmatch(str(severity)):
        notes.add("differs", (*path, "severity"), "the alert's severity is told instead; without one, default_severity")
    return ""


def _entry(receiver: str, written: dict[str, Any], path: Path, keys: tuple[str, ...], notes: Notes) -> dict[str, str]:
    found = {}
    for key in keys:
        text = _word(receiver, written.get(key), (*path, key), notes)
        if text:
            found[key] = text
    return found


def _word(receiver: str, text: Any, path: Path, notes: Notes) -> str:
    """The text as ours; empty, with a note, where our default stands instead."""
    if not isinstance(text, str) or not text or _OWN_DEFAULTS.match(text):
        return ""
    try:
        wording = translate(text, receiver)
    except Untranslatable as error:
        notes.add("lost", path, f"this text: {error}")
        return ""
    if wording.is_of_one:
        notes.add("differs", path, "Alertmanager says this of each alert of the group; here it is said of the newest")
    return wording.text


def _keep_url(url: str, path: Path, found: Receivers, notes: Notes) -> None:
    if events_host(url):
        found.events_urls.setdefault(url, path)
    else:
        notes.add("lost", path, "this is no address of the Events API: it has to begin with https:// and a host")


def events_host(url: str) -> str:
    """Scheme and host of an address of the Events API, as the configuration wants it; empty if it is none."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return ""
    is_local = host in ("127.0.0.1", "::1", "localhost")
    if not host or parts.username or not (parts.scheme == "https" or (parts.scheme == "http" and is_local)):
        return ""
    return f"{parts.scheme}://{parts.netloc}"
