"""A rule that is removed closes nothing; what it left open is closed or goes on under another rule, as somebody says."""

from __future__ import annotations

from router.model.incident import Orphan
from router.model.journal import EpisodeClosed, RuleAdopted, RulesChanged
from router.model.ruleset import AbsentFor, AfterQuiet, Count, FiringFor, Limit, Rule, RuleSet
from tests.support.engine import World, event, fire, resolved, ruleset, services

A = fire("pay-api")
B = fire("pay-web")


def change_to(world: World, *rules: Rule, version: str = "v2") -> RulesChanged:
    world.rulesets[version] = ruleset(*rules, version=version)
    return RulesChanged(version=version)


def opened(*rules: Rule) -> tuple[World, str]:
    """The first rule has opened an incident for A."""
    world = World(*rules)
    world.step("0s", A)
    return world, world.last.decisions[0].dedup_key


def test_what_a_rule_set_leaves_open_is_told_before_and_after() -> None:
    world, _ = opened(Rule(id="old", match=services("pay-*")), Rule(id="rest"))
    world.step("1m", B, fire("api"))
    assert world.engine.orphans() == []
    smaller = ruleset(Rule(id="rest"), version="v2")
    expected = [Orphan(rule="old", incidents=(1, 2), teams=("payments",))]
    assert world.engine.orphans(smaller) == expected
    assert world.engine.orphans(ruleset(Rule(id="new", renamed_from=("old",)), Rule(id="rest"), version="v3")) == []
    world.play(("2m", [change_to(world, Rule(id="rest"))], []))
    assert world.engine.orphans() == expected
    world.play(("3m", [resolved(A)], ["close all_resolved", "> resolve payments"]))
    assert world.engine.orphans() == [Orphan(rule="old", incidents=(2,), teams=("payments",))]


def test_a_rule_renamed_goes_on_with_all_that_the_old_name_holds() -> None:
    counted = Rule(
        id="old", match=services("pay-*"), when=Count(count=2, within_ms=300_000), resolve=AfterQuiet(quiet_ms=600_000)
    )
    world = World(counted)
    world.play(
        ("0s", [event("pay-api"), event("pay-api")],
         ["hold count_not_reached (1 of 2 in 5m)", "open count_reached (2 of 2 in 5m)", "> trigger payments error"]),
        ("1m", [event("pay-web")], ["hold count_not_reached (1 of 2 in 5m)"]),
    )  # fmt: skip
    key = next(iter(world.engine._state.episodes))
    new = Rule(id="new", match=services("pay-*"), when=counted.when, resolve=counted.resolve, renamed_from=("older", "old"))
    world.play(
        ("2m", [change_to(world, new)], ["update adopted (from rule old)"]),
        ("3m", [event("pay-api")], ["update already_open"]),
        ("4m", [event("pay-web")], ["open count_reached (2 of 2 in 5m)", "> trigger payments error"]),
        ("13m", [], ["close went_quiet", "> resolve payments"]),
    )
    assert world.incidents[1].rule == "new"
    assert world.incidents[1].dedup_key == key
    assert key.startswith("old/")


def test_windows_that_groups_share_limits_and_storms_go_with_the_name() -> None:
    shared = Count(count=3, within_ms=300_000, per=("source",))
    limited = Rule(id="old", match=services("pay-*"), when=shared, limit=Limit(incidents=1, per_ms=3_600_000))
    world = World(limited)
    for minute in range(3):
        world.step(f"{minute}m", event("pay-a", print_=f"{minute}"))
    world.step("3m", event("pay-b"), event("pay-b"), event("pay-b"))
    assert world.engine.open_incidents == 3  # two episodes, one of them in the storm of the rule's limit
    world.step("4m", event("pay-c"), event("pay-c"))
    new = Rule(id="new", match=services("pay-*"), when=shared, limit=limited.limit, renamed_from=("old",))
    world.step("5m", change_to(world, new))
    lines = world.step("6m", event("pay-c"))
    assert lines[0].startswith("open limit_exceeded (limit 1 in 1h, held by storm ")
    assert world.engine.open_incidents == 4
    assert {incident.rule for incident in world.incidents.values()} == {"new"}


