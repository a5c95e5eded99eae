from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.importing.writing import block, entry_of, on_one_line, scalar
from router.yamldoc import read


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("payment-api", "payment-api"),
        ("env:PD_KEY", "env:PD_KEY"),
        ("no route that pages", "no route that pages"),
        ("yes", '"yes"'),
        ("12", '"12"'),
        ("*-db", '"*-db"'),
        ("", '""'),
        ("a: b", '"a: b"'),
        ("a:", '"a:"'),
        ("{{ x }}", '"{{ x }}"'),
        ("a\nb", '"a\\nb"'),
        ("\x7f\u2028", '"\\u007f\\u2028"'),
        ("\u00fc \U0001f600", '"\u00fc \U0001f600"'),
    ],
)
def test_texts_are_quoted_where_they_need_it(text: str, written: str) -> None:
    assert scalar(text) == written


values: st.SearchStrategy[Any] = st.recursive(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from("abcd"), values, min_size=1))
def test_what_is_written_is_read_again(value: dict[str, Any]) -> None:
    document = read("\n".join(block(value, 0)) + "\n", "x.yaml")
    assert document.diagnostics == []
    assert document.data == value


def test_short_things_stand_on_one_line_and_comments_above_their_keys() -> None:
    value = {"a": {"x": "1", "y": True}, "b": {"c": {"d": ["e"]}}, "f": [{"g": "h"}, {"i": "j"}], "k": ["x" * 60, "y" * 60]}
    assert block(value, 2, {"b": "why"}) == [
        '  a: {x: "1", "y": true}',
        "  # why",
        "  b:",
        "    c: {d: [e]}",
        "  f:",
        "    - g: h",
        "    - i: j",
        "  k:",
        f"    - {'x' * 60}",
        f"    - {'y' * 60}",
    ]
    assert entry_of({"a": "1", "b": "2"}, 0) == ['- a: "1"', '  b: "2"']
    assert on_one_line([]) == "[]"
