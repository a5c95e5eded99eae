"""Where a replay gets its journal: the store beside a running daemon, or a file of JSON Lines. Streams, in bounded memory."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import click
import msgspec

from router.cli.formats import duration
from router.cli.options import fail
from router.clock import Clock
from router.model.incident import Incident
from router.model.journal import Entry
from router.model.quantity import QuantityError, parse_duration
from router.rehearsal.slices import LONGEST_LINE, read_entries, read_header
from router.store.base import Reader

CHUNK = 5_000
"""Journal entries read from the store at a time."""

INCIDENTS_CHUNK = 500
_PROGRESS_SECONDS = 0.5
_END = 2**62

F = TypeVar("F", bound=Callable[..., Any])

since_option: Callable[[F], F] = click.option(
    "--since", metavar="DURATION", help="The last so long, for example 7d (of the store: 7d unless said)."
)
from_option: Callable[[F], F] = click.option("--from", "from_", metavar="TIME", help="From then on: 2026-11-14T00:00Z.")
to_option: Callable[[F], F] = click.option("--to", metavar="TIME", help="Up to then; default: now.")
journal_option: Callable[[F], F] = click.option(
    "--journal", metavar="FILE", help="A journal exported with `alert-router record export`, `-`: standard input."
)


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of time in ms UTC: ``since`` <= at < ``until``."""

    since: int
    until: int


def parse_time(text: str, option: str) -> int:
    """Milliseconds of ``2026-11-14T06:00Z`` or ``2026-11-14`` (UTC where no zone is given)."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"expected a time such as 2026-11-14T06:00Z, found {text!r}", param_hint=option) from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return round(found.timestamp() * 1000)


def read_range(since: str | None, from_: str | None, to: str | None, *, now: int, default: str | None) -> Range:
    """The stretch the options mean; ``default`` is a duration for when none of them says where to begin."""
    until = parse_time(to, "--to") if to else _END if default is None else now
    if since is not None and from_ is not None:
        raise click.UsageError("--since and --from stand side by side; give one of them")
    if from_ is not None:
        begin = parse_time(from_, "--from")
    elif since is None and default is None:
        begin = 0
    else:
        try:
            begin = min(until, now) - parse_duration(since or default or "")
        except QuantityError as error:
            raise click.BadParameter(f"{error}, found {since!r}", param_hint="--since") from None
    if begin >= until:
        raise click.UsageError("the time begins after it ends")
    return Range(since=max(0, begin), until=until)


def store_entries(reader: Reader, span: Range) -> Iterator[Entry]:
    """The journal of the store, chunk by chunk."""
    after_seq = 0
    since: int | None = span.since
    while chunk := reader.entries(after_seq=after_seq, since=since, until=min(span.until, _END), limit=CHUNK):
        yield from chunk
        after_seq = chunk[-1].seq
        since = None if chunk[0].at >= span.since else since


def store_incidents(reader: Reader, since: int) -> Iterator[Incident]:
    """Incidents from the oldest that was opened at ``since`` or later (or is open), in rising number."""
    newest = next(iter(reader.incidents(limit=1)), None)
    if newest is None:
        return
    # Numbers rise with time: the first one wanted is found by halving.
    low, high = 0, newest.number
    while low < high:
        middle = (low + high) // 2
        found = reader.incidents(before_number=middle + 1, limit=1)
        if found and found[0].opened_at >= since:
            high = found[0].number - 1 if found[0].number <= middle else middle
        else:
            low = middle + 1
    number = low
    while number <= newest.number:
        rows = reader.incidents(before_number=number + INCIDENTS_CHUNK, limit=INCIDENTS_CHUNK)
        yield from (row for row in reversed(rows) if row.number >= number)
        number += INCIDENTS_CHUNK


@contextlib.contextmanager
def open_file(name: str) -> Iterator[tuple[BinaryIO, int]]:
    """The file and its size in bytes (0: not known); ``-`` is standard input."""
    if name == "-":
        yield sys.stdin.buffer, 0
        return
    try:
        with Path(name).open("rb") as opened:
            yield opened, Path(name).stat().st_size
    except OSError as error:
        fail(f"{name} cannot be read: {error.strerror}", code=2)


def file_entries(opened: BinaryIO, name: str, span: Range) -> Iterator[Entry]:
    """The journal of a file; SliceBroken if it is none."""
    shown = "standard input" if name == "-" else name
    read_header(opened.readline(LONGEST_LINE), shown)
    lines = iter(lambda: opened.readline(LONGEST_LINE + 1), b"")
    for entry in read_entries(lines, shown):
        if entry.at >= span.until:
            continue
        if entry.at >= span.since:
            yield entry


class Progress:
    """How far, and how long it will take, on standard error of a terminal; silent elsewhere."""

    def __init__(
        self, clock: Clock, fraction: Callable[[], float | None], *, unit: str = "entries", shown: bool | None = None
    ) -> None:
        """``fraction`` answers 0 to 1, or None when the end is not known."""
        self._clock = clock
        self._fraction = fraction
        self._unit = unit
        self._shown = sys.stderr.isatty() if shown is None else shown
        self._began = self._last = clock.monotonic()
        self._done = 0

    def advance(self, count: int) -> None:
        """So many more are done."""
        self._done += count
        if not self._shown:
            return
        now = self._clock.monotonic()
        if now - self._last < _PROGRESS_SECONDS:
            return
        self._last = now
        fraction = self._fraction()
        text = f"{self._done:,} {self._unit}"
        if fraction:
            left_ms = round((now - self._began) * (1 - fraction) / fraction * 1000)
            text += f", {fraction:.0%}, {duration(left_ms // 1000 * 1000)} left"
        click.echo(f"\r\033[K{text}", nl=False, err=True)

    def finish(self) -> None:
        """Clear the line."""
        if self._shown:
            click.echo("\r\033[K", nl=False, err=True)


def counted(entries: Iterable[Entry], seen: list[int]) -> Iterator[Entry]:
    """The same entries; ``seen[0]`` becomes the time of the last one."""
    for entry in entries:
        seen[0] = entry.at
        yield entry
