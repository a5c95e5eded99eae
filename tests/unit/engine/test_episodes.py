from __future__ import annotations

from typing import Any

import pytest

from router.engine import episodes
from router.engine.episodes import quiet_of
from router.engine.rows import NEVER_RESOLVES
from router.model.journal import DeliveryFailed, IncidentChanged, RulesChanged, SilenceChanged
from router.model.pattern import Pattern
from router.model.ruleset import OWNER, AfterQuiet, AllResolved, FiringFor, Limit, Never, Rule, Step, Team
from router.model.severity import Severity
from router.model.silence import PlainMatch, Silence
from tests.support.engine import START, World, event, fire, resolved, ruleset

MINUTE = 60_000
A = fire("pay-api")


def failed(world: World, team: str, **more: object) -> DeliveryFailed:
    values: dict[str, Any] = {
        "team": team,
        "dedup_key": world.events[0].dedup_key,
        "action": "trigger",
        "reason": "key revoked",
    }
    return DeliveryFailed(delivery_id=1, **(values | more))


def test_the_resolve_policy_is_kept_as_a_number() -> None:
    assert [quiet_of(AllResolved()), quiet_of(AfterQuiet(quiet_ms=5)), quiet_of(Never())] == [0, 5, NEVER_RESOLVES]


def test_every_team_is_paged_once_with_its_own_key_and_told_of_the_end() -> None:
    world = World(Rule(id="r", page=(OWNER, "platform", "payments")))
    world.play(
        ("0s", [A], ["open at_once", "> trigger payments error", "> trigger platform error"]),
        ("1s", [resolved(A)], ["close all_resolved", "> resolve payments", "> resolve platform"]),
    )
    assert [event_.routing_key for event_ in world.events] == ["env:PAYMENTS", "env:PLATFORM"] * 2
    assert len({event_.dedup_key for event_ in world.events}) == 1


def test_a_resolve_goes_through_the_key_that_was_told_whatever_the_rules_say_now() -> None:
    world = World(Rule(id="r"))
    world.rulesets["v2"] = ruleset(Rule(id="r"), version="v2", given=[Team(name="payments", routing_key="env:NEW")])
    world.step("0s", A)
    world.step("1s", RulesChanged(version="v2"), resolved(A))
    assert world.events[-1].routing_key == "env:PAYMENTS"


def test_no_two_episodes_share_a_key() -> None:
    world = World(Rule(id="r"))
    for second in range(4):
        world.step(f"{second}s", A, resolved(A), A, resolved(A))
    triggers = [event_.dedup_key for event_ in world.events if event_.action == "trigger"]
    assert len(triggers) == len(set(triggers)) == 8
    assert {key.rsplit("/", 1)[0] for key in triggers} == {triggers[0].rsplit("/", 1)[0]}


def test_a_rise_in_severity_is_told_at_once_and_then_at_most_every_minute() -> None:
    world = World(Rule(id="r"))
    world.play(
        ("0s", [fire(severity="info")], ["open at_once", "> trigger platform info"]),
        ("1s", [fire(severity="warning")], ["update severity_rose (info to warning)", "> update platform warning"]),
        ("11s", [fire(severity="error")], ["update severity_rose (warning to error, told in 50s)"]),
        ("12s", [fire(severity="critical")], ["update severity_rose (error to critical, told in 49s)"]),
        ("13s", [fire(severity="info")], ["update already_open"]),
        ("1m1s", [], ["update severity_rose (warning to critical)", "> update platform critical"]),
        ("5m", [], []),
    )
    assert world.incidents[1].severity is Severity.CRITICAL
    assert world.events[0].dedup_key == world.events[-1].dedup_key


def test_an_update_that_waits_is_not_told_after_the_end() -> None:
    world = World(Rule(id="r"))
    world.step("0s", fire(severity="info"))
    world.step("1s", fire(severity="warning"))
    world.step("2s", fire(severity="error"))
    world.play(("3s", [resolved(fire())], ["close all_resolved", "> resolve platform"]), ("5m", [], []))


def test_an_update_that_waits_is_told_after_a_restarts_grace() -> None:
    world = World(Rule(id="r"))
    for second, severity in enumerate(("info", "warning", "error")):
        world.step(f"{second}s", fire(severity=severity))
    assert world.restart("5m", down_since="10s", grace="1m") == []
    world.play(("6m", [], ["update severity_rose (warning to error)", "> update platform error"]))


