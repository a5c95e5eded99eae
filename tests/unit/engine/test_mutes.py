"""Mutes keep triggers back, never resolves; what still fires when they end is paged then."""

from __future__ import annotations

from typing import Any

import pytest

from router.engine import mutes
from router.model.journal import RulesChanged, SilenceChanged
from router.model.pattern import Pattern
from router.model.ruleset import (
    AfterQuiet,
    Count,
    FileSilence,
    FiringFor,
    Inhibition,
    LabelTest,
    Maintenance,
    Match,
    Rule,
    RuleSet,
    Standing,
)
from router.model.schedule import Schedule, Times
from router.model.severity import Severity
from router.model.silence import PlainMatch, Silence
from tests.support.engine import START, World, at, event, fire, resolved, ruleset, services

MINUTE = 60_000
A = fire("pay-api")
B = fire("pay-api", print_="b")
# START is 2026-11-18T11:06:40Z, a Wednesday.
LUNCH = Schedule("lunch", "UTC", (Times(hours=((11 * 60, 11 * 60 + 30),)),))
LATE = Schedule("late", "UTC", (Times(hours=((11 * 60 + 15, 12 * 60),)),))


def rules(*given: Rule, **more: Any) -> RuleSet:
    version = more.pop("version", "v1")
    base = ruleset(*given, version=version)
    return RuleSet(version=version, rules=base.rules, teams=base.teams, default_team="platform", **more)


def silence(until: str, *, match: Match | None = None, starts: str = "0s", **more: Any) -> SilenceChanged:
    given = Silence(
        id=more.pop("name", "s1"),
        match=PlainMatch.of(match or services("pay-*")),
        starts_at=at(starts),
        until=at(until),
        reason="upgrade",
        **more,
    )
    return SilenceChanged(id=given.id, silence=given, by="Ada")


def ended(name: str = "s1") -> SilenceChanged:
    return SilenceChanged(id=name, by="Bob")


def test_a_rule_pages_only_during_its_schedule_and_then_what_still_fires() -> None:
    world = World(Rule(id="r", during=(LATE,)))
    world.play(
        ("0s", [A], ["suppress outside_schedule (not in late)"]),
        ("1m", [fire("web")], ["suppress outside_schedule (not in late)"]),
        ("2m", [resolved(fire("web"))], ["none nothing_open (it was muted: not in late)"]),
        ("8m20s", [], ["open at_once (after not in late)", "> trigger payments error"]),
        ("50m", [resolved(A)], ["close all_resolved", "> resolve payments"]),
    )
    assert world.kinds() == {}


def test_except_is_the_contrary_and_both_may_stand_together() -> None:
    world = World(Rule(id="r", during=(LUNCH,), outside=(LATE,)))
    world.play(
        ("0s", [A], ["open at_once", "> trigger payments error"]),
        ("9m", [fire("web")], ["suppress outside_schedule (in late)"]),
        ("23m19s", [], []),
        ("53m20s", [], ["suppress outside_schedule (not in lunch)"]),
    )


def test_a_file_silence_ends_at_its_time_and_names_itself() -> None:
    world = World(
        start=rules(Rule(id="r"), silences=(FileSilence(id="deploy", match=services("pay-*"), until=at("10m"), reason="db"),))
    )
    world.play(
        ("0s", [A], ["suppress silenced (silence deploy: db)"]),
        ("1m", [fire("web")], ["open at_once", "> trigger platform error"]),
        ("10m", [], ["open at_once (after silence deploy: db)", "> trigger payments error"]),
        ("11m", [B], ["update already_open"]),
    )


def test_a_count_goes_on_under_a_mute_and_what_was_reached_is_paged_at_its_end() -> None:
    world = World(
        start=rules(
            Rule(id="r", when=Count(count=2, within_ms=5 * MINUTE)),
            silences=(FileSilence(id="s", match=Match(), until=at("10m"), reason="x"),),
        )
    )
    world.play(
        ("0s", [A], ["hold count_not_reached (1 of 2 in 5m)"]),
        ("1m", [B], ["suppress silenced (silence s: x)"]),
        ("2m", [fire("pay-api", print_="c")], ["suppress silenced (silence s: x)"]),
        ("10m", [], ["open count_reached (2 of 2 in 5m, after silence s: x)", "> trigger payments error"]),
    )
    assert world.incidents[1].occurrences == 3


