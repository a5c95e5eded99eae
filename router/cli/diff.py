"""``alert-router diff``: two rule sets by effect, not by text."""

from __future__ import annotations

from pathlib import Path

import click

from router.cli.backtest import compare, compile_rules, print_effect, replay_options
from router.cli.reading import load
from router.rehearsal.replaying import Replay


@click.command()
@click.argument("old", type=click.Path(exists=True, path_type=Path))
@click.argument("new", type=click.Path(exists=True, path_type=Path))
@replay_options
def diff(
    *,
    old: Path,
    new: Path,
    since: str | None,
    from_: str | None,
    to: str | None,
    journal: str | None,
    zone: str,
    config_path: Path,
    output: str,
) -> None:
    r"""Two rule sets by what they page, over the same journal.

    OLD and NEW are rule files or directories; teams are those of the configuration.

    \b
    Examples:
      alert-router diff main/rules rules --since 7d
      alert-router diff main/rules rules --journal corpus.jsonl --output markdown > comment.md

    Exit code 1 if NEW loses a page that was critical, or that somebody had acknowledged.
    """
    settings = load(config_path)
    effect, hours = compare(
        settings, Replay(compile_rules([new], settings)).take, Replay(compile_rules([old], settings)).take,
        since=since, from_=from_, to=to, journal=journal, zone=zone,
    )  # fmt: skip
    print_effect(effect, names=("old", "new"), zone=hours, output=output)
    raise SystemExit(0 if effect.is_safe else 1)
