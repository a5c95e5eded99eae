from __future__ import annotations

import pytest

from router.rehearsal.slices import (
    FORMAT,
    LONGEST_LINE,
    Header,
    SliceBroken,
    encode_entry,
    encode_header,
    read_entries,
    read_header,
)
from tests.support.journals import alert, journal, over


def test_what_is_written_is_read_back() -> None:
    header = Header(exported_at=5, since=1, until=9, redacted=("customer",))
    assert encode_header(header).startswith(b'{"alert_router_journal":1,')
    assert encode_header(Header()) == b'{"alert_router_journal":1}\n'
    assert read_header(encode_header(header), "a") == header
    entries = journal((0, alert(labels={"a": "é\n"})), (1, over(alert())))
    assert list(read_entries([*map(encode_entry, entries), b"\n"], "a")) == entries


@pytest.mark.parametrize("line", [b"", b"{}", b"[]", b"hello", b'{"seq":1}', b'{"alert_router_journal":"x"}'])
def test_a_file_without_a_header_is_refused(line: bytes) -> None:
    with pytest.raises(SliceBroken, match=r"a\.jsonl is no journal: .*record export"):
        read_header(line, "a.jsonl")


def test_a_later_format_is_refused() -> None:
    with pytest.raises(SliceBroken, match="upgrade alert-router"):
        read_header(b'{"alert_router_journal":%d}' % (FORMAT + 1), "a")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "a:3: this is no journal entry"),
        (b'{"seq":1,"at":5,"fact":{"fact":"unknown"}}', "a:3: this is no journal entry"),
        (b" " * LONGEST_LINE + b"{}", "a:3: the line is longer"),
    ],
)
def test_a_broken_line_is_named(line: bytes, message: str) -> None:
    (entry,) = journal((0, alert()))
    with pytest.raises(SliceBroken, match=message):
        list(read_entries([encode_entry(entry), line], "a"))
    with pytest.raises(SliceBroken, match="a:3: sequence 1 stands after 1"):
        list(read_entries([encode_entry(entry)] * 2, "a"))
