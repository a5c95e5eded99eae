from __future__ import annotations

import pytest

from router.rules.conditions import build_match, matches_everything
from router.rules.findings import Findings, Names
from router.rules.schema import MatchSection
from router.yamldoc import read
from tests.support.rule_texts import SCALE, TEAMS, compile_rules, found_in

EVERYTHING = [
    "id: a",
    "id: a, match: {}",
    'id: a, match: {service: "*"}',
    'id: a, match: {service: [x, "*"], name: "*", source: "*"}',
    "id: a, match: {min_severity: info}",
]
SOMETHING = [
    "id: a, match: {service: x}",
    'id: a, match: {service: ["*", "!x"]}',
    'id: a, match: {service: "!x"}',
    "id: a, match: {min_severity: warning}",
    "id: a, match: {labels: {env: prod}}",
    "id: a, match: {where: {x: {lt: 1}}}",
    'id: a, match: {service: "?*"}',
    "id: a, match: {unless: {service: x}}",
]


@pytest.mark.parametrize("rule", EVERYTHING)
def test_matches_everything(rule: str) -> None:
    assert matches_everything(compile_rules(rule)[0].match)


@pytest.mark.parametrize("rule", SOMETHING)
def test_matches_something(rule: str) -> None:
    assert not matches_everything(compile_rules(rule)[0].match)


def test_texts_become_lists() -> None:
    findings = Findings(read("", "a.yaml"), Names(teams=TEAMS, scale=SCALE))
    section = MatchSection.model_validate({"service": "a", "name": ["b", "!c"], "labels": {"env": "/x/"}})
    match = build_match(section, (), findings)
    assert ([str(each) for each in match.services], [str(each) for each in match.names]) == (["a"], ["b", "!c"])
    assert [(test.label, [str(each) for each in test.patterns]) for test in match.labels] == [("env", ["/x/"])]
    assert findings.diagnostics == []


@pytest.mark.parametrize(
    ("bounds", "is_empty"),
    [
        ("gt: 1, lt: 1", True),
        ("gte: 1, lte: 1", False),
        ("gt: 1, lte: 1", True),
        ("gt: 1, gte: 2, lt: 1.5", True),
        ("gt: 1, lt: 2", False),
        ("lt: -1", False),
    ],
)
def test_bounds_that_no_number_meets(bounds: str, *, is_empty: bool) -> None:
    found = found_in(f"rules: [{{id: a, match: {{where: {{x: {{{bounds}}}}}}}}}]")
    assert [code for code, _ in found] == (["empty-range"] if is_empty else [])


def test_a_label_that_must_be_there_or_missing_is_no_mistake() -> None:
    assert found_in("""rules: [{id: a, match: {labels: {env: "!", canary: "", region: ["?*", "!eu-*"]}}}]""") == []
