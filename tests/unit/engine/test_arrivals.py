from __future__ import annotations

import pytest

from router.engine import arrivals
from router.model.ruleset import AfterQuiet, Rule
from tests.support.engine import World, event, fire, resolved, services

MINUTE = 60_000


def test_the_oldest_event_is_forgotten_above_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "EVENTS_KEPT", 2)
    world = World(Rule(id="r", goes_on=True), Rule(id="s", match=services("x-*")))
    world.step("0s", fire(print_="stateful"))
    world.step("1s", event(print_="1"), event(print_="2"), event(print_="3"))
    assert world.kinds() == {"alert": 3, "group": 1}
    world.play(("2s", [resolved(event(print_="1"))], ["none nothing_open"]))


def test_an_event_forgotten_by_one_group_stays_in_another() -> None:
    world = World(Rule(id="quiet", resolve=AfterQuiet(quiet_ms=MINUTE), goes_on=True), Rule(id="keep"))
    world.step("0s", event())
    world.play(("1m", [], ["close went_quiet", "> resolve platform"]))
    assert world.kinds() == {"alert": 1, "group": 1}
    world.play(("2m", [resolved(event())], ["close all_resolved", "> resolve platform"]))
