"""``alert-router alerts``: what fires now, and what the journal holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import msgspec

from router.cli.formats import clip, instant, severity
from router.cli.options import config_option, limit_option, output_option, print_json, print_table
from router.cli.reading import open_store
from router.model.alert import Alert
from router.model.journal import AlertReceived, Entry
from router.model.transition import ActiveAlert
from router.store.base import Reader

_CHUNK = 1000


class ListedAlert(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the listing; ``seq`` is what ``explain`` takes."""

    seq: int
    alert: Alert


def _firing(reader: Reader, limit: int) -> list[ListedAlert]:
    decoder = msgspec.json.Decoder(ActiveAlert)
    newest: list[ListedAlert] = []
    after_id = 0
    while chunk := reader.state("alert", after_id=after_id, limit=_CHUNK):
        after_id = chunk[-1].id
        newest += [ListedAlert(seq=row.id, alert=decoder.decode(row.body).alert) for row in chunk if row.body is not None]
        del newest[:-limit]
    return newest[::-1]


def _journalled(reader: Reader, limit: int) -> list[ListedAlert]:
    """The newest; what else the journal holds (silences, reloads) does not count."""
    found: list[ListedAlert] = []
    before: int | None = None
    while len(found) < limit and (chunk := reader.latest_entries(before_seq=before, limit=_CHUNK)):
        before = chunk[-1].seq
        found += _alerts_of(chunk)
    return found[:limit]


def _journalled_after(reader: Reader, after_seq: int, limit: int) -> list[ListedAlert]:
    found: list[ListedAlert] = []
    while len(found) < limit and (chunk := reader.entries(after_seq=after_seq, limit=_CHUNK)):
        after_seq = chunk[-1].seq
        found += _alerts_of(chunk)
    return found[:limit]


def _alerts_of(entries: Iterable[Entry]) -> Iterator[ListedAlert]:
    return (ListedAlert(seq=entry.seq, alert=entry.fact.alert) for entry in entries if isinstance(entry.fact, AlertReceived))


def _list(reader: Reader, limit: int, *, journal: bool, after_seq: int | None) -> list[ListedAlert]:
    if not journal:
        return _firing(reader, limit)
    return _journalled(reader, limit) if after_seq is None else _journalled_after(reader, after_seq, limit)


@click.command(epilog="Example: alert-router alerts --journal --limit 20")
@config_option
@output_option
@limit_option
@click.option("--journal", is_flag=True, help="The journal's alerts, as they were accepted, also those that are over.")
@click.option(
    "--after", "after_seq", type=click.IntRange(0), help="With --journal: the first ones after this sequence, oldest first."
)
def alerts(*, config_path: Path, output: str, limit: int, journal: bool, after_seq: int | None) -> None:
    """Alerts that fire now, newest first (or, with --journal, as they were accepted)."""
    if after_seq is not None and not journal:
        raise click.UsageError("--after is a place in the journal: use it with --journal")
    with open_store(config_path) as reader:
        rows = _list(reader, limit, journal=journal, after_seq=after_seq)
    if output == "json":
        print_json({"items": rows})
        return
    print_table(
        ["ALERT", "STATUS", "SEVERITY", "SERVICE", "NAME", "SINCE", "SOURCE", "SUMMARY"],
        [
            [
                str(row.seq),
                row.alert.status,
                severity(row.alert.severity.word),
                clip(row.alert.service, 40),
                clip(row.alert.name, 40),
                instant(row.alert.starts_at),
                row.alert.source,
                clip(row.alert.summary, 60),
            ]
            for row in rows
        ],
        nothing="No alerts fire."
        if not journal
        else "The journal holds no alerts."
        if after_seq is None
        else "The journal holds no alerts after that.",
    )
