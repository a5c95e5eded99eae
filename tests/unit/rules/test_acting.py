"""Actions and targets of steps, from text: what comes out, and what is refused with its place."""

from __future__ import annotations

import pytest

from router.rules.acting import check_hands
from tests.support.rule_texts import compile_rules, compile_texts, found_in

GOOD = """
    actions:
      opened:
        - note: "runbook of {{ service }}"
        - responders: {users: [ada@example.test], policies: Database, message: "help with {{ name }}", link: "https://wiki/{{ name }}"}
        - priority: P1
      acknowledged: [{snooze: 2h}, {status: "on it"}]
      closed: [{note: over}]
    escalate:
      - {after: 5m, level: 2}
      - {after: 10m, policy: Managers, actions: [{priority: P1}]}
      - {after: 15m, page: platform}
"""


def test_what_comes_out() -> None:
    ruleset, diagnostics = compile_texts(f"rules:\n  - id: a{GOOD}")
    assert diagnostics == []
    assert ruleset is not None
    (rule,) = ruleset.rules
    assert rule.actions is not None
    note, responders, priority = rule.actions.opened
    assert note.text is not None
    assert note.text.render({"service": "pay"}) == "runbook of pay"
    assert (responders.users, responders.policies) == (("ada@example.test",), ("Database",))
    assert (priority.verb, priority.priority) == ("priority", "P1")
    assert [(act.verb, act.seconds) for act in rule.actions.acknowledged] == [("snooze", 7_200), ("status", 0)]
    assert [[(act.verb, act.level, act.policies) for act in step.acts] for step in rule.escalate] == [
        [("escalate", 2, ())], [("escalate", 0, ("Managers",)), ("priority", 0, ())], [],
    ]  # fmt: skip
    assert [step.page for step in rule.escalate] == [(), (), ("platform",)]


def test_a_rule_without_has_none() -> None:
    assert compile_rules("id: a, actions: {}")[0].actions is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("actions: {opened: [{}]}", "one-action"),
        ("actions: {opened: [{note: a, status: b}]}", "one-action"),
        ("actions: {opened: [{snooze: 5m}]}", "misplaced-action"),
        ("actions: {closed: [{priority: P1}]}", "misplaced-action"),
        ("actions: {closed: [{snooze: 5m}]}", "misplaced-action"),
        ("actions: {acknowledged: [{reassign: ada@example.test}]}", "misplaced-action"),
        ("escalate: [{after: 5m, actions: [{snooze: 5m}]}]", "misplaced-action"),
        ("escalate: [{after: 5m, level: 1, policy: x}]", "two-targets"),
        ("escalate: [{after: 5m}]", "idle-step"),
        ("escalate: [{after: 5m, level: 0}]", "invalid-value"),
        ("actions: {opened: [{responders: {message: x}}]}", "no-responders"),
        ("actions: {opened: [{responders: {users: [a]}}]}", "missing-key"),
        ('actions: {opened: [{note: "{{ service"}]}', "bad-template"),
        ("drop: because, actions: {opened: [{note: a}]}", "useless-key"),
    ],
)
def test_what_is_refused(text: str, code: str) -> None:
    assert code in {found for found, _ in found_in(f"rules:\n  - {{id: a, {text}}}")}


def test_a_rule_that_acts_needs_a_token() -> None:
    ruleset, _ = compile_texts("rules:\n  - {id: a, actions: {opened: [{note: x}]}}\n  - {id: b, match: {service: x}}\n")
    assert ruleset is not None
    (found,) = check_hands(ruleset, can_act=False)
    assert (found.code, found.level, found.span.line) == ("acts-without-token", "warning", 2)
    assert check_hands(ruleset, can_act=True) == []
