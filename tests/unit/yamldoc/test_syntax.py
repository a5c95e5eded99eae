"""Texts that are not YAML, or not what was meant: code, line and column of each, and the hints that can be typed in."""

from __future__ import annotations

import pytest
import yaml

from router.yamldoc import read
from router.yamldoc.document import Lines
from router.yamldoc.syntax import explain
from tests.unit.yamldoc.rulebook import reading

BAD = [
    ("service: *-db\n", ["1:10 unquoted-glob service"]),
    ("service: *.prod # c\n", ["1:10 unquoted-glob service"]),
    ("service: [a, *b*]\n", ["1:14 unquoted-glob service[1]"]),
    ("service: *api*\n", ["1:10 unquoted-glob service"]),
    ("m: {{x}}\n", ["1:4 unquoted-template m"]),
    ("m: {{ x }} y\n", ["1:4 unquoted-template m"]),
    ("m: {{ x | f('%') }}\n", ["1:4 unquoted-template m"]),
    ("m: {{ @x }}\n", ["1:4 unquoted-template m"]),
    ("a: b: c\n", ["1:5 unquoted-colon"]),
    ("a: Checkout failed: %x now\n", ["1:19 unquoted-colon"]),
    ("a: %x\n", ["1:4 unquoted-character a"]),
    ("a: @x\n", ["1:4 unquoted-character a"]),
    ("a: `x`\n", ["1:4 unquoted-character a"]),
    ("a: [@x]\n", ["1:5 unquoted-character a[0]"]),
    ("a:\n\tb: 1\n", ["2:1 tab-indentation a"]),
    ("a:\n  b: 1\n\tc: 1\n", ["3:1 tab-indentation a.b"]),
    ("a: !true\n", ["1:4 tag a"]),
    ("a: [!true]\n", ["1:5 tag a[0]"]),
    ("a: {b: !true}\n", ["1:8 tag a.b"]),
    ("a: !\n", ["1:4 tag a"]),
    ("a: !a|b\n", ["1:4 tag a"]),
    ("a: !foo!bar x\n", ["1:4 tag a"]),
    ("a: !<x\n", ["1:4 tag a"]),
    ("a: [1, 2\nb: 3\n", ["1:4 unclosed-bracket a[2]"]),
    ("a: [1, 2\n", ["1:4 unclosed-bracket a[2]"]),
    ("a: {b: 1\nc: 2\n", ["1:4 unclosed-bracket a"]),
    ("a: {b: c d: e}\n", ["1:11 unclosed-bracket a"]),
    ("a: 'x\nb: 1\n", ["1:4 unclosed-quote a"]),
    ('a: "x\n', ["1:4 unclosed-quote a"]),
    ('a: "x\\q"\n', ["1:6 bad-escape a"]),
    ('a: "\\d+"\n', ["1:5 bad-escape a"]),
    ('a: "\\xzz"\n', ["1:5 bad-escape a"]),
    ('a: "\\ud800"\n', ["1:5 bad-escape a"]),
    ("a: 1\n---\nb: 1\n", ["2:1 several-documents"]),
    ("a: 1\n...\nb: 1\n", ["3:1 syntax"]),
    ("%YAML 1.2\n---\na: 1\n", ["1:1 directive"]),
    ("%FOO\n", ["1:1 directive"]),
    ("a: 1\n b: 2\n", ["2:2 bad-indentation"]),
    ("a:\n  b: 1\n   c: 2\n", ["3:4 bad-indentation a"]),
    ("- a\nb: 1\n", ["2:1 bad-indentation [1]"]),
    ("a: 1\n- b\n", ["2:1 bad-indentation"]),
    ("a:\n  - b\n c: 1\n", ["3:2 bad-indentation"]),
    ("[a]: b\n", ["1:1 complex-key"]),
    ("? [a]\n: b\n", ["1:3 complex-key"]),
    ("{{x}}: 1\n", ["1:1 unquoted-template"]),
    ("<<: {a: 1}\n", ["1:1 merge-key"]),
    ("a: &x 1\nb: *x\n", ["1:4 anchor a", "2:4 alias b"]),
    ("a: & x\n", ["1:4 unquoted-character a"]),
    ("a: &\n", ["1:4 unquoted-character a"]),
    ("key\nb: 1\n", ["1:1 missing-colon"]),
    ("a: 1\nkey\nb: 1\n", ["2:1 missing-colon"]),
    ("a: 1\nb:1\nc: 2\n", ["2:1 missing-colon"]),
    ("a: | x\n", ["1:4 unquoted-character a"]),
    ("a: >5x\n", ["1:4 unquoted-character a"]),
    ("a: >= 5\n", ["1:4 unquoted-character a"]),
    ("a: >5\n", ["1:4 unquoted-character a"]),
    ("a: |\n", ["1:4 unquoted-character a"]),
    ("a: - b\n", ["1:4 bad-indentation a"]),
    ("a: ? b\n", ["1:4 bad-indentation a"]),
    ("a: ]\n", ["1:4 unquoted-character a"]),
    ("a: }\n", ["1:4 unquoted-character a"]),
    ("a: ,x\n", ["1:4 unquoted-character a"]),
    ('a: "x" y\n', ["1:8 text-after-quote"]),
    ("a: 'it''s' fine\n", ["1:12 text-after-quote"]),
    ("a: [a-z]*\n", ["1:9 text-after-bracket"]),
    ("a: [1] x\n", ["1:8 text-after-bracket"]),
    ("a: {b: 1} x\n", ["1:11 text-after-bracket"]),
    (": x\n", ["1:1 empty-key"]),
    ("a: 1\na: 2\n", ["2:1 duplicate-key a"]),
    ("a: {b: 1, b: {c: 2}}\n", ["1:11 duplicate-key a.b"]),
    ("*x : 1\n", ["1:1 complex-key"]),
    ("a: [", ["1:5 unclosed-bracket a[0]"]),
    ("{", ["1:2 unclosed-bracket"]),
    ("a: [}\n", ["1:5 unquoted-character a[0]"]),
    ("a: [b]]\n", ["1:7 text-after-bracket"]),
    ("--- a\nb: 1\n", ["1:1 missing-colon"]),
    ("'a\n---\nb'\n", ["1:1 unclosed-quote"]),
    ("a: x\x07\n", ["1:5 control-character"]),
    ("a: x\u2028y\n", ["1:5 control-character"]),
    (b"a: \xff", ["1:4 not-utf8"]),
    (b"\xff\xfea\x00", ["1:1 not-utf8"]),
    ("a: [!!str x]\n", ["1:5 tag a[0]"]),
    ("a: |0\n x\n", ["1:4 unquoted-character a"]),
    ("a: 'x': y\n", ["1:7 unquoted-colon"]),
    ("a:\n  - b: 1\n    - c\n", ["3:5 bad-indentation a[0]"]),
    ("- a\n-b\n- c\n", ["2:1 missing-colon [1]"]),
    ("summary: disk {{ x }}: bad\n", ["1:22 unquoted-colon"]),
    ("x: [a, b: c: d]\n", ["1:12 unclosed-bracket x[2]"]),
    ("a: [b\n  c: d]\n", ["1:4 unclosed-bracket a[1]"]),
    ("--- >\n%a\n", ["1:5 unquoted-character", "2:1 directive"]),
    ("a: |\n\tx\n", ["2:1 tab-indentation a"]),
    ("a: !%zz x\n", ["1:4 tag a"]),
    ("!!!x\n", ["1:1 tag"]),
    ('"a\n', ["1:1 unclosed-quote"]),
    ("a: 1\nb\n", ["2:1 missing-colon"]),
    ("a: '\\' '\n", ["1:8 unclosed-quote"]),
    ("\n\n  x: y: z\n", ["3:7 unquoted-colon"]),
    ("a: b\n\n\n  # c\n  d: e\n", ["5:3 bad-indentation"]),
    ("? a: b: c\n", ["1:3 complex-key", '1:7 unquoted-colon [""]']),
    ("{: b, c: d}\n", ["1:2 empty-key"]),
    ("a: [\n  b,\n  *c*,\n  d]\n", ["3:3 unquoted-glob a[1]"]),
    ("%TAG ! x\n--- a\n", ["1:1 directive"]),
]


