from __future__ import annotations

import jinja2
import pytest

from router.rules.template_syntax import MAX_NODES, bound, check_syntax

ENVIRONMENT = jinja2.Environment(autoescape=False)  # only parses


def messages(text: str) -> list[str]:
    return [finding.message for finding in check_syntax(ENVIRONMENT.parse(text))]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ service.upper() }}", "templates cannot call .upper()"),
        ("{{ f() }}", "templates cannot call functions"),
        ("{{ 2 ** 3 }}", "templates cannot use **"),
        ("{{ 'a' * 3 }}", "* works on numbers only"),
        ("{{ 'a' % 3 }}", "% works on numbers only"),
        ("{{ service|nope }}", "there is no filter 'nope'"),
        ("{{ count is odd }}", "there is no test 'odd'"),
        ("{{ service._x }}", "there is no field '_x'"),
        ("{% set x = 1 %}", "templates cannot use {% set %}"),
        ("{% block x %}{% endblock %}", "templates cannot use {% block %}"),
        ("{{ {} }}", "templates cannot use this (dict)"),
        ("{% for a in labels recursive %}{% endfor %}", "loops cannot be nested"),
        ("{{ nope }}", "there is no field 'nope': it will be empty"),
        ("{{ count.x }}", "count has no fields: count.x will be empty"),
    ],
)
def test_what_is_said(text: str, message: str) -> None:
    assert messages(text) == [message]


def test_all_mistakes_of_a_template_are_found_in_order() -> None:
    assert messages("{{ a }}{{ f() }}{{ b }}") == [
        "there is no field 'a': it will be empty",
        "templates cannot call functions",
        "there is no field 'b': it will be empty",
    ]


def test_names_of_a_loop_are_known_inside_it() -> None:
    assert messages("{% for key, value in labels|items %}{{ key }}{{ value }}{{ loop.index }}{% endfor %}") == []
    assert messages("{% for key in labels %}{% endfor %}{{ key }}") == ["there is no field 'key': it will be empty"]


def test_a_template_of_too_many_parts_is_refused() -> None:
    (message,) = messages("{{ service }}" * MAX_NODES)
    assert "too large" in message


def test_concatenation_and_loops_are_bounded_by_filters() -> None:
    tree = bound(ENVIRONMENT.parse("{{ a ~ b }}{% for x in y %}{{ x ~ 1 }}{% endfor %}"))
    names = [node.name for node in tree.find_all(jinja2.nodes.Filter)]
    assert sorted(names) == ["join", "join", "members of"]
    assert not list(tree.find_all(jinja2.nodes.Concat))