def test_what_waited_is_told_in_the_episodes_own_words_when_its_alerts_are_gone() -> None:
    world = World(Rule(id="r", resolve=AfterQuiet(quiet_ms=10 * MINUTE)))
    for second, severity in enumerate(("info", "warning", "error")):
        world.step(f"{second}s", fire(severity=severity, summary="Too slow"))
    world.step("3s", resolved(fire()))
    world.play(("1m1s", [], ["update severity_rose (warning to error)", "> update platform error"]))
    assert world.events[-1].summary == "api: Down - Too slow"


def test_a_fixed_severity_never_rises() -> None:
    world = World(Rule(id="r", as_severity=Severity.WARNING))
    world.play(
        ("0s", [fire(severity="error")], ["open at_once", "> trigger platform warning"]),
        ("1s", [fire(severity="critical")], ["update already_open"]),
    )
    assert world.incidents[1].severity is Severity.WARNING


def test_a_second_alert_may_raise_the_severity() -> None:
    world = World(Rule(id="r"))
    world.play(
        ("0s", [fire(print_="a")], ["open at_once", "> trigger platform error"]),
        (
            "1s",
            [fire(print_="b", severity="critical")],
            ["update severity_rose (error to critical)", "> update platform critical"],
        ),
    )
    assert (world.incidents[1].alerts, world.incidents[1].occurrences) == (2, 2)


def test_a_page_that_cannot_be_delivered_goes_to_the_fallback_under_the_same_key() -> None:
    world = World(Rule(id="r"))
    world.step("0s", A)
    world.play(
        ("1s", [failed(world, "payments")], ["open fallback (team payments: key revoked)", "> trigger platform error"]),
        ("2s", [failed(world, "payments")], ["none no_fallback (fallback platform is paged already (key revoked))"]),
        ("3s", [failed(world, "platform")], ["none no_fallback (team platform has no fallback (key revoked))"]),
        ("4s", [failed(world, "payments", action="resolve")], ["none no_fallback (resolve needs no fallback (key revoked))"]),
        ("5s", [failed(world, "payments", is_update=True)], ["none no_fallback (an update needs no fallback (key revoked))"]),
        ("6s", [resolved(A)], ["close all_resolved", "> resolve payments", "> resolve platform"]),
        ("7s", [failed(world, "payments")], ["none no_fallback (the episode is over (key revoked))"]),
    )
    assert len({event_.dedup_key for event_ in world.events}) == 1
    assert world.incidents[1].teams == ("payments", "platform")


def test_a_chain_of_fallbacks_ends_where_it_began() -> None:
    one = Team(name="one", routing_key="env:1", fallback="two")
    two = Team(name="two", routing_key="env:2", fallback="one")
    world = World(Rule(id="r", page=("one",)), given=[one, two])
    world.step("0s", A)
    world.play(
        ("1s", [failed(world, "one")], ["open fallback (team one: key revoked)", "> trigger two error"]),
        ("2s", [failed(world, "two")], ["none no_fallback (fallback one is paged already (key revoked))"]),
    )


def test_what_cannot_be_delivered_to_a_team_that_is_gone_goes_to_the_default_team() -> None:
    gone = Team(name="gone", routing_key="env:GONE")
    world = World(Rule(id="r", page=("gone",)), given=[gone])
    world.rulesets["v2"] = ruleset(Rule(id="r", page=("payments",)), version="v2")
    world.step("0s", A)
    world.step("1s", RulesChanged(version="v2"))
    world.play(
        ("2s", [failed(world, "gone")], ["open fallback (team gone: key revoked)", "> trigger platform error"]),
        ("3s", [failed(world, "gone")], ["none no_fallback (fallback platform is paged already (key revoked))"]),
        ("4s", [resolved(A)], ["close all_resolved", "> resolve gone", "> resolve platform"]),
    )


def test_the_fallback_of_a_removed_rule_is_told_plainly() -> None:
    world = World(Rule(id="r"))
    world.rulesets["v2"] = ruleset(version="v2")
    world.step("0s", A)
    world.step("1s", RulesChanged(version="v2"))
    world.step("2s", failed(world, "payments"))
    assert world.events[-1].summary == "pay-api: Down"


