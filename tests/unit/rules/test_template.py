"""Templates: what they can say, what they cannot do, and how much they may."""

from __future__ import annotations

import pytest

from router.model.ruleset import TemplateFailed
from router.rules.fields import FIELDS, MAPPINGS, SAMPLE
from router.rules.filters import OUTPUT_CAP
from router.rules.template import TEXT_CAP, JinjaTemplate, PlainTemplate, TemplateRefused, compile_template


def render(text: str, **context: object) -> str:
    return compile_template(text)[0].render(SAMPLE | context)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("plain", "plain"),
        ("100 % sure, %s", "100 % sure, %s"),
        ("{{ service }}: {{ name }} ({{ count }} in {{ within }})", "payment-api: CardError (3 in 5m)"),
        ("{{service}}", "payment-api"),
        ("{{ labels.env }}/{{ labels['region'] }}/{{ labels[\"env\"] }}", "prod/eu-west-1/prod"),
        ("{{ labels.missing }}", ""),
        ("{{ labels.items }}", ""),
        ("{{ group.service }} {{ details.confidence }}", "payment-api 0.4"),
        ("line\n", "line"),
        ("line\n\n", "line\n"),
        ("} } {", "} } {"),
    ],
)
def test_plain_templates(text: str, expected: str) -> None:
    template, findings = compile_template(text)
    assert isinstance(template, PlainTemplate)
    assert findings == ()
    assert template.render(SAMPLE) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ service|upper }}", "PAYMENT-API"),
        ("{{- service -}} ", "payment-api"),
        ("{% if severity == 'error' %}E{% else %}?{% endif %}", "E"),
        ("{% for key, value in labels|items %}{{ key }}={{ value }}{% if not loop.last %}, {% endif %}{% endfor %}",
         "env=prod, region=eu-west-1"),
        ("{{ (details.confidence * 100)|round }} %", "40 %"),
        ("{{ service ~ '/' ~ count }}", "payment-api/3"),
        ("{{ 'a' + service }}", "apayment-api"),
        ("{{ details.a.b.c }}", ""),
        ("{{ labels.nope|default('none') }}", "none"),
        ("{{ 'many' if count > 2 else 'few' }}", "many"),
        ("{{ details }}", '{"confidence":0.4}'),
        ("{{ 'prod' in labels.env }}", "true"),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("{# comment #}x", "x"),
        ("{{ 7 // 2 }} {{ 7 % 4 }} {{ 7 - 4 }} {{ -count }}", "3 3 3 -3"),
    ],
)  # fmt: skip
def test_templates_of_jinja(text: str, expected: str) -> None:
    template, findings = compile_template(text)
    assert isinstance(template, JinjaTemplate)
    assert findings == ()
    assert template.render(SAMPLE) == expected


BOMBS = [
    "{{ 'a' * 10**9 }}",
    "{{ 'a' * 1000000000 }}",
    "{{ 1000000000 * 'a' }}",
    "{{ [1] * 1000000000 }}",
    "{{ service.center(999999999) }}",
    "{{ '%999999999d' % 1 }}",
    "{{ '{:>999999999}'.format(1) }}",
    "{{ ''.join(['a']) }}",
    "{{ 9**9**9 }}",
    "{% for a in range(10**9) %}x{% endfor %}",
    "{% for a in labels %}{% for b in labels %}x{% endfor %}{% endfor %}",
    "{% set x = 'aa' %}{% set x = x ~ x %}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{% include 'x' %}",
    "{% extends 'x' %}",
    "{% import 'x' as y %}",
    "{% with x = 1 %}{% endwith %}",
    "{% filter upper %}x{% endfilter %}",
    "{{ cycler(1, 2) }}",
    "{{ lipsum(n=100000) }}",
    "{{ namespace() }}",
    "{{ service|center(999999999) }}",
    "{{ service|indent(999999999) }}",
    "{{ service|format(1) }}",
    "{{ labels|map('upper') }}",
    "{{ ().__class__.__bases__ }}",
    "{{ service|attr('__class__') }}",
    "{{ {'a': 1} }}",
    "{{ service[0:5] }}",
    "{{ " + "(" * 3000 + "1",
    "{{ " + "-" * 3000 + "1 }}",
    "{{ " + "[" * 200 + "]" * 200 + " }}",
    "{{ " + " ~ ".join(["service"] * 450) + " }}",
    "x" * (TEXT_CAP + 1),
]


