"""``otherwise``: who is told while a rule holds back, and of how it ends."""

from __future__ import annotations

from typing import Any

import pytest

from router.engine.notes import HELD
from router.model.digest import Digest
from router.model.journal import DeliveryFailed, RulesChanged, SilenceChanged
from router.model.ruleset import ChannelPolicy, Count, FiringFor, Flapping, Limit, Otherwise, Rule, Team
from router.model.schedule import Schedule, Times
from router.model.silence import PlainMatch, Silence
from tests.support.engine import START, World, event, fire, resolved, ruleset

A = fire("pay-api", "CardError")
# START is 2026-11-18T11:06:40Z.
LATE = Schedule("late", "UTC", (Times(hours=((11 * 60 + 15, 12 * 60),)),))
CHAT = Otherwise(notify=("chat",))
THREE = Count(count=3, within_ms=300_000)


def world(*rules: Rule, **more: Any) -> World:
    return World(start=ruleset(*rules, channels=more.pop("channels", ("chat", "other")), **more))


def bang(number: int) -> Any:
    return event("pay-api", "CardError", print_=str(number))


def test_while_the_count_is_not_reached_it_tells_once_and_then_more() -> None:
    made = world(Rule(id="r", when=THREE, notify=("other",), otherwise=CHAT))
    made.play(
        ("0s", [bang(1)], ["hold count_not_reached (1 of 3 in 5m)", "notify otherwise (1 of 3 in 5m)", "> trigger chat error"]),
        ("1s", [bang(2)], ["hold count_not_reached (2 of 3 in 5m)"]),
    )
    (note,) = made.events
    assert note.details[HELD] == "1 of 3 in 5m"
    assert made.incidents[1].channels == ("chat",)
    lines = made.step("2s", bang(3))
    assert lines == [
        "open count_reached (3 of 3 in 5m)",
        "> update chat error",
        "> trigger payments error",
        "> trigger other error",
    ]
    assert {told.dedup_key for told in made.events} == {note.dedup_key}, "one thread"
    assert HELD not in made.last.events[0].details
    (incident,) = made.incidents.values()
    assert (incident.number, incident.teams, incident.channels) == (1, ("payments",), ("chat", "other"))
    made.step("3s", *[resolved(bang(number)) for number in (1, 2, 3)])
    assert [(told.action, told.to) for told in made.last.events] == [
        ("resolve", "chat"),
        ("resolve", "payments"),
        ("resolve", "other"),
    ]
    assert made.rows.keys() == {("counter", 1)}


def test_a_count_that_is_never_reached_ends_with_its_window() -> None:
    made = world(Rule(id="r", when=THREE, otherwise=CHAT))
    made.step("0s", bang(1))
    assert made.step("4m59s") == []
    assert made.step("5m") == ["close went_quiet", "> resolve chat"]
    assert made.incidents[1].status == "closed"
    assert made.rows.keys() == {("counter", 1)}
    # The next run is told anew, under another key.
    made.step("6m", bang(2))
    assert [told.dedup_key for told in made.events[-1:]] != [made.events[0].dedup_key]


def test_what_stops_firing_before_it_pages_is_over_for_those_who_were_told() -> None:
    made = world(Rule(id="r", when=FiringFor(for_ms=600_000), otherwise=CHAT))
    held = ["hold not_firing_long_enough (0s of 10m)", "notify otherwise (0s of 10m)", "> trigger chat error"]
    made.play(
        ("0s", [A], held),
        ("9m", [resolved(A)], ["none nothing_open", "close all_resolved", "> resolve chat"]),
        ("10m", [A], held),
        ("20m", [], ["open fired_long_enough (10m)", "> update chat error", "> trigger payments error"]),
        ("30m", [resolved(A)], ["close all_resolved", "> resolve chat", "> resolve payments"]),
    )


def test_flapping_tells_of_the_first_change_and_closes_with_the_window() -> None:
    made = world(Rule(id="r", when=Flapping(changes=3, within_ms=300_000), otherwise=CHAT))
    assert made.step("0s", A)[1:] == ["notify otherwise (1 of 3 changes in 5m)", "> trigger chat error"]
    made.step("1s", resolved(A))
    assert made.step("5m1s") == ["close went_quiet", "> resolve chat"]


def test_outside_its_hours_it_tells_and_inside_it_pages() -> None:
    made = world(Rule(id="r", during=(LATE,), otherwise=CHAT))
    told = ["suppress outside_schedule (not in late)", "notify otherwise (not in late)", "> trigger chat error"]
    made.play(
        ("0s", [A], told),
        ("1m", [fire("pay-api", "CardError", print_="2")], ["suppress outside_schedule (not in late)"]),
        ("8m20s", [], ["open at_once (after not in late)", "> update chat error", "> trigger payments error"]),
    )


def test_what_is_over_before_its_hours_begin_pages_nobody() -> None:
    made = world(Rule(id="r", during=(LATE,), otherwise=CHAT))
    made.step("0s", A)
    assert made.step("5m", resolved(A))[1:] == ["close all_resolved", "> resolve chat"]
    assert made.step("1h") == []