def test_what_is_held_and_what_is_awaited_goes_with_the_name() -> None:
    slow = Rule(id="slow", match=services("pay-*"), when=FiringFor(for_ms=600_000))
    gone = Rule(id="gone", match=services("db"), when=AbsentFor(for_ms=600_000))
    world = World(slow, gone)
    world.step("0s", A, event("db"))
    world.step(
        "5m",
        change_to(world, Rule(id="slower", match=slow.match, when=slow.when, renamed_from=("slow",)),
                  Rule(id="lost", match=gone.match, when=gone.when, renamed_from=("gone",))),
    )  # fmt: skip
    world.play(
        (
            "10m",
            [],
            ["open fired_long_enough (10m)", "open absent (10m)", "> trigger payments error", "> trigger platform error"],
        )
    )
    assert {incident.rule for incident in world.incidents.values()} == {"slower", "lost"}


def test_somebody_gives_it_to_another_rule() -> None:
    world, key = opened(Rule(id="old", match=services("pay-*")), Rule(id="rest"))
    world.step(
        "1m", change_to(world, Rule(id="new", match=services("pay-api"), resolve=AfterQuiet(quiet_ms=60_000)), Rule(id="rest"))
    )
    world.play(
        ("2m", [RuleAdopted(rule="old", into="new", by="Ann")], ["update adopted (from rule old by Ann)"]),
        ("3m", [A], ["update already_open"]),
        ("4m", [resolved(A)], ["close all_resolved", "> resolve payments"]),  # as it was opened
    )
    assert world.engine.orphans() == []
    assert world.incidents[1].rule == "new"
    assert world.incidents[1].dedup_key == key


def test_what_only_holds_gives_its_place_to_what_is_open() -> None:
    world, _ = opened(Rule(id="old", match=services("pay-*")))
    slow = Rule(id="slow", match=services("pay-*"), when=FiringFor(for_ms=600_000))
    world.step("1m", change_to(world, slow))
    world.play(
        ("2m", [A], ["hold not_firing_long_enough (0s of 10m)", "update already_open"]),
        ("3m", [RuleAdopted(rule="old", into="slow")], ["update adopted (from rule old)", "update already_open"]),
        ("20m", [resolved(A)], ["close all_resolved", "> resolve payments"]),
    )
    assert world.kinds() == {}


def test_two_incidents_are_never_made_one() -> None:
    world, _ = opened(Rule(id="old", match=services("pay-*")))
    world.step("1m", change_to(world, Rule(id="new")))
    world.play(
        ("2m", [A], ["open at_once", "update already_open", "> trigger payments error"]),
        ("3m", [RuleAdopted(rule="old", into="new")],
         ["none adopted (not from rule old: rule new has an incident open for the same)"]),
        ("4m", [resolved(A)], ["close all_resolved", "close all_resolved", "> resolve payments", "> resolve payments"]),
    )  # fmt: skip


def test_what_cannot_be_given_over() -> None:
    world, _ = opened(Rule(id="old"), Rule(id="other", match=services("x")))
    world.play(
        ("1m", [RuleAdopted(rule="old", into="other")], ["none adopted (nothing: rule old is in force)"]),
        ("2m", [RuleAdopted(rule="gone", into="nowhere")], ["none adopted (nothing: there is no rule nowhere)"]),
    )


def test_closed_through_the_key_that_opened_it_and_quiet_until_it_occurs_again() -> None:
    world, key = opened(Rule(id="old", match=services("pay-*")), Rule(id="rest"))
    world.rulesets["v2"] = RuleSet(
        version="v2", rules=(), teams={"platform": world.engine.ruleset.teams["platform"]}, default_team="platform"
    )
    world.step("1m", RulesChanged(version="v2"))
    world.play(
        ("2m", [EpisodeClosed(dedup_key=key, by="Ann", reason="moved")],
         ["close closed_here (by Ann: moved)", "> resolve payments"]),
        ("3h", [], []),
        ("3h1m", [EpisodeClosed(dedup_key=key)], ["none nothing_open (closed by a person)"]),
        ("3h2m", [resolved(A)], ["none nothing_open"]),
        ("3h3m", [A], ["open no_rule_matched", "> trigger platform error"]),
    )  # fmt: skip
    assert world.last.events[0].routing_key == "env:PLATFORM"
