"""The report of a period as a value: figures beside those of the period before, what happened when, what to mend. Pure.

How it looks is the business of ``html`` and ``texts``. Must never do: name a person beside what went wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from router.config.history import HistorySettings
from router.history.base import Past, Record
from router.history.figures import LOOKBACK_MS, Figures, Statistics, Terms, count, in_night, local, zone_of
from router.history.health import Backtest, RuleHealth, examine
from router.history.objectives import Outcome, judge
from router.history.periods import Period, month_before, month_of, objectives_of, terms_of

MAX_KINDS = 10
MAX_LONGEST = 5


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """One day of the period in its zone."""

    date: str  # 2026-10-03
    by_day: int
    by_night: int


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """Incidents of one kind, counted; with the newest of them and the newest words on how one was resolved."""

    title: str
    service: str
    url: str
    incidents: int
    resolution: str


class Long(msgspec.Struct, frozen=True, kw_only=True):
    """One of the longest incidents."""

    number: int
    title: str
    service: str
    url: str
    created_at: int
    took_ms: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A whole report. Merged incidents are counted as merged and told nowhere else."""

    title: str
    month: str  # empty: another period
    zone: str
    written_at: int
    synced_until: int
    unread: int
    statistics: Statistics
    before: Figures
    outcomes: tuple[Outcome, ...]
    days: tuple[Day, ...]
    hours: tuple[int, ...]
    health: tuple[RuleHealth, ...]
    kinds: tuple[Kind, ...]
    longest: tuple[Long, ...]
    terms: Terms


def reported(month: str, zone: str, now: int) -> Period:
    """The time that the report of a month is about; ValueError if it is no month, or one that is still to come."""
    period = month_of(month, zone)
    if period.since > now:
        raise ValueError(f"{month} has not begun yet; the last month that is over is {month_before(now, zone)}")
    return period


def build_month(past: Past, month: str, *, settings: HistorySettings, rules: Sequence[Path], base: Path, now: int) -> Report:
    """The report of ``2026-10``; ValueError as ``reported`` says. ``base``: to what rule files are told relative."""
    period = reported(month, settings.zone, now)
    earlier = month_before(period.since, settings.zone)
    before = month_of(earlier, settings.zone) if earlier >= "1971" else Period(since=0, until=0)
    records = list(past.records(since=max(0, before.since - LOOKBACK_MS), until=period.until))
    held = past.holdings()
    terms = terms_of(settings)
    begin, end = (_moment(at, terms.zone) for at in (period.since, period.until))
    backtest = Backtest(rules=tuple(_told(path, base) for path in rules), begin=begin, end=end)
    inside = [record for record in records if record.created_at >= period.since]
    counted = [record for record in inside if record.ending != "merged"]
    statistics = count(records, since=period.since, until=period.until, terms=terms)
    return Report(
        title=f"Incidents in {local(period.since, zone_of(terms.zone)):%B %Y}",
        month=month,
        zone=terms.zone,
        written_at=now,
        synced_until=held.synced_until,
        unread=held.unread,
        statistics=statistics,
        before=count(records, since=before.since, until=before.until, terms=terms, by=()).total,
        outcomes=tuple(judge(inside, objectives_of(settings), now=now)),
        days=_days(counted, period, terms),
        hours=tuple(
            statistics.by["hour"][f"{hour:02}"].incidents if f"{hour:02}" in statistics.by["hour"] else 0 for hour in range(24)
        ),
        health=tuple(examine(counted, backtest)),
        kinds=_kinds(counted),
        longest=_longest(counted, now),
        terms=terms,
    )


def _days(records: Sequence[Record], period: Period, terms: Terms) -> tuple[Day, ...]:
    zone = zone_of(terms.zone)
    day: datetime = local(period.since, zone)
    counts: dict[str, list[int]] = {}
    while day.date() < local(period.until, zone).date():
        counts[day.date().isoformat()] = [0, 0]
        day += timedelta(days=1)  # of the clock on the wall
    for record in records:
        night = in_night(record.created_at, zone, terms) and record.urgency != "low"
        counts[local(record.created_at, zone).date().isoformat()][night] += 1
    return tuple(Day(date=date, by_day=found[0], by_night=found[1]) for date, found in counts.items())


def _kinds(records: Sequence[Record]) -> tuple[Kind, ...]:
    grouped: dict[str, list[Record]] = {}
    for record in records:
        grouped.setdefault(record.kind, []).append(record)
    often = sorted(grouped.values(), key=lambda found: (-len(found), found[0].kind))[:MAX_KINDS]
    return tuple(
        Kind(
            title=found[-1].title,
            service=found[-1].service,
            url=found[-1].url,
            incidents=len(found),
            resolution=next((record.resolution for record in reversed(found) if record.resolution), ""),
        )
        for found in often
        if len(found) > 1
    )


def _longest(records: Sequence[Record], now: int) -> tuple[Long, ...]:
    lengths = [((record.resolved_at or max(now, record.created_at)) - record.created_at, record) for record in records]
    lengths.sort(key=lambda pair: (-pair[0], pair[1].number))
    return tuple(
        Long(
            number=record.number,
            title=record.title,
            service=record.service,
            url=record.url,
            created_at=record.created_at,
            took_ms=took,
        )
        for took, record in lengths[:MAX_LONGEST]
    )


def _moment(at: int, zone: str) -> str:
    """As ``backtest`` reads it: a date is one of UTC."""
    moment = local(at, zone_of(zone))
    return moment.date().isoformat() if zone == "UTC" else moment.isoformat(timespec="minutes")


def _told(path: Path, base: Path) -> str:
    return str(path.relative_to(base)) if path.is_relative_to(base) else str(path)
