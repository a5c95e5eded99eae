from __future__ import annotations

from typing import Any

import pytest

from router.ingest.expression import HELPERS, MAX_EXPRESSION, MAX_MADE, Expression, ExpressionError, number_of, text_of

GIVES: list[tuple[str, Any, Any]] = [
    ("a.b", {"a": {"b": 1}}, 1),
    ("missing", {}, None),
    ("lower(a)", {"a": "ÀB"}, "àb"),
    ("lower(a)", {}, None),
    ("upper(a)", {"a": "b"}, "B"),
    ("replace(a, '.', '-')", {"a": "2024.10.26"}, "2024-10-26"),
    ("replace(a, '', '-')", {"a": "x"}, "x"),
    ("replace(a, 'x', 'y')", {}, None),
    ("split(a, ',')[1]", {"a": "x,y"}, "y"),
    ("split(a, ',')", {}, None),
    ("join_('-', [a, b, c])", {"a": "x", "c": 3}, "x-3"),
    ("join_('-', a)", {}, None),
    ("join_('-', a)", {"a": "one"}, "one"),
    ("regex_extract(a, 'host:([a-z]+)')", {"a": "env:x,host:web"}, "web"),
    ("regex_extract(a, '[0-9]+')", {"a": "no 42"}, "42"),
    ("regex_extract(a, 'z')", {"a": "x"}, None),
    ("regex_extract(a, 'z')", {}, None),
    ("default(a, b, 'c')", {"a": "", "b": []}, "c"),
    ("default(a, 'c')", {"a": 0}, 0),
    ("to_score(a, `0`, `10`)", {"a": "5"}, 0.5),
    ("to_score(a, `0`, `10`)", {"a": 50}, 1.0),
    ("to_score(a, `10`, `0`)", {"a": 10}, 0.0),
    ("to_score(a, `0`, `10`)", {"a": "much"}, None),
    ("lookup(a, {P1: 'critical'})", {"a": "P1"}, "critical"),
    ("lookup(a, {P1: 'critical'})", {"a": "P9"}, None),
    ("lookup(a, b)", {"a": "x"}, None),
    ("parse_json(a).b", {"a": '{"b": 1}'}, 1),
    ("parse_json(a)", {"a": "{"}, None),
    ("parse_json(a)", {"a": {"b": 1}}, {"b": 1}),
    ("entries(a)[0].key", {"a": {"k": 1}}, "k"),
    ("entries(a)", {}, None),
    ("from_entries(a, 'name', 'value')", {"a": [{"name": "x", "value": 1}, {"value": 2}]}, {"x": 1}),
    ("from_entries(a, 'name', 'value')", {}, None),
]


@pytest.mark.parametrize(("text", "data", "value"), GIVES)
def test_it_gives(text: str, data: Any, value: Any) -> None:
    assert Expression(text).evaluate(data) == value


def test_every_helper_is_tried_here() -> None:
    assert {name.partition("(")[0] for name in HELPERS} <= {text.partition("(")[0] for text, _, _ in GIVES}


BROKEN = {
    "a[": (2, "not complete"),
    "'x": (0, "Unclosed"),
    "a-b": (1, "Unknown token"),
    "": (0, "found nothing"),
    "a b": (2, "unexpected 'b'"),
    "x.lowr(a)": (2, "no function lowr"),
    "lower(a, b)": (0, "takes 1 values, found 2"),
    "default()": (0, "at least 1"),
    "(" * 1500: (None, "nested too deeply"),
    "!" * 60 + "a": (None, "levels of nesting"),
    "a" * (MAX_EXPRESSION + 1): (None, "at most 2048"),
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_one_says_where(text: str) -> None:
    position, words = BROKEN[text]
    with pytest.raises(ExpressionError) as caught:
        Expression(text)
    assert caught.value.position == position
    assert words in str(caught.value)


FAILS = {
    "contains(a, 'x')": "takes array or string, found null",
    "regex_extract('a', '(')": "regex_extract",
    f"regex_extract('a', '{'a' * 600}')": "at most 512",
    "replace(big, 'a', 'bb')": "more than 65536",
    "sort(mixed)": "sort",
    "floor(`1` && to_number('inf'))": "cannot be evaluated",
}


@pytest.mark.parametrize("text", FAILS)
def test_what_cannot_be_evaluated_is_one_kind_of_error(text: str) -> None:
    with pytest.raises(ExpressionError, match=FAILS[text]):
        Expression(text).evaluate({"big": "a" * MAX_MADE, "mixed": ["a", 1]})


def test_what_it_makes_is_bounded() -> None:
    assert len(Expression("join_(',', [a, a])").evaluate({"a": "x" * MAX_MADE})) == MAX_MADE


def test_values_as_text() -> None:
    assert [text_of(value) for value in (None, "a", True, 3, 3.0, 0.5, ["a", 1, None], {"a": [1]}, [{"a": 1}])] == [
        *("", "a", "true", "3", "3", "0.5", "a, 1", '{"a":[1]}', '[{"a":1}]'),
    ]


def test_values_as_numbers() -> None:
    assert [number_of(value) for value in (1, "2.5", "80%", "x", True, None, "1e999", "nan", "1" * 50)] == [
        *(1.0, 2.5, 80.0, None, None, None, None, None, None),
    ]
