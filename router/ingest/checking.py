"""Is a mapping any good? Every expression is compiled, and tried on the sample body if there is one.

Fits ``router.model.webhook.WebhookCheck``; the daemon and the command line hand it to the room that loads configurations.
"""

from __future__ import annotations

from collections.abc import Iterator

from router.ingest.expression import Expression, ExpressionError
from router.ingest.limits import TooMuch
from router.ingest.mapped import MappedReader
from router.ingest.presets.table import complete
from router.ingest.sources import SourceSettings
from router.ingest.webhooks import show_body
from router.model.receipt import Unreadable
from router.model.severity import SeverityScale
from router.model.webhook import KINDS, MappingMistake, Webhook

_HELP = "see docs/howto/sources.md; `alert-router sources try NAME FILE` shows what a body becomes"


def check_webhook(webhook: Webhook, sample: bytes | None) -> list[MappingMistake]:
    """Every mistake in the user's own expressions, and what does not work on the sample."""
    mistakes = list(_find_broken(webhook))
    if mistakes or sample is None:
        return mistakes
    completed = complete(webhook)
    reader = MappedReader(SourceSettings(name="sample", kind="webhook"), completed, SeverityScale())
    try:
        reads = show_body(completed, reader, sample, {}, 0)
    except (Unreadable, TooMuch) as error:
        place = ("mapping", "items") if "items" in webhook.mapping else ("sample",)
        return [MappingMistake(path=place, code="sample-not-mapped", message=f"the sample cannot be read: {error}", hint=_HELP)]
    seen: set[str] = set()
    for read in reads:
        for finding in read.fields.findings:
            if finding.failed and finding.field not in seen:
                seen.add(finding.field)
                mistakes.append(
                    MappingMistake(
                        path=_path_of(finding.field)
                        if finding.field.partition(".")[0].partition("[")[0] in webhook.mapping
                        else ("sample",),
                        code="expression-failed",
                        message=f"does not work on the sample: {finding.problem}",
                        hint=_HELP,
                    )
                )
        if not read.fields.service and "service" not in seen and read.alert is not None:
            seen.add("service")
            place = ("mapping", "service") if "service" in webhook.mapping else ("sample",)
            message = "finds no service in the sample, so its alerts would be of service 'unknown'"
            mistakes.append(MappingMistake(path=place, code="sample-without-service", message=message, hint=_HELP))
    return mistakes


def _find_broken(webhook: Webhook) -> Iterator[MappingMistake]:
    for path, text in list_expressions(webhook):
        if path == ("mapping", "kind") and text in KINDS:
            continue
        try:
            Expression(text)
        except ExpressionError as error:
            place = f" at character {error.position + 1}" if error.position is not None else ""
            yield MappingMistake(
                path=path,
                code="bad-expression",
                message=f"no JMESPath expression{place}: {error}",
                hint=error.hint or _HELP,
                text=text,
                position=error.position,
            )


def list_expressions(webhook: Webhook) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every expression with its place below the source's section."""
    for field, written in webhook.mapping.items():
        if isinstance(written, str):
            yield ("mapping", field), written
        elif isinstance(written, dict):
            for name, text in written.items():
                yield ("mapping", field, name), text
        else:
            for index, entry in enumerate(written):
                for name, text in entry.items():
                    yield ("mapping", field, index, name), text


def _path_of(field: str) -> tuple[str | int, ...]:
    """``labels.env``, ``links[0].href`` as a path."""
    head, _, name = field.partition(".")
    head, _, index = head.partition("[")
    path: tuple[str | int, ...] = ("mapping", head)
    if index:
        path += (int(index.rstrip("]")),)
    return (*path, name) if name else path
