from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from router.errors import Span
from router.model.decision import Action, Decision, Reason
from router.model.journal import AlertReceived
from router.rehearsal.linting import CODES, PlayedTest, Seen, lint
from router.rehearsal.stage import Decided
from tests.support.engine import event, fire
from tests.support.rule_texts import compile_texts

DAY_MS = 86_400_000
PLACE = Span(file="a.test.yaml", line=3, column=5, end_line=3, end_column=9)


def find(text: str, **seen: object) -> list[tuple[str, str, str]]:
    """(code, line:column, path) of what is doubtful about these rules."""
    ruleset, diagnostics = compile_texts(text)
    assert ruleset is not None, diagnostics
    found = lint(ruleset, {"a.yaml": text.encode()}, Seen(**seen))  # type: ignore[arg-type]
    assert all(each.level == "warning" and each.hint and each.code in CODES for each in found)
    return [(each.code, f"{each.span.line}:{each.span.column}", each.path) for each in found]


def test_every_code_is_documented() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs/reference/diagnostics.md").read_text()
    compiled = (
        "unreachable-rule",
        "leaves-open",
        "idle-team",
        "idle-channel",
        "foreign-service",
        "wrong-owner",
        "bad-old-name",
    )
    assert [code for code in (*CODES, *compiled) if f"`{code}`" not in page] == []


def test_patterns_that_no_known_service_has() -> None:
    text = "rules:\n  - {id: a, match: {service: [pay-*, gone, '!x']}}\n  - {id: b, match: {service: 'lost-*'}}\n"
    assert find(text) == find(text, services=()) == []
    assert find(text, services=["pay-api", "web"]) == [
        ("no-such-service", "2:38", "rules[0].match.service[1]"),
        ("no-such-service", "3:30", "rules[1].match.service"),
    ]
    assert find(text, services=["pay-api", "gone", "lost-1"]) == []


def alerts(*facts: AlertReceived) -> Sequence[object]:
    return [fact.alert for fact in facts]


def test_events_that_nothing_closes() -> None:
    text = (
        "rules:\n"
        "  - {id: a, match: {service: a}}\n"
        "  - {id: b, match: {service: b}, resolve: all_resolved}\n"
        "  - {id: c, match: {service: c}, resolve: {after_quiet: 5m}}\n"
        "  - {id: d, match: {service: d}, drop: noise}\n"
        "  - {id: e, match: {service: e}, when: {absent_for: 5m}}\n"
        "  - {id: f, match: {service: f}, resolve: never}\n"
        "  - {id: rest}\n"
    )
    every = alerts(*(event(service) for service in "abcdef"), fire("web"))
    assert find(text, alerts=every) == [
        ("event-never-closes", "2:5", "rules[0]"),
        ("event-never-closes", "3:43", "rules[1].resolve"),
    ]


def test_windows_longer_than_history_is_kept() -> None:
    text = (
        "rules:\n"
        "  - {id: a, when: {count: 2, within: 3d}, resolve: {after_quiet: 3d}, limit: {incidents: 1, per: 3d}, continue: true,\n"
        "     escalate: [{after: 3d, page: payments}]}\n"
        "  - {id: b, when: {firing_for: 3d}, match: {service: b}}\n"
        "  - {id: c, when: {absent_for: 3d}, match: {service: c}}\n"
        "  - {id: d, when: {flapping: {changes: 3, within: 3d}}, match: {service: d}}\n"
        "  - {id: e, when: {count: 2, within: 2d}, match: {service: e}}\n"
    )
    assert find(text) == find(text, retention_ms=3 * DAY_MS) == []
    assert [path for _, _, path in find(text, retention_ms=2 * DAY_MS)] == [
        "rules[0].when.within", "rules[0].resolve.after_quiet", "rules[0].limit.per", "rules[0].escalate[0].after",
        "rules[1].when.firing_for", "rules[2].when.absent_for", "rules[3].when.flapping.within",
    ]  # fmt: skip


def played(name: str, *rules: str, wants_no_rule: bool = False) -> PlayedTest:
    decisions = [Decision(at=1, action=Action.OPEN, reason=Reason.AT_ONCE, rule=rule) for rule in rules]
    happenings = [Decided(at=1, decision=decision) for decision in decisions]
    return PlayedTest(name=name, span=PLACE, happenings=happenings, wants_no_rule=wants_no_rule)


def test_tests_and_rules_that_pass_each_other_by() -> None:
    text = "rules:\n  - {id: a, match: {service: a}}\n  - {id: b}\n"
    assert find(text) == []
    assert find(text, tests=[played("one", "a", "default"), played("two", "default", ""), played("three")]) == [
        ("test-without-rule", "3:5", ""),
        ("test-without-rule", "3:5", ""),
        ("untested-rule", "3:10", "rules[1].id"),
    ]
    assert find(text, tests=[played("one", "a", "b"), played("two", "default", wants_no_rule=True)]) == []
