from __future__ import annotations

import msgspec
import pytest

from router.engine import arrivals
from router.model.ruleset import AfterQuiet, Count, FileSilence, Flapping, Match, Rule, RuleSet
from tests.support.engine import START, World, event, fire, resolved, ruleset, services

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


FLAPS = Flapping(changes=4, within_ms=10 * MINUTE)
A = fire("pay-api")


def test_one_page_says_that_it_flaps_and_it_is_open_until_it_is_stable() -> None:
    world = World(Rule(id="r", when=FLAPS))
    world.play(
        ("0s", [A], ["hold not_flapping (1 of 4 changes in 10m)"]),
        ("1m", [resolved(A)], ["hold not_flapping (2 of 4 changes in 10m)"]),
        ("2m", [A], ["hold not_flapping (3 of 4 changes in 10m)"]),
        ("2m30s", [fire("pay-api", severity="critical")], ["hold not_flapping (3 of 4 changes in 10m)"]),
        ("3m", [resolved(A)], ["open flapping (4 of 4 changes in 10m)", "> trigger payments critical"]),
        ("4m", [A], ["update already_open"]),
        ("5m", [resolved(A)], ["update waiting_for_quiet"]),
        ("6m", [A], ["update already_open"]),
        ("16m", [], ["close stable", "> resolve payments"]),
        ("17m", [resolved(A)], ["hold not_flapping (1 of 4 changes in 10m)"]),
        ("27m", [], []),
    )
    assert world.events[0].summary == "pay-api: Down (flapping)"
    assert world.kinds() == {}


def test_what_changes_slowly_does_not_flap() -> None:
    world = World(Rule(id="r", when=FLAPS))
    for minute in range(0, 60, 4):
        fact = resolved(A) if minute % 8 else A
        assert world.step(f"{minute}m", fact)[0].startswith("hold not_flapping")


def test_what_flaps_under_a_mute_is_paged_at_its_end_if_it_fires() -> None:
    base = ruleset(Rule(id="r", when=Flapping(changes=2, within_ms=10 * MINUTE)))
    silence = FileSilence(id="s", match=Match(), until=START + 5 * MINUTE, reason="x")
    start = RuleSet(version="v1", rules=base.rules, teams=base.teams, default_team="platform", silences=(silence,))
    world = World(start=start)
    world.play(
        ("0s", [A], ["hold not_flapping (1 of 2 changes in 10m)"]),
        ("1s", [resolved(A)], ["suppress silenced (silence s: x)"]),
        (
            "2s",
            [A, fire("pay-api", print_="b")],
            ["hold not_flapping (1 of 2 changes in 10m)", "suppress silenced (silence s: x)"],
        ),
        ("5m", [], ["open flapping (2 of 2 changes in 10m, after silence s: x)", "> trigger payments error"]),
    )


def test_a_count_may_also_have_to_fire_on() -> None:
    world = World(Rule(id="r", when=Count(count=2, within_ms=10 * MINUTE, firing_for_ms=2 * MINUTE)))
    world.play(
        ("0s", [A], ["hold count_not_reached (1 of 2 in 10m)"]),
        ("1m", [resolved(A)], ["none nothing_open"]),
        ("2m", [A], ["hold not_firing_long_enough (2 of 2 in 10m, 0s of 2m)"]),
        ("3m", [resolved(A)], ["none nothing_open"]),
        ("5m", [], []),
        ("6m", [A], ["hold not_firing_long_enough (3 of 2 in 10m, 0s of 2m)"]),
        ("7m", [fire("pay-api", print_="b")], ["hold not_firing_long_enough (3 of 2 in 10m, 1m of 2m)"]),
        ("8m", [], ["open count_reached (2 of 2 in 10m)", "> trigger payments error"]),
    )


def test_a_count_that_is_over_before_it_fired_long_enough_pages_nobody() -> None:
    world = World(Rule(id="r", when=Count(count=2, within_ms=3 * MINUTE, firing_for_ms=2 * MINUTE)))
    world.step("0s", A)
    world.step("1m", resolved(A))
    world.step("2m", A)
    world.play(("4m", [], []), ("9h", [], []))


def test_what_a_window_has_forgotten_is_not_in_its_row_either() -> None:
    """A change of what fires is no occurrence, and still a look at the window."""
    world = World(Rule(id="r", when=Count(count=3, within_ms=60_000)))
    world.step("0s", fire("s1"))
    world.step("2m", msgspec.structs.replace(fire("s1"), alert=msgspec.structs.replace(fire("s1").alert, summary="worse")))
    assert [row.kind for row in world.last.changes] == ["alert", "group"]
    world.step("3m", fire("s2"))


def test_changes_that_have_left_the_window_are_not_spoken_of() -> None:
    world = World(Rule(id="r", when=Flapping(changes=4, within_ms=60_000)))
    world.play(
        ("0s", [fire("s1")], ["hold not_flapping (1 of 4 changes in 1m)"]),
        ("5s", [resolved(fire("s1"))], ["hold not_flapping (2 of 4 changes in 1m)"]),
        ("50s", [fire("s1")], ["hold not_flapping (3 of 4 changes in 1m)"]),
    )
    worse = msgspec.structs.replace(fire("s1"), alert=msgspec.structs.replace(fire("s1").alert, summary="worse"))
    world.play(("70s", [worse], ["hold not_flapping (1 of 4 changes in 1m)"]))