def test_what_went_quiet_or_resolved_by_the_end_of_a_mute_pages_nobody() -> None:
    world = World(
        start=rules(
            Rule(id="r", resolve=AfterQuiet(quiet_ms=5 * MINUTE)),
            silences=(FileSilence(id="s", match=Match(), until=at("10m"), reason="x"),),
        )
    )
    world.play(
        ("0s", [event()], ["suppress silenced (silence s: x)"]),
        ("1m", [A], ["suppress silenced (silence s: x)"]),
        ("2m", [resolved(A)], ["none nothing_open (it was muted: silence s: x)"]),
        ("5m", [], []),
    )
    assert world.kinds() == {}
    world.play(("6m", [event()], ["suppress silenced (silence s: x)"]), ("9m", [event()], ["suppress silenced (silence s: x)"]))
    world.play(("10m", [], ["open at_once (after silence s: x)", "> trigger platform error"]))


def test_a_group_opens_when_one_of_its_alerts_is_free() -> None:
    canary = Match(labels=(LabelTest(label="canary", patterns=(Pattern("true"),)),))
    world = World(start=rules(Rule(id="r"), silences=(FileSilence(id="s", match=canary, until=at("10m"), reason="x"),)))
    muted = fire("pay-api", severity="critical", labels={"canary": "true"})
    world.play(
        ("0s", [muted], ["suppress silenced (silence s: x)"]),
        ("1m", [B], ["open at_once (after silence s: x)", "> trigger payments error"]),
        (
            "2m",
            [fire("pay-api", print_="d", severity="critical", labels={"canary": "true"})],
            ["suppress silenced (silence s: x)"],
        ),
        ("10m", [], ["update severity_rose (error to critical)", "> update payments critical"]),
        ("11m", [resolved(B)], ["update still_firing (2 alerts left)"]),
    )


def test_firing_for_opens_for_an_alert_that_is_free() -> None:
    canary = Match(labels=(LabelTest(label="canary", patterns=(Pattern("true"),)),))
    world = World(
        start=rules(
            Rule(id="r", when=FiringFor(for_ms=MINUTE)),
            silences=(FileSilence(id="s", match=canary, until=at("10m"), reason="x"),),
        )
    )
    muted = fire("pay-api", severity="critical", labels={"canary": "true"})
    other = fire("web", labels={"canary": "true"})
    world.step("0s", muted, B, other)
    world.play(
        (
            "1m",
            [],
            ["open fired_long_enough (1m)", "suppress silenced (silence s: x)", "> trigger payments error"],
        ),
        (
            "10m",
            [],
            [
                "update severity_rose (error to critical)",
                "open fired_long_enough (1m, after silence s: x)",
                "> update payments critical",
                "> trigger platform error",
            ],
        ),
    )


def test_maintenance_recurs_by_schedule_or_has_one_time() -> None:
    once = Maintenance(id="once", match=services("web"), starts_at=at("1m"), until=at("2m"))
    world = World(
        start=rules(Rule(id="r"), maintenance=(Maintenance(id="noon", match=services("pay-*"), schedules=(LUNCH,)), once))
    )
    world.play(
        ("0s", [A], ["suppress in_maintenance (maintenance noon)"]),
        ("1m", [fire("web")], ["suppress in_maintenance (maintenance once)"]),
        ("2m", [], ["open at_once (after maintenance once)", "> trigger platform error"]),
        ("23m20s", [], ["open at_once (after maintenance noon)", "> trigger payments error"]),
    )


DOWN = Inhibition(
    id="node-down",
    source=Match(names=(Pattern("NodeDown"),)),
    target=Match(names=(Pattern.parse("!NodeDown"),)),
    equal=("node",),
)


