"""Anchors written out: what they stand for, and that nothing grows or turns for ever."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from router.yamldoc import Limits, read


def shown(text: str) -> tuple[Any, list[str]]:
    document = read(text, "x.yaml", anchors=True)
    return document.data, [f"{each.span.line}:{each.span.column} {each.code}" for each in document.diagnostics]


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("a: &b 1\nc: *b\n", {"a": "1", "c": "1"}),
        ("a: &b [1, 2]\nc: [*b, *b]\n", {"a": ["1", "2"], "c": [["1", "2"], ["1", "2"]]}),
        ("a: &b {x: &y 1}\nc: *y\nd: *b\n", {"a": {"x": "1"}, "c": "1", "d": {"x": "1"}}),
        ("a: &b 1\nc: &b 2\nd: *b\n", {"a": "1", "c": "2", "d": "2"}),
        ("a: &b [1]\nc: &d [*b]\nb: &b [2]\ne: *d\n", {"a": ["1"], "c": [["1"]], "b": ["2"], "e": [["1"]]}),
        ("- &k key\n- {*k : 1}\n", ["key", {"key": "1"}]),
        ("a: &b {x: 1, y: 2}\nc: {y: 3, <<: *b}\n", {"a": {"x": "1", "y": "2"}, "c": {"y": "3", "x": "1"}}),
        ("- &a {x: 1}\n- &b {x: 2, y: 2}\n- {<<: [*a, *b]}\n", [{"x": "1"}, {"x": "2", "y": "2"}, {"x": "1", "y": "2"}]),
        ("- &a {x: 1}\n- &b {<<: *a, y: 2}\n- {<<: *b}\n", [{"x": "1"}, {"x": "1", "y": "2"}, {"x": "1", "y": "2"}]),
        ("{'<<': 1}\n", {"<<": "1"}),
    ],
)
def test_an_alias_is_what_it_names(text: str, data: Any) -> None:
    assert shown(text) == (data, [])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: *b\n", ["1:4 unquoted-glob"]),
        ("a: &b [*b]\n", ["1:8 unquoted-glob"]),
        ("a: {<<: 1}\n", ["1:10 merge-key"]),
        ("a: {<<: [{x: 1}, 2]}\n", ["1:20 merge-key"]),
        ("a: &b {x: 1}\nc: {<<: *b, <<: *b}\n", ["2:13 duplicate-key"]),
        ("a: !b 1\n", ["1:4 tag"]),
    ],
)
def test_what_cannot_be_written_out_is_a_mistake(text: str, found: list[str]) -> None:
    assert shown(text)[1] == found


def test_a_mistake_is_told_where_the_value_stands() -> None:
    document = read("a: &b {x: 1}\nc: *b\n", "x.yaml", anchors=True)
    assert str(document.span(("c", "x"))) == "x.yaml:1:11"


def test_without_being_asked_for_they_are_refused() -> None:
    assert [each.code for each in read("a: &b {x: 1}\nc: {<<: *b}\nd: *b\n", "x.yaml").diagnostics] == [
        "anchor",
        "merge-key",
        "alias",
        "alias",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "l0: &l0 [x]\n" + "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 40)),
        "l0: &l0 {x: 1}\n" + "".join(f"l{n}: &l{n} {{<<: [{', '.join([f'*l{n - 1}'] * 9)}]}}\n" for n in range(1, 40)),
        "".join(f"l{n}: &l{n} [{f'*l{n - 1}' if n else 'x'}]\n" for n in range(100)),
        "a: &a [*a]\n" + "b: &a [*a, *a]\n" * 60,
    ],
)
def test_a_bomb_ends_at_the_limits(text: str) -> None:
    limits = Limits(nodes=2_000)
    document = read(text, "x.yaml", limits=limits, anchors=True)
    assert not document.is_readable
    assert {"too-many-values", "too-deep"} & {each.code for each in document.diagnostics}


SCALARS = st.sampled_from(["x", "y", "1", ""])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCALARS, inner, max_size=3), max_leaves=12
)


@given(VALUES, st.integers(1, 3))
def test_as_another_reader_of_yaml_understands_it(value: Any, times: int) -> None:
    text = yaml.safe_dump({"once": value, "again": [value] * times, "and": {"deep": value}}, default_style='"')
    data, found = shown(text)
    assert found == []
    assert json.dumps(data) == json.dumps(yaml.safe_load(text))
