"""Slices of the journal as JSON Lines: a header that names the format, then one entry a line.

Text in, text out; opening files is the caller's. A slice can be kept in a repository, so it is readable by every later version:
the header's number rises when that would no longer be so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from router.errors import RouterError
from router.model.journal import Entry

FORMAT = 1
LONGEST_LINE = 8 * 1024 * 1024
"""Bytes; no door takes an alert as large."""


class Header(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The first line. Times in ms UTC; ``redacted`` names what was replaced by pseudonyms."""

    alert_router_journal: int = msgspec.field(default=FORMAT)
    exported_at: int = 0
    since: int = 0
    until: int = 0
    redacted: tuple[str, ...] = ()


class SliceBroken(RouterError):
    """The text is no slice of a journal; the message says which line and why."""


_encoder = msgspec.json.Encoder()
_header_decoder = msgspec.json.Decoder(Header)


def encode_header(header: Header) -> bytes:
    """The first line, with its line break."""
    fields = msgspec.to_builtins(header) | {"alert_router_journal": FORMAT}
    ordered = {"alert_router_journal": FORMAT} | fields
    return _encoder.encode(ordered) + b"\n"


def encode_entry(entry: Entry) -> bytes:
    """One line, with its line break."""
    return _encoder.encode(entry) + b"\n"


def read_header(line: bytes, name: str) -> Header:
    """The first line of a slice; SliceBroken if it is none, or of a later format."""
    try:
        header = _header_decoder.decode(line)
        known = "alert_router_journal" in msgspec.json.decode(line)
    except msgspec.MsgspecError:
        known = False
    if not known:
        raise SliceBroken(
            f"{name} is no journal: its first line has no alert_router_journal; `alert-router record export` makes one"
        )
    if header.alert_router_journal > FORMAT:
        raise SliceBroken(
            f"{name} is in format {header.alert_router_journal}; this program knows format {FORMAT}: upgrade alert-router"
        )
    return header


def read_entries(lines: Iterable[bytes], name: str, *, first_line: int = 2) -> Iterator[Entry]:
    """The entries after the header, one by one; SliceBroken names the line that is none, or is out of order."""
    decode = msgspec.json.Decoder(Entry).decode
    before = 0
    for number, line in enumerate(lines, start=first_line):
        if not line.strip():
            continue
        if len(line) > LONGEST_LINE:
            raise SliceBroken(f"{name}:{number}: the line is longer than {LONGEST_LINE:,} bytes")
        try:
            entry = decode(line)
        except msgspec.MsgspecError as error:
            raise SliceBroken(f"{name}:{number}: this is no journal entry: {error}") from error
        if entry.seq <= before:
            raise SliceBroken(f"{name}:{number}: sequence {entry.seq} stands after {before}; a journal is in order")
        before = entry.seq
        yield entry
