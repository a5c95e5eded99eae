"""``alert-router incidents``: what was opened and closed; ``show`` tells the story of one; acting on its page in PagerDuty."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from router.cli.asking import ask_daemon
from router.cli.explain import print_explanation
from router.cli.formats import clip, duration, instant, severity
from router.cli.options import (
    OptionsAnywhere,
    config_option,
    fail,
    is_number,
    limit_option,
    output_option,
    print_json,
    print_table,
)
from router.cli.orphans import adopt, close, orphans
from router.cli.reading import open_store
from router.cli.strays import strays
from router.incidents.explanation import explain_incident
from router.model.quantity import QuantityError, parse_duration


@click.group(
    cls=OptionsAnywhere,
    invoke_without_command=True,
    epilog="Example: alert-router incidents --open; alert-router incidents show 17",
)
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
        ["INCIDENT", "STATUS", "SEVERITY", "TOLD", "RULE", "OPENED", "LASTED", "ALERTS", "SUMMARY"],
        [
            [
                str(row.number),
                row.status if not row.storm else f"{row.status} (in {row.storm})",
                severity(row.severity.word),
                ",".join((*row.teams, *row.channels)),
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
        found = explain_incident(reader, int(incident) if is_number(incident) else incident)
    if found is None:
        fail(f"there is no incident {incident}", hint="`alert-router incidents` lists them")
    print_explanation(found, output)


for command in (orphans, adopt, close, strays):
    incidents.add_command(command)

ACTING_SECONDS = 90.0
"""PagerDuty is asked a few times before we give up."""

team_option = click.option("--team", default=None, help="Only this team's page, when several were paged.")


def _act(ctx: click.Context, incident: int, verb: str, said: str, **wish: Any) -> None:
    config_path, output = ctx.obj
    body = {name: value for name, value in wish.items() if value}
    answer = json.loads(ask_daemon(config_path, "POST", f"/v1/incidents/{incident}/{verb}", body, seconds=ACTING_SECONDS))
    if output == "json":
        print_json(answer)
        return
    for page in answer["pages"]:
        click.echo(f"incident {incident}, page of {page['team']}: {said}; it is {page['status']} in PagerDuty")


@incidents.command(epilog="Example: alert-router incidents ack 17")
@click.argument("incident", type=int)
@team_option
@click.pass_context
def ack(ctx: click.Context, incident: int, team: str | None) -> None:
    """Acknowledge its page in PagerDuty. Needs the running daemon, and a token that may write."""
    _act(ctx, incident, "acknowledge", "acknowledged", team=team)


@incidents.command(epilog='Example: alert-router incidents resolve 17 --note "restarted the pool"')
@click.argument("incident", type=int)
@click.option("--note", default="", help="How it was resolved; kept with the incident.")
@team_option
@click.pass_context
def resolve(ctx: click.Context, incident: int, note: str, team: str | None) -> None:
    """Resolve its page in PagerDuty. What still fires is then up to its rule."""
    _act(ctx, incident, "resolve", "resolved", note=note, team=team)


@incidents.command(epilog='Example: alert-router incidents note 17 "the disk is full"')
@click.argument("incident", type=int)
@click.argument("text")
@team_option
@click.pass_context
def note(ctx: click.Context, incident: int, text: str, team: str | None) -> None:
    """Add a note to its page in PagerDuty."""
    _act(ctx, incident, "note", "noted", note=text, team=team)


@incidents.command(epilog="Example: alert-router incidents reassign 17 ada@example.com")
@click.argument("incident", type=int)
@click.argument("user")
@team_option
@click.pass_context
def reassign(ctx: click.Context, incident: int, user: str, team: str | None) -> None:
    """Give its page to USER: the email address or id of somebody in PagerDuty."""
    _act(ctx, incident, "reassign", f"given to {user}", user=user, team=team)


@incidents.command(epilog="Example: alert-router incidents escalate 17 --level 2")
@click.argument("incident", type=int)
@click.option("--level", type=click.IntRange(1, 100), default=None, help="To this level of its escalation policy.")
@click.option("--policy", default="", help="To another escalation policy: its name or id in PagerDuty.")
@team_option
@click.pass_context
def escalate(ctx: click.Context, incident: int, level: int | None, policy: str, team: str | None) -> None:
    """Escalate its page in PagerDuty, to a level or to another policy."""
    _act(ctx, incident, "escalate", "escalated", level=level, policy=policy, team=team)


@incidents.command(epilog="Example: alert-router incidents snooze 17 --for 30m")
@click.argument("incident", type=int)
@click.option("--for", "duration_text", required=True, help="How long, as 30m or 2h; at most 7d.")
@team_option
@click.pass_context
def snooze(ctx: click.Context, incident: int, duration_text: str, team: str | None) -> None:
    """Quiet for a while; then it is triggered again."""
    try:
        seconds = parse_duration(duration_text) // 1000
    except QuantityError as error:
        fail(f"--for {duration_text}: {error}", hint=error.hint, code=2)
    _act(ctx, incident, "snooze", f"snoozed for {duration_text}", seconds=seconds, team=team)


@incidents.command(
    epilog='Example: alert-router incidents responders 17 --policy "Database" --message "replica is behind" --link https://wiki/db'
)
@click.argument("incident", type=int)
@click.option("--user", "users", multiple=True, help="Email address or id of somebody; may be given several times.")
@click.option("--policy", "policies", multiple=True, help="Name or id of an escalation policy; likewise.")
@click.option("--message", required=True, help="What they are told.")
@click.option("--link", default="", help="Where to look, put behind the message.")
@team_option
@click.pass_context
def responders(  # noqa: PLR0917 - one for each option
    ctx: click.Context,
    incident: int,
    users: tuple[str, ...],
    policies: tuple[str, ...],
    message: str,
    link: str,
    team: str | None,
) -> None:
    """Ask more people to help with its page; PagerDuty tells them."""
    _act(ctx, incident, "responders", "asked", users=users, policies=policies, message=message, link=link, team=team)


@incidents.command(epilog='Example: alert-router incidents status 17 "cards work again, refunds are late"')
@click.argument("incident", type=int)
@click.argument("message")
@team_option
@click.pass_context
def status(ctx: click.Context, incident: int, message: str, team: str | None) -> None:
    """Publish a status update: MESSAGE goes to whoever has subscribed to the incident in PagerDuty."""
    _act(ctx, incident, "status", "published", message=message, team=team)


@incidents.command(epilog="Example: alert-router incidents priority 17 P1")
@click.argument("incident", type=int)
@click.argument("priority")
@team_option
@click.pass_context
def priority(ctx: click.Context, incident: int, priority: str, team: str | None) -> None:
    """Set the PRIORITY of its page: the name (or id) of one of the account's in PagerDuty."""
    _act(ctx, incident, "priority", f"has priority {priority}", priority=priority, team=team)
