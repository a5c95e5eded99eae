from __future__ import annotations

import pytest

from router.engine.core import Engine
from router.errors import InvariantError
from router.model.journal import ChangeReceived, Entry, EventForwarded, RulesChanged
from router.model.pattern import Pattern
from router.model.ruleset import AfterQuiet, AtOnce, Count, FiringFor, Match, Never, Rule
from router.model.severity import Severity
from tests.support.engine import START, World, at, event, fire, resolved, ruleset, services

MINUTE = 60_000
A = fire("pay-api")
B = fire("pay-api", print_="b")
THREE = Count(count=3, within_ms=5 * MINUTE)


def test_an_alert_opens_an_episode_and_its_end_closes_it() -> None:
    world = World(Rule(id="r", match=services("pay-*")))
    world.play(
        ("1s", [A], ["open at_once", "> trigger payments error"]),
        ("2s", [], []),
        ("3s", [resolved(A)], ["close all_resolved", "> resolve payments"]),
        ("4s", [resolved(A)], ["none nothing_open"]),
    )
    assert world.kinds() == {}
    trigger, resolve = world.events
    assert trigger.dedup_key == resolve.dedup_key
    assert trigger.routing_key == resolve.routing_key == "env:PAYMENTS"
    incident = world.incidents[1]
    assert (incident.status, incident.opened_at, incident.closed_at) == ("closed", at("1s"), at("3s"))


def test_what_no_rule_matches_goes_to_the_default_team_whoever_owns_the_service() -> None:
    world = World(Rule(id="r", match=services("web-*")))
    world.play(("0s", [A], ["open no_rule_matched", "> trigger platform error"]))
    assert world.last.decisions[0].rule == "default"


def test_each_alert_is_decided_at_its_own_time_and_never_before_the_one_before_it() -> None:
    engine = Engine(ruleset(), now=START)
    entries = [Entry(seq=1, at=START + 5, fact=A), Entry(seq=2, at=START - 100, fact=fire("web"))]
    transition = engine.handle(entries, until=START + 9, rulesets={})
    assert [decision.at for decision in transition.decisions] == [START + 5, START + 5]
    assert engine.now == START + 9
    assert engine.handle([], until=START, rulesets={}).decisions == []
    assert engine.now == START + 9


def test_the_first_rule_that_matches_ends_it_unless_it_goes_on() -> None:
    world = World(
        Rule(id="first", page=("payments",), goes_on=True),
        Rule(id="second", page=("platform",), match=services("pay-*")),
        Rule(id="third", page=("payments",)),
    )
    world.play(
        ("0s", [A], ["open at_once", "open at_once", "> trigger payments error", "> trigger platform error"]),
        ("1s", [resolved(A)], ["close all_resolved", "close all_resolved", "> resolve payments", "> resolve platform"]),
    )
    assert {event_.rule for event_ in world.events} == {"first", "second"}


def test_drop_ends_it_with_its_reason_and_the_alert_stays_known() -> None:
    world = World(Rule(id="noise", match=services("dev-*"), drop="development never pages"), Rule(id="r"))
    dev = fire("dev-api")
    world.play(("0s", [dev], ["drop dropped_by_rule (development never pages)"]))
    assert (world.engine.active_alerts, world.kinds()) == (1, {"alert": 1})
    world.play(("1s", [resolved(dev)], ["none nothing_open"]))
    assert world.kinds() == {}


def test_a_dropped_occurrence_leaves_nothing_behind() -> None:
    world = World(Rule(id="noise", drop="noise"))
    world.play(("0s", [event()], ["drop dropped_by_rule (noise)"]))
    assert world.kinds() == {}


def test_a_rule_that_names_no_one_pages_no_one() -> None:
    world = World(Rule(id="r", page=()))
    world.play(("0s", [A], ["none no_team"]), ("1s", [resolved(A)], ["none nothing_open"]))


def test_the_nth_occurrence_within_the_window_opens_at_its_own_time() -> None:
    world = World(Rule(id="r", match=services("pay-*"), when=THREE))
    oops = event("pay-api")
    world.play(
        ("0s", [oops], ["hold count_not_reached (1 of 3 in 5m)"]),
        ("2m", [oops], ["hold count_not_reached (2 of 3 in 5m)"]),
        ("4m", [oops], ["open count_reached (3 of 3 in 5m)", "> trigger payments error"]),
        ("4m1s", [oops], ["update already_open"]),
    )
    assert world.incidents[1].opened_at == at("4m")
    assert world.incidents[1].occurrences == 4