@pytest.mark.parametrize(("text", "expected"), BAD, ids=lambda value: repr(value)[:30])
def test_place_and_code(text, expected):
    assert reading(text) == expected


def test_there_are_many_bad_texts():
    assert len(BAD) >= 40


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("service: *-db\n", 'quote globs that begin with *: "*-db"'),
        ("service: *.prod # all\n", 'quote globs that begin with *: "*.prod"'),
        ("service: [a, *b*]\n", 'quote globs that begin with *: "*b*"'),
        ("service: [\n  *b*,\n  c]\n", 'quote globs that begin with *: "*b*"'),
        ("m: {{ x }} is down\n", 'quote templates: "{{ x }} is down"'),
        ('m: {{ x | d("y") }}\n', "quote templates: '{{ x | d(\"y\") }}'"),
        ("m: {{ x | d(\"y\") }} 'z'\n", "quote templates"),
        ("m: {{ x }}" + "y" * 80 + "\n", "quote templates"),
        ("a: lost: 3\n", 'quote the value: "lost: 3"'),
        ("- a: b: c\n", 'quote the value: "b: c"'),
        ("a: %x\n", 'quote values that begin with %: "%x"'),
        ("a: >= 5\n", 'quote values that begin with >: ">= 5"'),
        ("a: !true\n", 'quote values that begin with !: "!true"'),
        ("a: [!true]\n", 'quote values that begin with !: "!true"'),
        ("a: [, b]\n", "quote values that begin with ,"),
        ("a: 1\nb:1\n", "put a space after the colon"),
        ("- a\n-b\n- c\n", "put a space after the dash"),
        ("a: 1\nb\n", "write key: value"),
        ("a: [b]*\n", "quote values that begin with [ or {"),
        ('a: "\\d"\n', r"double the backslash (\\), or use single quotes, in which it is an ordinary character"),
    ],
)
def test_hint(text, hint):
    (found,) = read(text, "f").diagnostics
    assert found.hint == hint


def test_what_nobody_foresaw_is_told_in_the_words_of_the_parser():
    lines = Lines("a: b", "f")
    bare = explain("a: b", lines, yaml.YAMLError())
    assert (bare.code, bare.start, bare.message) == ("syntax", 0, "cannot be read as YAML: cannot be read")
    known = explain("a: b", lines, yaml.MarkedYAMLError("while dreaming", None, "it snowed", None))
    assert known.message == "cannot be read as YAML while dreaming: it snowed"


def test_one_complaint_per_line_is_enough():
    (found,) = read("m: {{ x }} y\n", "f").diagnostics
    assert found.code == "unquoted-template"
    assert found.span.column == 4
