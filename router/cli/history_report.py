"""``alert-router report`` (also ``history report``): a month's report, to be forwarded."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from router.cli.history import open_history
from router.cli.options import config_option, fail
from router.cli.reading import load
from router.clock import SystemClock
from router.history.periods import month_before
from router.history.rendering import FORMS, SUFFIXES, Form, render
from router.history.report import build_month


@click.command(epilog="Example: alert-router report --month 2026-10 --output report.html")
@config_option
@click.option("--month", default=None, metavar="MONTH", help="As 2026-10; default: the last one that is over, in history.zone.")
@click.option(
    "--output", "output", default="-", metavar="FILE", help="Where to; `-`: standard output. Its ending says in which form."
)
@click.option("--format", "form", type=click.Choice(FORMS), default=None, help="Its form (default: by FILE, else html).")
def report(*, config_path: Path, month: str | None, output: str, form: Form | None) -> None:
    """The report of a month: figures beside the month before, objectives, rules that page without need, what came most often.

    HTML is one file with nothing loaded from elsewhere, and prints on A4. Markdown, JSON and CSV say the same.
    """
    settings = load(config_path)
    now = SystemClock().now()
    chosen = form or _form_of(output)
    with open_history(settings) as past:
        try:
            found = build_month(
                past,
                month or month_before(now, settings.history.zone),
                settings=settings.history,
                rules=settings.rules,
                base=config_path.resolve().parent,
                now=now,
            )
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--month") from None
    content = render(found, chosen)
    if output == "-":
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        Path(output).write_bytes(content)
    except OSError as error:
        fail(f"{output} cannot be written: {error.strerror or error}")
    click.echo(f"{found.title}: {found.statistics.total.incidents:,} incidents, {output}", err=True)


def _form_of(output: str) -> Form:
    suffix = Path(output).suffix.removeprefix(".").lower()
    return next((form for form, known in SUFFIXES.items() if known == suffix), "html")
