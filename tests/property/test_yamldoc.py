"""Whatever the text: reading and validating never raise, end soon, point into the text; good documents survive unchanged."""

from __future__ import annotations

import json
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import RootModel

from router.yamldoc import Plain, read, suggest, validate
from tests.support.steps import steps_of
from tests.unit.yamldoc.rulebook import RuleFile, check

MOST_STEPS = 1_000_000  # far above what a short text may cost, far below what an endless one would

PIECES = st.sampled_from(
    [
        "rules", "match", "when", "count", "id", "scores", "service",
        ":", ": ", "- ", "\n", "\n  ", "\n- ", "\t", "{", "}", "[", "]",
        "{{", "}}", ",", ", ", "*", "*a", "&a ", "!", "!a ", "!!int ", "'", '"', "\\", "#", " #", "|", ">", "|\n  ", "? ",
        "<<: ", "%",
        "%TAG", "@", "`", "---", "\n---\n", "\n...\n", "~", "null", "true", "no", "3", "012", "0.4", ".inf", "1e999", "5m",
        "é", "😀", "\ufeff", "\x00", "\u2028", "\r", "\r\n", "\ud800", " ", "a",
    ]
)  # fmt: skip
YAMLISH = st.lists(PIECES, max_size=60).map("".join)
ANY_MODEL = RootModel[Any]


def see_all(text: str | bytes) -> None:
    assert steps_of(lambda: _see_all(text)) < MOST_STEPS


def _see_all(text: str | bytes) -> None:
    document = read(text, "f")
    check(document, document.diagnostics)
    assert document.is_readable or document.diagnostics
    for model in (RuleFile, ANY_MODEL):
        value, diagnostics = validate(document, model)
        check(document, diagnostics)
        assert (value is None) == any(found.level == "error" for found in diagnostics)
        assert [str(found.span) for found in diagnostics] == [
            str(found.span) for found in sorted(diagnostics, key=lambda found: (found.span.line, found.span.column))
        ]


@given(st.binary(max_size=500))
def test_any_bytes(data):
    see_all(data)


@given(st.text(st.characters(codec=None), max_size=300))
def test_any_text(text):
    see_all(text)


@given(YAMLISH)
def test_text_made_of_yaml(text):
    see_all(text)


@given(st.data())
def test_a_good_file_with_one_edit(data):
    good = (
        "rules:\n- id: a\n  match: {service: [db-*, 'x']}\n  when: {count: 3, within: 5m}\n  drop: true\nscores: {0.4: error}\n"
    )
    at = data.draw(st.integers(0, len(good)))
    cut = data.draw(st.integers(0, 5))
    see_all(good[:at] + data.draw(PIECES) + good[at + cut :])


KEYS = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_categories=("Cc",)), max_size=12)
LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | KEYS
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=30
)


def same(left: Any, right: Any) -> bool:
    return type(left) is type(right) and (
        (left.keys() == right.keys() and all(same(left[key], right[key]) for key in left))
        if isinstance(left, dict)
        else (len(left) == len(right) and all(map(same, left, right)))
        if isinstance(left, list)
        else left == right
    )


@given(VALUES)
def test_values_survive_json_which_is_yaml(value):
    document = read(json.dumps(value, ensure_ascii=False), "f")
    assert document.diagnostics == []
    result, diagnostics = validate(document, ANY_MODEL)
    assert diagnostics == []
    assert result is not None
    assert same(result.root, value) or value is None


@given(
    st.dictionaries(KEYS.filter(bool), st.recursive(KEYS, lambda inner: st.lists(inner, min_size=1, max_size=4), max_leaves=9))
)
def test_text_survives_blocks_with_every_scalar_quoted(value):
    text = yaml.safe_dump(value, default_style='"', allow_unicode=True, width=10_000)
    document = read(text, "f")
    assert document.diagnostics == []
    assert (document.data or {}) == value


def walk(value: Any, path: tuple[Any, ...] = ()) -> Any:
    yield path, value
    if isinstance(value, (dict, list)):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from walk(inner, (*path, key))


@given(VALUES)
def test_every_value_is_where_its_span_says(value):
    text = json.dumps(value, ensure_ascii=False, indent=1)
    document = read(text, "f")
    lines = text.split("\n")
    for path, node in walk(document.data):
        span = document.span(path)
        inside = [*lines[span.line - 1 : span.end_line]]
        inside[-1] = inside[-1][: span.end_column - 1]
        inside[0] = inside[0][span.column - 1 :]
        found = read("\n".join(inside), "f")
        assert found.data == node
        assert type(found.data) is type(node)
        if path and isinstance(path[-1], str):
            key = document.span(path, key=True)
            assert json.loads(lines[key.line - 1][key.column - 1 : key.end_column - 1]) == path[-1]


@given(st.text(max_size=80), st.lists(st.text(max_size=80), max_size=30))
def test_a_suggestion_is_one_of_the_candidates(word, candidates):
    hint = suggest(word, candidates)
    assert not hint or hint.removeprefix('did you mean "').removesuffix('"?') in candidates


@given(YAMLISH)
def test_data_holds_only_four_types(text):
    for _, node in walk(read(text, "f").data):
        assert type(node) in (dict, list, Plain, str, type(None))
