"""``alert-router incidents``: what was opened and closed; ``show`` tells the story of one."""

from __future__ import annotations

from pathlib import Path

import click

from router.cli.explain import print_explanation
from router.cli.formats import clip, duration, instant, severity
from router.cli.options import config_option, fail, limit_option, output_option, print_json, print_table
from router.cli.reading import open_store
from router.incidents.explanation import explain_incident


@click.group(invoke_without_command=True, epilog="Example: alert-router incidents --open; alert-router incidents show 17")
@config_option
@output_option
@limit_option
@click.option("--open", "only_open", is_flag=True, help="Only what is open now.")
@click.option("--team", default=None, help="Only of this team.")
@click.pass_context
def incidents(ctx: click.Context, *, config_path: Path, output: str, limit: int, only_open: bool, team: str | None) -> None:
    """Incidents, newest first."""
    ctx.obj = (config_path, output)
    if ctx.invoked_subcommand:
        return
    with open_store(config_path) as reader:
        rows = reader.incidents(status="open" if only_open else None, team=team, limit=limit)
    if output == "json":
        print_json({"items": rows})
        return
    print_table(
        ["INCIDENT", "STATUS", "SEVERITY", "TEAMS", "RULE", "OPENED", "LASTED", "ALERTS", "SUMMARY"],
        [
            [
                str(row.number),
                row.status if not row.storm else f"{row.status} (in {row.storm})",
                severity(row.severity.word),
                ",".join(row.teams),
                row.rule,
                instant(row.opened_at),
                duration(row.closed_at - row.opened_at) if row.closed_at else "-",
                str(row.alerts),
                clip(row.summary, 60),
            ]
            for row in rows
        ],
        nothing="No incidents.",
    )


@incidents.command(epilog="Example: alert-router incidents show 17")
@click.argument("incident")
@click.pass_context
def show(ctx: click.Context, incident: str) -> None:
    """The story of one incident, by its number or dedup key."""
    config_path, output = ctx.obj
    with open_store(config_path) as reader:
        found = explain_incident(reader, int(incident) if incident.isdigit() else incident)
    if found is None:
        fail(f"there is no incident {incident}", hint="`alert-router incidents` lists them")
    print_explanation(found, output)
