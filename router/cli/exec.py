"""``alert-router exec -- CMD``: runs a command and reports when it fails or runs late, and when it is well again.

The command's own output, input and exit status are passed through untouched, also when the daemon cannot be reached. Must never
do: end the command, or hide how it ended.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from router.cli.alert import describe, read_labels
from router.cli.asking import ask_daemon
from router.cli.options import config_option
from router.model.quantity import QuantityError, parse_duration

_NOT_FOUND, _NOT_EXECUTABLE, _BY_SIGNAL = 127, 126, 128


@click.command(name="exec", epilog="Example: alert-router exec --service backup --timeout 2h -- /usr/local/bin/backup --all")
@config_option
@click.option("--service", default="", help="What is affected; default: the command's name.")
@click.option("--name", default="CommandFailed", show_default=True, help="The alert's name.")
@click.option(
    "--severity", default="error", show_default=True, help="critical, error, warning, info, or a configured spelling."
)
@click.option("--label", "labels", multiple=True, metavar="NAME=VALUE", help="A label; may be given several times.")
@click.option("--timeout", default="", metavar="DURATION", help="Report when it still runs after this long; it is not ended.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def execute(
    *, config_path: Path, service: str, name: str, severity: str, labels: Sequence[str], timeout: str, command: Sequence[str]
) -> None:
    """Run a command; fire when it fails or runs late, resolve when it succeeds. Its exit status is passed on."""
    seconds = _read_timeout(timeout)
    about = describe(service or Path(command[0]).name, name, read_labels(labels), "", status="firing") | {"severity": severity}
    shown = " ".join(command)[:200]
    try:
        process = subprocess.Popen(command)  # noqa: S603 -- running what it is told is what this is for
    except OSError as error:
        _tell(config_path, about | {"summary": f"{shown} could not be started: {error.strerror or error}"})
        click.echo(f"alert-router: {command[0]}: {error.strerror or error}", err=True)
        sys.exit(_NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_EXECUTABLE)
    try:
        status = process.wait(seconds)
    except subprocess.TimeoutExpired:
        _tell(config_path, about | {"summary": f"{shown} still runs after {timeout}"})
        status = process.wait()
    if status == 0:
        _tell(config_path, about | {"status": "resolved"})
        sys.exit(0)
    how = f"was ended by signal {-status}" if status < 0 else f"failed with exit status {status}"
    _tell(config_path, about | {"summary": f"{shown} {how}", "details": {"command": shown, "exit_status": status}})
    sys.exit(_BY_SIGNAL - status if status < 0 else status)


def _read_timeout(text: str) -> float | None:
    if not text:
        return None
    try:
        return parse_duration(text) / 1000
    except QuantityError as error:
        raise click.UsageError(f"--timeout: {error}") from error


def _tell(config_path: Path, body: dict[str, Any]) -> None:
    # What is wrong with the daemon was said on standard error; the command's own fate is not changed by it.
    with contextlib.suppress(SystemExit):
        ask_daemon(config_path, "POST", "/v1/alerts", body)
