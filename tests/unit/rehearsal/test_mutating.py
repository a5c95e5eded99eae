from __future__ import annotations

import pytest

from router.model.ruleset import Rule
from router.rehearsal.mutating import mutants_of
from tests.support.engine import ruleset
from tests.support.rule_texts import compile_rules


def changes(written: str) -> list[str]:
    (rule,) = compile_rules(f"id: a, {written}")
    return [f"{'.'.join(map(str, mutant.key))}| {mutant.what}" for mutant in mutants_of(ruleset(rule))]


ALWAYS = ["| the rule is taken out", "continue| continue becomes true"]
RESOLVE = ["resolve| resolve becomes never"]
GROUPS = ["group_by| service is taken out of group_by", "group_by| name is taken out of group_by"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("drop: noise", ["drop| drop is taken out, so it pages at once"]),
        ("when: {count: 2, within: 1m}", ["when.count| count: 1 instead of 2", "when.count| count: 3 instead of 2",
         "when.within| within: 30s instead of 1m", "when.within| within: 2m instead of 1m"]),
        ("when: {firing_for: 10m}", ["when.firing_for| firing_for: 5m instead of 10m",
         "when.firing_for| firing_for: 20m instead of 10m"]),
        ("resolve: {after_quiet: 1h}", ["resolve.after_quiet| after_quiet: 30m instead of 1h",
         "resolve.after_quiet| after_quiet: 2h instead of 1h", "resolve| resolve becomes all_resolved"]),
        ("group_by: [x]", ["group_by| x is taken out of group_by"]),
        ("limit: {incidents: 1, per: 1h}", ["limit.incidents| incidents: 2 instead of 1",
         "limit.per| per: 30m instead of 1h", "limit.per| per: 2h instead of 1h", "limit| the limit is taken out"]),
        ("as_severity: info", ["as_severity| as_severity is taken out"]),
        ("page: [payments, platform]", ["page| payments is no longer paged", "page| platform is no longer paged"]),
        ("page: owner, notify: [chat, mail]", ["notify| chat is no longer told", "notify| mail is no longer told"]),
        ("page: owner, escalate: [{after: 5m, notify: chat}]", ["escalate.0.notify| chat is no longer told"]),
        ("when: {count: 2, within: 1m}, otherwise: {notify: chat}", ["when.count| count: 1 instead of 2",
         "when.count| count: 3 instead of 2", "when.within| within: 30s instead of 1m", "when.within| within: 2m instead of 1m",
         "otherwise| otherwise is taken out"]),
        ("match: {service: ['a-*', '!a-b', '*']}", ['match.service| service: "*" instead of "a-*"',
         'match.service| service: "!a-b" is taken out']),
        ("match: {name: A, source: json}", ['match.name| name: "*" instead of "A"',
         'match.source| source: "*" instead of "json"']),
        ("match: {labels: {env: prod}}", ['match.labels.env| env: "*" instead of "prod"']),
        ("match: {where: {score: {lt: 0.5}}}", ["match.where.score.lt| score lt: 0.55 instead of 0.5, a tenth up",
         "match.where.score.lt| score lt: 0.45 instead of 0.5, a tenth down"]),
        ("match: {where: {score: {gt: 0}}}", ["match.where.score.gt| score gt: 0.1 instead of 0, a tenth up",
         "match.where.score.gt| score gt: -0.1 instead of 0, a tenth down"]),
        ("match: {unless: [{name: A}, {name: B}]}", ["match.unless.0| the exception is taken out",
         "match.unless.1| the exception is taken out"]),
        ("match: {min_severity: error}", ["match.min_severity| warning matches as well",
         "match.min_severity| error no longer matches"]),
        ("match: {severity: [info, error]}", ["match.severity| info no longer matches",
         "match.severity| warning matches as well",
         "match.severity| error no longer matches", "match.severity| critical matches as well"]),
    ],
)  # fmt: skip
def test_each_part_of_a_rule_is_changed_a_little(written: str, expected: list[str]) -> None:
    found = changes(written)
    usual = {*ALWAYS, *RESOLVE, *GROUPS}
    assert [each for each in found if each not in usual or each in expected] == expected
    assert found[0] == ALWAYS[0]


def test_a_mutant_changes_one_rule_and_its_version() -> None:
    first, second = compile_rules("id: a, when: {count: 2, within: 1m}, continue: true", "id: b")
    whole = ruleset(first, second)
    assert {mutant.rule for mutant in mutants_of(whole)} == {"a", "b"}
    for mutant in mutants_of(whole):
        changed = mutant.apply(whole)
        assert changed.version != whole.version
        assert changed.teams == whole.teams
        kept: dict[str, Rule] = {rule.id: rule for rule in changed.rules}
        other = second if mutant.rule == "a" else first
        assert kept[other.id] is other
        assert kept.get(mutant.rule) != (first if mutant.rule == "a" else second)
