"""Who a rule pages and tells, as it is written, as its file says, or as the table of severities does."""

from __future__ import annotations

import pytest

from router.model.ruleset import Otherwise, Step
from tests.support.rule_texts import compile_rules, compile_texts, found_in


def told(rule: str, defaults: str = "") -> tuple[object, ...]:
    text = f"defaults: {{{defaults}}}\nrules: [{{id: a, {rule}}}]\n"
    ruleset, diagnostics = compile_texts(text)
    assert ruleset is not None, diagnostics
    (found,) = ruleset.rules
    return found.page, found.notify, found.by_severity


@pytest.mark.parametrize(
    ("rule", "defaults", "expected"),
    [
        ("", "", (("owner",), None, True)),
        ("page: payments", "", (("payments",), None, False)),
        ("notify: chat", "", ((), ("chat",), False)),
        ("page: [], notify: [chat, mail]", "", ((), ("chat", "mail"), False)),
        ("page: owner, notify: chat", "", (("owner",), ("chat",), False)),
        ("page: owner, notify: []", "", (("owner",), (), False)),
        ("notify: chat", "page: platform", (("platform",), ("chat",), False)),
        ("", "page: platform", (("platform",), None, False)),
        ("", "notify: mail", ((), ("mail",), False)),
        ("page: payments", "notify: mail", (("payments",), ("mail",), False)),
        ("notify: chat", "notify: mail, page: platform", (("platform",), ("chat",), False)),
    ],
)
def test_a_rule_goes_before_its_file_and_the_file_before_the_table(rule: str, defaults: str, expected: object) -> None:
    assert told(rule, defaults) == expected


def test_telling_without_a_word_of_paging_is_doubtful() -> None:
    assert found_in("rules:\n- {id: a, notify: chat}\n") == [("notify-without-page", "2:11")]
    for written in ("page: [], notify: chat", "page: owner, notify: chat", 'drop: "noise"'):
        assert found_in(f"rules:\n- {{id: a, {written}}}\n") == []
    assert found_in("defaults: {page: owner}\nrules:\n- {id: a, notify: chat}\n") == []


def test_a_rule_that_tells_nobody_is_refused() -> None:
    assert found_in("rules:\n- {id: a, page: []}\n") == [("nobody-told", "2:17")]
    assert found_in("rules:\n- {id: a, notify: []}\n") == [("nobody-told", "2:19")]
    assert found_in("defaults: {page: []}\nrules:\n- {id: a}\n") == [("nobody-told", "3:3")]
    assert found_in("rules:\n- {id: a, page: [], when: {count: 2, within: 5m}, otherwise: {notify: chat}}\n") == []


def test_what_is_absent_may_be_told_without_an_owner() -> None:
    absent = "rules:\n- {id: a, match: {service: 'x-*'}, when: {absent_for: 5m}, %s}\n"
    assert found_in(absent % "page: [], notify: chat") == []
    assert [code for code, _ in found_in(absent % "page: owner, notify: chat")] == ["absent-without-owner"]


def test_unknown_channels_are_named_with_a_guess() -> None:
    _, diagnostics = compile_texts("defaults: {notify: chta}\nrules:\n- {id: a, page: owner, notify: [chat, mial, chat]}\n")
    assert [(each.code, each.hint) for each in diagnostics] == [
        ("unknown-channel", 'did you mean "chat"?'),
        ("unknown-channel", 'did you mean "mail"?'),
        ("channel-twice", "leave one of them out"),
    ]


def test_otherwise_needs_something_that_holds_back() -> None:
    for held in ("when: {count: 2, within: 5m}", "when: {firing_for: 5m}", "when: {flapping: {changes: 3, within: 5m}}"):
        (rule,) = compile_rules(f"id: a, {held}, otherwise: {{notify: [chat], page: platform}}")
        assert rule.otherwise == Otherwise(page=("platform",), notify=("chat",))
    text = "schedules: {day: {zone: UTC, hours: '09:00-17:00'}}\nrules:\n- {id: a, during: day, otherwise: {notify: chat}}\n"
    assert found_in(text) == []
    assert found_in("rules:\n- {id: a, otherwise: {notify: chat}}\n") == [("never-otherwise", "2:11")]
    absent = "rules:\n- {id: a, page: platform, when: {absent_for: 5m}, otherwise: {notify: chat}}\n"
    assert [code for code, _ in found_in(absent)] == ["never-otherwise"]
    empty = "rules:\n- {id: a, when: {firing_for: 5m}, otherwise: {}}\n"
    assert [code for code, _ in found_in(empty)] == ["nobody-told"]


def test_steps_tell_channels_too() -> None:
    (rule,) = compile_rules(
        "id: a, page: owner, escalate: [{after: 5m, notify: chat}, {after: 9m, page: platform, notify: [mail]}]"
    )
    assert rule.escalate == (
        Step(after_ms=300_000, page=(), notify=("chat",)),
        Step(after_ms=540_000, page=("platform",), notify=("mail",)),
    )
    again = "rules:\n- {id: a, page: owner, notify: chat, escalate: [{after: 5m, notify: chat}]}\n"
    assert [code for code, _ in found_in(again)] == ["paged-already"]
