"""What reading keeps, what it refuses, and that nothing makes it raise."""

from __future__ import annotations

import pytest

from router.yamldoc import Limits, Plain, read
from tests.support.steps import steps_of
from tests.unit.yamldoc.rulebook import reading


def data(text, **limits):
    return read(text, "f", limits=Limits(**limits)).data


def test_scalars_stay_as_they_were_written():
    text = "a: no\nb: 012\nc: 12:30:00\nd: 2026-01-01\ne: ~\nf:\non: 1\n1: 0x1F\nnull: .inf\n"
    assert data(text) == {
        "a": "no", "b": "012", "c": "12:30:00", "d": "2026-01-01", "e": "~", "f": "", "on": "1", "1": "0x1F", "null": ".inf",
    }  # fmt: skip


def test_unquoted_text_is_told_from_quoted():
    read_data = data("[a, 'b', \"c\"]")
    assert [type(value) for value in read_data] == [Plain, str, str]
    block = data("a: |\n  b\n   c\n")["a"]
    assert block == "b\n c\n"
    assert type(block) is str


def test_root_may_be_a_scalar_a_list_or_nothing():
    assert data("a") == "a"
    assert data("- a\n- [b]\n") == ["a", ["b"]]
    for empty in ("", "# only a comment\n", b"", "\ufeff"):
        document = read(empty, "f")
        assert (document.data, document.diagnostics, document.is_readable) == (None, [], True)


def test_bytes_and_byte_order_mark():
    assert data("\ufeffä: ö\n".encode()) == {"ä": "ö"}
    assert str(read("\ufeffa: b\n", "f").span(("a",))) == "f:1:4"


def test_a_document_may_be_marked_as_one():
    assert data("---\na: b\n...\n") == {"a": "b"}


@pytest.mark.parametrize(
    ("text", "limits", "expected"),
    [
        ("a: b\n", {"size": 4}, "1:1 too-large"),
        (b"a: b\n", {"size": 4}, "1:1 too-large"),
        ("[" * 65, {}, "1:65 too-deep"),
        ("{a: [" * 40, {}, "1:161 too-deep"),
        ("[a]: {{b}}\n", {"depth": 1}, "1:1 too-deep"),
        ("a: [[1]]\n", {"depth": 2}, "1:5 too-deep"),
        ("[a, b, c, d]", {"nodes": 4}, "1:8 too-many-values"),
    ],
)
def test_limits(text, limits, expected):
    document = read(text, "f", limits=Limits(**limits))
    (found,) = document.diagnostics
    assert f"{found.span.line}:{found.span.column} {found.code}" == expected
    assert not document.is_readable
    assert document.data is None


def test_just_within_the_limits():
    text = "[" * 64 + "]" * 64
    assert read(text, "f", limits=Limits(size=128)).diagnostics == []


def test_list_of_mistakes_is_cut():
    document = read("[" + "*a, " * 50 + "]", "f", limits=Limits(diagnostics=3))
    assert [found.code for found in document.diagnostics] == ["unquoted-glob"] * 3 + ["more-mistakes"]
    assert "47 more" in document.diagnostics[-1].message


@pytest.mark.parametrize(
    "character", ["\0", "\x07", "\x7f", "\x85", "\u200b", "\u2028", "\u202e", "\ufeff", "\ud800", "\ufffe"]
)
def test_invisible_characters(character):
    assert reading(f"a: 1\nb: x{character}\n") == ["2:5 control-character"]


def test_not_more_than_ten_invisible_characters_are_listed():
    assert len(read("\x07" * 99, "f").diagnostics) == 10


def test_bytes_that_are_no_text():
    document = read("ä: 1\nö: ".encode() + b"\xff\n", "f")
    assert str(document.diagnostics[0]) == (
        "f:2:4: error [not-utf8]: found the byte 0xff; expected UTF-8 text\n    hint: save the file as UTF-8"
    )
    assert "UTF-16" in read("a: 1".encode("utf-16"), "f").diagnostics[0].message


