"""``alert-router deliveries``: what was told to whom and how far it got; ``retry`` and ``drop`` through the daemon."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from router.cli.asking import ask_daemon
from router.cli.formats import clip, instant
from router.cli.options import OptionsAnywhere, config_option, fail, limit_option, output_option, print_json, print_table
from router.cli.reading import open_store
from router.model.delivery import DeliveryState, shown_body


@click.group(
    cls=OptionsAnywhere,
    invoke_without_command=True,
    epilog="Example: alert-router deliveries --state dead; alert-router deliveries retry 12",
)
@config_option
@output_option
@limit_option
@click.option("--state", type=click.Choice([state.value for state in DeliveryState]), default=None, help="Only in this state.")
@click.option("--team", default=None, help="Only to this team.")
@click.option("--channel", default=None, metavar="NAME", help="Only to this channel; `pagerduty`: only pages.")
@click.pass_context
def deliveries(
    ctx: click.Context,
    *,
    config_path: Path,
    output: str,
    limit: int,
    state: str | None,
    team: str | None,
    channel: str | None,
) -> None:
    """Deliveries, newest first; `--state pending` is the outbox, `--state dead` the dead letters."""
    ctx.obj = (config_path, output)
    if ctx.invoked_subcommand:
        return
    with open_store(config_path) as reader:
        rows = reader.deliveries(state=DeliveryState(state) if state else None, team=team, channel=channel, limit=limit)
    if output == "json":
        print_json({"items": [msgspec.structs.replace(row, body=b"") for row in rows]})
        return
    print_table(
        ["DELIVERY", "STATE", "ACTION", "TO", "DECIDED", "ATTEMPTS", "DEDUP KEY", "REASON"],
        [
            [
                str(row.id),
                row.state.value,
                row.action,
                row.to,
                instant(row.created_at),
                str(row.attempts),
                clip(row.dedup_key, 60),
                clip(row.reason, 60),
            ]
            for row in rows
        ],
        nothing="No deliveries.",
    )


@deliveries.command(epilog="Example: alert-router deliveries show 12")
@click.argument("delivery", type=int)
@click.pass_context
def show(ctx: click.Context, delivery: int) -> None:
    """One delivery with its last attempts and the body that is sent (without the routing key)."""
    with open_store(ctx.obj[0]) as reader:
        found = reader.delivery(delivery)
    if found is None:
        fail(f"there is no delivery {delivery}", hint="`alert-router deliveries` lists them")
    print_json({"delivery": msgspec.structs.replace(found, body=b""), "body": shown_body(found).decode()})


@deliveries.command(epilog="Example: alert-router deliveries retry 12")
@click.argument("delivery", type=int)
@click.pass_context
def retry(ctx: click.Context, delivery: int) -> None:
    """Try a dead letter again, or a waiting delivery now. Needs the running daemon."""
    click.echo(ask_daemon(ctx.obj[0], "POST", f"/v1/deliveries/{delivery}/retry"))


@deliveries.command(epilog="Example: alert-router deliveries drop 12")
@click.argument("delivery", type=int)
@click.confirmation_option(prompt="A dropped page is never sent. Drop it?")
@click.pass_context
def drop(ctx: click.Context, delivery: int) -> None:
    """Give a delivery up by hand. Needs the running daemon."""
    click.echo(ask_daemon(ctx.obj[0], "POST", f"/v1/deliveries/{delivery}/drop"))