def test_an_occurrence_exactly_as_old_as_the_window_does_not_count() -> None:
    world = World(Rule(id="r", when=Count(count=2, within_ms=MINUTE)))
    world.play(
        ("0s", [event()], ["hold count_not_reached (1 of 2 in 1m)"]),
        ("1m", [event()], ["hold count_not_reached (1 of 2 in 1m)"]),
        ("1m59s999ms", [event()], ["open count_reached (2 of 2 in 1m)", "> trigger platform error"]),
    )


def test_a_resolve_takes_no_occurrence_back_and_a_change_adds_none() -> None:
    world = World(Rule(id="r", match=services("pay-*"), when=THREE))
    world.play(
        ("0s", [A], ["hold count_not_reached (1 of 3 in 5m)"]),
        ("1s", [fire("pay-api", severity="warning")], ["hold count_not_reached (1 of 3 in 5m)"]),
        ("2s", [resolved(A)], ["none nothing_open"]),
        ("3s", [A], ["hold count_not_reached (2 of 3 in 5m)"]),
        ("4s", [resolved(A)], ["none nothing_open"]),
        ("5s", [A], ["open count_reached (3 of 3 in 5m)", "> trigger payments error"]),
        ("6s", [resolved(A)], ["close all_resolved", "> resolve payments"]),
        ("7s", [A], ["hold count_not_reached (1 of 3 in 5m)"]),
    )


def test_a_window_and_the_events_it_held_are_forgotten_when_they_count_no_more() -> None:
    world = World(Rule(id="r", when=THREE))
    world.play(
        (
            "0s",
            [event(print_="1"), fire(print_="2")],
            ["hold count_not_reached (1 of 3 in 5m)", "hold count_not_reached (2 of 3 in 5m)"],
        )
    )
    assert world.kinds() == {"alert": 2, "group": 1}
    world.play(("5m", [], []))
    assert world.kinds() == {"alert": 1, "group": 1}
    assert world.engine.next_due() is None
    world.play(("6m", [resolved(fire(print_="2"))], ["none nothing_open"]))
    assert world.kinds() == {}


def test_distinct_counts_values_and_an_alert_without_one_counts_nothing() -> None:
    world = World(Rule(id="r", when=Count(count=2, within_ms=MINUTE, distinct="user")))

    def of(user: str) -> object:
        return event(labels={"user": user})

    world.play(
        ("0s", [of("ann")], ["hold count_not_reached (1 of 2 in 1m)"]),
        ("30s", [of("ann")], ["hold count_not_reached (1 of 2 in 1m)"]),
        ("40s", [event()], ["hold count_not_reached (1 of 2 in 1m)"]),
        ("1m10s", [of("bob")], ["open count_reached (2 of 2 in 1m)", "> trigger platform error"]),
    )


def test_per_counts_over_other_fields_and_opens_the_group_that_reached_it() -> None:
    rule = Rule(id="r", when=Count(count=3, within_ms=MINUTE, per=("cluster",)))
    world = World(rule)
    east = {"labels": {"cluster": "east"}}
    world.play(
        ("0s", [event("a", **east)], ["hold count_not_reached (1 of 3 in 1m)"]),
        ("1s", [event("a", labels={"cluster": "west"})], ["hold count_not_reached (1 of 3 in 1m)"]),
        ("2s", [event("b", **east)], ["hold count_not_reached (2 of 3 in 1m)"]),
        ("3s", [event("c", **east)], ["open count_reached (3 of 3 in 1m)", "> trigger platform error"]),
        ("4s", [event("a", **east)], ["hold count_not_reached (1 of 3 in 1m)"]),
    )
    assert [incident.service for incident in world.incidents.values()] == ["c"]
    world.play(("2m", [], []))
    assert world.kinds() == {"alert": 1, "group": 1}


