"""``alert-router backtest``: the journal through the given rules, against what really happened."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from router.cli.check import print_diagnostics
from router.cli.effects import as_json, markdown, print_text
from router.cli.journals import (
    Progress,
    Range,
    counted,
    file_entries,
    from_option,
    journal_option,
    open_file,
    read_range,
    since_option,
    store_entries,
    store_incidents,
    to_option,
)
from router.cli.options import F, config_option, fail, print_json
from router.cli.reading import load
from router.clock import SystemClock
from router.config.rule_files import read_rule_files
from router.config.settings import Settings
from router.errors import Span, StoreError
from router.model.journal import Entry
from router.model.ruleset import RuleSet
from router.rehearsal.changing import CannotChange, change_rule
from router.rehearsal.comparing import Comparison, Effect
from router.rehearsal.replaying import LEAD_MS, Recorded, Replay, Source, batches, taken_by_people
from router.rehearsal.slices import SliceBroken
from router.rules.compiling import compile_ruleset
from router.store.base import Reader
from router.store.sqlite.reader import open_reader

DEFAULT_SINCE = "7d"
_FOREVER = 2**62


def replay_options(command: F) -> F:
    """What of the journal is replayed, and how the effect is shown: the options of all that compare rules by their effect."""
    zone = click.option("--zone", default="UTC", show_default=True, help="Time zone of hours and of the night (22-07).")
    shown = click.option(
        "--output", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True,
        help="For people, for programs, for a pull request.",
    )  # fmt: skip
    for option in reversed((since_option, from_option, to_option, journal_option, zone, config_option, shown)):
        command = option(command)
    return command


@click.command()
@click.option(
    "--rules", "rules", multiple=True, required=True, type=click.Path(exists=True, path_type=Path),
    help="Rule files or directories to try; may be given several times.",
)  # fmt: skip
@click.option(
    "--change", "changes", multiple=True, metavar="CHANGE",
    help="With this rule changed, as a report proposes it: 'RULE: firing_for: 4m'; repeat for more.",
)  # fmt: skip
@click.option(
    "--against", multiple=True, type=click.Path(exists=True, path_type=Path),
    help="Compare with these rules instead of with what happened.",
)  # fmt: skip
@replay_options
def backtest(
    *,
    rules: tuple[Path, ...],
    changes: tuple[str, ...],
    against: tuple[Path, ...],
    since: str | None,
    from_: str | None,
    to: str | None,
    journal: str | None,
    zone: str,
    config_path: Path,
    output: str,
) -> None:
    r"""What these rules would have paged, against what happened.

    Replays the journal (of the store, or of a file) through the rules in virtual time. The comparison is with the recorded
    incidents; for a file, or a store without any decision, it is with a replay of the rules that the configuration names.

    \b
    Examples:
      alert-router backtest --rules rules/ --since 7d
      alert-router backtest --rules rules/ --journal corpus.jsonl --output markdown
      alert-router backtest --rules rules/ --since 30d --change 'card-errors: firing_for: 4m'

    Exit code 1 if a page would be lost that was critical, or that somebody had acknowledged.
    """
    settings = load(config_path)
    trial = compile_rules(rules, settings)
    try:
        for change in changes:
            trial = change_rule(trial, change)
    except CannotChange as error:
        raise click.BadParameter(str(error), param_hint="--change") from None
    baseline = compile_rules(against, settings) if against else None
    if baseline is None and (journal is not None or not _has_decisions(settings)) and settings.rules:
        baseline = compile_rules(settings.rules, settings)
    name = "happened" if baseline is None else "before"
    effect, hours = compare(
        settings, Replay(trial).take, None if baseline is None else Replay(baseline).take,
        since=since, from_=from_, to=to, journal=journal, zone=zone,
    )  # fmt: skip
    print_effect(effect, names=(name, "these rules"), zone=hours, output=output)
    raise SystemExit(0 if effect.is_safe else 1)


def _has_decisions(settings: Settings) -> bool:
    """Whether the store tells what happened; one made by an import does not."""
    try:
        with _reading(settings) as reader:
            return bool(reader.decisions(limit=1))
    except StoreError as error:
        fail(str(error))


def compare(
    settings: Settings,
    after: Source,
    before: Source | None,
    *,
    since: str | None,
    from_: str | None,
    to: str | None,
    journal: str | None,
    zone: str,
    by_team: bool = True,
) -> tuple[Effect, tzinfo]:
    """Replay, and what came of it with the zone of its hours. ``before`` None: what the record says, if there is a store."""
    try:
        hours: tzinfo = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise click.BadParameter(f"there is no time zone {zone!r}; for example Europe/Berlin", param_hint="--zone") from None
    clock = SystemClock()
    span = read_range(since, from_, to, now=clock.now(), default=None if journal is not None else DEFAULT_SINCE)
    try:
        return _compare(settings, after, before, span=span, journal=journal, zone=hours, by_team=by_team), hours
    except (SliceBroken, StoreError) as error:
        fail(str(error))


def print_effect(effect: Effect, *, names: tuple[str, str], zone: tzinfo, output: str) -> None:
    """As text, JSON or Markdown."""
    if output == "json":
        print_json(as_json(effect, zone))
    elif output == "markdown":
        click.echo(markdown(effect, names, zone), nl=False)
    else:
        print_text(effect, names, zone)


def _compare(
    settings: Settings,
    after: Source,
    before: Source | None,
    *,
    span: Range,
    journal: str | None,
    zone: tzinfo,
    by_team: bool,
) -> Effect:
    lead = Range(since=max(0, span.since - LEAD_MS), until=span.until)
    seen = [0]
    with contextlib.ExitStack() as stack:
        if journal is not None:
            opened, size = stack.enter_context(open_file(journal))
            entries = file_entries(opened, journal, lead)
            has_position = size > 0 and opened.seekable()
            progress = Progress(SystemClock(), lambda: opened.tell() / size if has_position else None)
        else:
            reader = stack.enter_context(_reading(settings))
            entries = counted(store_entries(reader, lead), seen)
            if before is None:
                before = Recorded(store_incidents(reader, lead.since)).take
            length = max(1, lead.until - lead.since)
            progress = Progress(SystemClock(), lambda: min(1.0, max(0.0, (seen[0] - lead.since) / length)))
        comparison = Comparison(since=span.since, zone=zone, has_before=before is not None, by_team=by_team)
        return _replay(entries, comparison, after=after, before=before, span=span, progress=progress)


@contextlib.contextmanager
def _reading(settings: Settings) -> Iterator[Reader]:
    reader = open_reader(settings.store.path)
    try:
        yield reader
    finally:
        reader.close()


def _replay(
    entries: Iterator[Entry], comparison: Comparison, *, after: Source, before: Source | None, span: Range, progress: Progress
) -> Effect:
    count = 0
    first = until = 0
    for batch in batches(entries):
        first = first or batch[0].at
        until = max(until, batch[-1].at)
        _turn(batch, until, after, before, comparison)
        count += len(batch)
        progress.advance(len(batch))
    # Timers after the last entry belong to the time that was asked for; a file ends with its last entry.
    end = until if span.until >= _FOREVER else max(until, span.until)
    _turn([], end, after, before, comparison)
    progress.finish()
    return comparison.finish(since=span.since or first, until=end, entries=count)


def _turn(batch: Sequence[Entry], until: int, after: Source, before: Source | None, comparison: Comparison) -> None:
    changes = after(batch, until)
    comparison.take(before(batch, until) if before is not None else [], changes, taken_by_people(batch))


def compile_rules(paths: Sequence[Path], settings: Settings) -> RuleSet:
    """The rule set of these files for the configured teams; exits with every mistake."""
    found = read_rule_files(paths, named_at=Span(file=str(paths[0]), line=1, column=1, end_line=1, end_column=1))
    ruleset, diagnostics = compile_ruleset(
        found.files,
        teams=settings.teams,
        default_team=settings.default_team,
        scale=settings.scale,
        channels=settings.notify,
        sources=settings.sources,
    )
    errors = [each for each in (*found.diagnostics, *diagnostics) if each.level == "error"]
    if ruleset is None or errors:
        print_diagnostics(errors, dict(found.files))
        fail(f"the rules in {', '.join(map(str, paths))} have mistakes", hint="`alert-router check` shows them all")
    return ruleset