def test_an_alert_is_inhibited_while_a_source_with_equal_labels_fires() -> None:
    world = World(start=rules(Rule(id="r", group_by=("service", "name", "node")), inhibitions=(DOWN,)))
    node = fire("host", "NodeDown", labels={"node": "n1"})
    again = fire("host", "NodeDown", labels={"node": "n1"}, print_="2")
    slow = fire("pay-api", "Slow", labels={"node": "n1"})
    elsewhere = fire("pay-api", "Slow", labels={"node": "n2"}, print_="2")
    world.play(
        ("0s", [node, again], ["open at_once", "update already_open", "> trigger platform error"]),
        ("1s", [slow], ["suppress inhibited (inhibition node-down: host NodeDown)"]),
        ("2s", [elsewhere], ["open at_once", "> trigger payments error"]),
        ("3s", [resolved(node)], ["update still_firing (1 alert left)"]),
        (
            "4s",
            [resolved(again)],
            [
                "close all_resolved",
                "open at_once (after inhibition node-down: host NodeDown)",
                "> resolve platform",
                "> trigger payments error",
            ],
        ),
    )


def test_a_source_that_changes_inhibits_no_more_and_none_inhibits_itself() -> None:
    worse = Inhibition(
        id="worse",
        source=Match(severities=frozenset({Severity.CRITICAL})),
        target=Match(severities=frozenset({Severity.WARNING, Severity.CRITICAL})),
        equal=("service",),
    )
    world = World(start=rules(Rule(id="r", group_by=("service", "name")), inhibitions=(worse,)))
    world.play(
        ("0s", [fire("web", "A", "critical")], ["open at_once", "> trigger platform critical"]),
        ("1s", [fire("web", "B", "critical")], ["open at_once", "> trigger platform critical"]),
        ("2s", [fire("web", "C", "warning")], ["suppress inhibited (inhibition worse: web A)"]),
        ("3s", [fire("web", "A", "warning")], ["update already_open", "suppress inhibited (inhibition worse: web B)"]),
        (
            "4s",
            [fire("web", "B", "info")],
            ["update already_open", "open at_once (after inhibition worse: web B)", "> trigger platform warning"],
        ),
        ("5s", [event("web", "D", "critical")], ["open at_once", "> trigger platform critical"]),
        ("6s", [fire("web", "E", "warning")], ["open at_once", "> trigger platform warning"]),
    )


def test_people_add_and_end_silences() -> None:
    world = World(Rule(id="r"))
    world.play(
        ("0s", [silence("1h")], ["none silence_changed (silence s1: upgrade by Ada)"]),
        ("1s", [A], ["suppress silenced (silence s1: upgrade)"]),
        (
            "2s",
            [ended()],
            [
                "none silence_changed (silence s1 ended by Bob)",
                "open at_once (after silence s1: upgrade)",
                "> trigger payments error",
            ],
        ),
        ("3s", [ended()], ["none silence_changed (silence s1 is not in force)"]),
        ("4s", [silence("2s")], ["none silence_changed (silence s1 was over before it began)"]),
        ("5s", [resolved(A)], ["close all_resolved", "> resolve payments"]),
    )
    assert world.kinds() == {}


def test_a_silence_expires_at_its_end_and_one_of_the_same_id_takes_its_place() -> None:
    world = World(Rule(id="r"))
    world.step("0s", silence("1h"), A)
    world.play(
        (
            "1m",
            [silence("2m", starts="1m30s")],
            [
                "none silence_changed (silence s1: upgrade by Ada)",
                "open at_once (after silence s1: upgrade)",
                "> trigger payments error",
            ],
        ),
        ("1m30s", [fire("pay-web")], ["suppress silenced (silence s1: upgrade)"]),
        (
            "2m",
            [],
            [
                "open at_once (after silence s1: upgrade)",
                "none silence_changed (silence s1 is over)",
                "> trigger payments error",
            ],
        ),
    )
    assert "silence" not in world.kinds()


