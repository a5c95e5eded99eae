"""``alert-router sources``: where alerts come from; ``try`` shows field by field what a body becomes, and sends nothing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from router.cli.formats import clip
from router.cli.options import OptionsAnywhere, config_option, fail, output_option, print_json, print_table
from router.cli.reading import load
from router.clock import SystemClock
from router.config.places import may_be_file
from router.config.settings import SourceSettings as Configured
from router.config.severities import DEFAULT_SCALE
from router.ingest.expression import text_of
from router.ingest.limits import TooMuch
from router.ingest.mapped import MappedReader, Read
from router.ingest.presets.table import PRESETS, complete
from router.ingest.sources import SourceSettings
from router.ingest.timestamps import format_time
from router.ingest.webhooks import show_body
from router.model.alert import Alert
from router.model.receipt import Unreadable
from router.model.severity import SeverityScale
from router.model.webhook import Webhook

_WIDTH = 70


@click.group(cls=OptionsAnywhere, invoke_without_command=True, epilog="Example: alert-router sources try grafana body.json")
@config_option
@output_option
@click.pass_context
def sources(ctx: click.Context, *, config_path: Path, output: str) -> None:
    """Where alerts come from: name, kind, door, and how the sender proves who it is."""
    ctx.obj = (config_path, output)
    if ctx.invoked_subcommand:
        return
    rows = [_describe(source) for source in load(config_path).sources.values()]
    if output == "json":
        print_json({"items": [dict(zip(("name", "kind", "door", "proof"), row, strict=True)) for row in rows]})
        return
    print_table(["NAME", "KIND", "DOOR", "PROOF"], rows, nothing="No sources.")


def _describe(source: Configured) -> list[str]:
    doors = {"alertmanager": "/api/v2/alerts", "json": "/v1/alerts", "pagerduty": "/v2/enqueue"}
    if source.webhook is None:
        proof = f"{len(source.keys)} inbound keys" if source.kind == "pagerduty" else "token of scope ingest"
        return [source.name, source.kind, doors[source.kind], proof]
    webhook = complete(source.webhook)
    proof = "token of scope ingest"
    if webhook.credentials is not None:
        proof = f"signed ({webhook.credentials.signature.header})" if webhook.credentials.signature else "secret"
    elif webhook.preset == "cloudwatch-sns":
        proof = "signed by Amazon"
    return [source.name, webhook.preset, f"/v1/sources/{source.name}", proof]


@sources.command(name="try", epilog="Example: alert-router sources try ci body.json --header 'X-GitHub-Event: workflow_run'")
@click.argument("name")
@click.argument("body", type=click.File("rb"), metavar="FILE|-")
@click.option("--header", "headers", multiple=True, help="A header of the request, as NAME: VALUE; may be given several times.")
@click.pass_context
def try_source(ctx: click.Context, name: str, body: Any, headers: Sequence[str]) -> None:
    """Show what a body becomes: each field, the expression that gave it, and which failed and why.

    NAME is a configured source, or the kind of a known sender, which needs no configuration. FILE holds the body; `-` reads
    standard input. Nothing is sent, and nobody's signature is checked. Exit status 1 if an expression failed.
    """
    config_path, output = ctx.obj
    webhook, scale = _find(name, config_path)
    now = SystemClock().now()
    reader = MappedReader(SourceSettings(name=name, kind="webhook", resolve_timeout_ms=0), webhook, scale)
    try:
        reads = show_body(webhook, reader, body.read(), _read_headers(headers), now)
    except (Unreadable, TooMuch) as error:
        fail(f"the body cannot be read: {error}")
    if output == "json":
        print_json({"items": [{"alert": read.alert, "fields": read.fields.findings} for read in reads]})
    else:
        _print(reads)
    sys.exit(1 if any(finding.failed for read in reads for finding in read.fields.findings) else 0)


def _find(name: str, config_path: Path) -> tuple[Webhook, SeverityScale]:
    if name in PRESETS and not may_be_file(config_path):
        return complete(Webhook(preset=name)), DEFAULT_SCALE
    settings = load(config_path)
    source = settings.sources.get(name)
    if source is not None and source.webhook is not None:
        return complete(source.webhook), settings.scale
    if name in PRESETS:
        return complete(Webhook(preset=name)), settings.scale
    known = [each.name for each in settings.sources.values() if each.webhook is not None]
    return fail(
        f"no source {name!r} takes webhooks",
        hint=f"configured are {', '.join(known) or 'none'}; known kinds are {', '.join(sorted(PRESETS))}",
        code=2,
    )


def _read_headers(headers: Sequence[str]) -> dict[bytes, bytes]:
    found = {}
    for header in headers:
        name, colon, value = header.partition(":")
        if not colon:
            raise click.UsageError(f"--header takes NAME: VALUE, found {header[:64]!r}")
        found[name.strip().lower().encode()] = value.strip().encode()
    return found


def _print(reads: Sequence[Read]) -> None:
    for index, read in enumerate(reads):
        click.secho(f"item {index + 1} of {len(reads)}", bold=True)
        print_table(
            ["FIELD", "GIVES", "EXPRESSION"],
            [
                [
                    finding.field,
                    click.style(finding.problem, fg="red") if finding.failed else clip(_one_line(finding.value), _WIDTH),
                    clip(finding.expression, _WIDTH),
                ]
                for finding in read.fields.findings
            ],
            nothing="No expressions.",
        )
        for finding in read.fields.findings:
            if finding.problem and not finding.failed:
                click.echo(f"  {finding.field}: {finding.problem}")
        click.echo()
        if read.alert is None:
            click.echo("ignored: it neither fires nor resolves")
        else:
            _print_alert(read.alert)
        click.echo()
    click.echo(f"{len(reads)} items: {sum(read.alert is not None for read in reads)} alerts")


def _print_alert(alert: Alert) -> None:
    rows = [
        ("service", alert.service),
        ("name", alert.name),
        ("severity", alert.severity.word),
        ("status", alert.status),
        ("kind", alert.kind),
        ("summary", alert.summary),
        *((f"label {name}", value) for name, value in alert.labels.items()),
        *((f"annotation {name}", value) for name, value in alert.annotations.items()),
        *((f"detail {name}", text_of(value)) for name, value in alert.details.items()),
        *((f"link {link.text}", link.href) for link in alert.links),
        *(("image", image.src) for image in alert.images),
        ("generator_url", alert.generator_url),
        ("starts_at", format_time(alert.starts_at) if alert.starts_at else ""),
        ("fingerprint", alert.fingerprint),
    ]
    print_table(["ALERT", ""], [[name, clip(_one_line(value), 2 * _WIDTH)] for name, value in rows if value], nothing="")


def _one_line(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return " ".join(text.split())
