"""``alert-router record``: slices of the journal as files, for a corpus beside the rules and backtests without a daemon."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from router.cli.journals import (
    Progress,
    Range,
    counted,
    file_entries,
    from_option,
    open_file,
    read_range,
    since_option,
    store_entries,
    to_option,
)
from router.cli.options import config_option, fail
from router.cli.reading import open_store
from router.clock import Clock, SystemClock
from router.errors import StoreError
from router.model.journal import Entry
from router.rehearsal.redacting import FIELDS, WHOLE, Redactor
from router.rehearsal.replaying import batches
from router.rehearsal.slices import Header, SliceBroken, encode_entry, encode_header
from router.store.base import Commit, Store
from router.store.factory import store_from_url

KEY_BYTES = 32
_FOREVER = 2**62


@click.group(epilog="Example: alert-router record export --since 7d > corpus.jsonl")
def record() -> None:
    """Slices of the journal as JSON Lines: take out, bring back."""


@record.command(epilog="Example: alert-router record export --since 7d --redact customer,annotations > corpus.jsonl")
@since_option
@from_option
@to_option
@click.option(
    "--redact",
    metavar="NAME,…",
    help=f"Labels to replace by pseudonyms, or {', '.join(FIELDS)}; {', '.join(WHOLE)} are covered or left out.",
)
@click.option(
    "--redact-key",
    "key_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A secret file: with the same one, several exports have the same pseudonyms. Default: new ones each time.",
)
@config_option
def export(
    *, since: str | None, from_: str | None, to: str | None, redact: str | None, key_path: Path | None, config_path: Path
) -> None:
    """Write the journal of a stretch of time to standard output. The daemon may run.

    With --redact equal values get equal pseudonyms, so that grouping and counting stay as they are; people's names are always
    replaced then.
    """
    clock = SystemClock()
    span = read_range(since, from_, to, now=clock.now(), default="7d")
    names = tuple(name.strip() for name in (redact or "").split(",") if name.strip())
    redactor = Redactor(names, key_path.read_bytes()[:64] if key_path is not None else os.urandom(KEY_BYTES))
    out = sys.stdout.buffer
    header = Header(exported_at=clock.now(), since=span.since, until=span.until, redacted=names)
    with open_store(config_path) as reader:
        out.write(encode_header(header))
        seen = [span.since]
        length = max(1, span.until - span.since)
        progress = Progress(clock, lambda: min(1.0, max(0.0, (seen[0] - span.since) / length)))
        count = 0
        for batch in batches(counted(store_entries(reader, span), seen)):
            out.write(b"".join([encode_entry(redactor.redact(entry)) for entry in batch]))
            count += len(batch)
            progress.advance(len(batch))
        out.flush()
        progress.finish()
    click.echo(f"{count:,} journal entries", err=True)


@record.command("import", epilog="Example: alert-router record import corpus.jsonl --store sqlite:corpus.db")
@click.argument("file")
@click.option("--store", "url", required=True, metavar="URL", help="A store that is not there yet: sqlite:PATH.")
def import_(*, file: str, url: str) -> None:
    """Make a store of a slice (`-`: standard input), to look at and backtest.

    The store must be a new one, never a daemon's: what is imported counts as decided, and pages nobody.
    """
    path = Path(url.partition(":")[2])
    if not url.startswith("sqlite:") or not path.name:
        raise click.BadParameter(f"expected sqlite:PATH, found {url!r}", param_hint="--store")
    if path.exists():
        fail(f"{path} is there already", hint="an import makes a new store, and never touches one a daemon may use")
    clock = SystemClock()
    try:
        with open_file(file) as (opened, _):
            entries = file_entries(opened, file, Range(since=-_FOREVER, until=_FOREVER))
            count = asyncio.run(_import(store_from_url(url, clock=clock), entries, clock))
    except (SliceBroken, StoreError) as error:
        fail(str(error))
    click.echo(f"{count:,} journal entries in {path}")


async def _import(store: Store, entries: Iterator[Entry], clock: Clock) -> int:
    """Append every fact at its own time and count it as decided, batch by batch."""
    await store.open()
    progress = Progress(clock, lambda: None)
    count = 0
    cursor = 0
    store.subscribe(lambda _: None)  # nobody decides here
    try:
        for batch in batches(entries):
            for entry in batch:
                appended = await store.append(entry.at, [entry.fact])
                cursor = appended[-1].seq
            await store.commit(
                Commit(cursor=cursor, decided_at=batch[-1].at, decisions=[], incidents=[], changes=[], deliveries=[])
            )
            count += len(batch)
            progress.advance(len(batch))
    finally:
        progress.finish()
        await store.close()
    return count