@pytest.mark.parametrize("before", [True, False])
def test_a_silence_may_last_until_what_it_mutes_has_resolved(before: bool) -> None:
    world = World(Rule(id="r"))
    world.step("0s", *([A] if before else []), silence("1h", until_resolved=True), *([] if before else [A]))
    world.step("1s", fire("pay-web"))
    world.play(
        (
            "2s",
            [resolved(A)],
            ["close all_resolved", "> resolve payments"]
            if before
            else ["none nothing_open (it was muted: silence s1: upgrade)"],
        ),
        (
            "3s",
            [resolved(fire("pay-web"))],
            ["none silence_changed (silence s1 is over)", "none nothing_open (it was muted: silence s1: upgrade)"],
        ),
        ("4s", [A], ["open at_once", "> trigger payments error"]),
    )


def test_silences_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutes, "MAX_SILENCES", 1)
    world = World(Rule(id="r"))
    world.step("0s", silence("1h"))
    world.play(("1s", [silence("1h", name="s2")], ["none silence_changed (silence s2 refused: 1 are in force)"]))


def test_a_reload_looks_at_what_is_muted_anew() -> None:
    start = rules(Rule(id="r"), silences=(FileSilence(id="s", match=Match(), until=at("1h"), reason="x"),))
    for after, expected in [
        (rules(Rule(id="r"), version="v2"), ["open at_once (after silence s: x)", "> trigger payments error"]),
        (rules(version="v2"), ["open no_rule_matched", "> trigger platform error"]),
        (rules(Rule(id="r", outside=(LUNCH,)), version="v2"), ["suppress outside_schedule (in lunch)"]),
    ]:
        world = World(start=start)
        world.rulesets["v2"] = after
        world.step("0s", A)
        world.play(("1m", [RulesChanged(version="v2")], expected))


def test_a_mute_that_ended_while_the_router_was_away_waits_for_the_grace() -> None:
    world = World(Rule(id="r"))
    world.step("0s", silence("5m"), A)
    assert world.restart("10m", down_since="1m", grace="2m") == ["none silence_changed (silence s1 is over)"]
    world.play(("11m59s", [], []), ("12m", [], ["open at_once (after silence s1: upgrade)", "> trigger payments error"]))


def test_what_is_muted_and_grouped_otherwise_or_forgotten_leaves_nothing() -> None:
    world = World(start=rules(Rule(id="r"), silences=(FileSilence(id="s", match=Match(), until=at("1h"), reason="x"),)))
    world.step("0s", A, B)
    world.step("1s", resolved(A), resolved(B))
    world.step("2h")
    assert world.kinds() == {}
    assert world.engine.now > START


def test_a_silence_until_resolved_ends_too_when_the_last_it_matched_changes_away() -> None:
    critical = Match(severities=frozenset({Severity.CRITICAL}))
    world = World(Rule(id="r"))
    world.step("0s", silence("1h", match=critical, until_resolved=True), fire("web", severity="critical"))
    world.step("1s", fire("web", severity="warning"))
    opened = "open at_once (after silence s1: upgrade)"
    assert world.said() == [opened, "none silence_changed (silence s1 is over)", "> trigger platform warning"]
    assert "silence" not in world.kinds()


def test_all_that_mutes_an_alert_is_told_to_those_who_look_in() -> None:
    given = rules(
        Rule(id="r", during=(LATE,)),
        maintenance=(Maintenance(id="m", match=services("pay-*"), schedules=(LUNCH,)),),
        silences=(FileSilence(id="f", match=services("pay-api"), until=at("1h"), reason="x"),),
        inhibitions=(Inhibition(id="i", source=services("net"), target=services("pay-*")),),
    )
    world = World(start=given)
    assert world.engine.muting(A.alert) == mutes.Muting(others=("schedule:r", "maintenance:m", "silence:f"))
    world.step("1s", fire("net", print_="n"), silence("30m"))
    assert world.engine.muting(A.alert) == mutes.Muting(
        silences=("s1",), inhibitors=("net/Down/n",), others=("schedule:r", "maintenance:m", "silence:f")
    )
    assert world.engine.muting(fire("search").alert) == mutes.Muting(others=("schedule:r",))