@pytest.mark.parametrize("text", BOMBS)
def test_what_could_run_away_is_refused_at_load(text: str) -> None:
    with pytest.raises(TemplateRefused):
        compile_template(text)


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "text",
    [
        "{{ labels.x * 999999999 }}",
        "{{ count * labels.x }}",
        "{{ labels.x % 5 }}",
        "{{ count // 0 }}",
        "{{ (count * 999999999999999) * 999999999999999 * 999999999999999 }}",
        "{{ details.missing < 1 }}",
        "{{ labels.env < 1 }}",
        "{{ -labels.env }}",
    ],
)
def test_what_fails_when_it_runs_is_a_failed_template_and_nothing_else(text: str) -> None:
    template, _ = compile_template(text)
    with pytest.raises(TemplateFailed):
        template.render(SAMPLE | {"labels": {"x": "a" * 1000, "env": "prod"}})


@pytest.mark.timeout(10)
def test_a_large_alert_makes_no_large_page() -> None:
    huge = {"labels": {str(number): "x" * 5_000 for number in range(2_000)}, "summary": "y" * 5_000_000}
    for text in (
        "{{ summary }}{{ summary }}",
        "{{ summary|upper }}",
        "{{ summary ~ summary ~ summary }}",
        "{{ summary + summary }}",
        "{% for key in labels %}{{ labels }}{{ summary }}{% endfor %}",
        "{{ summary|replace('y', 'zzzzzzzzzzzzzzzz') }}",
        "{{ labels|items|join }}",
    ):
        assert len(render(text, **huge)) == OUTPUT_CAP, text


def test_values_of_alerts_are_never_templates() -> None:
    hostile = "{{ 9999 * 9999 }}{% for a in b %}"
    assert render("{{ summary }}", summary=hostile) == hostile
    assert render("{{ summary|trim }}", summary=hostile) == hostile


def test_nothing_is_escaped() -> None:
    assert render("{{ summary|trim }} {{ summary }}", summary="<a> & 'b'") == "<a> & 'b' <a> & 'b'"


def test_a_context_that_lacks_fields_renders_them_empty() -> None:
    for text in ("{{ service }}{{ name }}-{{ labels.x }}", "{{ service }}-{{ name|upper }}", "{{ service }}-{{ name }}"):
        assert compile_template(text)[0].render({}) == "-"
    assert compile_template("{{ labels.x }}")[0].render({"labels": None}) == ""
    assert compile_template("{{ within }}|{{ labels.x }}")[0].render({"within": None, "labels": {"x": True}}) == "|true"


def test_warnings() -> None:
    def codes(text: str) -> list[str]:
        return [finding.code for finding in compile_template(text)[1]]

    assert codes("{{ servce }}") == ["template-unknown-field"]
    assert codes("{{ service.upper }}") == ["template-unknown-field"]
    assert codes("{{ details.score < 1 }}") == ["template-fails"]
    assert codes("{% for service in labels %}{{ service }}{% endfor %}{{ service|upper }}") == []


def test_every_field_can_be_spoken_of() -> None:
    assert set(SAMPLE) == set(FIELDS)
    assert set(FIELDS) >= MAPPINGS
    for field in FIELDS:
        template, findings = compile_template(f"{{{{ {field}|default('x') }}}}")
        assert findings == ()
        template.render(SAMPLE)


def test_a_text_is_compiled_once() -> None:
    assert compile_template("{{ service|upper }}!")[0] is compile_template("{{ service|upper }}!")[0]


def test_templates_print_as_their_text() -> None:
    assert repr(compile_template("{{ name }}")[0]) == "PlainTemplate('{{ name }}')"
    assert repr(compile_template("{{ name|upper }}")[0]) == "JinjaTemplate('{{ name|upper }}')"


def test_a_context_of_things_unheard_of_is_a_failed_template() -> None:
    class Unheard:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    for text in ("{{ service }}", "{{ service }}{{ name }}", "{{ service|upper }}", "{{ labels.x }}"):
        with pytest.raises(TemplateFailed, match="no text"):
            compile_template(text)[0].render({"service": Unheard(), "name": Unheard(), "labels": {"x": Unheard()}})
