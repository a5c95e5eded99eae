"""Channels as the configuration names them: what the engine has to know of each, and the table of severities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from router.config.channel_kinds import AnyChannel
from router.config.channel_schema import DigestSection, parse_time, parse_weekdays
from router.config.fields import SeverityWord
from router.config.findings import Findings
from router.model.digest import Digest
from router.model.event import PAGERDUTY
from router.model.ruleset import PAGE, ChannelPolicy, Limit
from router.model.severity import BY_WORD, Severity
from router.yamldoc import Path, suggest


def build_policies(sections: Mapping[str, AnyChannel], findings: Findings) -> dict[str, ChannelPolicy]:
    """What the engine knows of each channel, by name; complaints for reserved names and digests that are never due."""
    policies = {}
    for name, section in sections.items():
        path: Path = ("channels", name)
        if name in (PAGERDUTY, PAGE):
            findings.complain(
                path,
                "reserved-name",
                f"a channel cannot be called {name}: that means paging",
                key=True,
                hint="give it another name, such as ops-chat",
            )
        policies[name] = ChannelPolicy(
            name=name,
            digest=None if section.digest is None else build_digest(section.digest, (*path, "digest"), findings.complain),
            limit=Limit(incidents=section.limit.incidents, per_ms=section.limit.per) if section.limit else None,
        )
    return policies


class Complain(Protocol):
    """How an error is said at a place."""

    def __call__(self, path: Path, code: str, message: str, hint: str = "", *, key: bool = False) -> None:
        """Say it."""
        ...


def build_digest(section: DigestSection, path: Path, complain: Complain) -> Digest:
    """When the digest is due; complaints for one that never is, or in two ways."""
    times = [section.at] if isinstance(section.at, str) else section.at
    days = [section.weekdays] if isinstance(section.weekdays, str) else section.weekdays
    if section.every is not None and times:
        message = "every and at stand side by side; a digest has one of them"
        complain((*path, "at"), "digest-twice", message, key=True, hint="leave one of them out")
    elif section.every is None and not times:
        complain(path, "missing-key", "expected every or at", 'for example: {every: 1h} or {at: "09:00"}')
    elif section.every is not None and (days or section.zone is not None):
        key = "weekdays" if days else "zone"
        complain(
            (*path, key),
            "useless-key",
            f"{key} goes with at, not with every",
            key=True,
            hint=f"leave {key} out, or say at: instead of every:",
        )
    return Digest(
        every_ms=section.every or 0,
        at=tuple(sorted({parse_time(text) for text in times})),
        weekdays=tuple(sorted({day for text in days for day in parse_weekdays(text)})),
        zone=section.zone or "UTC",
    )


def build_severity_channels(
    written: Mapping[SeverityWord, list[str] | str], channels: Mapping[str, ChannelPolicy], findings: Findings
) -> dict[Severity, tuple[str, ...]]:
    """Who is told of what by its severity, ``page`` among them; complaints for channels that do not exist."""
    table = {}
    for word, names in written.items():
        listed = [names] if isinstance(names, str) else names
        path: Path = ("severity_channels", word)
        if not listed:
            hint = 'to keep quiet about them, have a rule say so: drop: "…"'
            findings.complain(path, "empty-list", "found an empty list: nobody would hear of these", hint)
        for index, name in enumerate(listed):
            if name != PAGE:
                check_channel((*path, index) if isinstance(names, list) else path, name, channels, findings)
        table[BY_WORD[word]] = tuple(dict.fromkeys(listed))
    if PAGE not in table.get(Severity.CRITICAL, (PAGE,)):
        message = "what is critical pages nobody, unless a rule says page"
        findings.warn(("severity_channels", "critical"), "nothing-pages", message, "critical: [page, …]", key=True)
    return table


def check_channel(path: Path, name: str, channels: Mapping[str, ChannelPolicy], findings: Findings) -> None:
    """A complaint if there is no such channel."""
    if name in channels or findings.is_broken(("channels",)):
        return
    hint = suggest(name, list(channels)) or (f"channels are {', '.join(list(channels)[:20])}" if channels else "")
    findings.complain(path, "unknown-channel", f"there is no channel {name[:60]!r}", hint or "name it under channels:")
