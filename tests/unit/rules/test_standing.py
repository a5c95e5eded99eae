"""Whose a rule file is, and what a team's own file may speak of. What comes of it at run time: ``tests/unit/engine``."""

from __future__ import annotations

import pytest

from router.errors import Diagnostic
from router.model.ruleset import FileRights, RuleSet, Standing
from router.rules.compiling import compile_ruleset, ruleset_from_texts, ruleset_texts
from tests.support.rule_texts import SCALE, TEAMS, compile_texts, found_in

GUARD = "guard: true\nrules: [{id: guarded, match: {severity: critical}, page: platform, continue: true}]\n"
OWN = "owner: payments\nrules: [{id: own, match: {service: payment-*}, drop: never}]\n"


def compile_named(files: dict[str, str], rights: FileRights) -> tuple[RuleSet | None, list[Diagnostic]]:
    return compile_ruleset(list(files.items()), teams=TEAMS, default_team="platform", scale=SCALE, rights=rights)


def test_guards_come_first_wherever_they_stand_and_everything_knows_its_file() -> None:
    text = (
        "owner: [payments]\nrules: [{id: own}]\n"
        "silences: [{id: s, match: {service: checkout-web}, until: 2099-01-01T00:00:00Z, reason: x}]\n"
        "maintenance: [{id: m, match: {service: checkout-*}, from: 2026-01-01T00:00:00Z, until: 2099-01-01T00:00:00Z}]\n"
        "inhibitions: [{id: i, source: {service: db}, target: {service: payment-a}}]\n"
    )
    ruleset, diagnostics = compile_texts(text, GUARD, "rules: [{id: common}]")
    assert ruleset is not None, diagnostics
    assert [(rule.id, rule.standing) for rule in ruleset.rules] == [
        ("guarded", Standing(guard=True)), ("own", Standing(owners=("payments",))), ("common", Standing()),
    ]  # fmt: skip
    every = (*ruleset.silences, *ruleset.maintenance, *ruleset.inhibitions)
    assert [each.standing for each in every] == [Standing(owners=("payments",))] * 3


def test_the_stored_texts_make_the_same_order_again() -> None:
    files = [("a.yaml", OWN), ("b.yaml", GUARD)]
    texts = ruleset_texts(files, teams=TEAMS, default_team="platform", scale=SCALE)
    assert [rule.id for rule in ruleset_from_texts(texts).rules] == ["guarded", "own"]


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("owner: paymnets\nrules: []\n", "unknown-team", "1:8"),
        ("owner: owner\nrules: []\n", "unknown-team", "1:8"),
        ("owner: []\nrules: []\n", "invalid-value", "1:8"),
        ("owner: payments\nguard: true\nrules: []\n", "guard-with-owner", "2:1"),
        ("owner: payments\nrules: [{id: a, match: {service: search-api}}]\n", "foreign-service", "2:34"),
        ("owner: payments\nrules: [{id: a, match: {service: [payment-a, pay*]}}]\n", "foreign-service", "2:46"),
        ("owner: payments\nrules: [{id: a, match: {service: /payment/}}]\n", "foreign-service", "2:34"),
        (
            "owner: payments\nrules: []\nsilences:\n  - {id: s, match: {service: '*'}, until: 2099-01-01T00:00:00Z, reason: x}\n",
            "foreign-service",
            "4:30",
        ),
        (
            "owner: payments\nrules: []\ninhibitions:\n  - {id: i, source: {service: db}, target: {service: web}}\n",
            "foreign-service",
            "4:54",
        ),
    ],
)
def test_what_a_file_cannot_be_or_speak_of(text: str, code: str, place: str) -> None:
    assert found_in(text) == [(code, place)]


def test_what_a_teams_file_may_speak_of() -> None:
    for match in (
        "{}",
        "{service: payment-*}",
        "{service: [payment-a*, '!payment-ab', checkout-web]}",
        "{service: '!payment-x'}",
    ):
        assert found_in(f"owner: payments\nrules: [{{id: a, match: {match}}}]\n") == []
    assert found_in("owner: platform\nrules: [{id: a, match: {service: anything}}]\n") == []


def test_a_guard_uses_schedules_of_guards_only() -> None:
    guard = "guard: true\nrules: [{id: g, during: nights}]\n"
    schedules = "schedules: {nights: {zone: UTC, hours: '22:00-06:00'}}\n"
    assert found_in(guard, f"rules: []\n{schedules}") == [("unguarded-schedule", "a.yaml:2:25")]
    assert found_in(guard + schedules) == []


def test_a_rule_below_a_guard_that_ends_it_is_unreachable_and_the_hint_says_why() -> None:
    _, diagnostics = compile_texts("rules: [{id: a, match: {severity: critical}}]", GUARD.replace(", continue: true", ""))
    (found,) = diagnostics
    assert (found.code, found.span.file) == ("unreachable-rule", "a.yaml")
    assert "stands in a guard file" in found.hint


def test_a_teams_catch_all_takes_nothing_from_others() -> None:
    assert found_in("owner: payments\nrules: [{id: a}]\n", "rules: [{id: b, match: {service: web}}]\n") == []
    again = "owner: payments\nrules: [{id: b, match: {name: X}}]\n"
    assert found_in("owner: payments\nrules: [{id: a}]\n", again) == [("unreachable-rule", "b.yaml:2:9")]


RIGHTS = FileRights(
    guards=("rules/00-*.yaml",), owners=(("rules/pay*.yaml", "payments"), ("rules/90-common.yaml", "*"))
)  # fmt: skip


def test_files_say_what_the_configuration_grants_them() -> None:
    files = {"rules/00-guard.yaml": GUARD, "checkout/rules/pay.yaml": OWN, "rules/90-common.yaml": "rules: [{id: common}]"}
    ruleset, diagnostics = compile_named(files, RIGHTS)
    assert diagnostics == []
    assert ruleset is not None


@pytest.mark.parametrize(
    ("name", "text", "code", "place"),
    [
        ("rules/pay.yaml", GUARD, "guard-not-granted", "1:1"),
        ("rules/00-guard.yaml", OWN, "missing-guard", "1:1"),
        ("rules/pay.yaml", "rules: []\n", "wrong-owner", "1:1"),
        ("rules/pay.yaml", "owner: platform\nrules: []\n", "wrong-owner", "1:8"),
        ("rules/pay.yaml", "owner: [payments, platform]\nrules: []\n", "wrong-owner", "1:8"),
        ("rules/90-common.yaml", OWN, "wrong-owner", "1:8"),
        ("rules/99-mine.yaml", "rules: []\n", "file-of-nobody", "1:1"),
    ],
)
def test_a_file_that_says_something_else_is_refused(name: str, text: str, code: str, place: str) -> None:
    ruleset, diagnostics = compile_named({name: text}, RIGHTS)
    assert ruleset is None
    assert (code, place) in [(found.code, f"{found.span.line}:{found.span.column}") for found in diagnostics]
