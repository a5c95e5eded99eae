"""``alert-router explain``: why (not) paged, from the record; one screen, most important line first."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from router.cli.formats import clip, instant, print_counted, severity
from router.cli.hypothetical import explain_hypothetical
from router.cli.options import config_option, fail, is_number, output_option, print_json
from router.cli.reading import open_store
from router.incidents.explanation import Explanation, describe, explain_alert, explain_incident
from router.model.journal import AlertReceived

MAX_RULES = 8
"""Rules shown to people, the last that were tried; so much fits on a screen."""

MAX_LINES = 10
"""Decisions and deliveries shown to people; ``--output json`` has all."""

MAX_LABELS = 20
"""Labels of an alert shown to people, by name; ``--output json`` has all."""


@click.command()
@click.argument("subject", required=False)
@click.option("--alert", "alert_file", metavar="FILE", help="An alert that nobody sent, as JSON or YAML; `-`: standard input.")
@click.option("--service", help="Of an alert that nobody sent: its service.")
@click.option("--name", help="Its name.")
@click.option("--severity", "severity_", metavar="WORD", help="Its severity; default: error.")
@click.option("--source", help="The source it would come through.")
@click.option("--label", "labels", multiple=True, metavar="NAME=VALUE", help="A label; may be given several times.")
@click.option("--at", metavar="TIME", help="When it would come; default: now.")
@config_option
@output_option
def explain(
    *,
    subject: str | None,
    alert_file: str | None,
    service: str | None,
    name: str | None,
    severity_: str | None,
    source: str | None,
    labels: tuple[str, ...],
    at: str | None,
    config_path: Path,
    output: str,
) -> None:
    r"""Why an alert did or did not page; or what would become of one that nobody sent.

    SUBJECT is an alert's number (from `alert-router alerts`), an incident as `incident:17`, or a dedup key. Without it, the
    options describe an alert: the rules are tried on it one by one, with the first condition that fails. `-` is such an alert
    from standard input, as `--alert -`.

    \b
    Examples:
      alert-router explain 4711
      alert-router explain payment-errors/91c1/k2x-1a
      alert-router explain --service payment-api --name CardError --severity error --label env=prod
      alert-router explain --alert alert.json --at 2026-11-21T03:00Z
    """
    if subject == "-":
        subject, alert_file = None, alert_file or "-"
    fields = {"service": service, "name": name, "severity": severity_, "source": source}
    given = {key: value for key, value in fields.items() if value is not None}
    if subject is None:
        if alert_file is None and not given and not labels:
            raise click.UsageError("name an alert's number, incident:17 or a dedup key; or describe an alert with --service")
        if alert_file is not None and (given or labels):
            raise click.UsageError("--alert describes the whole alert; leave the other options out")
        explain_hypothetical(config_path=config_path, alert_file=alert_file, fields=given, labels=labels, at=at, output=output)
        return
    if alert_file is not None or given or labels or at is not None:
        raise click.UsageError("SUBJECT is something recorded; leave out the options that describe an alert")
    with open_store(config_path) as reader:
        if is_number(subject):
            found = explain_alert(reader, int(subject))
        elif subject.startswith("incident:") and is_number(subject[9:]):
            found = explain_incident(reader, int(subject[9:]))
        else:
            found = explain_incident(reader, subject)
    if found is None:
        fail(f"nothing is recorded of {subject!r}", hint="`alert-router alerts --journal` lists what was accepted")
    print_explanation(found, output)


def print_explanation(found: Explanation, output: str) -> None:
    """The headline, then the alert, the incident, each decision, each delivery with its attempts."""
    if output == "json":
        print_json(found)
        return
    click.secho(found.headline, bold=True)
    if found.entry is not None and isinstance(found.entry.fact, AlertReceived):
        alert = found.entry.fact.alert
        click.echo(
            f"\nalert {found.entry.seq}  {alert.status}  {severity(alert.severity.word)}  {clip(alert.service, 50)}  "
            f"{clip(alert.name, 50)}\n  received {instant(found.entry.at)} from {alert.source}"
        )
        if alert.summary:
            click.echo(f"  {clip(alert.summary, 100)}")
        if alert.labels:
            click.echo(f"  {_labels(alert.labels)}")
    _print_rules(found)
    incident = found.incident
    if incident is not None:
        closed = f", closed {instant(incident.closed_at)}" if incident.closed_at else ""
        click.echo(
            f"\nincident {incident.number}  {incident.status}  {severity(incident.severity.word)}"
            f"  {', '.join((*incident.teams, *incident.channels))}\n"
            f"  opened {instant(incident.opened_at)}{closed}, {incident.alerts} alerts, {incident.occurrences} occurrences\n"
            f"  dedup key {incident.dedup_key}"
        )
    _print_pages(found)
    click.echo("\ndecisions, newest first")
    for decision in found.decisions[:MAX_LINES]:
        cause = f" ({decision.cause})" if decision.cause else ""
        rule = decision.rule or "no rule"
        click.echo(f"  {instant(decision.at)}  {decision.action.value:8} {decision.reason.value}{cause}  {rule}")
    _more(len(found.decisions))
    if found.deliveries:
        click.echo("\ndeliveries, newest first")
    for delivery in found.deliveries[:MAX_LINES]:
        reason = f": {clip(delivery.reason, 80)}" if delivery.reason else ""
        click.echo(
            f"  {instant(delivery.created_at)}  {delivery.action:8} to {delivery.to}  {delivery.state.value}"
            f" after {delivery.attempts} attempts{reason}"
        )
        for attempt in delivery.last_attempts:
            click.echo(f"      {instant(attempt.at)}  {clip(describe(attempt.outcome), 90)}  in {attempt.took_ms} ms")
    _more(len(found.deliveries))


def _labels(labels: Mapping[str, str]) -> str:
    """By name, ``{env="prod"}``; what is beyond the bound is counted."""
    shown = ", ".join(f'{clip(name, 40)}="{clip(labels[name], 60)}"' for name in sorted(labels)[:MAX_LABELS])
    more = f", … {len(labels) - MAX_LABELS} more; --output json has them" if len(labels) > MAX_LABELS else ""
    return f"{{{shown}{more}}}"


def _print_rules(found: Explanation) -> None:
    """The occurrences that were counted, and the rules: all that match, and the last of the others before the first."""
    print_counted(found.counted)
    if not found.tried:
        return
    click.echo("\nrules, in the order they were tried")
    cut_rules = len(found.tried) - MAX_RULES
    if cut_rules > 0:
        click.echo(f"  … {cut_rules} before, which do not match or go on; --output json has them")
    for tried in found.tried[-MAX_RULES:]:
        place = f"  ({tried.place})" if tried.place else ""
        guard = "guard " if tried.guard else ""
        if tried.matches:
            click.echo(f"  ✓ {guard}{tried.rule}  matches{', and goes on' if tried.goes_on else ''}{place}")
        else:
            reason = f"{tried.key} {clip(tried.wanted, 60)}: found {clip(tried.found, 50)}"
            click.echo(f"  ✗ {guard}{tried.rule}  {reason}{place}")
    if not any(tried.matches for tried in found.tried):
        click.echo("  ✓ default  no rule matches: the default team")


def _print_pages(found: Explanation) -> None:
    for story in found.pages:
        link = f"\n      {story.page.url}" if story.page.url else ""
        click.echo(f"\npage of {story.team}  {story.state.value}  since {instant(story.since)}\n  {story.sentence}{link}")
    if found.audit:
        click.echo("\nwho did what, newest first")
    for entry in found.audit[:MAX_LINES]:
        text = f": {clip(entry.text, 100)}" if entry.text else ""
        whose = f" (page of {entry.team})" if entry.team and len(found.pages) > 1 else ""
        click.echo(f"  {instant(entry.at)}  {entry.who}  {entry.what}{whose}{text}")
    _more(len(found.audit))


def _more(count: int) -> None:
    if count > MAX_LINES:
        click.echo(f"  … {count - MAX_LINES} more with --output json")