def test_only_so_many_alerts_are_asked_for_a_spokesman(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(episodes, "SPOKESMEN", 2)
    world = World(Rule(id="r", when=FiringFor(for_ms=MINUTE)))
    world.step(
        "0s", fire(print_="1", summary="first"), fire(print_="2", severity="info"), fire(print_="3", severity="critical")
    )
    world.play(("1m", [], ["open fired_long_enough (1m)", "> trigger platform critical"]))
    assert world.events[0].summary.endswith("first")


def test_a_hold_without_a_when_opens_with_the_occurrences_it_had() -> None:
    world = World(Rule(id="r"))
    world.play(
        (
            "0s",
            [event(), event(), resolved(event())],
            ["open at_once", "update already_open", "close all_resolved", "> trigger platform error", "> resolve platform"],
        )
    )
    assert world.incidents[1].occurrences == 2


STEPS = (Step(after_ms=15 * MINUTE, page=("platform",)), Step(after_ms=30 * MINUTE, page=("leads", "platform")))
LEADS = Team(name="leads", routing_key="env:LEADS")


def acknowledged(world: World, status: Any = "acknowledged") -> IncidentChanged:
    return IncidentChanged(dedup_key=world.events[0].dedup_key, status=status, who="Ada")


CRITICAL = fire("pay-api", severity="critical")
WITH_CHANNELS: dict[str, Any] = {"channels": ["chat", "mail"]}
NEW_OWNER = [
    Team(name="payments", routing_key="env:PAYMENTS", channels=("chat",)),
    Team(name="search", routing_key="env:SEARCH", services=(Pattern("pay-*"),), channels=("mail",)),
]


def reloaded(before: Rule, after: Rule, *, given: list[Team] = NEW_OWNER, then: Any = None, **more: Any) -> World:
    """A world that opened under one rule and is under the other when it becomes worse."""
    world = World(start=ruleset(before, **more))
    world.rulesets["v2"] = ruleset(after, version="v2", given=given, **(more if then is None else then))
    world.step("0s", A)
    world.step("10s", RulesChanged(version="v2"))
    return world


@pytest.mark.parametrize("more", [{}, WITH_CHANNELS])
def test_an_open_episode_stays_with_the_team_it_has_paged_when_the_owner_changes_and_it_becomes_worse(more: Any) -> None:
    world = reloaded(Rule(id="r"), Rule(id="r"), **more)
    world.play(
        ("20s", [CRITICAL], ["update severity_rose (error to critical)", "> update payments critical"]),
        ("30s", [resolved(CRITICAL)], ["close all_resolved", "> resolve payments"]),
        ("40s", [CRITICAL], ["open at_once", "> trigger search critical", *(["> trigger mail critical"] if more else [])]),
    )
    assert {event_.routing_key for event_ in world.events[:3]} == {"env:PAYMENTS"}


@pytest.mark.parametrize("more", [{}, WITH_CHANNELS])
def test_so_does_one_whose_rule_names_another_team_by_then_and_the_channels_of_its_severity_are_told(more: Any) -> None:
    table = {Severity.CRITICAL: ("page", "chat")} if more else {}
    world = reloaded(Rule(id="r", page=("payments",)), Rule(id="r", page=("search", "platform")), by_severity=table, **more)
    further, told, over = [], [], []
    if more:
        further, told, over = ["open severity_rose"], ["> trigger chat critical"], ["> resolve chat"]
    rose = "update severity_rose (error to critical)"
    world.play(
        ("20s", [CRITICAL], [*further, rose, *told, "> update payments critical"]),
        ("30s", [resolved(CRITICAL)], ["close all_resolved", "> resolve payments", *over]),
    )


@pytest.mark.parametrize("more", [{}, WITH_CHANNELS])
def test_a_step_pages_whom_it_named_at_the_opening_and_all_who_were_paged_are_told_of_the_end(more: Any) -> None:
    step = Step(after_ms=MINUTE, page=(OWNER, "platform"))
    world = reloaded(Rule(id="r", escalate=(step,)), Rule(id="r", escalate=(step,)), **more)
    world.step("20s", CRITICAL)
    cause = "step 1 of 1, not acknowledged for 1m, payments paged already"
    world.play(
        ("1m", [], [f"open escalated ({cause})", "> trigger platform critical"]),
        ("2m", [resolved(CRITICAL)], ["close all_resolved", "> resolve payments", "> resolve platform"]),
    )


@pytest.mark.parametrize("more", [{}, WITH_CHANNELS])
def test_a_reload_that_adds_a_step_adds_none_to_what_somebody_was_paged_for(more: Any) -> None:
    step = Step(after_ms=MINUTE, page=("platform",))
    world = reloaded(Rule(id="r"), Rule(id="r", escalate=(step,), notify=("chat",) if more else None), **more)
    world.step("20s", CRITICAL)
    assert world.step("5m") == []


@pytest.mark.parametrize("then", [{}, WITH_CHANNELS])
def test_what_nobody_was_paged_for_pages_the_owner_of_now_when_it_becomes_worse(then: Any) -> None:
    """Only a channel was told when it opened; the rule pages by now, with its channels or without any left."""
    world = reloaded(Rule(id="r", page=(), notify=("chat",)), Rule(id="r", notify=()), then=then, **WITH_CHANNELS)
    said = world.step("20s", CRITICAL)
    assert said[:2] == ["open severity_rose", "update severity_rose (error to critical)"]
    assert said[2:] == (
        ["> trigger search critical", "> update chat critical"]
        if then
        else ["none channel_removed (trigger for chat)", "> trigger search critical"]
    )
    assert {line for line in world.step("30s", resolved(CRITICAL)) if line.startswith(">")} == {
        "> resolve search",
        *(["> resolve chat"] if then else []),
    }


def test_what_a_storm_holds_for_a_team_stays_with_it_too() -> None:
    limit = Limit(incidents=0, per_ms=MINUTE)
    before = Team(name="payments", routing_key="env:PAYMENTS", services=(Pattern("pay-*"),), limit=limit)
    after = Team(name="payments", routing_key="env:PAYMENTS", limit=limit)
    world = World(start=ruleset(Rule(id="r"), given=[before]))
    world.rulesets["v2"] = ruleset(Rule(id="r"), version="v2", given=[after, NEW_OWNER[1]])
    world.step("0s", A)
    world.step("10s", RulesChanged(version="v2"))
    assert [event_.to for event_ in world.events] == ["payments"]
    world.step("20s", CRITICAL)
    world.step("30s", resolved(CRITICAL))
    assert {event_.to for event_ in world.events} == {"payments"}
    assert len({event_.dedup_key for event_ in world.events}) == 1


def test_while_nobody_acknowledges_the_next_are_paged_with_the_same_key_and_all_are_told_of_the_end() -> None:
    world = World(Rule(id="r", escalate=STEPS), given=[LEADS])
    world.play(
        ("0s", [A], ["open at_once", "> trigger payments error"]),
        ("15m", [], ["open escalated (step 1 of 2, not acknowledged for 15m)", "> trigger platform error"]),
        (
            "30m",
            [],
            ["open escalated (step 2 of 2, not acknowledged for 30m, platform paged already)", "> trigger leads error"],
        ),
        ("9h", [resolved(A)], ["close all_resolved", "> resolve payments", "> resolve platform", "> resolve leads"]),
    )
    assert len({event_.dedup_key for event_ in world.events}) == 1
    assert world.incidents[1].teams == ("payments", "platform", "leads")


def test_an_acknowledgement_stops_escalation_and_giving_it_back_begins_it_anew() -> None:
    world = World(Rule(id="r", escalate=STEPS), given=[LEADS])
    world.step("0s", A)
    world.step("14m", acknowledged(world))
    world.play(
        ("2h", [], []),
        ("2h1m", [acknowledged(world, "unacknowledged")], ["update unacknowledged (by Ada)"]),
        ("2h15m59s", [], []),
        ("2h16m", [], ["open escalated (step 1 of 2, not acknowledged for 15m)", "> trigger platform error"]),
        ("2h17m", [resolved(A)], ["close all_resolved", "> resolve payments", "> resolve platform"]),
        ("5h", [], []),
    )


def test_a_step_whose_teams_are_all_told_tells_nobody_twice() -> None:
    world = World(Rule(id="r", page=("platform",), escalate=STEPS[:1]))
    world.step("0s", A)
    world.play(
        ("15m", [], ["update escalated (step 1 of 1, not acknowledged for 15m, platform paged already)"]), ("9h", [], [])
    )


def test_what_a_storm_holds_does_not_escalate() -> None:
    world = World(Rule(id="r", escalate=STEPS, limit=Limit(incidents=0, per_ms=MINUTE)))
    world.step("0s", A)
    world.play(("1h", [], []))


def test_escalation_waits_while_all_that_fires_is_muted() -> None:
    world = World(Rule(id="r", escalate=STEPS[:1]))
    world.step("0s", A)
    silence = Silence(id="s", match=PlainMatch(services=("pay-*",)), until=START + 20 * MINUTE, reason="x")
    world.step("1m", SilenceChanged(id="s", silence=silence))
    world.play(
        ("15m", [], ["suppress silenced (silence s: x, escalation waits)"]),
        (
            "20m",
            [],
            [
                "open escalated (step 1 of 1, not acknowledged for 15m)",
                "none silence_changed (silence s is over)",
                "> trigger platform error",
            ],
        ),
    )
