from __future__ import annotations

from router.model.decision import Action, Reason
from router.model.ruleset import FiringFor, Never, Rule
from router.rehearsal.supposing import suppose
from tests.support.engine import START, World, at, event, fire, ruleset, services
from tests.support.rule_texts import compile_rules


def test_the_rules_tried_and_what_the_engine_says() -> None:
    rules = ruleset(Rule(id="other", match=services("x")), Rule(id="mine"))
    found = suppose(rules, fire().alert, at=START)
    assert [(tried.rule.id, tried.failure is None) for tried in found.tried] == [("other", False), ("mine", True)]
    assert [(decision.action, decision.reason, decision.rule) for decision in found.decisions] == [
        (Action.OPEN, Reason.AT_ONCE, "mine")
    ]
    assert [event_.team for event_ in found.events] == ["platform"]
    assert found.later is None


def test_what_is_held_pages_later_if_it_goes_on() -> None:
    found = suppose(ruleset(Rule(id="slow", when=FiringFor(for_ms=600_000))), fire().alert, at=START)
    assert found.decisions[0].reason is Reason.NOT_FIRING_LONG_ENOUGH
    assert found.later is not None
    assert (found.later.at, found.later.reason) == (START + 600_000, Reason.FIRED_LONG_ENOUGH)
    (counted,) = compile_rules("id: a, when: {count: 3, within: 5m}")
    assert suppose(ruleset(counted), event().alert, at=START).later is None


def test_with_a_state_it_knows_counts_and_what_is_open() -> None:
    (counted,) = compile_rules("id: a, when: {count: 3, within: 5m}")
    world = World(counted)
    world.step("0s", event())
    world.step("1m", event())
    state = world.state()
    now = suppose(world.engine.ruleset, event().alert, at=at("2m"), state=state, state_at=at("1m"))
    assert (now.decisions[0].action, now.decisions[0].cause) == (Action.OPEN, "3 of 3 in 5m")
    later = suppose(world.engine.ruleset, event().alert, at=at("5m30s"), state=state, state_at=at("1m"))
    assert (later.decisions[0].action, later.decisions[0].cause) == (Action.HOLD, "2 of 3 in 5m")
    earlier = suppose(world.engine.ruleset, event().alert, at=at("30s"), state=state, state_at=at("1m"))
    assert earlier.at == at("30s")
    assert earlier.decisions[0].cause == "3 of 3 in 5m"


def test_an_open_incident_is_named() -> None:
    world = World(Rule(id="a", resolve=Never()))
    world.step("0s", fire())
    key = world.last.decisions[0].dedup_key
    found = suppose(world.engine.ruleset, fire(print_="2").alert, at=at("1m"), state=world.state(), state_at=at("0s"))
    assert (found.decisions[0].reason, found.decisions[0].dedup_key) == (Reason.ALREADY_OPEN, key)
