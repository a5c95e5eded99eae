"""``alert-router history stats``: the figures of a period, as tables."""

from __future__ import annotations

from pathlib import Path

import click

from router.cli.formats import clip, duration, instant
from router.cli.history import open_history, read_moment
from router.cli.options import config_option, output_option, print_json, print_table
from router.cli.reading import load
from router.clock import SystemClock
from router.config.settings import Settings
from router.history.figures import DIMENSIONS, Dimension, Figures, Times
from router.history.objectives import Outcome
from router.history.periods import Counted, Period, as_plain, count_all, month_of, objectives_of, records_of, terms_of

DEFAULT_MS = 30 * 86_400_000
SHOWN = 30
"""Rows of one table; ``--output json`` has all."""


@click.command(epilog="Example: alert-router history stats --month 2026-10 --by team")
@config_option
@output_option
@click.option("--month", default=None, metavar="MONTH", help="Of this month, as 2026-10, in history.zone.")
@click.option("--since", default=None, metavar="TIME", help="From then on: 90d, or 2026-01-31 (default: 30d).")
@click.option("--until", default=None, metavar="TIME", help="Up to then (default: now).")
@click.option("--by", "dimensions", multiple=True, type=click.Choice(DIMENSIONS), help="Also by this; repeat for more.")
def stats(
    *,
    config_path: Path,
    output: str,
    month: str | None,
    since: str | None,
    until: str | None,
    dimensions: tuple[Dimension, ...],
) -> None:
    """Times to acknowledge and to resolve, and how many pages need not have been. docs/reference/figures.md defines each."""
    settings = load(config_path)
    period = read_period(settings, month, since, until)
    counted = count_period(settings, period, dimensions)
    if output == "json":
        print_json(as_plain(counted))
        return
    found = counted.statistics
    click.echo(f"{instant(found.since)} to {instant(found.until)}")
    _print_total(found.total)
    for name in dimensions:
        click.echo("")
        _print_groups(name, found.by[name])
    for outcome in counted.outcomes:
        click.echo("")
        _print_objective(outcome)


def count_period(settings: Settings, period: Period, dimensions: tuple[Dimension, ...] = DIMENSIONS) -> Counted:
    """The figures out of the history that was fetched; exits with a hint where there is none."""
    with open_history(settings) as past:
        return count_all(
            records_of(past, period),
            period,
            terms=terms_of(settings.history),
            objectives=objectives_of(settings.history),
            now=SystemClock().now(),
            by=dimensions,
        )


def read_period(settings: Settings, month: str | None, since: str | None, until: str | None) -> Period:
    """The stretch of time that the options mean."""
    if month is not None:
        if since or until:
            raise click.UsageError("--month stands for both ends; leave --since and --until out")
        try:
            return month_of(month, settings.history.zone)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--month") from None
    clock = SystemClock()
    end = read_moment(until, "--until", clock) or clock.now()
    begin = read_moment(since, "--since", clock) or end - DEFAULT_MS
    if begin >= end:
        raise click.UsageError("the time begins after it ends")
    return Period(since=begin, until=end)


def _print_total(total: Figures) -> None:
    rows = [
        ["incidents", str(total.incidents)],
        ["  still open", str(total.open)],
        ["  acknowledged", str(total.acknowledged)],
        ["  never acknowledged", str(total.never_acknowledged)],
        ["  over by itself, at once", str(total.self_resolved)],
        ["  fired again", str(total.refired)],
        ["  reopened", str(total.reopened)],
        ["  escalated", str(total.escalated)],
        ["  at night", str(total.night_pages)],
        ["merged into others", str(total.merged)],
        ["alerts per incident", f"{total.alerts_per_incident:.1f}"],
    ]
    print_table(["FIGURE", "COUNT"], rows, nothing="")
    click.echo("")
    rows = [
        [name, str(found.count), *_lengths(found)]
        for name, found in (
            ("to acknowledge", total.to_acknowledge),
            ("to resolve", total.to_resolve),
            ("alert to page", total.to_page),
        )
    ]
    print_table(["TIME", "OF", "MEAN", "P50", "P90", "P95", "LONGEST"], rows, nothing="")


def _print_groups(name: str, groups: dict[str, Figures]) -> None:
    headers = [name.upper(), "INCIDENTS", "MTTA", "MTTR", "P90", "UNACKNOWLEDGED", "BY ITSELF", "AGAIN", "NIGHT"]
    rows = [
        [
            clip(key, 40),
            str(each.incidents),
            _length(each.to_acknowledge, each.to_acknowledge.mean),
            _length(each.to_resolve, each.to_resolve.mean),
            _length(each.to_resolve, each.to_resolve.p90),
            str(each.never_acknowledged),
            str(each.self_resolved),
            str(each.refired),
            str(each.night_pages),
        ]
        for key, each in list(groups.items())[:SHOWN]
    ]
    print_table(headers, rows, nothing=f"No {name}.")
    if len(groups) > SHOWN:
        click.echo(f"… and {len(groups) - SHOWN} more; --output json has all")


def _print_objective(outcome: Outcome) -> None:
    word = click.style("met", fg="green") if outcome.is_met else click.style("NOT met", fg="red")
    decided = outcome.met + outcome.breached
    click.echo(
        f"{outcome.objective.name} ({outcome.objective.sentence}): {word}, {outcome.met} of {decided}, {outcome.share:.1%}"
    )
    for breach in outcome.breaches[:5]:
        still = "" if breach.is_over else " so far"
        click.echo(
            f"  #{breach.number} {instant(breach.created_at)} took {duration(breach.took_ms)}{still}: {clip(breach.title, 60)}"
        )


def _lengths(found: Times) -> list[str]:
    return [_length(found, value) for value in (found.mean, found.p50, found.p90, found.p95, found.longest)]


def _length(found: Times, value: float) -> str:
    return duration(round(value) // 1000 * 1000) if found.count else "-"
