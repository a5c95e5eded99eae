from __future__ import annotations

from typing import Any

import pytest

from router.engine.match import any_matches, concerns, field_of, holds, number_of
from router.model.pattern import Pattern
from router.model.ruleset import LabelTest, Match, NumberTest
from router.model.severity import Severity
from tests.support.engine import fire

ALERT = fire("api", "Down", "error", labels={"env": "prod", "n": "0.5"}, details={"score": 0.4, "deep": {}, "yes": True}).alert


def patterns(*written: str) -> tuple[Pattern, ...]:
    return tuple(Pattern.parse(text) for text in written)


@pytest.mark.parametrize(
    ("written", "text", "expected"),
    [
        (["a"], "a", True),
        (["a"], "b", False),
        (["a", "b*"], "bcd", True),
        (["b*", "a"], "bcd", True),
        (["!a"], "a", False),
        (["!a"], "b", True),
        (["!a", "!b"], "b", False),
        (["x*", "!xy"], "xy", False),
        (["x*", "!xy"], "xz", True),
        (["!xy", "x*"], "q", False),
        (["/^v[12]$/"], "v2", True),
    ],
)
def test_one_positive_pattern_and_all_negated_ones(written: list[str], text: str, *, expected: bool) -> None:
    assert any_matches(patterns(*written), text) is expected


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("service", "api"),
        ("name", "Down"),
        ("source", "prometheus"),
        ("severity", "error"),
        ("fingerprint", "api/Down/"),
        ("env", "prod"),
        ("score", "0.4"),
        ("deep", ""),
        ("missing", ""),
        ("labels.env", "prod"),
        ("labels.severity", ""),
        ("labels.score", ""),
    ],
)
def test_a_field_is_text(field: str, expected: str) -> None:
    assert field_of(ALERT, field) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0.5", 0.5),
        (" 7 ", 7.0),
        ("1e3", 1000.0),
        ("", None),
        ("many", None),
        ("nan", None),
        ("inf", None),
        ("1_000", None),
        ("1" * 65, None),
        (10**400, 10**400),
        (float("inf"), None),
        (0.5, 0.5),
        (True, None),
        ([], None),
        (None, None),
    ],
)
def test_a_number_is_finite_or_none(value: Any, expected: float | None) -> None:
    assert number_of(fire(details={"n": value}).alert, "n") == expected


def test_a_label_comes_before_a_detail() -> None:
    assert number_of(fire(labels={"n": "1"}, details={"n": 2}).alert, "n") == 1.0


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        (Match(), True),
        (Match(severities=frozenset({Severity.ERROR})), True),
        (Match(severities=frozenset({Severity.INFO})), False),
        (Match(sources=patterns("prom*")), True),
        (Match(sources=patterns("zabbix")), False),
        (Match(labels=(LabelTest(label="env", patterns=patterns("prod")),)), True),
        (Match(labels=(LabelTest(label="env", patterns=patterns("!prod")),)), False),
        (Match(labels=(LabelTest(label="canary", patterns=patterns("!true")),)), True),
        (Match(where=(NumberTest(field="score", operator="lt", value=0.5),)), True),
        (Match(where=(NumberTest(field="score", operator="gt", value=0.5),)), False),
        (
            Match(where=(NumberTest(field="n", operator="lte", value=0.5), NumberTest(field="n", operator="gte", value=0.5))),
            True,
        ),
        (Match(where=(NumberTest(field="missing", operator="lt", value=1),)), False),
    ],
)
def test_every_condition_must_hold(match: Match, *, expected: bool) -> None:
    assert holds(match, ALERT) is expected


def test_exceptions_are_whole_matches() -> None:
    api_in_prod = Match(services=patterns("api"), labels=(LabelTest(label="env", patterns=patterns("prod")),))
    api_in_test = Match(services=patterns("api"), labels=(LabelTest(label="env", patterns=patterns("test")),))
    assert concerns(api_in_prod, ALERT)
    assert not holds(Match(unless=(api_in_test, api_in_prod)), ALERT)
    assert holds(Match(unless=(api_in_test,)), ALERT)
    # An exception from the exception is meant again: so two positive conditions on one label can be asked for.
    assert holds(Match(unless=(Match(unless=(api_in_prod,)),)), ALERT)
    assert not concerns(Match(services=patterns("web")), ALERT)
    assert not concerns(Match(names=patterns("Up")), ALERT)
