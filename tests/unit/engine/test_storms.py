from __future__ import annotations

import pytest

from router.engine import storms
from router.model.journal import AlertReceived, DeliveryFailed, RulesChanged
from router.model.ruleset import FiringFor, Limit, Rule, Team
from router.model.severity import Severity
from tests.support.engine import World, fire, resolved, ruleset

MINUTE = 60_000
TWO = Limit(incidents=2, per_ms=10 * MINUTE)
LIMITED = Team(name="platform", routing_key="env:PLATFORM", limit=TWO, fallback="payments")
NONE = Limit(incidents=0, per_ms=MINUTE)


def storming(*rules: Rule) -> World:
    return World(*(rules or (Rule(id="r", page=("platform",)),)), given=[LIMITED])


def alerts(count: int, severity: str = "error", first: int = 1) -> list[AlertReceived]:
    return [fire(f"s{number}", severity=severity) for number in range(first, first + count)]


def test_above_a_teams_limit_pages_fold_into_one_storm_that_names_them() -> None:
    world = storming()
    world.play(
        (
            "0s",
            alerts(3),
            [
                "open at_once",
                "open at_once",
                "open limit_exceeded (limit 2 in 10m, held by storm 4)",
                "open limit_exceeded (limit 2 in 10m)",
                *["> trigger platform error"] * 3,
            ],
        ),
        ("1s", alerts(2, first=4), ["open limit_exceeded (limit 2 in 10m, held by storm 4)"] * 2),
        ("59s", [], []),
        ("1m", [], ["update digest_changed (holds 3)", "> update platform error"]),
        ("10m", [], []),
    )
    storm = world.events[2]
    assert storm.dedup_key.startswith("storm.platform/")
    assert storm.details["held"] == 1
    update = world.events[-1]
    assert update.dedup_key == storm.dedup_key
    assert [entry["service"] for entry in update.details["incidents"]] == ["s3", "s4", "s5"]
    assert update.details["incidents"][0] == {
        "service": "s3",
        "name": "Down",
        "summary": "s3: Down",
        "severity": "error",
        "count": 1,
    }
    held = world.incidents[3]
    assert (held.storm, held.teams, world.incidents[4].holds) == (4, (), 3)
    assert world.kinds() == {"alert": 5, "group": 5, "counter": 1, "storm": 1}


def test_openings_within_the_limit_page_also_while_a_storm_is_open() -> None:
    world = storming()
    world.step("0s", *alerts(3))
    world.step("1m")
    world.play(("10m", alerts(1, first=9), ["open at_once", "> trigger platform error"]))


def test_a_storm_is_over_when_all_it_held_is_over() -> None:
    world = storming()
    world.step("0s", *alerts(4))
    world.play(
        ("1s", [resolved(fire("s3"))], ["close all_resolved"]),
        ("1m", [], ["update digest_changed (holds 1)", "> update platform error"]),
        ("2m", [resolved(fire("s4"))], ["close all_resolved", "close all_resolved", "> resolve platform"]),
        ("3m", [], []),
    )
    assert world.incidents[4].status == "closed"
    assert world.engine.open_incidents == 2
    assert world.step("3m1s", fire("s9"))[:2] == [
        "open limit_exceeded (limit 2 in 10m, held by storm 7)",
        "open limit_exceeded (limit 2 in 10m)",
    ]


def test_a_storm_that_closes_before_its_update_says_no_more() -> None:
    world = storming()
    world.step("0s", *alerts(4))
    world.step("1s", resolved(fire("s3")), resolved(fire("s4")))
    world.play(("5m", [], []))


def test_a_storm_becomes_as_severe_as_its_worst_at_once() -> None:
    world = storming()
    world.step("0s", *alerts(3, "warning"))
    world.play(
        (
            "1s",
            alerts(1, "error", first=4),
            [
                "open limit_exceeded (limit 2 in 10m, held by storm 4)",
                "update severity_rose (holds 2)",
                "> update platform error",
            ],
        ),
        (
            "2s",
            [fire("s3", severity="critical")],
            ["update severity_rose (warning to critical)", "update severity_rose (holds 2)", "> update platform critical"],
        ),
        ("3s", [fire("s4", severity="critical")], ["update severity_rose (error to critical)"]),
        ("1m2s", [], ["update digest_changed (holds 2)", "> update platform critical"]),
    )


