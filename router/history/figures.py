"""The figures: how fast pages were answered and solved, and how many need not have been. Pure.

The definitions are docs/reference/figures.md, word for word; tests hold both to plain SQL. Must never do: guess. What is not
known is not counted, and how many were counted stands beside every time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from math import ceil
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from router.history.base import Record

Dimension = Literal["service", "team", "rule", "urgency", "priority", "hour"]
DIMENSIONS: tuple[Dimension, ...] = ("service", "team", "rule", "urgency", "priority", "hour")

LOOKBACK_MS = 31 * 86_400_000
"""So far before a period incidents are looked at, for what fired again in it."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What the figures depend on besides the incidents."""

    zone: str = "UTC"
    night_from: int = 22 * 60  # minutes of the day; the night may go past midnight
    night_to: int = 7 * 60
    self_resolved_ms: int = 300_000
    refired_ms: int = 3_600_000


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """Lengths of time in ms. Percentiles by nearest rank: each is a value that occurred."""

    count: int = 0
    mean: float = 0.0
    p50: int = 0
    p90: int = 0
    p95: int = 0
    longest: int = 0


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Of the incidents of a period that were not merged into others; ``merged`` are those that were."""

    incidents: int = 0
    merged: int = 0
    open: int = 0
    acknowledged: int = 0
    never_acknowledged: int = 0
    escalated: int = 0
    reopened: int = 0
    refired: int = 0
    self_resolved: int = 0
    night_pages: int = 0
    alerts: int = 0
    to_acknowledge: Times = Times()
    to_resolve: Times = Times()
    to_page: Times = Times()

    @property
    def alerts_per_incident(self) -> float:
        """On average."""
        return self.alerts / self.incidents if self.incidents else 0.0


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """A period's figures, in all and by each dimension; names in order of incidents, hours in order."""

    since: int
    until: int
    total: Figures
    by: dict[Dimension, dict[str, Figures]]


def count(
    records: Iterable[Record], *, since: int, until: int, terms: Terms, by: Iterable[Dimension] = DIMENSIONS
) -> Statistics:
    """``records``: by rising time of creation, from ``LOOKBACK_MS`` before ``since``."""
    zone = zone_of(terms.zone)
    total = Tally()
    dimensions: list[tuple[Dimension, Callable[[Record], str]]] = [(name, _reader_of(name, zone)) for name in by]
    tallies: dict[Dimension, dict[str, Tally]] = {name: {} for name, _ in dimensions}
    ends: dict[str, list[int]] = {}  # of each kind, when earlier ones were resolved
    for record in records:
        if record.created_at >= until:
            break
        is_refired = _has_refired(record, ends, terms.refired_ms)
        if record.created_at < since:
            continue
        is_night = record.urgency != "low" and in_night(record.created_at, zone, terms)
        total.add(record, terms, is_night=is_night, is_refired=is_refired)
        for name, read in dimensions:
            tallies[name].setdefault(read(record), Tally()).add(record, terms, is_night=is_night, is_refired=is_refired)
    return Statistics(
        since=since,
        until=until,
        total=total.figures(),
        by={name: _in_order(name, {key: tally.figures() for key, tally in found.items()}) for name, found in tallies.items()},
    )


class Tally:
    """Adds incidents up."""

    def __init__(self) -> None:
        """None yet."""
        self._counts = dict.fromkeys(
            (
                *("incidents", "merged", "open", "acknowledged", "never_acknowledged", "escalated", "reopened", "refired"),
                *("self_resolved", "night_pages", "alerts"),
            ),
            0,
        )
        self._to_acknowledge: list[int] = []
        self._to_resolve: list[int] = []
        self._to_page: list[int] = []

    def add(self, record: Record, terms: Terms, *, is_night: bool, is_refired: bool) -> None:
        """One more."""
        counts = self._counts
        if record.ending == "merged":
            counts["merged"] += 1
            return
        is_over = record.status == "resolved"
        counts["incidents"] += 1
        counts["alerts"] += record.alerts
        counts["night_pages"] += is_night
        counts["refired"] += is_refired
        counts["escalated"] += record.escalated > 0
        counts["reopened"] += record.reopened > 0
        counts["open"] += not is_over
        counts["self_resolved"] += is_self_resolved(record, terms.self_resolved_ms)
        if record.acknowledged_at:
            counts["acknowledged"] += 1
            self._to_acknowledge.append(record.acknowledged_at - record.created_at)
        elif is_over:
            counts["never_acknowledged"] += 1
        if is_over:
            self._to_resolve.append(record.resolved_at - record.created_at)
        if record.alerted_at:
            self._to_page.append(record.created_at - record.alerted_at)

    def figures(self) -> Figures:
        """All together."""
        return Figures(
            **self._counts,
            to_acknowledge=times(self._to_acknowledge),
            to_resolve=times(self._to_resolve),
            to_page=times(self._to_page),
        )


def is_self_resolved(record: Record, within_ms: int) -> bool:
    """Over by itself so soon that nobody had to come."""
    return (
        record.status == "resolved"
        and record.ending == "itself"
        and not record.acknowledged_at
        and record.resolved_at - record.created_at <= within_ms
    )


def times(lengths: list[int]) -> Times:
    """Mean and percentiles."""
    if not lengths:
        return Times()
    ordered = sorted(lengths)
    number = len(ordered)
    p50, p90, p95 = (ordered[ceil(share * number / 100) - 1] for share in (50, 90, 95))
    return Times(count=number, mean=sum(ordered) / number, p50=p50, p90=p90, p95=p95, longest=ordered[-1])


def local(at: int, zone: tzinfo) -> datetime:
    """A time as clocks show it there."""
    return (_EPOCH + timedelta(milliseconds=at)).astimezone(zone)


def zone_of(name: str) -> tzinfo:
    """The zone; UTC without a look at the zone files."""
    return UTC if name == "UTC" else ZoneInfo(name)


def in_night(at: int, zone: tzinfo, terms: Terms) -> bool:
    """Whether clocks there show a time of the night."""
    moment = local(at, zone)
    minute = moment.hour * 60 + moment.minute
    if terms.night_from <= terms.night_to:
        return terms.night_from <= minute < terms.night_to
    return minute >= terms.night_from or minute < terms.night_to


def _has_refired(record: Record, ends: dict[str, list[int]], within_ms: int) -> bool:
    """Whether an earlier one of its kind had been resolved just before; remembers this one for those to come."""
    if record.ending == "merged" or not record.kind:
        return False
    earlier = [end for end in ends.get(record.kind, ()) if end >= record.created_at - within_ms]
    found = any(end <= record.created_at for end in earlier)
    if record.resolved_at:
        earlier.append(record.resolved_at)
    ends[record.kind] = earlier
    return found


def _reader_of(name: Dimension, zone: tzinfo) -> Callable[[Record], str]:
    if name == "hour":
        return lambda record: f"{local(record.created_at, zone).hour:02}"
    return lambda record: str(getattr(record, name)) or "none"


def _in_order(name: Dimension, found: dict[str, Figures]) -> dict[str, Figures]:
    if name == "hour":
        return dict(sorted(found.items()))
    return dict(sorted(found.items(), key=lambda item: (-item[1].incidents, item[0])))