def test_two_occurrences_at_one_instant_are_two() -> None:
    world = World(Rule(id="r", when=Count(count=3, within_ms=MINUTE, per=())))
    world.play(
        (
            "0s",
            [event("a"), event("b"), event("c")],
            [
                "hold count_not_reached (1 of 3 in 1m)",
                "hold count_not_reached (2 of 3 in 1m)",
                "open count_reached (3 of 3 in 1m)",
                "> trigger platform error",
            ],
        )
    )


def test_firing_for_opens_by_its_timer_and_a_break_begins_anew() -> None:
    world = World(Rule(id="r", match=services("pay-*"), when=FiringFor(for_ms=10 * MINUTE)))
    world.play(
        ("0s", [A], ["hold not_firing_long_enough (0s of 10m)"]),
        ("5m", [B], ["hold not_firing_long_enough (5m of 10m)"]),
        ("6m", [resolved(A)], ["none nothing_open"]),
        ("9m", [resolved(B)], ["none nothing_open"]),
        ("9m30s", [A], ["hold not_firing_long_enough (0s of 10m)"]),
        ("10m", [fire("pay-api", severity="critical")], ["hold not_firing_long_enough (30s of 10m)"]),
        ("19m29s", [], []),
        ("25m", [], ["open fired_long_enough (10m)", "> trigger payments critical"]),
        ("26m", [resolved(A)], ["close all_resolved", "> resolve payments"]),
    )
    opened = world.incidents[1]
    assert opened.opened_at == at("19m30s")


def test_a_timer_at_the_very_time_of_an_entry_fires_before_it() -> None:
    world = World(Rule(id="r", when=FiringFor(for_ms=MINUTE)))
    world.play(
        ("0s", [A], ["hold not_firing_long_enough (0s of 1m)"]),
        (
            "1m",
            [resolved(A)],
            ["open fired_long_enough (1m)", "close all_resolved", "> trigger payments error", "> resolve payments"],
        ),
    )


def test_the_page_of_a_timer_speaks_of_the_worst_alert() -> None:
    world = World(Rule(id="r", when=FiringFor(for_ms=MINUTE)))
    worst = fire("pay-api", "Down", "critical", "b", summary="It burns")
    world.step("0s", A, worst, fire("pay-api", print_="c"))
    world.play(("1m", [], ["open fired_long_enough (1m)", "> trigger payments critical"]))
    assert world.events[0].summary == "pay-api: Down - It burns"
    assert world.incidents[1].alerts == 3


def test_a_changed_alert_is_matched_anew() -> None:
    grave = frozenset({Severity.ERROR, Severity.CRITICAL})
    world = World(
        Rule(id="grave", match=Match(severities=grave), page=("payments",)),
        Rule(id="slight", page=("platform",), when=Count(count=2, within_ms=MINUTE)),
    )
    world.play(
        ("0s", [fire(severity="warning")], ["hold count_not_reached (1 of 2 in 1m)"]),
        ("1s", [fire(severity="error")], ["open at_once", "none nothing_open", "> trigger payments error"]),
        (
            "2s",
            [fire(severity="warning")],
            ["open count_reached (2 of 2 in 1m)", "close all_resolved", "> trigger platform warning", "> resolve payments"],
        ),
    )


def test_an_alert_that_comes_to_be_dropped_leaves_its_groups() -> None:
    world = World(Rule(id="quiet", match=Match(severities=frozenset({Severity.INFO})), drop="informs"), Rule(id="r"))
    world.play(
        ("0s", [A], ["open at_once", "> trigger payments error"]),
        (
            "1s",
            [fire("pay-api", severity="info")],
            ["drop dropped_by_rule (informs)", "close all_resolved", "> resolve payments"],
        ),
        (
            "2s",
            [event(), event(severity="info")],
            [
                "open at_once",
                "drop dropped_by_rule (informs)",
                "close all_resolved",
                "> trigger platform error",
                "> resolve platform",
            ],
        ),
    )
    assert world.kinds() == {"alert": 1}


def test_events_stay_until_they_are_resolved() -> None:
    world = World(Rule(id="r"))
    first, second = event(print_="1"), event(print_="2")
    world.play(
        ("0s", [first], ["open at_once", "> trigger platform error"]),
        ("1s", [first, second], ["update already_open", "update already_open"]),
        ("2h", [resolved(first)], ["update still_firing (1 alert left)"]),
        ("3h", [resolved(second)], ["close all_resolved", "> resolve platform"]),
    )
    assert (world.incidents[1].alerts, world.incidents[1].occurrences) == (2, 3)


