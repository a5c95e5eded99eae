"""What people do to an incident in PagerDuty, as the engine takes it."""

from __future__ import annotations

from typing import Any

import pytest

from router.model.journal import IncidentChanged, RulesChanged
from router.model.ruleset import AfterQuiet, Count, KeepEpisode, Limit, ReopenIfFiring, Rule, Team
from tests.support.engine import World, event, fire, resolved, ruleset

MINUTE = 60_000
A = fire("pay-api")
B = fire("pay-api", print_="b")


def changed(world: World, status: Any, who: str = "Ada", **more: str) -> IncidentChanged:
    return IncidentChanged(dedup_key=world.events[-1].dedup_key, status=status, who=who, **more)


def test_acknowledged_and_given_back_change_nothing_but_the_record() -> None:
    world = World(Rule(id="r"))
    world.step("0s", A)
    world.play(
        ("1s", [changed(world, "acknowledged")], ["update acknowledged (by Ada)"]),
        ("2s", [changed(world, "unacknowledged", team="payments")], ["update unacknowledged (by Ada)"]),
        ("3s", [changed(world, "reopened", who="")], ["update unacknowledged (in PagerDuty)"]),
        ("4s", [resolved(A)], ["close all_resolved", "> resolve payments"]),
    )


def test_resolved_in_pagerduty_closes_and_only_a_new_occurrence_or_worse_pages_again() -> None:
    world = World(Rule(id="r"))
    world.step("0s", A, B)
    first = world.events[0].dedup_key
    world.play(
        ("1s", [changed(world, "resolved")], ["close resolved_in_pagerduty (by Ada)", "> resolve payments"]),
        ("2s", [fire("pay-api", severity="warning")], ["suppress handled_by_person"]),
        ("9h", [], []),
        ("9h1s", [resolved(B)], ["none nothing_open"]),
        ("9h2s", [B], ["open at_once", "> trigger payments error"]),
        ("9h3s", [changed(world, "resolved")], ["none nothing_open (resolved by Ada)"]),
    )
    second = world.events[-1].dedup_key
    assert second != first
    world.play(
        ("9h4s", [changed(world, "resolved")], ["close resolved_in_pagerduty (by Ada)", "> resolve payments"]),
        ("9h5s", [fire("pay-api", severity="critical")], ["open at_once", "> trigger payments critical"]),
    )


def test_after_a_resolution_the_count_begins_at_nothing_and_events_are_forgotten() -> None:
    world = World(Rule(id="r", when=Count(count=2, within_ms=MINUTE), resolve=AfterQuiet(quiet_ms=5 * MINUTE)))
    world.step("0s", event(print_="1"), event(print_="2"))
    world.play(
        ("1s", [changed(world, "resolved")], ["close resolved_in_pagerduty (by Ada)", "> resolve platform"]),
    )
    assert world.kinds() == {}
    world.play(("2s", [event(print_="1")], ["hold count_not_reached (1 of 2 in 1m)"]))


@pytest.mark.parametrize("gone", [False, True])
def test_what_still_fires_after_the_time_the_rule_gives_is_paged_anew(gone: bool) -> None:
    world = World(Rule(id="r", on_resolved_in_pagerduty=ReopenIfFiring(after_ms=30 * MINUTE)))
    world.step("0s", A)
    first = world.events[0].dedup_key
    world.step("1m", changed(world, "resolved"))
    world.play(("30m59s", [resolved(A)] if gone else [], ["none nothing_open"] if gone else []))
    world.play(("31m", [], [] if gone else ["open fires_after_resolve", "> trigger payments error"]))
    assert (world.events[-1].dedup_key == first) is gone
    assert world.engine.groups == (0 if gone else 1)


def test_a_rule_may_keep_what_somebody_resolved() -> None:
    world = World(Rule(id="r", on_resolved_in_pagerduty=KeepEpisode()))
    world.step("0s", A)
    world.play(
        ("1m", [changed(world, "resolved")], ["update kept_open (by Ada)"]),
        ("2m", [resolved(A)], ["close all_resolved", "> resolve payments"]),
    )


def test_the_policy_an_episode_was_opened_under_holds() -> None:
    world = World(Rule(id="r", on_resolved_in_pagerduty=KeepEpisode()))
    world.rulesets["v2"] = ruleset(version="v2")
    world.step("0s", A)
    world.step("1s", RulesChanged(version="v2"))
    world.play(("1m", [changed(world, "resolved")], ["update kept_open (by Ada)"]))


def test_a_storm_digest_goes_on_whatever_people_do_with_its_incident() -> None:
    limited = Team(name="platform", routing_key="env:PLATFORM", limit=Limit(incidents=1, per_ms=MINUTE))
    world = World(Rule(id="r"), given=[limited])
    world.step("0s", fire("a"), fire("b"))
    world.play(
        ("1s", [changed(world, "acknowledged")], ["update acknowledged (by Ada)"]),
        ("2s", [changed(world, "resolved")], ["update kept_open (by Ada)"]),
    )
    assert world.engine.open_incidents == 3


def test_a_key_that_nothing_open_has_changes_nothing() -> None:
    world = World(Rule(id="r"))
    world.play(("0s", [IncidentChanged(dedup_key="r/1/2", status="resolved")], ["none nothing_open (resolved in PagerDuty)"]))
    assert world.kinds() == {}
