from __future__ import annotations

import pytest

from router.engine import policy
from router.engine.policy import Policy, values_getter
from router.model.pattern import Pattern
from router.model.ruleset import OWNER, Limit, Match, Rule, Team
from tests.support.engine import fire, ruleset, services

ALERT = fire("pay-api", "Down", labels={"env": "prod"}).alert


def ids(found: list[policy.Ready]) -> list[str]:
    return [ready.id for ready in found]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((), ()),
        (("service",), ("pay-api",)),
        (("service", "name"), ("pay-api", "Down")),
        (("env", "service"), ("prod", "pay-api")),
        (("severity",), ("error",)),
    ],
)
def test_the_values_a_rule_groups_by(names: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert values_getter(names)(ALERT) == expected


def test_rules_are_found_in_order_whatever_they_are_filed_by() -> None:
    ready = Policy(
        ruleset(
            Rule(id="any", goes_on=True),
            Rule(id="by-name", match=Match(names=(Pattern("Do*"),)), goes_on=True),
            Rule(id="by-service", match=services("pay-*", "!pay-web"), goes_on=True),
            Rule(id="both", match=Match(services=(Pattern("pay-api"),), names=(Pattern("Up"),)), goes_on=True),
            Rule(id="drops", match=services("*-api"), drop="x", goes_on=True),
            Rule(id="never"),
        )
    )
    assert ids(ready.find(ALERT)) == ["any", "by-name", "by-service", "drops"]
    assert ids(ready.find(ALERT)) == ["any", "by-name", "by-service", "drops"]
    assert ids(ready.find(fire("pay-web", "Up").alert)) == ["any", "never"]
    assert ids(ready.find(fire("pay-api", "Up").alert)) == ["any", "by-service", "both", "drops"]


def test_the_default_rule_stands_in_when_none_matches() -> None:
    ready = Policy(ruleset(Rule(id="web", match=services("web"))))
    assert ready.find(ALERT) == [ready.default]
    assert ready.rule("default") is ready.default
    assert ready.rule("gone") is None


def test_the_caches_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "CACHED_NAMES", 3)
    ready = Policy(ruleset(Rule(id="r")))
    for number in range(10):
        assert ids(ready.find(fire(f"s{number}").alert)) == ["r"]
        assert len(ready._of_pair) <= 3
    monkeypatch.setattr(policy, "CACHED_RULES", 4)
    ready = Policy(ruleset(Rule(id="a", goes_on=True), Rule(id="b")))
    for number in range(10):
        assert ids(ready.find(fire(f"s{number}").alert)) == ["a", "b"]
        assert len(ready._of_pair) <= 3


def test_who_is_paged() -> None:
    ready = Policy(ruleset(given=[Team(name="leads", routing_key="env:LEADS")]))

    def teams(*page: str, service: str = "pay-api") -> list[str]:
        return [team for team, _ in ready.pages(Rule(id="r", page=page), service, 2)]

    assert teams(OWNER) == ["payments"]
    assert teams(OWNER, service="web") == ["platform"]
    assert teams("leads", OWNER, "payments") == ["leads", "payments"]
    assert teams("unheard-of") == ["platform"]
    assert ready.owner("pay-api") == ("payments", "env:PAYMENTS")
    unowned = Policy(ruleset(given=[Team(name="platform", routing_key="env:P")]))
    assert unowned.pages(Rule(id="r"), "web", 2) == (("platform", "env:P"),)
    assert unowned.owner("web") == ("platform", "env:P")


def test_limits_by_scope() -> None:
    limit = Limit(incidents=1, per_ms=1)
    ready = Policy(ruleset(Rule(id="r", limit=limit), given=[Team(name="t", routing_key="k", limit=limit)]))
    assert ready.has_limits
    assert [ready.limit(*key) for key in (("team", "t"), ("rule", "r"), ("team", "x"), ("rule", "x"))] == [
        limit,
        limit,
        None,
        None,
    ]
