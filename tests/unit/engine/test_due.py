"""Timers fire at their own times, in order; what a restart missed waits for its grace."""

from __future__ import annotations

from router.model.journal import IncidentChanged, RulesChanged, SilenceChanged
from router.model.ruleset import AfterQuiet, Count, FiringFor, Limit, ReopenIfFiring, Rule, Team
from router.model.silence import PlainMatch, Silence
from tests.support.engine import World, at, event, fire, ruleset

MINUTE = 60_000


def test_every_timer_fires_at_its_own_time_whatever_the_call_passes() -> None:
    world = World(
        Rule(id="r", when=FiringFor(for_ms=2 * MINUTE), goes_on=True), Rule(id="s", resolve=AfterQuiet(quiet_ms=MINUTE))
    )
    world.step("0s", event())
    world.step("5s", fire("web"))
    world.step("1h")
    assert [(decision.at, decision.rule, decision.reason.value) for decision in world.last.decisions] == [
        (at("1m"), "s", "went_quiet"),
        (at("2m"), "r", "fired_long_enough"),
        (at("2m5s"), "r", "fired_long_enough"),
    ]


def test_a_restart_puts_off_storms_and_windows_too() -> None:
    limited = Team(name="platform", routing_key="env:PLATFORM", limit=Limit(incidents=1, per_ms=MINUTE))
    shared = Rule(id="c", when=Count(count=5, within_ms=MINUTE, per=()), goes_on=True)
    world = World(shared, Rule(id="r"), given=[limited])
    world.step("0s", fire("a"), fire("b"), fire("c"))
    assert world.restart("10m", down_since="1s", grace="1m") == []
    world.play(("10m59s", [], []), ("11m", [], ["update digest_changed (holds 2)", "> update platform error"]))


def test_a_rule_that_goes_leaves_what_a_person_handled_to_the_others() -> None:
    world = World(Rule(id="r", on_resolved_in_pagerduty=ReopenIfFiring(after_ms=MINUTE)))
    world.rulesets["v2"] = ruleset(version="v2")
    world.step("0s", fire())
    world.step("1s", IncidentChanged(dedup_key=world.events[0].dedup_key, status="resolved"))
    world.play(
        ("2s", [RulesChanged(version="v2")], []),
        ("1m1s", [], ["open no_rule_matched", "> trigger platform error"]),
    )


def test_a_silence_that_ends_with_what_went_quiet_under_it_leaves_nothing() -> None:
    world = World(Rule(id="r", resolve=AfterQuiet(quiet_ms=MINUTE)))
    silence = Silence(id="s", match=PlainMatch(), until=at("1h"), until_resolved=True, reason="x")
    world.step("0s", SilenceChanged(id="s", silence=silence), event())
    world.play(("1m", [], ["none silence_changed (silence s is over)"]))
    assert world.kinds() == {}
