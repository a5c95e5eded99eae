"""Places of values and keys, paths as people write them, and the order and number of diagnostics."""

from __future__ import annotations

import pytest

from router.errors import Diagnostic, Span
from router.yamldoc import format_path, read, to_diagnostic
from router.yamldoc.document import Lines, cut_short, shown

TEXT = """\
rules:
  - id: a
    match: {service: ["x", yy]}   # comment

  - text: |
      one
      two

    empty:
    none: []

# the end
"""


def place(path, text=TEXT, **options):
    span = read(text, "f").span(path, **options)
    return f"{span.line}:{span.column}-{span.end_line}:{span.end_column}"


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        ((), "1:1-10:13", "1:1-10:13"),
        (("rules",), "2:3-10:13", "1:1-1:6"),
        (("rules", 0), "2:5-3:32", "2:5-3:32"),
        (("rules", 0, "id"), "2:9-2:10", "2:5-2:7"),
        (("rules", 0, "match"), "3:12-3:32", "3:5-3:10"),
        (("rules", 0, "match", "service", 0), "3:23-3:26", "3:23-3:26"),
        (("rules", 0, "match", "service", 1), "3:28-3:30", "3:28-3:30"),
        (("rules", 1, "text"), "5:11-7:10", "5:5-5:9"),
        (("rules", 1, "empty"), "9:11-9:11", "9:5-9:10"),
        (("rules", 1, "none"), "10:11-10:13", "10:5-10:9"),
        (("rules", 0, "match", "absent", 7), "3:12-3:32", "3:12-3:32"),
        (("rules", 9), "2:3-10:13", "2:3-10:13"),
        (("rules", 0, "id", "x"), "2:9-2:10", "2:9-2:10"),
        (("absent",), "1:1-10:13", "1:1-10:13"),
    ],
)
def test_span(path, value, key):
    assert place(path) == value
    assert place(path, key=True) == key


def test_span_of_an_empty_document_and_of_an_unreadable_one():
    assert place(("a",), "") == "1:1-1:1"
    assert place(("a",), "a: [") == "1:1-1:1"


def test_all_three_line_ends():
    text = "a: 1\r\nb: 2\rc: 3\nd: 4"
    assert [place((key,), text) for key in "abcd"] == ["1:4-1:5", "2:4-2:5", "3:4-3:5", "4:4-4:5"]
    assert Lines("a\r\nb", "f").line_bounds(1) == (0, 1)


def test_columns_count_characters():
    assert place(("b",), "a: é😀\nb: x") == "2:4-2:5"
    assert place((1,), "[é😀, x]") == "1:6-1:7"


def test_rest_of_line():
    document = read("a: b  # c\nd: e", "f")
    assert document.rest_of_line(("a",)) == "  # c"
    assert document.rest_of_line(("d",)) == ""


def test_diagnostics_of_callers():
    document = read(TEXT, "rules/a.yaml")
    found = to_diagnostic(document, ("rules", 0, "id"), "duplicate-rule", "found a again", "rename it", "warning")
    assert str(found) == "rules/a.yaml:2:9: warning [duplicate-rule] at rules[0].id: found a again\n    hint: rename it"
    assert to_diagnostic(document, ("rules", 0, "id"), "x", "y", key=True).span.column == 5


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("rules", 3, "when", "within"), "rules[3].when.within"),
        ((0, "a-b"), "[0].a-b"),
        (("labels", "a b", "0.4"), 'labels["a b"]["0.4"]'),
        (("", 'say "x"'), '[""]["say \\"x\\""]'),
    ],
)
def test_format_path(path, text):
    assert format_path(path) == text


def test_shown_is_short_and_on_one_line():
    assert shown("a\nb") == '"a\\nb"'
    assert len(shown("x" * 500)) == 62
    assert shown("\ud800")


def made(line, level):
    span = Span(file="f", line=line, column=1, end_line=line, end_column=1)
    return Diagnostic(code="x", span=span, path="", message="m", level=level)


def test_cut_short():
    many = [made(line, "warning" if line > 2 else "error") for line in (3, 1, 4, 2)]
    assert [found.span.line for found in cut_short(many, 4)] == [1, 2, 3, 4]
    cut = cut_short(many, 2)
    assert [(found.span.line, found.code, found.level) for found in cut[2:]] == [(3, "more-mistakes", "warning")]
    assert cut_short(many, 1)[-1].level == "error"
    assert cut_short(many, 4, left_off=1_000)[-1].message == "found 1,000 more mistakes that are not listed"
