"""``alert-router search`` (also ``history search``): what happened before, and how it was resolved."""

from __future__ import annotations

from pathlib import Path

import click

from router.cli.formats import clip, instant
from router.cli.history import open_history
from router.cli.options import config_option, output_option, print_json
from router.cli.reading import load
from router.history.searching import Hit, hit_plain, search

SHOWN_RESOLUTION = 300


@click.command(name="search", epilog='Example: alert-router search "connection pool exhausted"')
@click.argument("words", nargs=-1, required=True)
@config_option
@output_option
@click.option("--limit", type=click.IntRange(1, 200), default=10, show_default=True, help="At most so many, best first.")
@click.option("--exact", is_flag=True, help="These words as they are: nothing is mended, and all have to be there.")
def find(*, words: tuple[str, ...], config_path: Path, output: str, limit: int, exact: bool) -> None:
    """Past incidents by the words of their titles, details, notes and resolutions, best first.

    Mistyped words are mended; a phrase in double quotes stays together. Exit code 1 if nothing was found.
    """
    settings = load(config_path)
    with open_history(settings) as past:
        found = search(past, " ".join(words), limit=limit, exact=exact)
    if output == "json":
        print_json({"items": [hit_plain(hit) for hit in found.hits], "mended": found.mended, "is_loose": found.is_loose})
    else:
        for word, meant in found.mended.items():
            click.echo(f"{clip(word, 40)}: taken for {', '.join(meant)}", err=True)
        if found.is_loose:
            click.echo("no incident holds all the words; these hold some", err=True)
        for hit in found.hits:
            _print(hit)
    if not found.hits:
        click.echo("Nothing was found.", err=True)
        raise SystemExit(1)


def _print(hit: Hit) -> None:
    record = hit.record
    click.echo(f"{click.style(f'#{record.number}', bold=True)}  {instant(record.created_at)}  {clip(record.title, 90)}")
    who = f"{clip(record.resolved_by, 40)}: " if record.resolved_by else ""
    if record.resolution:
        click.echo(f"      {who}{clip(record.resolution, SHOWN_RESOLUTION)}")
    shown = clip(hit.excerpt.replace("\n", " ").replace("\x02", "«").replace("\x03", "»"), 110)
    click.echo(click.style(f"      {shown}", dim=True))
    if record.url:
        click.echo(click.style(f"      {clip(record.url, 200)}", dim=True))
