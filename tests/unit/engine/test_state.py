from __future__ import annotations

import msgspec
import pytest

from router.engine import timers
from router.model.ruleset import AfterQuiet, FiringFor, Limit, Rule, Team
from router.model.transition import ActiveAlert
from tests.support.engine import World, event, fire, resolved

MINUTE = 60_000


def test_a_row_is_encoded_once_per_step_and_gone_when_it_holds_nothing() -> None:
    world = World(Rule(id="r"))
    world.step("0s", *[fire(print_=str(number)) for number in range(5)])
    kinds = [row.kind for row in world.last.changes]
    assert kinds == ["alert"] * 5 + ["group", "counter"]
    assert len(world.last.incidents) == 1
    world.step("1s", *[resolved(fire(print_=str(number))) for number in range(5)])
    assert all(row.body is None for row in world.last.changes)
    assert world.engine.groups == world.engine.active_alerts == 0


def test_an_alerts_row_is_what_others_may_read() -> None:
    world = World(Rule(id="r"))
    world.step("0s", fire("pay-api", labels={"env": "prod"}))
    active = msgspec.json.decode(world.rows["alert", 1], type=ActiveAlert)
    assert active == ActiveAlert(alert=fire("pay-api", labels={"env": "prod"}).alert, groups=(1,))


def test_a_groups_row_does_not_grow_with_its_alerts() -> None:
    world = World(Rule(id="r", group_by=()))
    world.step("0s", fire(print_="0"))
    before = len(world.rows["group", 1])
    world.step("1s", *[fire(print_=str(number)) for number in range(1, 500)])
    assert len(world.rows["group", 1]) < before + 40


def test_stale_timers_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timers, "STALE", 8)
    world = World(Rule(id="r", resolve=AfterQuiet(quiet_ms=MINUTE)), Rule(id="s"))
    for second in range(50):
        world.step(f"{second}s", event())
    assert len(world.engine._state.timers._heap) <= 8 + 4 * world.engine.timers + 1
    assert world.engine.timers == 1
    assert world.step("1m49s") == ["close went_quiet", "> resolve platform"]
    assert (world.engine.timers, world.engine.next_due()) == (0, None)


def test_gauges_count_what_is_there() -> None:
    world = World(
        Rule(id="r", when=FiringFor(for_ms=MINUTE), page=("t",)),
        given=[Team(name="t", routing_key="k", limit=Limit(incidents=1, per_ms=MINUTE))],
    )
    world.step("0s", fire("a"), fire("b"))
    gauges = world.engine
    assert (gauges.active_alerts, gauges.groups, gauges.open_incidents, gauges.timers) == (2, 2, 0, 2)
    world.step("1m")
    assert (gauges.active_alerts, gauges.groups, gauges.open_incidents, gauges.timers) == (2, 2, 3, 0)