def test_after_quiet_closes_when_nothing_has_occurred_for_so_long() -> None:
    world = World(Rule(id="r", resolve=AfterQuiet(quiet_ms=15 * MINUTE)))
    world.play(
        ("0s", [event(print_="1")], ["open at_once", "> trigger platform error"]),
        ("10m", [event(print_="2")], ["update already_open"]),
        ("24m", [], []),
        ("40m", [], ["close went_quiet", "> resolve platform"]),
    )
    assert world.last.decisions[0].at == at("25m")
    assert world.last.decisions[0].alert_seq == 0
    assert world.kinds() == {}


def test_a_stateful_alert_keeps_it_from_being_quiet() -> None:
    world = World(Rule(id="r", resolve=AfterQuiet(quiet_ms=MINUTE)))
    world.play(
        ("0s", [A, event("pay-api", print_="e")], ["open at_once", "update already_open", "> trigger payments error"]),
        ("10m", [], []),
        ("11m", [resolved(A)], ["update still_firing (1 alert left)"]),
        ("11m30s", [resolved(event("pay-api", print_="e"))], ["update waiting_for_quiet"]),
        ("11m59s", [], []),
        ("12m", [], ["close went_quiet", "> resolve payments"]),
    )


def test_an_occurrence_while_waiting_for_quiet_begins_the_wait_anew() -> None:
    world = World(Rule(id="r", resolve=AfterQuiet(quiet_ms=MINUTE)))
    world.play(
        ("0s", [A], ["open at_once", "> trigger payments error"]),
        ("1s", [resolved(A)], ["update waiting_for_quiet"]),
        ("50s", [A], ["update already_open"]),
        ("5m", [resolved(A)], ["update waiting_for_quiet"]),
        ("6m", [], ["close went_quiet", "> resolve payments"]),
    )


def test_never_leaves_closing_to_a_person() -> None:
    world = World(Rule(id="r", resolve=Never()))
    world.play(
        ("0s", [A], ["open at_once", "> trigger payments error"]),
        ("1s", [resolved(A)], ["none never_resolves"]),
        ("2s", [A], ["update already_open"]),
        ("3s", [resolved(A)], ["none never_resolves"]),
        ("500h", [], []),
    )
    assert world.engine.open_incidents == 1


def test_the_same_alert_from_another_source_is_another_alert() -> None:
    world = World(Rule(id="r", group_by=()))
    other = fire("pay-api", source="grafana")
    world.play(
        ("0s", [A, other], ["open at_once", "update already_open", "> trigger payments error"]),
        ("1s", [resolved(A)], ["update still_firing (1 alert left)"]),
        ("2s", [resolved(other, "expiry")], ["close all_resolved", "> resolve payments"]),
    )


def test_a_source_that_changes_its_kind_is_believed() -> None:
    world = World(Rule(id="r", resolve=AfterQuiet(quiet_ms=MINUTE)))
    world.play(
        ("0s", [fire()], ["open at_once", "> trigger platform error"]),
        ("10m", [event()], ["update already_open"]),
        ("11m", [], ["close went_quiet", "> resolve platform"]),
        ("12m", [event()], ["open at_once", "> trigger platform error"]),
        ("12m30s", [fire()], ["update already_open"]),
        ("30m", [resolved(fire())], ["update waiting_for_quiet"]),
    )


def test_after_a_restart_what_came_due_meanwhile_waits_for_the_grace() -> None:
    world = World(
        Rule(id="held", match=services("pay-*"), when=FiringFor(for_ms=10 * MINUTE)),
        Rule(id="quiet", match=services("web"), resolve=AfterQuiet(quiet_ms=10 * MINUTE)),
        Rule(id="counted", match=services("db"), when=Count(count=2, within_ms=10 * MINUTE, per=("cluster",))),
    )
    world.step("0s", A, event("web"), event("db"))
    assert world.restart("20m", down_since="5m", grace="2m") == []
    world.play(
        ("21m59s", [], []),
        ("22m", [], ["open fired_long_enough (10m)", "close went_quiet", "> trigger payments error", "> resolve platform"]),
    )


