"""``alert-router silences``: what pages nobody for a while; ``add`` shows what it would hide before it asks for a yes."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import click
import msgspec

from router.api.silencing import list_silences
from router.cli.asking import ask_daemon
from router.cli.formats import clip, duration, instant, severity
from router.cli.journals import Progress
from router.cli.options import (
    OptionsAnywhere,
    config_option,
    confirm,
    fail,
    output_option,
    print_json,
    print_table,
    user_name,
)
from router.cli.reading import load, open_store
from router.clock import SystemClock
from router.errors import ConfigError
from router.model.ruleset import RuleSet
from router.model.silence import PlainMatch, Silence
from router.rehearsal.hiding import Hidden, find_hidden
from router.rules.compiling import ruleset_from_texts
from router.rules.silencing import RESOLVED, read_silence
from router.store.base import Reader

SHOWN = 10
"""Alerts, and pages, that a preview names to people; ``--output json`` has more."""

_MATCHER = re.compile(r"([^=!~]+)(=~|!~|!=|=)(.*)", re.DOTALL)
_LISTS = {"service": "service", "name": "name", "alertname": "name", "source": "source"}


@click.group(
    cls=OptionsAnywhere,
    invoke_without_command=True,
    epilog="Example: alert-router silences; alert-router silences add service=payment-* --for 2h --reason 'db upgrade'",
)
@config_option
@output_option
@click.pass_context
def silences(ctx: click.Context, *, config_path: Path, output: str) -> None:
    """Silences that people added: list, show, add, expire. A silence stops pages, never a resolve."""
    ctx.obj = (config_path, output)
    if not ctx.invoked_subcommand:
        _list(config_path, output)


@silences.command("list", epilog="Example: alert-router silences list")
@click.pass_context
def list_(ctx: click.Context) -> None:
    """Those in force or to come, oldest first."""
    _list(*ctx.obj)


def _list(config_path: Path, output: str) -> None:
    with open_store(config_path) as reader:
        found = list_silences(reader)
    if output == "json":
        print_json({"items": found})
        return
    now = SystemClock().now()
    print_table(
        ["SILENCE", "STATE", "ENDS", "MATCHES", "BY", "REASON"],
        [
            [
                silence.id,
                "to come" if silence.starts_at > now else "in force",
                ends(silence),
                clip(describe(silence.match), 60),
                clip(silence.by or "-", 24),
                clip(silence.reason, 60),
            ]
            for silence in found
        ],
        nothing="No silences.",
    )


@silences.command(epilog="Example: alert-router silences show 717f7a553c")
@click.argument("silence_id")
@click.pass_context
def show(ctx: click.Context, silence_id: str) -> None:
    """One silence, and what it hides: now, and of the pages of the last week."""
    config_path, output = ctx.obj
    with open_store(config_path) as reader:
        silence = next((each for each in list_silences(reader) if each.id == silence_id), None)
        if silence is None:
            fail(f"there is no silence {silence_id}", hint="`alert-router silences` lists them")
        hidden = _look(reader, silence)
    _print(silence, hidden, output)


@silences.command(
    epilog="Example: alert-router silences add service=payment-* env!=prod --for 2h --reason 'database upgrade'",
)
@click.argument("matchers", nargs=-1, required=True, metavar="FIELD=PATTERN…")
@click.option("--reason", required=True, help="Why, for those who wonder.")
@click.option("--for", "lasting", metavar="DURATION", help="How long, as 30m or 2h; with --until resolved: at most (24h).")
@click.option("--until", metavar="TIME", help="A time with its offset, or `resolved`: until all that it hides has resolved.")
@click.option("--from", "since", metavar="TIME", help="When it begins; default: now.")
@click.option("--by", default=None, help="Who asks for it; default: your user name.")
@click.option("--id", "silence_id", default=None, help="Of a silence that this one takes the place of.")
@click.option("--dry-run", is_flag=True, help="Show what it would hide, and add nothing.")
@click.option("--yes", is_flag=True, help="Add it without showing and asking; for scripts.")
@click.pass_context
def add(
    ctx: click.Context,
    *,
    matchers: Sequence[str],
    reason: str,
    lasting: str | None,
    until: str | None,
    since: str | None,
    by: str | None,
    silence_id: str | None,
    dry_run: bool,
    yes: bool,
) -> None:
    r"""Page nobody for what matches, for a while. What still fires at its end is paged then.

    A matcher is FIELD=PATTERN or FIELD!=PATTERN, with PATTERN a name, glob or /regex/ as in a rule; FIELD=~REGEX is for the
    whole value. FIELD is service, name, source, severity, min_severity, or a label. Given twice, one of them has to match.

    \b
    Examples:
      alert-router silences add service=payment-* --for 2h --reason 'database upgrade'
      alert-router silences add name=DiskFull host=web1 --until resolved --for 12h --reason 'disk is on its way'
      alert-router silences add severity=warning team=search --for 1d --reason migration --dry-run
    """
    config_path, output = ctx.obj
    wanted = {
        "match": read_matchers(matchers), "reason": reason, "for": lasting, "until": until, "from": since,
        "by": user_name() if by is None else by, "id": silence_id,
    }  # fmt: skip
    body = {key: value for key, value in wanted.items() if value is not None}
    settings = load(config_path)
    silence, diagnostics = read_silence(msgspec.json.encode(body), scale=settings.scale, now=SystemClock().now())
    if silence is None:
        mistakes = [found for found in diagnostics if found.level == "error"]
        places = [f"{found.path}: {found.message}" if found.path else found.message for found in mistakes]
        fail("\n  ".join(places), hint=mistakes[0].hint, code=2)
    if not yes or dry_run:
        with open_store(config_path) as reader:
            hidden = _look(reader, silence)
        if dry_run or output == "text":
            _print(silence, hidden, output)
        if dry_run:
            return
        confirm("Add it?", hint="look with --dry-run, then add it with --yes")
    answer = json.loads(ask_daemon(config_path, "POST", "/v1/silences", body))
    if output == "json":
        print_json(answer)
    else:
        click.echo(f"silence {answer['silence']['id']} is in force until {ends(silence)}")


@silences.command(epilog="Example: alert-router silences expire 717f7a553c")
@click.argument("silence_id")
@click.option("--by", default=None, help="Who asks for it; default: your user name.")
@click.pass_context
def expire(ctx: click.Context, *, silence_id: str, by: str | None) -> None:
    """End it now. What it muted and still fires is paged."""
    config_path, output = ctx.obj
    query = urlencode({"by": user_name() if by is None else by})
    answer = json.loads(ask_daemon(config_path, "DELETE", f"/v1/silences/{quote(silence_id, safe='')}?{query}"))
    if output == "json":
        print_json(answer)
    else:
        click.echo(f"silence {answer['silence']['id']} is over; what it muted and still fires is paged now")


def read_matchers(texts: Sequence[str]) -> dict[str, Any]:
    """The ``match`` of a rule that these stand for; a usage error for a text that is no matcher."""
    match: dict[str, Any] = {}
    labels: dict[str, list[str]] = {}
    for text in texts:
        found = _MATCHER.fullmatch(text)
        if found is None:
            raise click.UsageError(f"expected FIELD=PATTERN, such as service=payment-*, found {text[:64]!r}")
        field, operator, value = found[1].strip(), found[2], found[3]
        negated = operator.startswith("!")
        pattern = f"{'!' if negated else ''}{f'/^(?:{value})$/' if '~' in operator else value}"
        if field in _LISTS:
            match.setdefault(_LISTS[field], []).append(pattern)
        elif field in {"severity", "min_severity"}:
            if operator != "=":
                raise click.UsageError(f"{field} takes = only; several severities: severity=warning severity=info")
            if field == "severity":
                match.setdefault(field, []).append(value)
            else:
                match[field] = value
        else:
            labels.setdefault(field, []).append(pattern)
    return match | ({"labels": labels} if labels else {})


def describe(match: PlainMatch) -> str:
    """A silence's conditions on one line."""
    words = [severity.word for severity in match.severities or ()]
    tests = [("service", match.services), ("name", match.names), ("severity", tuple(words)), ("source", match.sources)]
    parts = [f"{field}={'|'.join(texts)}" for field, texts in (*tests, *match.labels) if texts]
    parts += [f"{test.field} {test.operator} {test.value:g}" for test in match.where]
    return " ".join([*parts, *(f"unless ({describe(exception)})" for exception in match.unless)])


