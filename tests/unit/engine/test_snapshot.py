from __future__ import annotations

import pytest

from router.engine.core import Engine
from router.engine.policy import Policy
from router.engine.snapshot import restore, ruleset_of
from router.engine.state import State
from router.errors import InvariantError
from router.model.journal import RulesChanged
from router.model.ruleset import Count, Limit, Rule, Team
from router.model.transition import StateRow, Transition
from tests.support.engine import START, World, event, fire, ruleset, services

MINUTE = 60_000
ONE = Limit(incidents=1, per_ms=MINUTE)


def crowded() -> World:
    """Every kind of row: open, held and dropped alerts, a storm, a limit, a window of its own and a shared one."""
    world = World(
        Rule(id="noise", drop="noise", match=services("dev")),
        Rule(id="counted", match=services("db"), when=Count(count=3, within_ms=MINUTE, distinct="user")),
        Rule(id="shared", match=services("cache"), when=Count(count=3, within_ms=MINUTE, per=("name",))),
        Rule(id="r", page=("t",)),
        given=[Team(name="t", routing_key="k", limit=ONE)],
    )
    world.step("0s", fire("dev"), event("db", labels={"user": "ann"}), fire("cache"))
    world.step("1s", fire("a"), fire("a", print_="2"), fire("b"), fire("c"))
    return world


def restored(rows: list[StateRow]) -> State:
    state = State(Policy(ruleset()), START)
    restore(state, rows)
    return state


def test_rows_may_come_in_any_order() -> None:
    rows = crowded().state()
    one, two = restored(rows), restored(rows[::-1])
    assert one.groups == two.groups
    assert list(one.groups) == list(two.groups)
    assert (one.alerts, one.identities, one.limits, one.storms) == (two.alerts, two.identities, two.limits, two.storms)
    assert (one.numbers, one.tables) == (two.numbers, two.tables)


def test_members_and_holds_follow_from_the_rows() -> None:
    state = restored(crowded().state())
    (storm,) = state.storms.values()
    assert len(storm.held) == 2
    assert storm.services == {"b": 1, "c": 1}
    by_service = {group.values[0]: group for group in state.groups.values()}
    assert (by_service["a"].members, by_service["a"].firing) == ([4, 5], 2)
    assert (by_service["db"].members, by_service["db"].firing) == ([2], 0)


def test_restoring_says_nothing() -> None:
    assert restored(crowded().state()).flush() == Transition(decisions=[], events=[], incidents=[], changes=[])


def test_a_group_that_is_missing_is_noticed() -> None:
    rows = crowded().state()
    with pytest.raises(InvariantError, match=r"alert row 2 belongs to group 1, which has no row"):
        restored([row for row in rows if row.kind != "group"])


def test_a_storm_that_is_missing_is_noticed() -> None:
    with pytest.raises(InvariantError, match=r"is held by storm \d+, which has no row"):
        restored([row for row in crowded().state() if row.kind != "storm"])


def test_a_deleted_row_is_none_to_restore() -> None:
    with pytest.raises(InvariantError, match="has no body"):
        restored([StateRow("alert", 1, None)])


def test_the_rows_name_the_rules_they_were_made_by() -> None:
    world = World(Rule(id="one", match=services("a")))
    world.rulesets["v2"] = ruleset(Rule(id="two", match=services("a")), version="v2")
    assert ruleset_of(world.state()) == ""
    world.step("0s", RulesChanged(version="v1"))  # how a new store begins: nothing changes but that it is known
    assert ruleset_of(world.state()) == "v1"
    world.step("1s", fire("a"), RulesChanged(version="v2"))
    assert ruleset_of(world.state()) == "v2"
    world.step("2s", fire("a", print_="2"))
    assert ruleset_of(world.state()) == "v2"


def test_an_engine_forgets_what_was_before() -> None:
    world = crowded()
    engine: Engine = world.engine
    engine.restore([], now=START)
    assert (engine.active_alerts, engine.groups, engine.open_incidents) == (0, 0, 0)