def test_a_restart_without_grace_fires_at_once_and_what_was_due_before_it_keeps_its_time() -> None:
    world = World(Rule(id="r", when=FiringFor(for_ms=MINUTE)))
    world.step("0s", A)
    world.step("10s", fire("web"))
    assert world.restart("5m", down_since="1m5s") == [
        "open fired_long_enough (1m)",
        "open fired_long_enough (1m)",
        "> trigger payments error",
        "> trigger platform error",
    ]
    assert [decision.at for decision in world.last.decisions] == [at("1m"), at("5m")]


def test_a_hold_that_begins_anew_owes_nothing_to_the_restart() -> None:
    world = World(Rule(id="r", when=FiringFor(for_ms=MINUTE)))
    world.step("0s", A)
    world.restart("5m", down_since="30s", grace="10m")
    world.play(
        ("5m1s", [resolved(A)], ["none nothing_open"]),
        ("5m2s", [A], ["hold not_firing_long_enough (0s of 1m)"]),
        ("6m2s", [], ["open fired_long_enough (1m)", "> trigger payments error"]),
    )


def test_a_change_event_goes_to_the_owner_and_touches_nothing() -> None:
    world = World()
    change = ChangeReceived(source="ci", service="pay-api", summary="Deployed 1.2", origin="jenkins", changed_at=START)
    world.play(("0s", [change], ["none change_passed_on", "> change payments"]))
    assert world.events[0].dedup_key == ""
    assert world.kinds() == {}


def test_a_rule_set_the_journal_names_must_be_handed_over() -> None:
    world = World()
    with pytest.raises(InvariantError, match="v9"):
        world.engine.handle([Entry(seq=1, at=START, fact=RulesChanged(version="v9"))], until=START, rulesets={})


RENAMED = RulesChanged(version="v2")


def reload(world: World, *rules: Rule) -> None:
    world.rulesets["v2"] = ruleset(*rules, version="v2")


def test_an_open_episode_outlives_its_rule() -> None:
    world = World(Rule(id="old", page=("payments",)))
    reload(world, Rule(id="new", match=services("web")))
    world.play(
        ("0s", [A], ["open at_once", "> trigger payments error"]),
        ("1s", [RENAMED], []),
        (
            "2s",
            [fire("pay-api", severity="critical")],
            [
                "open no_rule_matched",
                "update severity_rose (error to critical)",
                "> trigger platform critical",
                "> update payments critical",
            ],
        ),
        ("3s", [resolved(A)], ["close all_resolved", "close all_resolved", "> resolve platform", "> resolve payments"]),
    )
    assert world.engine.ruleset.version == "v2"
    assert world.step("4s", RENAMED) == []


def test_an_event_goes_on_in_the_episode_of_a_removed_rule() -> None:
    world = World(Rule(id="old", resolve=AfterQuiet(quiet_ms=MINUTE)))
    reload(world, Rule(id="new", page=()))
    world.play(
        ("0s", [event()], ["open at_once", "> trigger platform error"]),
        ("30s", [RENAMED, event()], ["none no_team", "update already_open"]),
        ("1m29s", [], []),
        ("1m30s", [], ["close went_quiet", "> resolve platform"]),
    )


def test_an_episode_closes_as_it_was_opened_whatever_the_rule_says_now() -> None:
    world = World(Rule(id="r", page=("payments",)))
    reload(world, Rule(id="r", page=("platform",), resolve=Never(), group_by=("name",)))
    world.play(
        ("0s", [A], ["open at_once", "> trigger payments error"]),
        ("1s", [RENAMED, fire("pay-api", severity="warning")], ["update already_open"]),
        ("2s", [resolved(A)], ["close all_resolved", "> resolve payments"]),
    )


WORDS_ANEW = [
    "open at_once",
    "update still_firing (1 alert left)",
    "update already_open",
    "close all_resolved",
    "> trigger payments error",
    "> resolve payments",
]


def test_what_a_removed_rule_held_is_decided_anew() -> None:
    world = World(Rule(id="old", match=services("pay-*"), when=FiringFor(for_ms=MINUTE), goes_on=True), Rule(id="stays"))
    reload(world, Rule(id="new", page=("payments",)), Rule(id="stays"))
    world.play(
        (
            "0s",
            [A, B],
            [
                "hold not_firing_long_enough (0s of 1m)",
                "open at_once",
                "hold not_firing_long_enough (0s of 1m)",
                "update already_open",
                "> trigger payments error",
            ],
        ),
        ("1s", [RENAMED], WORDS_ANEW),
    )


