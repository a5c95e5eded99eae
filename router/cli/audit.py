"""``alert-router audit``: who did what, listed for people and exported as JSON Lines for other systems."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from router.cli.formats import clip, instant
from router.cli.journals import parse_time
from router.cli.options import config_option, limit_option, output_option, print_json, print_table
from router.cli.reading import open_store
from router.clock import SystemClock
from router.model.quantity import QuantityError, parse_duration
from router.store.base import AuditRow

CHUNK = 1_000

F = TypeVar("F", bound=Callable[..., Any])
since_option: Callable[[F], F] = click.option(
    "--since", default=None, metavar="TIME", help="From then on: 24h, or 2026-11-14T06:00Z."
)
until_option: Callable[[F], F] = click.option("--until", default=None, metavar="TIME", help="Up to then.")
who_option: Callable[[F], F] = click.option(
    "--who", default="", metavar="NAME", help="Only by this one; a part of the name is enough."
)


@click.group(epilog="Example: alert-router audit list --since 24h --who ada")
def audit() -> None:
    """Who did what: people in PagerDuty, tokens of the API, the command line, the router itself. Only ever added to."""


@audit.command(name="list", epilog="Example: alert-router audit list --since 24h --who ada")
@config_option
@output_option
@limit_option
@since_option
@until_option
@who_option
@click.option("--incident", type=click.IntRange(1), default=None, help="Only what was done to this incident.")
def list_them(  # noqa: PLR0917
    config_path: Path, output: str, limit: int, since: str | None, until: str | None, who: str, incident: int | None
) -> None:
    """The newest first."""
    with open_store(config_path) as reader:
        rows = reader.audit(
            incident=incident, who=who, since=_moment(since, "--since"), until=_moment(until, "--until"), limit=limit
        )
    if output == "json":
        print_json({"items": rows})
        return
    print_table(
        ["WHEN", "WHO", "THROUGH", "WHAT", "INCIDENT", "TEAM", "MORE"],
        [
            [
                instant(row.entry.at),
                clip(row.entry.who, 40),
                row.entry.through,
                row.entry.what,
                str(row.entry.incident or "-"),
                row.entry.team or "-",
                clip(row.entry.text, 70),
            ]
            for row in rows
        ],
        nothing="Nothing was done.",
    )


@audit.command(epilog="Example: alert-router audit export --after 4711 >> audit.jsonl")
@config_option
@since_option
@until_option
@who_option
@click.option("--after", "after_id", type=click.IntRange(0), default=0, help="Go on after the entry with this id.")
def export(config_path: Path, since: str | None, until: str | None, who: str, after_id: int) -> None:
    """As JSON Lines on standard output, oldest first; each line has an `id` to go on after."""
    wanted: dict[str, Any] = {"who": who, "since": _moment(since, "--since"), "until": _moment(until, "--until")}
    out = sys.stdout.buffer
    with open_store(config_path) as reader:
        while rows := reader.audit(after_id=after_id, limit=CHUNK, **wanted):
            out.write(b"".join(_line(row) for row in rows))
            after_id = rows[-1].id
    out.flush()


def _line(row: AuditRow) -> bytes:
    """One entry; the time for people beside the one for programs."""
    plain = {"id": row.id, "time": instant(row.entry.at).replace(" ", "T")} | msgspec.to_builtins(row.entry)
    return msgspec.json.encode(plain) + b"\n"


def _moment(text: str | None, option: str) -> int | None:
    if text is None:
        return None
    try:
        return max(0, SystemClock().now() - parse_duration(text))
    except QuantityError:
        return parse_time(text, option)