@pytest.mark.parametrize(
    ("text", "kept", "expected"),
    [
        ("a: *b\nc: d\n", {"a": "*b", "c": "d"}, ["1:4 unquoted-glob a"]),
        ("a: &b 1\nc: *b\n", {"a": "1", "c": "*b"}, ["1:4 anchor a", "2:4 alias c"]),
        ("&k a: 1\n", {"a": "1"}, ["1:1 anchor"]),
        ("a: &b [1]\n", {"a": ["1"]}, ["1:4 anchor a"]),
        ("a: !b [1]\n", {"a": ["1"]}, ["1:4 tag a"]),
        ("a: !b\nc: d\n", {"a": "", "c": "d"}, ["1:4 tag a"]),
        ("a: !!int 3\n", {"a": "3"}, ["1:4 tag a"]),
        ("a: {{b}}\nc: d\n", {"a": "{{", "c": "d"}, ["1:4 unquoted-template a"]),
        ("a: [b, {{ c.d | e }}, f]\n", {"a": ["b", "{{", "f"]}, ["1:8 unquoted-template a[1]"]),
        ("{{a}}: b\nc: d\n", {"c": "d"}, ["1:1 unquoted-template"]),
        ("[a, {b: *c}]: d\ne: f\n", {"e": "f"}, ["1:1 complex-key"]),
        ("? {a: [b]}\n: [c, {d: e}]\nf: g\n", {"f": "g"}, ["1:3 complex-key"]),
        ("*a : b\nc: d\n", {"c": "d"}, ["1:1 complex-key"]),
        ("? \n: b\nc: d\n", {"c": "d"}, ["1:2 empty-key"]),
        ("<<: [a]\nc: d\n", {"c": "d"}, ["1:1 merge-key"]),
        ('"<<": a\n', {"<<": "a"}, []),
        ('"": a\n', {"": "a"}, []),
        ("a: 1\nb: 2\n'a': {c: [d]}\n", {"a": "1", "b": "2"}, ["3:1 duplicate-key a"]),
        ("a:\n- b: 1\n  b: 2\n", {"a": [{"b": "1"}]}, ["3:3 duplicate-key a[0].b"]),
        ("1: a\n'1': b\n", {"1": "a"}, ['2:1 duplicate-key ["1"]']),
        ("a: >5\nb: c\n", {"a": "", "b": "c"}, ["1:4 unquoted-character a"]),
    ],
)
def test_refused_features_do_not_stop_the_reading(text, kept, expected):
    assert data(text) == kept
    assert reading(text) == expected


def test_a_duplicate_key_names_both_places():
    (found,) = read("x:\n  a: 1\n  b: 2\n  a: 3\n", "f").diagnostics
    assert str(found.span) == "f:4:3"
    assert found.message == 'found the key "a" again; it stands first on line 2, column 3'


@pytest.mark.parametrize(
    "text",
    [
        "[" * 4_000_000, "{" * 4_000_000, "- " * 2_000_000, "? " * 2_000_000, "{a: " * 1_000_000, "'" * 4_000_000,
        "!" * 4_000_000, "&a " * 1_000_000, "*a " * 1_000_000, ":" * 4_000_000, "a\n" * 2_000_000, "\n" * 4_000_000,
        "%TAG !a! b\n" * 350_000, "a: 1\n...\n" + "%TAG !a! b\n" * 300_000, "a: *b\n" * 600_000, "\t" * 4_000_000,
        "- {{x}}\n" * 40_000, "[" + "*a," * 190_000, "a: |\n" + " \n" * 1_000_000 + "b: c: d", "\0" * 4_000_000,
        "[" + "'a' " * 900_000, "#" * 4_000_000, "- !<x> a\n" * 90_000, "a:\n" * 1_300_000, '"' + "\\" * 4_000_000,
        "a: " + "b: " * 1_000_000, "x" * 2_000_000 + ": [" + "y" * 2_000_000, "- " + "{" * 63 + "\n",
    ],
    ids=lambda text: repr(text[:9]),
)  # fmt: skip
def test_hostile_texts_end_soon(text):
    assert steps_of(lambda: read(text, "f")) < 20_000 + 10 * len(text)
