"""The report as Markdown, JSON and CSV. Pure.

Must never do: let what strangers wrote become markup, or a formula of somebody's spreadsheet.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from router.history.figures import DIMENSIONS, Dimension, Figures, Times
from router.history.objectives import Breach, Outcome
from router.history.periods import Counted, as_plain, figures_plain
from router.history.report import Kind, Report
from router.history.wording import clean, headline, length, per_cent, safe_url

MAX_ROWS = 15
_MARKUP = re.compile(r"([\\`*_{}\[\]<>|#~])")


def render_json(report: Report) -> bytes:
    """For programs: times in seconds, as ``history stats`` gives them, and the rest of the report."""
    plain: dict[str, Any] = {
        "title": report.title,
        "month": report.month,
        "zone": report.zone,
        "written_at": report.written_at,
        "synced_until": report.synced_until,
        "unread": report.unread,
        "headline": headline(report),
    }
    plain |= as_plain(Counted(statistics=report.statistics, outcomes=list(report.outcomes)))
    plain["before"] = figures_plain(report.before)
    for name in ("days", "health", "kinds", "longest"):
        plain[name] = msgspec.to_builtins(getattr(report, name))
    return msgspec.json.format(msgspec.json.encode(plain), indent=2) + b"\n"


def render_csv(report: Report) -> str:
    """One row for the whole and for each value of each dimension; times in seconds."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    columns = list(_flat(report.statistics.total))
    writer.writerow(["period", "by", "name", *columns])
    rows: list[tuple[str, str, Figures]] = [("all", "", report.statistics.total)]
    rows += [(name, key, each) for name in DIMENSIONS for key, each in report.statistics.by[name].items()]
    for name, key, each in rows:
        writer.writerow([report.month, name, _cell(key), *_flat(each).values()])
    return out.getvalue()


def _flat(figures: Figures) -> dict[str, float]:
    flat: dict[str, float] = {}
    for name, value in figures_plain(figures).items():
        if isinstance(value, dict):
            flat |= {
                f"{name.removesuffix('_seconds')}_{part}{'' if part == 'count' else '_seconds'}": value[part] for part in value
            }
        else:
            flat[name] = value
    return flat


def _cell(text: str) -> str:
    """A spreadsheet would take these for a formula."""
    flat = clean(text)
    return f"'{flat}" if flat[:1] in "=+-@\t\r" and flat else flat


def render_markdown(report: Report) -> str:
    """For a pull request, a wiki, a chat."""
    total = report.statistics.total
    times = [("to acknowledge", total.to_acknowledge), ("to resolve", total.to_resolve), ("alert to page", total.to_page)]
    counts = [
        ("incidents", total.incidents, report.before.incidents),
        ("at night", total.night_pages, report.before.night_pages),
        ("never acknowledged", total.never_acknowledged, report.before.never_acknowledged),
        ("over by themselves at once", total.self_resolved, report.before.self_resolved),
        ("fired again", total.refired, report.before.refired),
        ("reopened", total.reopened, report.before.reopened),
        ("escalated", total.escalated, report.before.escalated),
        ("still open", total.open, report.before.open),
    ]
    parts = [
        f"# {_plain(report.title)}",
        _plain(headline(report)),
        _table(
            ["figure", "count", "of all", "month before"],
            [[name, f"{now:,}", per_cent(now, total.incidents), f"{before:,}"] for name, now, before in counts],
        ),
        _table(
            ["time", "of", "mean", "p50", "p90", "p95", "longest"],
            [[name, f"{each.count:,}", *_lengths(each)] for name, each in times],
        ),
        *_objectives(report.outcomes),
        *_health(report),
        *(_group(name, report) for name in ("team", "service", "rule")),
        *_kinds(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _objectives(outcomes: Sequence[Outcome]) -> Iterable[str]:
    if not outcomes:
        return
    yield "## What we promised"
    rows = [
        [
            _plain(outcome.objective.name),
            _plain(outcome.objective.sentence),
            f"{outcome.met:,} of {outcome.met + outcome.breached:,}",
            f"{outcome.share:.1%}",
            "kept" if outcome.is_met else "**not kept**",
        ]
        for outcome in outcomes
    ]
    yield _table(["objective", "wanted", "met by", "share", ""], rows)
    for outcome in outcomes:
        if outcome.breaches:
            yield f"Breached {_plain(outcome.objective.name)}:"
            yield "\n".join(_breach(breach) for breach in outcome.breaches[:5])


def _breach(breach: Breach) -> str:
    return f"- {_link(breach.url, f'#{breach.number} {breach.title}')}: {length(breach.took_ms)}"


def _lengths(found: Times) -> list[str]:
    return [length(value, found) for value in (found.mean, found.p50, found.p90, found.p95, found.longest)]


def _health(report: Report) -> Iterable[str]:
    if not report.health:
        return
    yield "## Pages that need not have been"
    for health in report.health[:MAX_ROWS]:
        yield (
            f"**{_plain(health.rule)}**: {health.never_acknowledged} of {health.pages} pages were never acknowledged, "
            f"{health.over_by_itself} ended by themselves."
        )
        if health.proposal is not None:
            proposal = health.proposal
            harm = f" (and {proposal.harms} that were acknowledged)" if proposal.harms else ""
            yield f"`{proposal.change}` removes {proposal.removes} of {proposal.of}{harm}:"
            yield f"    {clean(proposal.command)}"


def _group(name: Dimension, report: Report) -> str:
    groups = report.statistics.by[name]
    if set(groups) <= {"none"}:
        return ""
    rows = [
        [
            _plain(key),
            f"{each.incidents:,}",
            length(each.to_acknowledge.mean, each.to_acknowledge),
            length(each.to_resolve.mean, each.to_resolve),
            f"{each.night_pages:,}",
            f"{each.never_acknowledged:,}",
            f"{each.self_resolved:,}",
        ]
        for key, each in list(groups.items())[:MAX_ROWS]
    ]
    return f"## By {name}\n\n" + _table([name, "incidents", "MTTA", "MTTR", "at night", "never ack.", "by itself"], rows)


def _kinds(report: Report) -> Iterable[str]:
    if report.kinds:
        rows = [_kind(kind) for kind in report.kinds]
        yield "## What came most often\n\n" + _table(["newest of its kind", "service", "times", "last resolved by"], rows)


def _kind(kind: Kind) -> list[str]:
    return [_link(kind.url, kind.title), _plain(kind.service), f"{kind.incidents:,}", _plain(kind.resolution)]


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(headers)} |", f"|{'---|' * len(headers)}"]
    return "\n".join((*lines, *(f"| {' | '.join(row)} |" for row in rows)))


def _link(url: str, title: str) -> str:
    address = safe_url(url)
    return f"[{_plain(title)}](<{address}>)" if address and not set("<>") & set(address) else _plain(title)


def _plain(text: str) -> str:
    return _MARKUP.sub(r"\\\1", clean(text))
