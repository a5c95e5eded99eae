"""``alert-router alerts``: what fires now, and what the journal holds."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from router.cli.formats import clip, instant, severity
from router.cli.options import config_option, limit_option, output_option, print_json, print_table
from router.cli.reading import open_store
from router.model.alert import Alert
from router.model.journal import AlertReceived
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


def _journalled(reader: Reader, after_seq: int, limit: int) -> list[ListedAlert]:
    return [
        ListedAlert(seq=entry.seq, alert=entry.fact.alert)
        for entry in reader.entries(after_seq=after_seq, limit=limit)
        if isinstance(entry.fact, AlertReceived)
    ]


@click.command(epilog="Example: alert-router alerts --journal --limit 20")
@config_option
@output_option
@limit_option
@click.option("--journal", is_flag=True, help="The journal's alerts, oldest first, also those that are over.")
@click.option("--after", "after_seq", type=int, default=0, help="With --journal: only after this sequence.")
def alerts(*, config_path: Path, output: str, limit: int, journal: bool, after_seq: int) -> None:
    """Alerts that fire now, newest first (or, with --journal, as they were accepted)."""
    with open_store(config_path) as reader:
        rows = _journalled(reader, after_seq, limit) if journal else _firing(reader, limit)
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
        nothing="No alerts fire." if not journal else "The journal holds no alerts after that.",
    )
