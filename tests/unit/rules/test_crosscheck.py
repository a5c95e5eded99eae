from __future__ import annotations

import pytest

from tests.support.rule_texts import compile_texts, found_in


def test_an_id_stands_once_over_all_files() -> None:
    texts = ("rules: [{id: a, match: {service: x}}]", "rules: [{id: b, match: {service: y}}, {id: a}]")
    _, (found,) = compile_texts(*texts)
    assert (found.code, str(found.span)) == ("duplicate-id", "b.yaml:1:44")
    assert "a.yaml:1:14" in found.message


def test_a_third_of_the_same_id_is_reported_too() -> None:
    rules = "".join(f"  - {{id: a, match: {{service: x{number}}}}}\n" for number in range(3))
    assert found_in(f"rules:\n{rules}") == [("duplicate-id", "3:10"), ("duplicate-id", "4:10")]


def test_the_id_of_a_broken_rule_counts_and_a_stand_in_does_not() -> None:
    assert found_in("rules:\n  - {id: a, page: 5, foo: 1}\n  - {id: a}\n") == [
        ("unknown-team", "2:19"),
        ("unknown-key", "2:22"),
        ("duplicate-id", "3:10"),
    ]
    assert [code for code, _ in found_in("rules: [{foo: 1}, {foo: 2}, {id: stand-in, foo: 3}]")] == [
        "missing-key",
        "unknown-key",
        "missing-key",
        "unknown-key",
        "unknown-key",
    ]


def test_the_first_rule_below_a_catch_all_is_named_once() -> None:
    rules = "".join(f"  - {{id: b{number}}}\n" for number in range(5))
    _, (found,) = compile_texts(f"rules:\n  - {{id: a}}\n{rules}")
    assert (found.code, found.span.line, found.level) == ("unreachable-rule", 3, "warning")
    assert "(nor can the 4 below)" in found.message


def test_a_catch_all_of_an_earlier_file_is_seen() -> None:
    assert found_in("rules: [{id: a}]", "rules: [{id: b, match: {service: x}}]") == [("unreachable-rule", "b.yaml:1:9")]


def test_a_rule_that_goes_on_hides_nothing() -> None:
    assert found_in("rules: [{id: a, continue: true}, {id: b}]") == []
    assert found_in("rules: [{id: a, match: {service: x}, continue: true}, {id: b, match: {service: x}}]") == []


def test_a_dropping_catch_all_hides_what_is_below() -> None:
    assert found_in("rules: [{id: a, drop: why}, {id: b, match: {service: x}}]") == [("unreachable-rule", "1:29")]


def test_a_broken_rule_neither_hides_nor_is_hidden() -> None:
    assert found_in("rules: [{id: a, resolve: nevr}, {id: b, match: {service: x}}]") == [("not-a-choice", "1:26")]


def test_a_rule_that_one_above_takes_everything_from() -> None:
    text = (
        "rules:\n"
        "  - {id: wide, match: {service: [pay-*, web], min_severity: error}}\n"
        "  - {id: narrow, match: {service: pay-a*, severity: critical, name: X}}\n"
        "  - {id: not-all, match: {service: [pay-a, api], severity: critical}}\n"
        "  - {id: not-worse, match: {service: pay-a, severity: warning}}\n"
        "  - {id: goes-on, match: {service: '*'}, continue: true}\n"
        "  - {id: below, match: {service: web, severity: critical}}\n"
    )
    _, diagnostics = compile_texts(text)
    assert [(found.code, found.span.line) for found in diagnostics] == [("unreachable-rule", 3), ("unreachable-rule", 7)]
    assert "'wide' above it, at a.yaml:2:5, takes every alert that this one could" in diagnostics[0].message


def test_thousands_of_rules_are_compared_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "rules:\n" + "".join(f"  - {{id: r{n}, match: {{service: '*-{n}-*'}}}}\n" for n in range(100))
    monkeypatch.setattr("router.rules.crosscheck.MAX_COMPARED", 50)
    assert found_in(f"{text}  - {{id: twice, match: {{service: '*-7-*'}}}}\n") == []
    monkeypatch.setattr("router.rules.crosscheck.MAX_COMPARED", 50_000)
    assert found_in(f"{text}  - {{id: twice, match: {{service: '*-7-*'}}}}\n") == [("unreachable-rule", "102:5")]


def test_an_old_name_is_nobodys_id_and_one_rules_only() -> None:
    assert found_in("rules: [{id: new, renamed_from: [old, older]}]") == []
    assert found_in("rules: [{id: new, renamed_from: old, match: {service: a}}, {id: old}]") == [("bad-old-name", "1:33")]
    twice = "rules: [{id: a, renamed_from: old, match: {service: a}}, {id: b, renamed_from: old}]"
    assert found_in(twice) == [("bad-old-name", "1:80")]
