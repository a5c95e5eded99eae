from __future__ import annotations

import pytest

from router.engine.policy import Policy
from router.engine.tried import Failure, first_failure, walk
from tests.support.engine import fire, ruleset
from tests.support.rule_texts import compile_rules


@pytest.mark.parametrize(
    ("match", "alert", "failure"),
    [
        ("service: pay-*", {"service": "api"}, Failure("service", '"pay-*"', '"api"')),
        ("service: [pay-*, check-*]", {"service": "api"}, Failure("service", '"pay-*" or "check-*"', '"api"')),
        ('service: ["!dev-*"]', {"service": "dev-1"}, Failure("service", '"!dev-*"', '"dev-1"')),
        ("name: Up", {}, Failure("name", '"Up"', '"Down"')),
        ("min_severity: error", {"severity": "warning"}, Failure("severity", "error or worse", "warning")),
        ("severity: [info, critical]", {"severity": "error"}, Failure("severity", "info or critical", "error")),
        ("severity: critical", {"severity": "error"}, Failure("severity", "critical", "error")),
        ("source: json", {}, Failure("source", '"json"', '"prometheus"')),
        ("labels: {env: prod}", {}, Failure("label env", '"prod"', "no such label")),
        ("labels: {env: prod}", {"labels": {"env": "dev"}}, Failure("label env", '"prod"', '"dev"')),
        ("where: {score: {lt: 0.5}}", {"labels": {"score": "0.7"}}, Failure("score", "< 0.5", "0.7")),
        ("where: {score: {gte: 2}}", {"details": {"score": "many"}}, Failure("score", ">= 2", "no number: 'many'")),
        ("where: {score: {lte: 2}}", {}, Failure("score", "<= 2", "no such label or detail")),
        (
            "unless: [{name: Up}, {service: api, source: p*, severity: error, labels: {env: ''}, where: {n: {gt: 1}}}]",
            {"details": {"n": 2}},
            Failure(
                "unless",
                'not service "api", source "p*", severity error, label env "", n > 1',
                "that is what it is",
            ),
        ),
        (
            "unless: {name: Down, unless: {service: web}}",
            {},
            Failure("unless", 'not name "Down", not (service "web")', "that is what it is"),
        ),
        ("service: api, name: Down, min_severity: error, labels: {env: '!prod'}", {}, None),
    ],
)
def test_the_first_condition_that_fails_with_both_values(match: str, alert: dict[str, object], failure: Failure | None) -> None:
    (rule,) = compile_rules(f"id: a, match: {{{match}}}")
    assert first_failure(rule.match, fire(**alert).alert) == failure


def test_rules_are_walked_in_order_up_to_the_one_that_ends_it() -> None:
    rules = compile_rules(
        "id: a, match: {service: x}", "id: b, continue: true", "id: c, match: {name: Down}, drop: noise", "id: d"
    )
    alert = fire().alert
    assert [(tried.rule.id, tried.failure is None, tried.ends) for tried in walk(ruleset(*rules), alert)] == [
        ("a", False, False),
        ("b", True, False),
        ("c", True, True),
    ]
    assert [ready.id for ready in Policy(ruleset(*rules)).find(alert)] == ["b", "c"]
