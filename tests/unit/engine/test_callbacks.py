"""Sources are told what somebody did: each alert by itself, an acknowledgement once, never of what nobody fixed."""

from __future__ import annotations

import msgspec
import pytest

from router.engine.callbacks import MAX_CALLED
from router.model.journal import IncidentChanged
from router.model.ruleset import Callback, ChannelPolicy, KeepEpisode, Rule
from tests.support.engine import World, fire, resolved, ruleset

BACK = Callback(channel="back", on=("acknowledged", "resolved"))


def world(rule: Rule | None = None, callback: Callback = BACK) -> World:
    rules = ruleset(rule or Rule(id="r"))
    policies = {"back": ChannelPolicy(name="back")}
    return World(start=msgspec.structs.replace(rules, channels=policies, callbacks={"zabbix": callback}))


def changed(world: World, status: str, **more) -> IncidentChanged:
    key = next(event.dedup_key for event in world.events if event.team)
    return IncidentChanged(dedup_key=key, status=status, **{"who": "Ada", "by_person": True} | more)


def told(world: World) -> list[tuple[str, str, str]]:
    return [(event.action, event.summary, event.details["by"]) for event in world.events if event.channel == "back"]


def test_each_alert_of_that_source_in_its_own_words() -> None:
    here = world()
    mine = fire(source="zabbix", print_="1", labels={"event_id": "77"}, details={"trigger": 5}, summary="disk")
    here.step("0s", mine, fire(source="zabbix", print_="2"), fire(print_="3"))
    here.step("1m", changed(here, "acknowledged"))
    assert here.said()[:2] == ["update acknowledged (by Ada)", "update called_back (acknowledged by Ada: 2 of 3 alerts)"]
    first = next(event for event in here.events if event.channel == "back")
    assert (first.team, first.routing_key, first.details["labels"], first.details["trigger"]) == (
        "",
        "channel:back",
        {"event_id": "77"},
        5,
    )
    keys = [event.dedup_key for event in here.events if event.channel == "back"]
    assert len(set(keys)) == 2, "lanes of their own"
    assert len({key.rsplit("/", 1)[1] for key in keys}) == 1, "found by their episode"
    here.step("2m", changed(here, "unacknowledged"))
    here.step("3m", changed(here, "acknowledged"))
    assert len(told(here)) == 2, "an acknowledgement is told once"
    here.step("4m", changed(here, "resolved"))
    assert [one[0] for one in told(here)] == ["acknowledge", "acknowledge", "resolve", "resolve"]


def test_what_is_over_there_needs_no_telling() -> None:
    here = world()
    mine, other = fire(source="zabbix", print_="1"), fire(source="zabbix", print_="2")
    here.step("0s", mine, other)
    here.step("1m", resolved(mine))
    here.step("2m", changed(here, "resolved"))
    assert len(told(here)) == 1


@pytest.mark.parametrize("more", [{"by_person": False, "who": "payments"}])
def test_a_timeout_in_pagerduty_fixes_nothing(more: dict) -> None:
    here = world()
    here.step("0s", fire(source="zabbix"))
    here.step("1m", changed(here, "resolved", **more))
    assert told(here) == []


def test_our_own_resolve_is_none() -> None:
    here = world()
    here.step("0s", fire(source="zabbix"))
    here.step("1m", resolved(fire(source="zabbix")))
    here.step("2m", changed(here, "resolved"))
    assert told(here) == []


def test_only_of_what_it_wants_to_know_also_when_its_rule_keeps_the_episode() -> None:
    here = world(Rule(id="r", on_resolved_in_pagerduty=KeepEpisode()), Callback(channel="back", on=("resolved",)))
    here.step("0s", fire(source="zabbix"))
    here.step("1m", changed(here, "acknowledged"), changed(here, "resolved"))
    assert [one[0] for one in told(here)] == ["resolve"]


def test_a_bound() -> None:
    here = world()
    here.step("0s", *(fire(source="zabbix", print_=str(number)) for number in range(MAX_CALLED + 20)))
    here.step("1m", changed(here, "acknowledged"))
    assert len(told(here)) == MAX_CALLED
    assert here.said()[1] == f"update called_back (acknowledged by Ada: {MAX_CALLED} of {MAX_CALLED + 20} alerts)"
