"""Options and output that all commands share: ``--config``, ``--output``, tables, exit codes."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
import msgspec

F = TypeVar("F", bound=Callable[..., Any])

config_option: Callable[[F], F] = click.option(
    "--config",
    "config_path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("config.yaml"),
    envvar="ALERT_ROUTER_CONFIG",
    show_default=True,
    help="The configuration file (also ALERT_ROUTER_CONFIG).",
)
output_option: Callable[[F], F] = click.option(
    "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="For people or for programs."
)
_MOST_DIGITS = 18

limit_option: Callable[[F], F] = click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most this many rows, newest first."
)


def is_number(text: str) -> bool:
    """Whether it is a whole number as we give them out; other scripts have digits too, of which some are no number."""
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS


class OptionsAnywhere(click.Group):
    """A group whose options may also stand behind the name of its command: ``incidents show 17 --config FILE``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Those that the command does not take itself are moved to where click looks for them."""
        place = next((place for place, word in enumerate(args) if word in self.commands), None)
        if place is None:
            return super().parse_args(ctx, args)
        before, rest = args[: place + 1], args[place + 1 :]
        taken = {name for option in self.commands[args[place]].params for name in option.opts}
        ours = {name: option for option in self.params if isinstance(option, click.Option) for name in option.opts}
        moved: list[str] = []
        kept: list[str] = []
        while rest:
            word = rest.pop(0)
            name, has_value, _ = word.partition("=")
            if word == "--":
                kept += [word, *rest]
                break
            needs_value = name in ours and not (has_value or ours[name].is_flag)
            if name not in ours or name in taken or (needs_value and not rest):
                kept.append(word)
                continue
            moved.append(word)
            if needs_value:
                moved.append(rest.pop(0))
        return super().parse_args(ctx, [*before[:-1], *moved, before[-1], *kept])


def fail(message: str, *, hint: str = "", code: int = 1) -> NoReturn:
    """Say what is wrong and how to mend it, then exit."""
    click.echo(f"alert-router: {message}", err=True)
    if hint:
        click.echo(f"  hint: {hint}", err=True)
    sys.exit(code)


def confirm(question: str, *, hint: str = "say --yes") -> None:
    """Ask on a terminal, and go no further without a yes; elsewhere it takes ``--yes``."""
    if not _has_terminal():
        fail("nothing was done: there is no terminal to ask for a yes", hint=hint, code=2)
    click.confirm(question, abort=True, err=True)


def _has_terminal() -> bool:
    return sys.stdin.isatty()


def user_name() -> str:
    """Who calls the command; empty for a container's user without a name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode() + "\n")


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, nothing: str) -> None:
    """Aligned columns; a heading even when piped, so that the output explains itself."""
    if not rows:
        click.echo(nothing)
        return
    widths = [max(len(click.unstyle(row[i])) for row in [headings, *rows]) for i in range(len(headings))]
    click.secho("  ".join(heading.ljust(width) for heading, width in zip(headings, widths, strict=True)).rstrip(), bold=True)
    for row in rows:
        # Colours have no width, and are stripped when the output is no terminal.
        padded = [cell + " " * (width - len(click.unstyle(cell))) for cell, width in zip(row, widths, strict=True)]
        click.echo("  ".join(padded).rstrip())
