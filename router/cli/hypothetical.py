"""``alert-router explain`` for an alert that nobody sent: the rules tried, why each does not match, and what would be done."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click
import msgspec

from router.cli.backtest import compile_rules
from router.cli.check import print_diagnostics
from router.cli.formats import clip, instant, print_counted, severity
from router.cli.journals import parse_time
from router.cli.options import fail, print_json
from router.cli.reading import load
from router.clock import SystemClock
from router.config.settings import Settings
from router.engine.tried import Tried
from router.errors import StoreError
from router.incidents.explanation import SENTENCES
from router.incidents.retelling import find_counted
from router.model.alert import Alert
from router.model.decision import Action, words_of
from router.model.transition import StateKind, StateRow
from router.rehearsal.reading import STATEFUL_SOURCES, Surroundings, read_alert
from router.rehearsal.supposing import Supposition, suppose
from router.store.base import DecisionRow, Reader
from router.store.sqlite.reader import open_reader

CHUNK = 1_000
_NEWEST = 2**62
MAX_BYTES = 4 * 1024 * 1024
MAX_RULES = 16
"""Rules shown to people; of more the ones in the middle are counted."""


def explain_hypothetical(
    *, config_path: Path, alert_file: str | None, fields: dict[str, str], labels: tuple[str, ...], at: str | None, output: str
) -> None:
    """Read the alert, ask the engine, print the answer."""
    settings = load(config_path)
    alert = _read_alert(alert_file, fields, labels, settings)
    clock = SystemClock()
    moment = clock.now() if at is None or at == "now" else parse_time(at, "--at")
    ruleset = compile_rules(settings.rules, settings)
    rows, state_at, note = _state(settings)
    found = suppose(ruleset, alert, at=moment, state=rows, state_at=state_at)
    if rows and moment < state_at:
        note = f"the store knows its state of {instant(state_at)} only: what has happened since is in the counts"
    counted = _counted(settings, found)
    if output == "json":
        print_json(_as_json(found, note) | {"counted": counted})
    else:
        _print(found, note, counted)


def _read_alert(alert_file: str | None, fields: dict[str, str], labels: tuple[str, ...], settings: Settings) -> Alert:
    stateful = [source.name for source in settings.sources.values() if source.kind == "alertmanager"]
    around = Surroundings(scale=settings.scale, stateful=(*STATEFUL_SOURCES, *stateful))
    if alert_file is None:
        data: dict[str, Any] = dict(fields)
        if "service" not in data:
            raise click.UsageError("an alert needs a --service (or give it as a file with --alert)")
        data["labels"] = dict(_label(written) for written in labels)
        text, name = msgspec.json.encode(data), "the options"
    else:
        name = "standard input" if alert_file == "-" else alert_file
        try:
            if alert_file == "-":
                text = sys.stdin.buffer.read(MAX_BYTES)
            else:
                with Path(alert_file).open("rb") as opened:
                    text = opened.read(MAX_BYTES)
        except OSError as error:
            fail(f"{alert_file} cannot be read: {error.strerror}", code=2)
    alert, diagnostics = read_alert(name, text, around)
    if alert is None:
        print_diagnostics(diagnostics, {name: text})
        fail(f"the alert in {name} has mistakes", hint="it has service, name, severity, labels … as in a rule test", code=2)
    return alert


def _label(written: str) -> tuple[str, str]:
    name, equals, value = written.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"expected name=value, found {written!r}", param_hint="--label")
    return name, value


def _state(settings: Settings) -> tuple[list[StateRow], int, str]:
    """The engine's state as the store has it, as of when, and a note if there is none."""
    try:
        reader = open_reader(settings.store.path)
    except StoreError:
        return [], 0, "there is no store yet: counts begin at nothing, and nothing is open"
    try:
        newest = reader.decisions(limit=1)
        state_at = newest[0].decision.at if newest else 0
        return [row for kind in get_args(StateKind) for row in _rows(reader, kind)], state_at, ""
    finally:
        reader.close()


def _counted(settings: Settings, found: Supposition) -> tuple[int, ...]:
    """When the occurrences came that the count would hold, with this one; as far as the record tells."""
    if not found.decisions:
        return ()
    try:
        with contextlib.closing(open_reader(settings.store.path)) as reader:
            return find_counted(reader, DecisionRow(id=_NEWEST, decision=found.decisions[0]))
    except StoreError:
        return ()


def _rows(reader: Reader, kind: str) -> Iterator[StateRow]:
    after_id = 0
    while chunk := reader.state(kind, after_id=after_id, limit=CHUNK):
        after_id = chunk[-1].id
        yield from chunk