def test_what_nobody_was_told_of_is_looked_at_anew() -> None:
    world = World(Rule(id="noise", match=services("dev-*"), drop="noise"), Rule(id="mute", match=services("pay-*"), page=()))
    reload(world, Rule(id="noise", match=services("dev-*"), drop="noise"), Rule(id="r"))
    world.play(
        ("0s", [A, fire("dev-api")], ["none no_team", "drop dropped_by_rule (noise)"]),
        ("1s", [RENAMED], ["open at_once", "> trigger payments error"]),
    )
    assert world.last.decisions[0].alert_seq == 1


def test_an_edited_trigger_applies_to_what_is_held() -> None:
    world = World(Rule(id="r", when=FiringFor(for_ms=10 * MINUTE)), Rule(id="s"))
    world.rulesets["v3"] = ruleset(Rule(id="r", when=AtOnce()), version="v3")
    reload(world, Rule(id="r", when=FiringFor(for_ms=2 * MINUTE)))
    world.play(
        ("0s", [A], ["hold not_firing_long_enough (0s of 10m)"]),
        ("1m", [RENAMED], []),
        ("1m30s", [fire("web")], ["hold not_firing_long_enough (0s of 2m)"]),
        ("2m", [], ["open fired_long_enough (2m)", "> trigger payments error"]),
        ("3m", [RulesChanged(version="v3")], ["open at_once", "> trigger platform error"]),
    )


def test_a_shared_window_goes_with_the_rule_that_counted_so() -> None:
    world = World(Rule(id="r", when=Count(count=3, within_ms=MINUTE, per=("cluster",))))
    reload(world, Rule(id="r", when=Count(count=3, within_ms=MINUTE)))
    world.play(
        ("0s", [event()], ["hold count_not_reached (1 of 3 in 1m)"]),
        ("1s", [RENAMED], []),
        ("2s", [event()], ["hold count_not_reached (1 of 3 in 1m)"]),
    )
    assert "counter" not in world.kinds()


def test_a_window_counted_in_another_way_before_begins_anew() -> None:
    world = World(Rule(id="r", when=Count(count=3, within_ms=MINUTE, distinct="user")))
    reload(world, Rule(id="r", when=Count(count=3, within_ms=MINUTE)))
    world.play(
        ("0s", [event(labels={"user": "ann"})], ["hold count_not_reached (1 of 3 in 1m)"]),
        ("1s", [RENAMED, event()], ["hold count_not_reached (1 of 3 in 1m)"]),
    )


def test_regular_expressions_and_negations_choose_rules_too() -> None:
    world = World(
        Rule(id="not", match=Match(services=(Pattern.parse("!web"),), names=(Pattern.parse("/^Dow/"),))),
        Rule(id="rest"),
    )
    world.step("0s", fire("web"), fire("db"), fire("db", "Up"))
    assert [decision.rule for decision in world.last.decisions] == ["rest", "not", "rest"]


def test_a_window_goes_with_the_count_that_a_reload_takes_away() -> None:
    """One of three counted, then the rule pages at once instead: nothing would ever empty the window again."""
    world = World(Rule(id="r", when=THREE))
    world.step("0s", A)
    world.step("1s", resolved(A))
    assert world.engine.groups == 1
    reload(world, Rule(id="r"))
    world.step("2s", RulesChanged(version="v2"))
    assert world.kinds() == {}


def test_an_event_in_shadow_goes_on_as_it_came_and_touches_nothing() -> None:
    world = World(Rule(id="r"))
    fact = EventForwarded(
        source="tools",
        routing_key="env:REAL",
        action="trigger",
        dedup_key="k",
        body='{"a":1}',
        severity=Severity.CRITICAL,
        alert=A.alert,
    )
    world.play(("0s", [fact], ["none forwarded (trigger through tools)", "> trigger pagerduty critical"]))
    (event_,) = world.events
    assert (event_.channel, event_.team, event_.routing_key, event_.dedup_key, event_.body) == (
        "pagerduty",
        "",
        "env:REAL",
        "k",
        '{"a":1}',
    )
    assert world.kinds() == {}
