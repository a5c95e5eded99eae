from __future__ import annotations

import pytest

from router.model.ruleset import Count, FiringFor, Rule, RuleSet
from router.rehearsal.changing import CannotChange, change_rule

RULES = RuleSet(
    version="v1", rules=(Rule(id="a"), Rule(id="b", when=Count(count=3, within_ms=60_000))), teams={}, default_team="x"
)


def test_one_rule_waits_and_the_others_stay() -> None:
    found = change_rule(RULES, "a: firing_for: 4m")
    assert found.rules[0].when == FiringFor(for_ms=240_000)
    assert found.rules[1] is RULES.rules[1]
    assert found.version != RULES.version


def test_a_count_goes_on_counting() -> None:
    assert change_rule(RULES, " b :firing_for:  90s ").rules[1].when == Count(count=3, within_ms=60_000, firing_for_ms=90_000)


@pytest.mark.parametrize("text", ["a", "a: drop: x", "a: firing_for: soon", "c: firing_for: 4m", ""])
def test_what_is_not_understood_is_told(text: str) -> None:
    with pytest.raises(CannotChange):
        change_rule(RULES, text)