def test_a_critical_episode_of_a_service_not_held_breaks_through_once() -> None:
    world = World(Rule(id="r", page=("platform",), group_by=("service", "name")), given=[LIMITED])
    world.step("0s", *alerts(3))
    again = fire("new", "Other", "critical")
    world.play(
        (
            "1s",
            [fire("new", severity="critical")],
            ["open broke_through (limit 2 in 10m, storm 4)", "> trigger platform critical"],
        ),
        (
            "2s",
            [again],
            [
                "open limit_exceeded (limit 2 in 10m, held by storm 4)",
                "update severity_rose (holds 2)",
                "> update platform critical",
            ],
        ),
        ("3s", [fire("s3", "Other", "critical")], ["open limit_exceeded (limit 2 in 10m, held by storm 4)"]),
        ("4s", [resolved(fire("new"))], ["close all_resolved", "> resolve platform"]),
    )


def test_only_so_many_services_break_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storms, "BREAKTHROUGHS", 1)
    world = storming()
    world.step("0s", *alerts(3))
    assert world.step("1s", fire("x", severity="critical"))[0].startswith("open broke_through")
    assert world.step("2s", fire("y", severity="critical"))[0].startswith("open limit_exceeded")


def test_the_first_critical_one_above_the_limit_opens_the_storm_and_is_named() -> None:
    world = World(Rule(id="r", page=("platform",)), given=[Team(name="platform", routing_key="env:P", limit=NONE)])
    world.play(
        (
            "0s",
            [fire(severity="critical")],
            [
                "open limit_exceeded (limit 0 in 1m, held by storm 2)",
                "open limit_exceeded (limit 0 in 1m)",
                "> trigger platform critical",
            ],
        )
    )


def test_a_rules_limit_folds_per_team_and_another_rule_pages_on() -> None:
    world = World(
        Rule(id="r", page=("platform", "payments"), limit=Limit(incidents=1, per_ms=MINUTE), goes_on=True),
        Rule(id="s", page=("platform",)),
    )
    world.step("0s", fire("a"))
    said = world.step("1s", fire("b"))
    assert [line for line in said if line.startswith("open")] == [
        "open limit_exceeded (limit 1 in 1m, held by storm 5)",
        "open limit_exceeded (limit 1 in 1m)",
        "open limit_exceeded (limit 1 in 1m)",
        "open at_once",
    ]
    assert [event_.team for event_ in world.events[3:]] == ["platform", "payments", "platform"]
    assert {event_.rule for event_ in world.events[3:5]} == {"r"}
    assert [event_.action for event_ in world.events] == ["trigger"] * 6
    assert world.step("2s", resolved(fire("b"))) == [
        "close all_resolved",
        "close all_resolved",
        "close all_resolved",
        "close all_resolved",
        "> resolve platform",
        "> resolve payments",
        "> resolve platform",
    ]


def test_the_teams_storm_takes_in_what_both_limits_refuse() -> None:
    world = storming(Rule(id="r", page=("platform",), limit=TWO))
    world.step("0s", *alerts(3))
    assert world.events[-1].dedup_key.startswith("storm.platform/")


def test_a_page_for_two_teams_folds_for_the_one_whose_limit_is_reached() -> None:
    world = storming(Rule(id="r", page=("platform", "payments")))
    world.step("0s", *alerts(2))
    said = world.step("1s", fire("s3"))
    assert said[-2:] == ["> trigger payments error", "> trigger platform error"]
    assert world.incidents[3].teams == ("payments",)
    world.play(
        (
            "2s",
            [fire("s3", severity="critical")],
            [
                "update severity_rose (error to critical)",
                "update severity_rose (holds 1)",
                "> update payments critical",
                "> update platform critical",
            ],
        ),
        (
            "3s",
            [resolved(fire("s3"))],
            ["close all_resolved", "close all_resolved", "> resolve payments", "> resolve platform"],
        ),
    )


