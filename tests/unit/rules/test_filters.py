"""Filters are total: whatever an alert holds they answer, quickly and within the cap."""

from __future__ import annotations

from typing import Any

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.rules.filters import FILTERS, ITEMS_CAP, OUTPUT_CAP, as_text, members

EXAMPLES = [
    ("capitalize", ("aB c",), "Ab c"),
    ("default", ("", "none"), "none"),
    ("default", ("x", "none"), "x"),
    ("default", (0, "none"), 0),
    ("default", (jinja2.Undefined(), "none"), "none"),
    ("first", (["a", "b"],), "a"),
    ("first", ([],), ""),
    ("float", ("1.5",), 1.5),
    ("float", ("x",), 0.0),
    ("float", ("x", 2.5), 2.5),
    ("int", ("7.9",), 7),
    ("int", ("inf",), 0),
    ("int", ("nan",), 0),
    ("items", ({"a": 1},), [("a", 1)]),
    ("items", ("text",), []),
    ("join", (["a", 1, True],), "a, 1, true"),
    ("join", (["a", "b"], " / "), "a / b"),
    ("join", ("text",), "text"),
    ("last", (["a", "b"],), "b"),
    ("length", ("abc",), 3),
    ("length", (5,), 0),
    ("lower", ("AbC",), "abc"),
    ("replace", ("a_b", "_", " "), "a b"),
    ("replace", ("abc", "", "x"), "abc"),
    ("round", (1.256, 2), 1.26),
    ("round", (1.6,), 2),
    ("round", (12345.678, -(10**9)), 12346.0),
    ("sort", (["b", "a", 3],), [3, "a", "b"]),
    ("title", ("card error",), "Card Error"),
    ("trim", ("  a ",), "a"),
    ("truncate", ("abcdef", 4), "abc…"),
    ("truncate", ("abc", 4), "abc"),
    ("upper", ("abc",), "ABC"),
    ("urlencode", ("a b/c&d",), "a%20b%2Fc%26d"),
]


@pytest.mark.parametrize(("name", "arguments", "expected"), EXAMPLES)
def test_examples(name: str, arguments: tuple[Any, ...], expected: object) -> None:
    assert FILTERS[name][0](*arguments) == expected


def test_every_filter_has_an_example_and_a_sentence() -> None:
    assert {name for name, _, _ in EXAMPLES} == set(FILTERS)
    assert all(text for _, text in FILTERS.values())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "x"),
        (True, "true"),
        (False, "false"),
        (None, ""),
        (jinja2.Undefined(), ""),
        (1, "1"),
        (0.5, "0.5"),
        ({"a": [1, None]}, '{"a":[1,null]}'),
    ],
)
def test_as_text(value: object, text: str) -> None:
    assert as_text(value) == text


def test_nothing_grows_beyond_the_cap() -> None:
    long = "ß" * 1_000_000
    for name, (filter_, _) in FILTERS.items():
        if name in {"default", "first", "last"}:  # hand on what they are given
            continue
        arguments = {"replace": ("ß", "x" * 4_000), "truncate": (10**9,)}.get(name, ())
        made = filter_(long, *arguments)
        if isinstance(made, str):
            assert len(made) <= 3 * OUTPUT_CAP, name  # a letter may become three: SS, %C3%9F is cut
    assert len(FILTERS["join"][0](["x" * 5_000] * 1_000_000)) == OUTPUT_CAP
    assert len(as_text({str(number): "x" for number in range(100_000)})) == OUTPUT_CAP


def test_only_so_many_members_are_looked_at() -> None:
    assert len(members(range(10**9))) == ITEMS_CAP


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(value=anything)
def test_no_filter_raises_for_what_an_alert_may_hold(value: object) -> None:
    for name, (filter_, _) in FILTERS.items():
        arguments = {"replace": ("a", "b")}.get(name, ())
        filter_(value, *arguments)