def test_what_people_have_silenced_is_not_told_until_then() -> None:
    made = world(Rule(id="r", during=(LATE,), when=THREE, otherwise=CHAT))
    silence = Silence(id="s", match=PlainMatch(services=("pay-*",)), starts_at=START, until=START + 60_000, reason="we know")
    made.step("0s", SilenceChanged(id="s", silence=silence, by="Ada"))
    assert made.step("1s", bang(1)) == ["hold count_not_reached (1 of 3 in 5m)"]
    made.step("1m")
    assert made.step("2m", bang(2))[1:] == ["notify otherwise (2 of 3 in 5m)", "> trigger chat error"]


def test_a_silence_that_ends_outside_the_hours_leaves_it_to_otherwise() -> None:
    made = world(Rule(id="r", during=(LATE,), otherwise=CHAT))
    silence = Silence(id="s", match=PlainMatch(services=("pay-*",)), starts_at=START, until=START + 60_000, reason="we know")
    made.step("0s", SilenceChanged(id="s", silence=silence, by="Ada"))
    assert made.step("1s", A) == ["suppress outside_schedule (not in late)"]
    made.step("1m")
    assert made.step("2m", fire("pay-api", "CardError", print_="2"))[1:] == [
        "notify otherwise (not in late)",
        "> trigger chat error",
    ]


def test_otherwise_may_page_another_team_and_its_fallback_steps_in() -> None:
    second = Team(name="second", routing_key="env:SECOND", fallback="platform")
    made = world(Rule(id="r", when=THREE, otherwise=Otherwise(page=("second",), notify=("chat",))), given=[second])
    assert made.step("0s", bang(1))[2:] == ["> trigger second error", "> trigger chat error"]
    key = made.events[0].dedup_key
    failed = DeliveryFailed(delivery_id=1, team="second", dedup_key=key, action="trigger", reason="HTTP 400", status=400)
    assert made.step("1s", failed) == ["notify fallback (team second: HTTP 400)", "> trigger platform error"]
    assert made.step("5m") == ["close went_quiet", "> resolve second", "> resolve chat", "> resolve platform"]


def test_a_team_that_was_told_before_is_not_paged_twice() -> None:
    made = world(Rule(id="r", page=("payments", "platform"), when=THREE, otherwise=Otherwise(page=("payments",))))
    made.step("0s", bang(1))
    assert made.step("1s", bang(2), bang(3))[2:] == ["> update payments error", "> trigger platform error"]


def test_a_rule_that_goes_takes_along_what_it_told() -> None:
    made = world(Rule(id="r", when=THREE, otherwise=CHAT))
    made.step("0s", bang(1))
    made.rulesets["v2"] = ruleset(version="v2", channels=("chat",))
    assert made.step("1s", RulesChanged(version="v2"))[:1] == ["close all_resolved"]
    assert ("resolve", "chat") in [(told.action, told.to) for told in made.last.events]


def test_a_rule_without_otherwise_any_more_still_tells_the_end() -> None:
    made = world(Rule(id="r", when=THREE, otherwise=CHAT))
    made.step("0s", bang(1))
    made.rulesets["v2"] = ruleset(Rule(id="r", when=THREE), version="v2", channels=("chat",))
    assert made.step("1s", RulesChanged(version="v2")) == []
    assert made.step("5m") == ["close went_quiet", "> resolve chat"]


def test_a_count_per_other_fields_is_over_when_its_events_are() -> None:
    made = world(Rule(id="r", when=Count(count=3, within_ms=300_000, per=("source",)), otherwise=CHAT))
    made.step("0s", bang(1))
    made.step("1s", event("pay-db"))
    assert [told.to for told in made.events] == ["chat", "chat"]
    made.step("10m")
    assert [told.action for told in made.events[2:]] == ["resolve", "resolve"]
    assert made.engine.groups == 0


def test_it_is_collected_and_limited_like_everything_else() -> None:
    mail = ChannelPolicy(name="mail", digest=Digest(every_ms=3_600_000))
    chat = ChannelPolicy(name="chat", limit=Limit(incidents=1, per_ms=3_600_000))
    rule = Rule(id="r", when=FiringFor(for_ms=600_000), otherwise=Otherwise(notify=("chat", "mail")))
    made = world(rule, channels=(mail, chat))
    for number in range(3):
        made.step(f"{number}s", fire(f"pay-{number}"))
    assert [(told.to, told.class_) for told in made.events] == [("chat", "Down"), ("chat", "storm")]
    lines = made.step("10m2s")
    assert sum(line.startswith("open fired_long_enough") for line in lines) == 3
    made.step("11m", *[resolved(fire(f"pay-{number}")) for number in range(3)])
    assert made.engine.open_incidents == 0
    assert sorted(told.action for told in made.events if told.to == "chat" and not told.is_update) == [
        "resolve",
        "resolve",
        "trigger",
        "trigger",
    ]
    made.step("61m")
    assert made.events[-1].summary == "Digest: 3 opened, 3 resolved"


@pytest.mark.parametrize("offset", ["1s", "4m", "10m"])
def test_a_restart_in_between_is_invisible(offset: str) -> None:
    made = world(Rule(id="r", when=THREE, otherwise=CHAT))
    made.step("0s", bang(1))
    made.restart(offset, down_since="1s", grace="0s")
    made.step("20m")
    assert [(told.action, told.to) for told in made.events] == [("trigger", "chat"), ("resolve", "chat")]
