"""The report of each month, written into a directory once the month is over and its incidents are here.

A file is there whole or not at all, and one that is there is never written again: somebody may have sent it on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from router.config.history import HistorySettings
from router.history.base import Past
from router.history.periods import month_before, month_of
from router.history.rendering import SUFFIXES, render
from router.history.report import build_month


def write_due(past: Past, settings: HistorySettings, *, rules: Sequence[Path], base: Path, now: int) -> list[Path]:
    """The files of last month that are due and not there yet; what was written. OSError if that cannot be."""
    if settings.reports is None:
        return []
    month = month_before(now, settings.zone)
    period = month_of(month, settings.zone)
    directory = settings.reports.directory
    missing = [form for form in settings.reports.formats if not (directory / _name(month, SUFFIXES[form])).exists()]
    held = past.holdings()
    is_known = 0 < held.oldest < period.until <= held.synced_until
    if not missing or not is_known or held.unlisted or held.unread:
        return []
    report = build_month(past, month, settings=settings, rules=rules, base=base, now=now)
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for form in missing:
        path = directory / _name(month, SUFFIXES[form])
        new = path.with_name(path.name + ".new")
        new.write_bytes(render(report, form))
        new.rename(path)
        written.append(path)
    return written


def _name(month: str, suffix: str) -> str:
    return f"report-{month}.{suffix}"
