"""Rules that page when nothing arrives."""

from __future__ import annotations

import pytest

from router.engine import absence
from router.engine.core import Engine
from router.model.journal import Entry, IncidentChanged, RulesChanged
from router.model.ruleset import AbsentFor, AfterQuiet, FileSilence, Match, ReopenIfFiring, Rule
from tests.support.engine import START, World, at, event, fire, resolved, ruleset, services

MINUTE = 60_000
SILENT = AbsentFor(for_ms=5 * MINUTE)
BEAT = event("backup", "Heartbeat")
DOG = fire("monitoring", "Watchdog")


def test_what_never_comes_is_paged_from_when_the_rules_were_loaded() -> None:
    world = World(Rule(id="dog", match=services("monitoring"), when=SILENT, group_by=()))
    world.play(
        ("4m59s", [], []),
        ("5m", [], ["open absent (5m)", "> trigger platform error"]),
        ("6m", [DOG], ["close heard_again", "> resolve platform"]),
        ("9h", [], []),
    )
    assert world.events[0].summary == "monitoring - nothing has arrived for 5m"
    assert world.incidents[1].service == "monitoring"


def test_a_stateful_alert_is_present_as_long_as_it_fires() -> None:
    world = World(Rule(id="dog", match=services("monitoring"), when=SILENT, group_by=()))
    world.play(
        ("1m", [DOG], ["none heard"]),
        ("2h", [resolved(DOG, "expiry")], ["none nothing_open"]),
        ("2h5m", [], ["open absent (5m)", "> trigger platform error"]),
        ("3h", [DOG], ["close heard_again", "> resolve platform"]),
        ("3h1m", [resolved(DOG)], ["none nothing_open"]),
        ("3h2m", [DOG], ["none heard"]),
        ("9h", [], []),
    )


def test_an_event_is_present_for_an_instant_and_each_reporter_by_itself_once_seen() -> None:
    world = World(Rule(id="beat", when=SILENT, group_by=("host",)))

    def beat(host: str) -> object:
        return event("backup", "Heartbeat", labels={"host": host})

    world.play(
        ("0s", [beat("a")], ["none heard"]),
        ("3m", [beat("b")], ["none heard"]),
        ("5m", [], ["open absent (5m)", "> trigger platform error"]),
        ("6m", [beat("b")], ["none heard"]),
        ("7m", [beat("a")], ["close heard_again", "> resolve platform"]),
        ("11m", [], ["open absent (5m)", "> trigger platform error"]),
    )
    assert world.events[0].summary == "backup: Heartbeat - nothing has arrived from a for 5m"
    assert world.kinds() == {"group": 2}


def test_a_restart_gives_it_the_grace_and_a_removed_rule_expects_nothing() -> None:
    world = World(Rule(id="beat", when=SILENT, group_by=()))
    world.step("0s", BEAT)
    assert world.restart("10m", down_since="1m", grace="2m") == []
    world.play(("11m59s", [], []), ("12m", [], ["open absent (5m)", "> trigger platform error"]))
    world.rulesets["v2"] = ruleset(version="v2")
    world.step("13m", BEAT)
    world.play(("14m", [RulesChanged(version="v2")], []))
    assert world.kinds() == {}


def test_a_restarts_grace_is_over_for_what_was_heard_since() -> None:
    world = World(Rule(id="beat", when=SILENT, group_by=()))
    world.step("0s", BEAT)
    assert world.restart("10m", down_since="1m", grace="10m") == []
    world.play(
        ("11m", [BEAT], ["none heard"]),
        ("15m59s", [], []),
        ("16m", [], ["open absent (5m)", "> trigger platform error"]),
    )


def test_a_rule_that_comes_later_is_armed_then_and_one_that_expects_otherwise_starts_anew() -> None:
    world = World()
    world.rulesets["v2"] = ruleset(Rule(id="beat", when=SILENT, group_by=()), version="v2")
    world.rulesets["v3"] = ruleset(Rule(id="beat", when=SILENT, group_by=("service",)), version="v3")
    world.play(("1h", [RulesChanged(version="v2"), RulesChanged(version="v2")], []), ("1h4m", [DOG], ["none heard"]))
    world.play(("2h", [RulesChanged(version="v3")], ["none heard"]), ("2h1m", [resolved(DOG)], ["none nothing_open"]))
    world.play(("2h6m", [], ["open absent (5m)", "> trigger platform error"]))
    assert world.events[0].group == "monitoring"


def test_a_mute_holds_it_back_until_its_end() -> None:
    base = ruleset(Rule(id="beat", match=services("backup"), when=SILENT, group_by=()))
    silence = FileSilence(id="s", match=Match(), until=at("10m"), reason="x")
    world = World(
        start=type(base)(version="v1", rules=base.rules, teams=base.teams, default_team="platform", silences=(silence,))
    )
    world.play(
        ("5m", [], ["suppress silenced (silence s: x)"]),
        ("6m", [BEAT], ["none heard"]),
        ("10m", [], []),
        ("11m", [], ["open absent (5m)", "> trigger platform error"]),
    )


@pytest.mark.parametrize("names", [(), ("service",)])
def test_what_somebody_resolved_is_expected_again_when_it_is_heard(names: tuple[str, ...]) -> None:
    world = World(Rule(id="beat", match=services("backup"), when=SILENT, group_by=names))
    world.step("0s", BEAT)
    world.step("5m")
    done = IncidentChanged(dedup_key=world.events[0].dedup_key, status="resolved")
    world.play(
        ("6m", [done], ["close resolved_in_pagerduty (in PagerDuty)", "> resolve platform"]),
        ("9h", [], []),
        ("9h1m", [BEAT], ["none heard"]),
        ("9h6m", [], ["open absent (5m)", "> trigger platform error"]),
    )


def test_a_rule_may_page_again_while_nothing_comes() -> None:
    again = ReopenIfFiring(after_ms=MINUTE)
    world = World(Rule(id="beat", match=services("backup"), when=SILENT, group_by=(), on_resolved_in_pagerduty=again))
    world.step("5m")
    done = IncidentChanged(dedup_key=world.events[0].dedup_key, status="resolved")
    world.step("6m", done)
    world.play(("7m", [], ["open fires_after_resolve", "> trigger platform error"]))


def test_reporters_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(absence, "EXPECTED", 1)
    world = World(Rule(id="beat", when=SILENT, group_by=("service",)))
    world.play(("0s", [BEAT, event("web")], ["none heard", "none heard (not expected again: 1 others are)"]))
    assert world.kinds() == {"group": 1}


def test_an_engine_of_a_new_store_is_armed_by_the_first_entry() -> None:
    engine = Engine(ruleset(Rule(id="beat", match=services("backup"), when=SILENT, group_by=())))
    assert engine.next_due() is None
    engine.handle([Entry(seq=1, at=START, fact=fire("web"))], until=START, rulesets={})
    assert engine.next_due() == START + 5 * MINUTE


def test_what_is_absent_is_not_over_because_it_is_quiet() -> None:
    quiet = Rule(id="beat", match=services("backup"), when=SILENT, group_by=(), resolve=AfterQuiet(quiet_ms=MINUTE))
    base = ruleset(quiet)
    silence = FileSilence(id="s", match=Match(), until=at("10m"), reason="x")
    world = World(
        start=type(base)(version="v1", rules=base.rules, teams=base.teams, default_team="platform", silences=(silence,))
    )
    world.play(
        ("5m", [], ["suppress silenced (silence s: x)"]),
        ("10m", [], ["open absent (5m, after silence s: x)", "> trigger platform error"]),
        ("20m", [], []),
    )
