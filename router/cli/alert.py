"""``alert-router alert fire|resolve``: for cron jobs and scripts, through the running daemon's own door."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from router.cli.asking import ask_daemon
from router.cli.options import OptionsAnywhere, config_option

Option = Any

_COMMON = (
    click.option("--name", default="", help="The alert's name."),
    click.option("--label", "labels", multiple=True, metavar="NAME=VALUE", help="A label; may be given several times."),
    click.option("--key", default="", help="What makes two reports the same alert; default: service, name and labels."),
)


def _common(function: Option) -> Option:
    for option in reversed(_COMMON):
        function = option(function)
    return function


@click.group(cls=OptionsAnywhere, epilog="Example: alert-router alert fire backup --name BackupFailed --severity error")
@config_option
@click.pass_context
def alert(ctx: click.Context, *, config_path: Path) -> None:
    """Fire or resolve an alert by hand, or from a script. Needs the running daemon.

    The same service, name and labels (or the same --key) are the same alert: firing it again is no second occurrence.
    """
    ctx.obj = config_path


@alert.command(epilog="Example: alert-router alert fire backup --name BackupFailed --severity error --summary 'no space left'")
@click.argument("service")
@_common
@click.option(
    "--severity", default="error", show_default=True, help="critical, error, warning, info, or a configured spelling."
)
@click.option("--summary", default="", help="One line for people.")
@click.option("--link", "links", multiple=True, metavar="URL", help="A link on the page; may be given several times.")
@click.option("--event", is_flag=True, help="An event that happened once, instead of a state that lasts until it is resolved.")
@click.pass_obj
def fire(
    config_path: Path,
    *,
    service: str,
    name: str,
    labels: Sequence[str],
    key: str,
    severity: str,
    summary: str,
    links: Sequence[str],
    event: bool,
) -> None:
    """Report that SERVICE has a problem."""
    body = describe(service, name, read_labels(labels), key, status="firing") | {"severity": severity, "summary": summary}
    body |= {"links": [{"href": link} for link in links], "kind": "event" if event else "stateful"}
    ask_daemon(config_path, "POST", "/v1/alerts", body)


@alert.command(epilog="Example: alert-router alert resolve backup --name BackupFailed")
@click.argument("service")
@_common
@click.pass_obj
def resolve(config_path: Path, *, service: str, name: str, labels: Sequence[str], key: str) -> None:
    """Report that the problem is over."""
    ask_daemon(config_path, "POST", "/v1/alerts", describe(service, name, read_labels(labels), key, status="resolved"))


def describe(service: str, name: str, labels: dict[str, str], key: str, *, status: str) -> dict[str, Any]:
    """An alert as ``POST /v1/alerts`` takes it."""
    return {"service": service, "name": name, "labels": labels, "dedup_key": key, "status": status, "kind": "stateful"}


def read_labels(written: Sequence[str]) -> dict[str, str]:
    """``NAME=VALUE`` each; a usage error for anything else."""
    labels = {}
    for text in written:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--label takes NAME=VALUE, found {text[:64]!r}")
        labels[name] = value
    return labels
