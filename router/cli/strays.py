"""``alert-router incidents strays``: what is open in PagerDuty that came from here and is not known here; resolved if asked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from router.cli.asking import ask_daemon
from router.cli.formats import clip, instant
from router.cli.options import confirm, fail, print_json, print_table, user_name

SECONDS = 600.0
"""PagerDuty is asked about every service and every incident that may be ours."""

ALL = "all"


@click.command(
    epilog="Example: alert-router incidents strays; incidents strays --resolve 4711 --resolve 4712 --reason 'database put back'"
)
@click.option("--resolve", "numbers", multiple=True, metavar="NUMBER", help="PagerDuty's number of one to resolve; or `all`.")
@click.option("--reason", default=None, help="Why they are over; kept in the audit record.")
@click.option("--by", default=None, help="Who asks for it; default: your user name.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def strays(ctx: click.Context, *, numbers: Sequence[str], reason: str | None, by: str | None, yes: bool) -> None:
    """What is open in PagerDuty that came from here and is not known here, as after a backup of the database was put back.

    Nobody else resolves these. HERE is the incident that is open here for the same problem: then the stray is a leftover.
    Without one, look before you resolve: the problem may be real. Needs the running daemon and its token for PagerDuty.
    """
    config_path, output = ctx.obj
    if not numbers:
        looked = json.loads(ask_daemon(config_path, "GET", "/v1/strays", seconds=SECONDS))
        if output == "json":
            print_json(looked)
            return
        _print(looked)
        return
    if reason is None:
        raise click.UsageError("--resolve needs --reason, which is kept")
    wish = {"reason": reason, "by": user_name() if by is None else by} | _wanted(numbers)
    if not yes:
        confirm("Resolve every stray in PagerDuty?" if ALL in numbers else f"Resolve {', '.join(numbers)} in PagerDuty?")
    ended = json.loads(ask_daemon(config_path, "POST", "/v1/strays/resolve", wish, seconds=SECONDS))
    done = ended["items"]
    if output == "json":
        print_json(ended)
    for row in done if output != "json" else ():
        said = "PagerDuty has taken it" if row["taken"] else f"not resolved: {row['reason']}"
        click.echo(f"#{row['number']}, through the key of {row['team']}: {said}")
    if not done and output != "json":
        click.echo("Nothing was to be resolved.")
    if ended["left"]:
        click.echo(
            f"{ended['left']} more are left: call it again in a minute, PagerDuty takes about a hundred events a minute."
        )
    refused = sum(not row["taken"] for row in done)
    if refused:
        fail(f"{refused} of {len(done)} could not be resolved", hint="`incidents strays` lists what is left; try again")


def _wanted(numbers: Sequence[str]) -> dict[str, Any]:
    if list(numbers) == [ALL]:
        return {"all": True}
    wrong = [number for number in numbers if not (number.removeprefix("#").isascii() and number.removeprefix("#").isdigit())]
    if wrong:
        raise click.UsageError(f"--resolve {wrong[0]}: expected PagerDuty's number of an incident, or `all` alone")
    return {"numbers": [int(number.removeprefix("#")) for number in numbers]}


def _print(looked: dict[str, Any]) -> None:
    print_table(
        ["PAGERDUTY", "STATUS", "TEAM", "RULE", "OPENED", "HERE", "TITLE", "URL"],
        [
            [
                f"#{row['number']}",
                f"{row['status']} by {row['holder']}" if row["holder"] else row["status"],
                ",".join(row["teams"]) or "not shown",
                row["rule"],
                instant(row["opened_at"]),
                str(row["open_here"]) if row["open_here"] else "-",
                clip(row["title"], 50),
                row["url"],
            ]
            for row in looked["items"]
        ],
        nothing="Everything of ours that is open in PagerDuty is known here.",
    )
    if looked["not_asked"]:
        click.echo(f"{looked['not_asked']} open incidents of the account were not looked at yet: ask again in a minute.")