def headline(found: Supposition) -> str:
    """What would be done, in one sentence."""
    if not found.decisions:
        return "Nothing would be decided."
    decision = found.decisions[0]
    cause = f" ({decision.cause})" if decision.cause else ""
    rule = f" by rule {decision.rule}" if decision.rule else ""
    why = f"{rule}: {SENTENCES[decision.reason]}{cause}."
    match decision.action:
        case Action.OPEN:
            would = "page" if decision.teams or not decision.channels else "tell"
            return f"Would {would} {words_of(decision.teams, decision.channels)}{why}"
        case Action.NOTIFY:
            return f"Would page nobody, and tell {words_of(decision.teams, decision.channels)}{why}"
        case Action.HOLD:
            later = f" Would page at {instant(found.later.at)} if it goes on." if found.later else ""
            return f"Would be held{why}{later}"
        case Action.DROP:
            return f"Would be dropped{why}"
        case Action.SUPPRESS:
            later = f" Would page at {instant(found.later.at)} if it goes on." if found.later else ""
            return f"Would be muted{why}{later}"
        case Action.UPDATE:
            return f"Would belong to the open incident {decision.dedup_key}{why}"
        case Action.CLOSE:
            return f"Would close the incident {decision.dedup_key}{why}"
        case Action.NONE:
            return f"Would do nothing{why}"


def _print(found: Supposition, note: str, counted: tuple[int, ...] = ()) -> None:
    alert = found.alert
    click.secho(headline(found), bold=True)
    labels = ", ".join(f"{name}={value}" for name, value in alert.labels.items())
    click.echo(
        f"\n{alert.status} {alert.kind}  {severity(alert.severity.word)}  {clip(alert.service, 50)}  {clip(alert.name, 50)}"
        f"  {clip(labels, 80)}\n  at {instant(found.at)}, from {alert.source}"
    )
    print_counted(counted)
    if note:
        click.echo(f"  {note}")
    click.echo("\nrules, in the order they are tried")
    shown = found.tried
    cut = len(shown) - MAX_RULES
    for place, tried in enumerate(shown):
        if cut > 0 and MAX_RULES // 2 <= place < len(shown) - MAX_RULES // 2:
            if place == MAX_RULES // 2:
                click.echo(f"    … {cut} more that do not match, or go on; --output json has them")
            continue
        click.echo(f"  {_tried(tried)}")
    if not any(tried.failure is None for tried in shown):
        click.echo("  ✓ default  no rule matches: the default team")
    click.echo("\ndecisions")
    for decision in found.decisions:
        cause = f" ({decision.cause})" if decision.cause else ""
        click.echo(f"  {decision.action.value:8} {decision.reason.value}{cause}  {decision.rule or 'no rule'}")
    for event in found.events:
        if event.action == "act":  # its decision says what
            continue
        what = "update" if event.is_update else event.action
        words = f', {event.severity.word}: "{clip(event.summary, 90)}"' if event.action == "trigger" else ""
        click.echo(f"  > {what} to {event.to}{words}")


def _tried(tried: Tried) -> str:
    place = f"  ({tried.rule.span})" if tried.rule.span else ""
    guard = "guard " if tried.rule.standing.guard else ""
    if tried.failure is not None:
        failure = tried.failure
        return f"✗ {guard}{tried.rule.id}  {failure.key} {clip(failure.wanted, 60)}: found {clip(failure.found, 50)}{place}"
    goes_on = "" if tried.ends else ", and goes on"
    return f"✓ {guard}{tried.rule.id}  matches{goes_on}{place}"


def _as_json(found: Supposition, note: str) -> dict[str, Any]:
    return {
        "headline": headline(found),
        "note": note,
        "at": found.at,
        "alert": found.alert,
        "tried": [
            {
                "rule": tried.rule.id,
                "place": str(tried.rule.span) if tried.rule.span else "",
                "guard": tried.rule.standing.guard,
                "matches": tried.failure is None,
                "failed": None if tried.failure is None else tried.failure._asdict(),
            }
            for tried in found.tried
        ],
        "decisions": found.decisions,
        "events": [
            {
                "action": event.action,
                "team": event.team,
                "channel": event.channel,
                "severity": event.severity.word,
                "summary": event.summary,
                "details": event.details,
                "is_update": event.is_update,
                "dedup_key": event.dedup_key,
            }
            for event in found.events
        ],
        "later": found.later,
    }
