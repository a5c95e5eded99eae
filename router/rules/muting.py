"""Schedules, silences, maintenance and inhibitions of rule files: validated sections to what the engine decides by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from router.model.ruleset import FileSilence, Inhibition, Maintenance
from router.model.schedule import Schedule, Times
from router.rules.conditions import build_match, matches_everything
from router.rules.findings import Findings
from router.rules.reading import ReadFile
from router.rules.schema import InhibitionSection, MaintenanceSection, ScheduleSection, SilenceSection, TimesSection
from router.rules.timetable import parse_dates, parse_days, parse_hours, parse_instant, parse_months, parse_weekdays
from router.yamldoc import Path, suggest

Value = TypeVar("Value")
_SHOWN = 60


def listed(written: str | list[str]) -> list[str]:
    """One or several."""
    return [written] if isinstance(written, str) else written


class Calendar:
    """The schedules of all files, by name; None for one that has mistakes."""

    def __init__(self, files: Sequence[tuple[ReadFile, Findings]]) -> None:
        """Build them, and complain of names that stand twice."""
        self._schedules: dict[str, Schedule | None] = {}
        self._of_guards: set[str] = set()
        self._guards = {file.document.file for file, _ in files if file.value is not None and file.value.guard}
        for file, findings in files:
            for name in file.lost_schedules:
                self._schedules[name] = None
            for name, section in (file.value.schedules if file.value is not None else {}).items():
                if name in self._schedules:
                    message = f"the schedule {name!r} stands twice"
                    findings.complain(
                        ("schedules", name), "duplicate-id", message, "schedules are shared by all files", key=True
                    )
                self._schedules[name] = _build_schedule(name, section, findings)
                if file.document.file in self._guards:
                    self._of_guards.add(name)

    def find(self, written: str | list[str], path: Path, findings: Findings) -> tuple[Schedule, ...]:
        """The schedules of these names; complaints about unknown ones."""
        found = []
        for index, name in enumerate(listed(written)):
            place = path if isinstance(written, str) else (*path, index)
            if name not in self._schedules:
                hint = suggest(name, self._schedules) or "name it under schedules, in this file or another"
                findings.complain(place, "unknown-schedule", f"there is no schedule {name[:_SHOWN]!r}", hint)
            elif findings.document.file in self._guards and name not in self._of_guards:
                message = f"the schedule {name!r} stands in a file that is no guard, so others could change it"
                findings.complain(place, "unguarded-schedule", message, "name it under schedules of a guard file")
            elif (schedule := self._schedules[name]) is not None:
                found.append(schedule)
        return tuple(found)


def _build_schedule(name: str, section: ScheduleSection, findings: Findings) -> Schedule:
    path = ("schedules", name)
    given = section.model_fields_set - {"zone", "also", "holidays"}
    if not given and not section.also:
        message = "this schedule names no times, so it holds always"
        findings.complain(path, "empty-schedule", message, "give it weekdays, hours, dates, days or months", key=True)
    times = [*([section] if given else []), *section.also]
    for index, each in enumerate(section.also):
        if not each.model_fields_set:
            findings.complain(
                (*path, "also", index),
                "empty-schedule",
                "expected times, found none",
                hint="give it weekdays, hours, dates, days or months, or leave the entry out",
            )
    holidays = tuple(parse_dates(text) for text in listed(section.holidays))
    return Schedule(name, section.zone, tuple(_build_times(each) for each in times), holidays)


def _build_times(section: TimesSection) -> Times:
    return Times(
        weekdays=frozenset().union(*map(parse_weekdays, listed(section.weekdays))),
        hours=_each(parse_hours, section.hours),
        dates=_each(parse_dates, section.dates),
        days=_each(parse_days, section.days),
        months=frozenset().union(*map(parse_months, listed(section.months))),
    )


def _each(parse: Callable[[str], Value], written: str | list[str]) -> tuple[Value, ...]:
    return tuple(map(parse, listed(written)))


class Muting(msgspec.Struct, kw_only=True):
    """What one file mutes."""

    silences: list[FileSilence] = []
    maintenance: list[Maintenance] = []
    inhibitions: list[Inhibition] = []


def build_muting(file: ReadFile, calendar: Calendar, findings: Findings) -> Muting:
    """All three lists of a file."""
    value = file.value
    if value is None:
        return Muting()
    return Muting(
        silences=[_build_silence(each, ("silences", n), findings) for n, each in enumerate(value.silences)],
        maintenance=[
            _build_maintenance(each, ("maintenance", n), calendar, findings) for n, each in enumerate(value.maintenance)
        ],
        inhibitions=[_build_inhibition(each, ("inhibitions", n), findings) for n, each in enumerate(value.inhibitions)],
    )


def _build_silence(section: SilenceSection, path: Path, findings: Findings) -> FileSilence:
    starts_at = 0 if section.since is None else parse_instant(section.since)
    until = parse_instant(section.until)
    if starts_at >= until:
        findings.complain(
            (*path, "until"), "ends-before-it-begins", "the silence ends before it begins", hint="change from or until"
        )
    elif findings.is_past(until):
        message = f"the silence {section.id!r} is over and mutes nothing any more"
        findings.warn((*path, "until"), "past-silence", message, "remove it")
    return FileSilence(
        id=section.id,
        match=build_match(section.match, (*path, "match"), findings),
        starts_at=starts_at,
        until=until,
        reason=section.reason,
        span=findings.document.span(path),
    )


def _build_maintenance(section: MaintenanceSection, path: Path, calendar: Calendar, findings: Findings) -> Maintenance:
    once = section.since is not None or section.until is not None
    schedules = calendar.find(section.during, (*path, "during"), findings)
    starts_at = parse_instant(section.since) if section.since is not None else 0
    until = parse_instant(section.until) if section.until is not None else 0
    if once and section.during:
        message = "during, and from with until, stand side by side; a maintenance has one of them"
        findings.complain((*path, "during"), "maintenance-twice", message, "make two of it", key=True)
    elif once and (section.since is None or section.until is None):
        findings.complain(
            path, "missing-key", "a maintenance that happens once has both from and until", hint="add the other one"
        )
    elif not once and not section.during:
        findings.complain(
            path,
            "missing-key",
            "expected during, or from and until",
            hint="during: a schedule, for one that recurs; from and until, for one that happens once",
        )
    elif once and starts_at >= until:
        findings.complain(
            (*path, "until"), "ends-before-it-begins", "the maintenance ends before it begins", hint="change from or until"
        )
    elif once and findings.is_past(until):
        findings.warn((*path, "until"), "past-maintenance", f"the maintenance {section.id!r} is over", "remove it")
    return Maintenance(
        id=section.id,
        match=build_match(section.match, (*path, "match"), findings),
        reason=section.reason,
        schedules=schedules,
        starts_at=starts_at,
        until=until,
        span=findings.document.span(path),
    )


def _build_inhibition(section: InhibitionSection, path: Path, findings: Findings) -> Inhibition:
    source = build_match(section.source, (*path, "source"), findings)
    target = build_match(section.target, (*path, "target"), findings)
    if matches_everything(source):
        message = "every alert is a source: any of them mutes every target with equal values"
        findings.warn((*path, "source"), "always-true", message, "say which alerts mute others")
    for index, field in enumerate(section.equal):
        if field in section.equal[:index]:
            findings.complain(
                (*path, "equal", index), "field-twice", f"{field!r} stands here twice", hint="leave one of them out"
            )
    return Inhibition(
        id=section.id, source=source, target=target, equal=tuple(section.equal), span=findings.document.span(path)
    )


def check_names(files: Sequence[tuple[Muting, Findings]]) -> None:
    """Complain of ids that stand twice among silences, among maintenance, among inhibitions."""
    for key in ("silences", "maintenance", "inhibitions"):
        seen: set[str] = set()
        for muting, findings in files:
            for index, each in enumerate(getattr(muting, key)):
                if each.id in seen:
                    findings.complain(
                        (key, index, "id"),
                        "duplicate-id",
                        f"the id {each.id!r} stands twice among {key}",
                        hint="give each an id of its own",
                    )
                seen.add(each.id)
