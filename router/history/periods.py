"""Stretches of time that people speak of: a month by the clocks of a zone, the last so long. And what is counted in one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import msgspec

from router.config.history import HistorySettings
from router.history.base import Past, Record
from router.history.figures import DIMENSIONS, LOOKBACK_MS, Dimension, Figures, Statistics, Terms, Times, count, local, zone_of
from router.history.objectives import Objective, Outcome, judge

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """since <= time < until, in ms UTC. ``month``: as ``2026-10`` if it is one."""

    since: int
    until: int
    month: str = ""


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is said of a period in figures."""

    statistics: Statistics
    outcomes: list[Outcome]


def month_of(text: str, zone: str) -> Period:
    """The month ``2026-10`` in a zone; ValueError if it is none."""
    found = _MONTH.fullmatch(text)
    if found is None or not 1970 < int(found[1]) < 9999:  # noqa: PLR2004 -- what dates can hold
        raise ValueError(f"expected a month such as 2026-10, found {text[:32]!r}")
    year, month = int(found[1]), int(found[2])
    until = (year + 1, 1) if month == 12 else (year, month + 1)  # noqa: PLR2004 -- December
    clocks = zone_of(zone)
    return Period(since=_first(year, month, clocks), until=_first(*until, clocks), month=text)


def month_before(at: int, zone: str) -> str:
    """The last month that was over at this time."""
    first = local(at, zone_of(zone)).replace(day=1)
    return (first - timedelta(days=1)).strftime("%Y-%m")


def terms_of(settings: HistorySettings) -> Terms:
    """What the figures depend on, as configured."""
    return Terms(
        zone=settings.zone,
        night_from=settings.night_from,
        night_to=settings.night_to,
        self_resolved_ms=settings.self_resolved_ms,
        refired_ms=settings.refired_ms,
    )


def objectives_of(settings: HistorySettings) -> list[Objective]:
    """The objectives, as configured."""
    return [msgspec.convert(msgspec.structs.asdict(each), Objective) for each in settings.objectives]


def records_of(past: Past, period: Period) -> list[Record]:
    """The incidents that figures of a period look at: its own, and those of the month before."""
    return list(past.records(since=max(0, period.since - LOOKBACK_MS), until=period.until))


def count_all(
    records: Sequence[Record],
    period: Period,
    *,
    terms: Terms,
    objectives: Sequence[Objective],
    now: int,
    by: Sequence[Dimension] = DIMENSIONS,
) -> Counted:
    """Figures and objectives; ``records`` as ``records_of`` gives them."""
    inside = [record for record in records if record.created_at >= period.since]
    return Counted(
        statistics=count(records, since=period.since, until=period.until, terms=terms, by=by),
        outcomes=judge(inside, objectives, now=now),
    )


def as_plain(counted: Counted) -> dict[str, Any]:
    """For programs: times in seconds."""
    found = counted.statistics
    return {
        "since": found.since,
        "until": found.until,
        "total": figures_plain(found.total),
        "by": {name: {key: figures_plain(each) for key, each in groups.items()} for name, groups in found.by.items()},
        "objectives": [outcome_plain(outcome) for outcome in counted.outcomes],
    }


def figures_plain(figures: Figures) -> dict[str, Any]:
    """Plain values, times in seconds."""
    plain: dict[str, Any] = {}
    for name in Figures.__struct_fields__:
        value = getattr(figures, name)
        plain[f"{name}_seconds" if isinstance(value, Times) else name] = _seconds(value) if isinstance(value, Times) else value
    return plain | {"alerts_per_incident": round(figures.alerts_per_incident, 3)}


def outcome_plain(outcome: Outcome) -> dict[str, Any]:
    """Plain values, times in seconds."""
    breaches = [{"took_seconds": breach.took_ms / 1000, **msgspec.to_builtins(breach)} for breach in outcome.breaches]
    for breach in breaches:
        del breach["took_ms"]
    return {
        "name": outcome.objective.name,
        "wanted": outcome.objective.sentence,
        "goal": outcome.objective.goal,
        "share": outcome.share,
        "is_met": outcome.is_met,
        "met": outcome.met,
        "breached": outcome.breached,
        "pending": outcome.pending,
        "breaches": breaches,
    }


def _seconds(times: Times) -> dict[str, float]:
    plain = {name: getattr(times, name) / 1000 for name in ("mean", "p50", "p90", "p95", "longest")}
    return {"count": times.count} | {name: round(value, 3) for name, value in plain.items()}


def _first(year: int, month: int, zone: tzinfo) -> int:
    moment = datetime(year, month, 1, tzinfo=zone)
    return (moment.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)
