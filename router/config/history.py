"""The ``history`` section: what may stand there and what becomes of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
from pydantic import AfterValidator, Field, model_validator

from router.config.fields import DAY_MS, SECOND_MS, Duration, FilePath, between
from router.config.findings import Findings
from router.yamldoc import Mistake
from router.yamldoc.sections import Maybe, Section, setting

_NIGHT = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
ReportFormat = Literal["html", "markdown", "json", "csv"]
_LENGTH = between(SECOND_MS, 30 * DAY_MS, "1s to 30d")


def _check_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, OSError, ValueError) as error:
        raise Mistake("unknown-zone", f"there is no zone {value[:64]!r}", "Europe/Berlin, America/New_York, UTC") from error
    return value


def _check_night(value: str) -> str:
    if not _NIGHT.fullmatch(value):
        raise Mistake(
            "bad-night", f"found {value[:32]!r}; expected two times of day, as 22:00-07:00", hint='in quotes: "22:00-07:00"'
        )
    return value


class ObjectiveSection(Section):
    """A service level objective, as "P1 resolved within an hour"."""

    name: str = Field(description="What it is called in figures and reports.", min_length=1, max_length=64)
    acknowledge_within: Maybe[Annotated[Duration, _LENGTH]] = setting(None, "Somebody has it within this time.")
    resolve_within: Maybe[Annotated[Duration, _LENGTH]] = setting(None, "It is over within this time.")
    goal: float = setting(100, "Per cent of the incidents that have to meet it.", gt=0, le=100)
    priorities: list[str] = setting([], "Only incidents of these priorities of PagerDuty's.", examples=[["P1", "P2"]])
    urgencies: list[Literal["high", "low"]] = setting([], "Only of these urgencies.")
    services: list[str] = setting([], "Only of these services of PagerDuty's, by name.")
    teams: list[str] = setting([], "Only of these teams.")

    @model_validator(mode="after")
    def check_times(self) -> ObjectiveSection:
        """One thing is wanted."""
        if (self.acknowledge_within is None) == (self.resolve_within is None):
            raise Mistake(
                "one-of-two",
                "give either acknowledge_within or resolve_within",
                at=("name",),
                hint="make two objectives of it, if both are wanted",
            )
        return self


class ReportsSection(Section):
    """A report of each month, written by the daemon once the month is over."""

    directory: FilePath = Field(description="Where: `report-2026-10.html` and so on. Relative to this file.")
    formats: list[ReportFormat] = setting(["html", "markdown", "json", "csv"], "In which forms.", min_length=1)


class HistorySection(Section):
    """PagerDuty's past, kept here to be searched, counted and told."""

    path: Maybe[FilePath] = setting(None, "Its SQLite file; default: beside the store, `NAME-history.db`.")
    sync: Annotated[Duration, between(0, DAY_MS, "0s to 1d")] = setting(
        "15m",
        "How often the daemon fetches what is new. `0s`: never. Needs `pagerduty.api_token`, a read-only one is enough.",
    )
    since: Annotated[Duration, between(DAY_MS, 3650 * DAY_MS, "1d to 3650d")] = setting(
        "90d", "How far back the daemon goes; `alert-router history sync --since` goes further."
    )
    services: list[str] = setting([], "Only these services of PagerDuty's, by name or id. Without any: all.")
    zone: Annotated[str, AfterValidator(_check_zone)] = setting("UTC", "Time zone of hours, nights and months.")
    night: Annotated[str, AfterValidator(_check_night)] = setting("22:00-07:00", "Pages at these times are night pages.")
    self_resolved_within: Annotated[Duration, _LENGTH] = setting(
        "5m", "Over by itself, without anybody, within this time: it need not have paged."
    )
    refired_within: Annotated[Duration, _LENGTH] = setting(
        "1h", "The same again so soon after its resolution: it was not solved."
    )
    objectives: list[ObjectiveSection] = setting([], "Service level objectives.")
    reports: Maybe[ReportsSection] = setting(None, "A report of each month.")
    links: int = setting(
        3,
        "How many links to past incidents of the same kind a page carries, with who resolved them and how. `0`: none.",
        ge=0,
        le=3,
    )


class ObjectiveSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One objective; one of the two times is 0."""

    name: str
    acknowledge_within_ms: int
    resolve_within_ms: int
    goal: float  # a share of 1
    priorities: tuple[str, ...]
    urgencies: tuple[str, ...]
    services: tuple[str, ...]
    teams: tuple[str, ...]


class ReportsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where monthly reports go."""

    directory: Path
    formats: tuple[ReportFormat, ...]


class HistorySettings(msgspec.Struct, frozen=True, kw_only=True):
    """As the daemon and the commands need it."""

    path: Path
    sync_ms: int  # 0: the daemon does not
    since_ms: int
    services: tuple[str, ...]
    zone: str
    night_from: int  # minutes of the day
    night_to: int
    self_resolved_ms: int
    refired_ms: int
    objectives: tuple[ObjectiveSettings, ...]
    reports: ReportsSettings | None
    links: int


def build_history(section: HistorySection, store: Path, findings: Findings) -> HistorySettings:
    """``store``: the store's file, which names ours."""
    path = store.with_name(f"{store.stem}-history.db") if section.path is None else findings.resolve_path(section.path)
    if path == store:
        findings.complain(("history", "path"), "same-file", "the history is a file of its own, not the store's", "leave it out")
    night = _NIGHT.fullmatch(section.night)
    assert night is not None
    hours = [int(part) for part in night.groups()]
    reports = None
    if section.reports is not None:
        directory = findings.resolve_path(section.reports.directory)
        reports = ReportsSettings(directory=directory, formats=tuple(section.reports.formats))
    return HistorySettings(
        path=path,
        sync_ms=section.sync,
        since_ms=section.since,
        services=tuple(section.services),
        zone=section.zone,
        night_from=hours[0] * 60 + hours[1],
        night_to=hours[2] * 60 + hours[3],
        self_resolved_ms=section.self_resolved_within,
        refired_ms=section.refired_within,
        reports=reports,
        links=section.links,
        objectives=tuple(_build_objective(each) for each in section.objectives),
    )


def _build_objective(section: ObjectiveSection) -> ObjectiveSettings:
    return ObjectiveSettings(
        name=section.name,
        acknowledge_within_ms=section.acknowledge_within or 0,
        resolve_within_ms=section.resolve_within or 0,
        goal=section.goal / 100,
        priorities=tuple(section.priorities),
        urgencies=tuple(section.urgencies),
        services=tuple(section.services),
        teams=tuple(section.teams),
    )