def test_equal_services_and_names_share_a_line_with_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storms, "NAMED", 1)
    world = World(
        Rule(id="r", page=("platform",), group_by=("fingerprint",)), given=[Team(name="platform", routing_key="k", limit=NONE)]
    )
    world.step("0s", fire("a", print_="1"))
    world.step("1s", fire("b", severity="info"), fire("a", print_="2"), fire("a", severity="warning", print_="3"))
    world.step("2s", fire("a", print_="2", severity="critical", summary="worst"))
    world.step("1m2s")
    details = world.events[-1].details
    assert details["incidents"] == [{"service": "a", "name": "Down", "summary": "a: Down", "severity": "critical", "count": 3}]
    assert (details["held"], details["not_named"]) == (4, 1)


def test_a_storm_that_cannot_be_delivered_goes_to_the_fallback() -> None:
    world = storming()
    world.step("0s", *alerts(3))
    lost = DeliveryFailed(delivery_id=1, team="platform", dedup_key=world.events[2].dedup_key, action="trigger", reason="403")
    world.play(
        ("1s", [lost], ["open fallback (team platform: 403)", "> trigger payments error"]),
        (
            "2s",
            [resolved(fire("s3"))],
            ["close all_resolved", "close all_resolved", "> resolve platform", "> resolve payments"],
        ),
    )


def test_an_update_of_a_storm_missed_while_away_waits_for_the_grace() -> None:
    world = storming()
    world.step("0s", *alerts(4))
    assert world.restart("5m", down_since="30s", grace="1m") == []
    world.play(("6m", [], ["update digest_changed (holds 2)", "> update platform error"]))


def test_a_held_episode_may_be_opened_by_a_timer() -> None:
    world = World(Rule(id="r", page=("platform",), when=FiringFor(for_ms=MINUTE)), given=[LIMITED])
    world.step("0s", *alerts(3))
    assert world.step("1m")[2:4] == [
        "open limit_exceeded (limit 2 in 10m, held by storm 4)",
        "open limit_exceeded (limit 2 in 10m)",
    ]


def test_a_limit_that_is_gone_is_forgotten_and_one_that_stays_is_not() -> None:
    world = storming(Rule(id="r", page=("platform",), limit=Limit(incidents=9, per_ms=MINUTE)))
    world.rulesets["v2"] = ruleset(Rule(id="r", page=("platform",), limit=TWO), version="v2")
    world.rulesets["v3"] = ruleset(version="v3")
    world.step("0s", *alerts(2))
    assert world.kinds()["counter"] == 2
    world.step("1s", RulesChanged(version="v2"))
    assert world.kinds()["counter"] == 1
    assert world.step("2s", fire("s9"))[0] == "open limit_exceeded (limit 2 in 10m, held by storm 4)"
    world.step("3s", RulesChanged(version="v3"))
    assert "counter" not in world.kinds()
    assert world.incidents[4].severity is Severity.ERROR


def test_what_a_limit_has_forgotten_stays_forgotten_under_a_longer_one() -> None:
    """Also over a restart between the two, which reads the rows: a page must not depend on that."""
    minute, hour = (Rule(id="r", page=("platform",), limit=Limit(incidents=1, per_ms=per)) for per in (MINUTE, 60 * MINUTE))
    world = storming(minute)
    world.rulesets["v2"] = ruleset(hour, version="v2", given=[LIMITED])
    paged = ["open at_once", "> trigger platform error"]
    world.play(("0s", [fire("s1")], paged), ("2m", [fire("s2")], paged))
    assert world.step("4m", fire("s3"))[0] == "open limit_exceeded (limit 2 in 10m, held by storm 4)", "not by the rule's"
    world.play(("5m", [RulesChanged(version="v2")], []), ("11m", [fire("s4")], paged))


def test_a_service_is_held_until_the_last_of_its_episodes_is_over() -> None:
    world = storming()
    world.step("0s", *alerts(2))
    one, two, three = fire("s3", "One"), fire("s3", "Two"), fire("s4")
    world.step("1s", one, two, three)
    world.step("2s", resolved(one))
    held = fire("s3", "Three", "critical")
    assert world.step("3s", held)[0].startswith("open limit_exceeded")
    world.step("4s", resolved(two), resolved(held))
    assert world.step("5s", fire("s3", "Four", "critical"))[0].startswith("open broke_through")
