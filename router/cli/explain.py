"""``alert-router explain``: why (not) paged, from the record; one screen, most important line first."""

from __future__ import annotations

from pathlib import Path

import click

from router.cli.formats import clip, instant, severity
from router.cli.options import config_option, fail, output_option, print_json
from router.cli.reading import open_store
from router.incidents.explanation import Explanation, describe, explain_alert, explain_incident
from router.model.journal import AlertReceived

MAX_LINES = 20
"""Decisions and deliveries shown to people; ``--output json`` has all."""


@click.command(epilog="Example: alert-router explain 4711; alert-router explain payment-errors/91c…/k2x-1a")
@click.argument("subject")
@config_option
@output_option
def explain(*, subject: str, config_path: Path, output: str) -> None:
    """Why an alert did or did not page.

    SUBJECT is an alert's number (from `alert-router alerts`), an incident as `incident:17`, or a dedup key.
    """
    with open_store(config_path) as reader:
        if subject.isdigit():
            found = explain_alert(reader, int(subject))
        elif subject.startswith("incident:") and subject[9:].isdigit():
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
            f"{clip(alert.name, 50)}\n  received {instant(found.entry.at)} from {alert.source}\n  {clip(alert.summary, 100)}"
        )
    incident = found.incident
    if incident is not None:
        closed = f", closed {instant(incident.closed_at)}" if incident.closed_at else ""
        click.echo(
            f"\nincident {incident.number}  {incident.status}  {severity(incident.severity.word)}"
            f"  {', '.join(incident.teams)}\n"
            f"  opened {instant(incident.opened_at)}{closed}, {incident.alerts} alerts, {incident.occurrences} occurrences\n"
            f"  dedup key {incident.dedup_key}"
        )
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
            f"  {instant(delivery.created_at)}  {delivery.action:8} to {delivery.team}  {delivery.state.value}"
            f" after {delivery.attempts} attempts{reason}"
        )
        for attempt in delivery.last_attempts:
            click.echo(f"      {instant(attempt.at)}  {clip(describe(attempt.outcome), 90)}  in {attempt.took_ms} ms")
    _more(len(found.deliveries))


def _more(count: int) -> None:
    if count > MAX_LINES:
        click.echo(f"  … {count - MAX_LINES} more with --output json")