def test_a_schedule_of_one_rule_mutes_nothing_that_another_rule_pages() -> None:
    world = World(Rule(id="r", during=(LATE,), goes_on=True), Rule(id="s"))
    assert world.engine.muting(A.alert) == mutes.Muting()


GUARD = Standing(guard=True)
OWN = Standing(owners=("payments",))
DB = fire("db", "Gone")


def muted_everywhere(standing: Standing, *given: Rule) -> RuleSet:
    """A silence, a window and an inhibition of one file, each of which mutes every alert of pay-*."""
    return rules(
        *given,
        silences=(FileSilence(id="s", match=services("pay-*"), until=at("1h"), reason="x", standing=standing),),
        maintenance=(Maintenance(id="m", match=services("pay-*"), until=at("1h"), standing=standing),),
        inhibitions=(Inhibition(id="i", source=services("db"), target=services("pay-*"), standing=standing),),
    )


def test_no_drop_silence_window_or_inhibition_of_a_team_keeps_a_guard_from_paging() -> None:
    guard = Rule(id="guard", match=Match(severities=frozenset({Severity.CRITICAL})), page=("platform",), standing=GUARD)
    own = Rule(id="own", match=services("pay-*"), drop="quiet please", standing=OWN)
    world = World(start=muted_everywhere(OWN, guard, own, Rule(id="common")))
    world.play(
        ("0s", [DB], ["open at_once", "> trigger platform error"]),
        ("1m", [fire("pay-api", severity="critical")], ["open at_once", "> trigger platform critical"]),
        ("2m", [fire("pay-web")], ["drop dropped_by_rule (quiet please)"]),
    )


def test_a_guard_that_goes_on_pages_besides_what_the_team_says() -> None:
    guard = Rule(id="guard", match=services("pay-*"), page=("platform",), goes_on=True, standing=GUARD)
    world = World(start=muted_everywhere(OWN, guard, Rule(id="own", standing=OWN)))
    world.play(
        ("0s", [A], ["open at_once", "suppress in_maintenance (maintenance m)", "> trigger platform error"]),
    )


def test_guards_and_people_mute_guards() -> None:
    guard = Rule(id="guard", match=services("pay-*"), standing=GUARD)
    world = World(start=muted_everywhere(GUARD, guard))
    world.play(("0s", [A], ["suppress in_maintenance (maintenance m)"]))
    asked = World(start=rules(guard))
    asked.play(
        ("0s", [silence("1h")], ["none silence_changed (silence s1: upgrade by Ada)"]),
        ("1m", [A], ["suppress silenced (silence s1: upgrade)"]),
        ("1h", [], ["open at_once (after silence s1: upgrade)", "none silence_changed (silence s1 is over)",
                    "> trigger payments error"]),
    )  # fmt: skip


def test_what_stands_in_a_teams_file_mutes_its_own_services_only() -> None:
    everything = rules(
        Rule(id="common"),
        silences=(FileSilence(id="s", match=Match(), until=at("1h"), reason="x", standing=OWN),),
        inhibitions=(Inhibition(id="i", source=services("db"), target=Match(), standing=OWN),),
    )
    world = World(start=everything)
    world.play(
        ("0s", [DB], ["open at_once", "> trigger platform error"]),
        ("1m", [fire("web")], ["open at_once", "> trigger platform error"]),
        ("2m", [A], ["suppress silenced (silence s: x)"]),
    )
    assert world.engine.muting(A.alert).others == ("silence:s",)
    assert world.engine.muting(fire("web").alert).others == ()


def test_a_rule_of_a_teams_file_concerns_its_own_services_only() -> None:
    world = World(start=rules(Rule(id="own", drop="quiet", standing=OWN), Rule(id="common")))
    world.play(
        ("0s", [A], ["drop dropped_by_rule (quiet)"]),
        ("1m", [fire("web")], ["open at_once", "> trigger platform error"]),
    )
