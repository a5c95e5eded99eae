"""The index finds exactly what a loop over all patterns finds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from router.engine.index import NameIndex
from router.engine.match import any_matches, holds
from router.engine.policy import Policy
from router.model.alert import Alert
from router.model.pattern import Pattern
from router.model.ruleset import Match, Rule
from router.model.severity import Severity
from tests.support.engine import ruleset

names = st.text("ab-.[]!*\x02\x03", max_size=9) | st.sampled_from(["payment-api", "checkout-web", "api"])
globs = st.text("ab-.*?[]!", max_size=9) | st.sampled_from(["payment-*", "*-api", "*ment*", "?pi", "check*-web"])
patterns = st.one_of(
    st.builds(Pattern, globs, negated=st.sampled_from([False, False, False, True])),
    st.builds(Pattern, st.sampled_from(["^a", "b$", "-"]), kind=st.just("regex"), negated=st.booleans()),
    st.builds(Pattern, names, kind=st.just("exact")),
)


@given(st.lists(patterns, max_size=30), st.lists(names, max_size=10))
def test_the_index_finds_what_a_loop_finds(written: list[Pattern], asked: list[str]) -> None:
    index = NameIndex(zip(written, range(len(written)), strict=True))
    for name in asked:
        assert index.find(name) == {position for position, pattern in enumerate(written) if pattern.matches(name)}


tuples = st.lists(patterns, max_size=3).map(tuple)
matches = st.builds(
    Match, services=tuples, names=tuples, severities=st.none() | st.just(frozenset({Severity.ERROR})), sources=tuples
)


@given(st.lists(st.tuples(matches, st.booleans()), max_size=12), st.lists(st.tuples(names, names), max_size=10))
def test_a_policy_finds_the_rules_a_loop_finds(written: list[tuple[Match, bool]], asked: list[tuple[str, str]]) -> None:
    rules = [Rule(id=f"r{number}", match=match, goes_on=goes_on) for number, (match, goes_on) in enumerate(written)]
    policy = Policy(ruleset(*rules))
    for service, name in asked:
        alert = Alert(source="api", fingerprint="f", service=service, name=name)
        expected = []
        for rule in rules:
            match = rule.match
            if any_matches(match.services, service) and any_matches(match.names, name) and holds(match, alert):
                expected.append(rule.id)
                if not rule.goes_on:
                    break
        assert [ready.id for ready in policy.find(alert)] == (expected or ["default"])