def ends(silence: Silence) -> str:
    """When it ends, for people."""
    return f"{RESOLVED}, {instant(silence.until)} at the latest" if silence.until_resolved else instant(silence.until)


def _look(reader: Reader, silence: Silence) -> Hidden:
    clock = SystemClock()
    progress = Progress(clock, lambda: None)
    try:
        return find_hidden(reader, _ruleset(reader), silence, now=clock.now(), advance=progress.advance)
    finally:
        progress.finish()


def _ruleset(reader: Reader) -> RuleSet | None:
    """The rules in force; None if none are known, or those kept cannot be read by this version."""
    stored = reader.latest_ruleset()
    if stored is None:
        return None
    with contextlib.suppress(ConfigError, ValueError):
        return ruleset_from_texts(stored[1])
    return None


def _print(silence: Silence, hidden: Hidden, output: str) -> None:
    if output == "json":
        print_json({"silence": silence, "hides": hidden})
        return
    click.secho(headline(hidden), bold=True)
    click.echo(f"\nsilence {silence.id}  {describe(silence.match)}\n  {clip(silence.reason, 100)}")
    click.echo(f"  from {instant(silence.starts_at)} until {ends(silence)}{f', by {silence.by}' if silence.by else ''}")
    click.echo(f"\nnow  {_count(hidden.alerts, 'alert')} that {'fires' if hidden.alerts == 1 else 'fire'} would be muted")
    for alert in hidden.firing[:SHOWN]:
        is_open = "  (its incident is open, and stays so)" if alert.is_open else ""
        click.echo(f"  {severity(alert.severity.word)}  {clip(alert.service, 40)}  {clip(alert.name, 40)}{is_open}")
    _more(hidden.alerts, min(SHOWN, len(hidden.firing)))
    looked = f"{hidden.entries:,} journal entries since {instant(hidden.since)}"
    click.echo(f"\nbefore  {_count(hidden.pages, 'page')} would not have been sent ({looked})")
    if hidden.by_team:
        click.echo("  " + ", ".join(f"{team} {number}" for team, number in hidden.by_team.items()))
    for page in hidden.listed[:SHOWN]:
        taken = "  somebody acknowledged it" if page.acknowledged else ""
        click.echo(f"  {instant(page.opened_at)}  {severity(page.severity.word)}  {page.team}  {clip(page.summary, 60)}{taken}")
    _more(hidden.pages, min(SHOWN, len(hidden.listed)))


def headline(hidden: Hidden) -> str:
    """What it would hide, in one sentence."""
    before = _count(hidden.pages, "page")
    mattered = [f"{hidden.critical} critical"] if hidden.critical else []
    mattered += [f"{hidden.acknowledged} that somebody acknowledged"] if hidden.acknowledged else []
    which = f" ({', '.join(mattered)})" if mattered else ""
    span = duration(max(0, hidden.until - hidden.since))
    now = _count(hidden.alerts, "alert")
    return f"It would hide {now} that {'fires' if hidden.alerts == 1 else 'fire'} now, and {before} of the last {span}{which}."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _more(count: int, shown: int) -> None:
    if count > shown:
        click.echo(f"  … {count - shown:,} more, the first of them with --output json")
