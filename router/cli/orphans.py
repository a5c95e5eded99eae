"""``alert-router incidents orphans|adopt|close``: what rules left open that are gone, and closing anything from here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import click

from router.cli.asking import ask_daemon
from router.cli.options import confirm, print_json, print_table, user_name

by_option = click.option("--by", default=None, help="Who asks for it; default: your user name.")


@click.command(epilog="Example: alert-router incidents orphans")
@click.pass_context
def orphans(ctx: click.Context) -> None:
    """What is open of rules that are no longer in force. It closes when its alerts are over, or by your hand."""
    config_path, output = ctx.obj
    answer = json.loads(ask_daemon(config_path, "GET", "/v1/orphans"))
    if output == "json":
        print_json(answer)
        return
    print_table(
        ["RULE", "OPEN", "TEAMS", "INCIDENTS"],
        [
            [each["rule"], str(len(each["incidents"])), ",".join(each["teams"]), shown(each["incidents"])]
            for each in answer["items"]
        ],
        nothing="Every open incident has its rule.",
    )


@click.command(epilog="Example: alert-router incidents adopt payment-errors card-errors")
@click.argument("old")
@click.argument("new")
@by_option
@click.pass_context
def adopt(ctx: click.Context, *, old: str, new: str, by: str | None) -> None:
    """Give what the rule OLD left open to the rule NEW. `renamed_from` in the rule does this at once, with what OLD counted."""
    config_path, output = ctx.obj
    wish = {"into": new, "by": user_name() if by is None else by}
    answer = json.loads(ask_daemon(config_path, "POST", f"/v1/orphans/{quote(old, safe='')}/adopt", wish))
    if output == "json":
        print_json(answer)
    else:
        click.echo(f"rule {new} goes on with {shown(answer['incidents'])}")


@click.command(
    epilog="Example: alert-router incidents close 17 18 --reason 'the host is gone'; incidents close --rule old --reason moved"
)
@click.argument("incidents", type=int, nargs=-1)
@click.option("--rule", default=None, help="Everything that this rule, which is no longer in force, has left open.")
@click.option("--reason", required=True, help="Why; kept with the incident.")
@by_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def close(ctx: click.Context, *, incidents: Sequence[int], rule: str | None, reason: str, by: str | None, yes: bool) -> None:
    """Close incidents here, and in PagerDuty through the routing key that opened them, whatever still fires.

    What still fires does not page again for the same occurrence. Needs the running daemon, and no token of PagerDuty's.
    """
    if bool(incidents) is (rule is not None):
        raise click.UsageError("name the incidents, or --rule with the id of a rule that is no longer in force")
    config_path: Path
    config_path, output = ctx.obj
    if not yes:
        confirm(f"Close {f'all that rule {rule} has left open' if rule else shown(incidents)}?")
    wish = {"reason": reason, "by": user_name() if by is None else by}
    paths = [f"/v1/incidents/{number}/close" for number in incidents]
    paths += [f"/v1/orphans/{quote(rule, safe='')}/close"] if rule else []
    closed = [number for path in paths for number in json.loads(ask_daemon(config_path, "POST", path, wish))["closed"]]
    if output == "json":
        print_json({"closed": closed})
    else:
        click.echo(f"closed: {shown(closed)}")


def shown(numbers: Sequence[int]) -> str:
    """``incidents 17, 18``, the first twenty of them."""
    some = ", ".join(map(str, numbers[:20]))
    more = f" and {len(numbers) - 20} more" if len(numbers) > 20 else ""  # noqa: PLR2004 -- as the line above
    return f"incident{'' if len(numbers) == 1 else 's'} {some}{more}" if numbers else "nothing"
