"""The table of ``docs/benchmarks/``: each row a figure of both, their ratio, the floor we must pass and the aim.

Ratios are router over Alertmanager, of medians over interleaved runs. Rows of faults are absolute: what is right does not
depend on what somebody else does.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

Results = Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]
"""(section, contender) -> what its runs gave."""


class Row(msgspec.Struct, frozen=True):
    """``better``: whether a larger or a smaller ratio (or figure, if ``absolute``) is the good one."""

    title: str
    section: str
    figure: str
    better: Literal["more", "less"]
    floor: float
    aim: float
    digits: int = 0
    absolute: bool = False


ROWS = (
    Row("new alerts/s accepted, 64 a request, 8 connections", "accept-64", "new_per_second", "more", 1.2, 2.0),
    Row("CPU seconds per 100,000 of them", "accept-64", "new_cpu_per_100k", "less", 0.6, 0.35, 1),
    Row("the same, server on one core, alerts/s", "one-core", "new_per_second", "more", 1.8, 3.0),
    Row("with dispatch at once, alerts/s", "dispatch", "new_per_second", "more", 2.0, 4.0),
    Row("new alerts/s, 1 a request, 8 connections", "accept-1", "new_per_second", "more", 0.8, 1.0),
    Row("resends/s, 64 a request", "accept-64", "resend_per_second", "more", 3.0, 5.0),
    Row("CPU seconds per 100,000 resends", "accept-64", "resend_cpu_per_100k", "less", 0.3, 0.15, 1),
    Row("new alerts/s with 10,000 rules, prefix globs", "rules-prefix", "new_per_second", "more", 8.0, 20.0),
    Row("the same, suffix globs", "rules-suffix", "new_per_second", "more", 5.0, 20.0),
    Row("the same, infix globs", "rules-infix", "new_per_second", "more", 5.0, 20.0),
    Row("alert to page at 200 alerts/s, p50 ms", "rate-200", "page_p50_ms", "less", 2.0, 1.0, 2),
    Row("alert to page at 200 alerts/s, p99 ms", "rate-200", "page_p99_ms", "less", 1.5, 1.0, 2),
    Row("alert to page at 1,000 alerts/s, p99 ms", "rate-1000", "page_p99_ms", "less", 0.5, 0.25, 1),
    Row("storm: 20,000 pages, last one out, s", "storm", "last_page_seconds", "less", 1.0, 0.3, 2),
    Row("memory, 100,000 active alerts, each its own group, MB", "memory-own-groups", "memory_mb", "less", 0.3, 0.15),
    Row("memory, 100,000 active alerts in 400 groups, MB", "memory-400-groups", "memory_mb", "less", 0.8, 0.4),
    Row("accepted, killed (-9), not sent again: pages lost of 1,000", "crash", "lost", "less", 0, 0, absolute=True),
    Row("second incidents after that restart", "crash", "second_incidents", "less", 0, 0, absolute=True),
    Row("pages sent again after that restart", "crash", "repeated", "less", math.inf, math.inf, absolute=True),
    Row("SIGTERM in a burst: pages lost of 1,000", "stop", "lost", "less", 0, 0, absolute=True),
    Row("PagerDuty away 60 s, 300 alerts: attempts meanwhile", "outage", "attempts_in_outage", "less", 300, 60, absolute=True),
    Row("pages lost by it", "outage", "lost", "less", 0, 0, absolute=True),
    Row("pairs of pages of one severity out of order after it", "outage", "out_of_order", "less", 0, 0, 2, absolute=True),
    Row("last page after it is back, s", "outage", "last_page_seconds", "less", 5, 2, 1, absolute=True),
    Row("429 with Retry-After 30, 300 alerts: retries too early", "throttled", "early_retries", "less", 0, 0, absolute=True),
    Row("pairs of pages of one severity out of order after it", "throttled", "out_of_order", "less", 0, 0, 2, absolute=True),
)


def render(results: Results) -> str:
    """The table in Markdown; rows whose section was not run are left out."""
    lines = ["| work | router | Alertmanager | ratio | floor | aim | |", "|---|---:|---:|---:|---:|---:|---|"]
    lines += [_line(row, results) for row in ROWS if (row.section, "router") in results]
    return "\n".join(lines) + "\n"


def verdict(row: Row, results: Results) -> str:
    """``aim``, ``floor`` or ``below``; empty where one of the two has no figure."""
    value = _figure(row, results) if row.absolute else _ratio(row, results)
    if math.isnan(value):
        return ""
    if row.better == "more":
        return "aim" if value >= row.aim else "floor" if value >= row.floor else "below"
    return "aim" if value <= row.aim else "floor" if value <= row.floor else "below"


def median(values: Sequence[float]) -> float:
    """NaN of none."""
    return statistics.median(values) if values else math.nan


def values_of(row: Row, results: Results, contender: str) -> list[float]:
    """The row's figure of each run."""
    return [run[row.figure] for run in results.get((row.section, contender), []) if row.figure in run]


def _figure(row: Row, results: Results) -> float:
    """For absolute rows the worst run counts, not the middle one."""
    return max(values_of(row, results, "router"), default=math.nan)


def _ratio(row: Row, results: Results) -> float:
    theirs = median(values_of(row, results, "alertmanager"))
    return median(values_of(row, results, "router")) / theirs if theirs else math.nan


def _line(row: Row, results: Results) -> str:
    ratio = "" if row.absolute or math.isnan(_ratio(row, results)) else f"{_ratio(row, results):.2f}"
    sign = "" if row.absolute else " x"
    limits = ["" if math.isinf(limit) else f"{limit:g}{sign}" for limit in (row.floor, row.aim)]
    cells = [_spread(row, values_of(row, results, contender)) for contender in ("router", "alertmanager")]
    mark = "" if math.isinf(row.floor) else verdict(row, results)
    return f"| {row.title} | {' | '.join(cells)} | {ratio} | {' | '.join(limits)} | {mark} |"


def _spread(row: Row, values: Sequence[float]) -> str:
    """Median, and least to most where they differ."""
    if not values:
        return "-"
    low, middle, high = (f"{value:,.{row.digits}f}" for value in (min(values), median(values), max(values)))
    return middle if low == high else f"{middle} ({low} to {high})"
