from __future__ import annotations

from typing import Any

import msgspec
import pytest

from router.model.journal import DeliveryFailed, EpisodeClosed, EventForwarded, IncidentChanged, RulesChanged
from router.model.ruleset import Limit, Rule, RuleSet, Team
from router.model.severity import Severity
from router.rehearsal.replaying import Change, Folding, Forwarded, Recorded, Replay, Taken, batches, taken_by_people
from tests.support.engine import ruleset
from tests.support.journals import MINUTE, START, alert, incident, journal, over


def shown(changes: list[Change]) -> list[tuple[float, str, str]]:
    return [((each.at - START) / MINUTE, "ends" if each.ends else "opens", each.page.team) for each in changes]


def test_pages_of_incidents_open_become_worse_and_end() -> None:
    folding = Folding()
    (opened,) = folding.take([incident(1, 0, None)], START)
    assert shown([opened]) == [(0, "opens", "platform")]
    assert folding.take([incident(1, 0, None, severity=Severity.CRITICAL)], START) == []
    assert opened.page.severity is Severity.CRITICAL
    assert shown(folding.take([incident(1, 0, None, teams=("platform", "payments"))], START + MINUTE)) == [
        (1, "opens", "payments")
    ]
    assert shown(folding.take([incident(1, 0, 5, teams=("platform", "payments"))], START)) == [
        (5, "ends", "platform"),
        (5, "ends", "payments"),
    ]
    assert shown(folding.take([incident(2, 6, 7)], START)) == [(6, "opens", "platform"), (7, "ends", "platform")]


def test_channels_are_told_and_are_no_pages() -> None:
    folding = Folding()
    opened = folding.take([incident(1, 0, None, channels=("chat",))], START)
    assert [(change.page.team, change.page.is_notice) for change in opened] == [("platform", False), ("chat", True)]
    assert shown(folding.take([incident(1, 0, None, channels=("chat", "mail"))], START + MINUTE)) == [(1, "opens", "mail")]


def test_what_a_storm_holds_is_a_page_that_does_not_count() -> None:
    rows = [incident(1, 0, 9, teams=(), storm=2), incident(2, 0, 9, holds=1, name="storm", group="")]
    pages = [change.page for change in Folding().take(rows, START) if not change.ends]
    assert [(page.team, page.is_folded, page.is_storm) for page in pages] == [
        ("platform", True, False),
        ("platform", False, True),
    ]


def test_a_replay_knows_only_its_own_rules() -> None:
    down = alert()
    entries = journal((0, RulesChanged(version="other")), (1, down), (5, over(down)))
    replay = Replay(ruleset(Rule(id="a")))
    assert replay.take([], START) == []
    assert shown(replay.take(entries, START + 9 * MINUTE)) == [(1, "opens", "platform"), (5, "ends", "platform")]


def test_what_people_did_reaches_the_same_group_under_its_key_of_now() -> None:
    rules = ruleset(Rule(id="a"))
    down = alert()
    first = Replay(rules)
    (opened,) = first.take(journal((0, alert("other", fingerprint="x")), (1, down)), START + MINUTE)[1:]
    then = opened.page.dedup_key
    facts = journal(
        (1, down),
        (3, IncidentChanged(dedup_key=then, status="resolved")),
        (4, IncidentChanged(dedup_key="x/y/z", status="resolved")),
    )
    alone = Replay(rules)
    changes = alone.take(facts, START + 5 * MINUTE)
    assert changes[0].page.dedup_key != then
    assert shown(changes) == [(1, "opens", "platform"), (3, "ends", "platform")]


@pytest.mark.parametrize(
    "what",
    [IncidentChanged(dedup_key="", status="resolved"), EpisodeClosed(dedup_key="", by="Ann", reason="gone")],
)
def test_what_a_person_closed_is_closed_under_other_rules_too(what: IncidentChanged | EpisodeClosed) -> None:
    key = Replay(ruleset(Rule(id="a"))).take(journal((1, alert())), START + MINUTE)[0].page.dedup_key
    same = msgspec.structs.replace(what, dedup_key=f"{key.rpartition('/')[0]}/other")
    changes = Replay(ruleset(Rule(id="a"))).take(journal((1, alert()), (3, same)), START + 5 * MINUTE)
    assert shown(changes) == [(1, "opens", "platform"), (3, "ends", "platform")]


def test_a_delivery_that_failed_reaches_the_fallback() -> None:
    rules: RuleSet = ruleset(Rule(id="a"))
    down = alert("pay-api")
    replay = Replay(rules)
    key = replay.take(journal((1, down)), START + MINUTE)[0].page.dedup_key
    failed = DeliveryFailed(
        delivery_id=1, team="payments", dedup_key=key.rpartition("/")[0] + "/other", action="trigger", reason="no"
    )
    assert shown(replay.take(journal((2, failed)), START + 2 * MINUTE)) == [(2, "opens", "platform")]


def test_the_record_is_told_in_step() -> None:
    recorded = Recorded(iter([incident(1, 0, 3), incident(2, 1, None), incident(3, 8, 9)]))
    assert shown(recorded.take([], START)) == [(0, "opens", "platform")]
    assert shown(recorded.take([], START + 3 * MINUTE)) == [(1, "opens", "platform"), (3, "ends", "platform")]
    assert shown(recorded.take([], START + 60 * MINUTE)) == [(8, "opens", "platform"), (9, "ends", "platform")]


def test_storms_of_a_replay() -> None:
    given = [Team(name="platform", routing_key="env:P", limit=Limit(incidents=1, per_ms=60 * MINUTE))]
    entries = journal(*[(0, alert(f"s{number}")) for number in range(3)])
    pages = [change.page for change in Replay(ruleset(Rule(id="a"), given=given)).take(entries, START)]
    assert sorted((page.service, page.is_folded) for page in pages) == [
        ("alert-router", False),
        ("s0", False),
        ("s1", True),
        ("s2", True),
    ]


def test_batches_and_what_people_took() -> None:
    entries = journal(
        (0, alert()),
        (1, IncidentChanged(dedup_key="a", status="acknowledged")),
        (2, IncidentChanged(dedup_key="b", status="resolved")),
    )
    assert [len(batch) for batch in batches(entries, 2)] == [2, 1]
    assert taken_by_people(entries) == [Taken(START + MINUTE, "a")]
    assert msgspec.json.decode(msgspec.json.encode(entries), type=list[type(entries[0])]) == entries


def forwarded(action: str = "trigger", key: str = "k", severity: Severity = Severity.ERROR, **more: Any) -> EventForwarded:
    given = more.pop("given", alert(severity=severity, kind="event", fingerprint=key).alert)
    if action == "resolve":
        given = msgspec.structs.replace(given, status="resolved", resolved_by="source")
    return EventForwarded(
        source="tools", routing_key="env:REAL", action=action, dedup_key=key, body="{}", severity=severity, alert=given
    )


def test_what_went_on_in_shadow_is_an_incident_from_its_first_trigger_to_its_resolve() -> None:
    entries = journal(
        (0, forwarded()),
        (1, forwarded(severity=Severity.CRITICAL)),
        (2, forwarded(key="other")),
        (3, msgspec.structs.replace(forwarded("acknowledge"), alert=None)),
        (4, forwarded("resolve")),
        (5, forwarded("resolve")),
        (6, alert()),
    )
    source = Forwarded(lambda fact: fact.source)
    changes = source.take(entries, START + 9 * MINUTE)
    assert shown(changes) == [(0, "opens", "tools"), (2, "opens", "tools"), (4, "ends", "tools")]
    assert (changes[0].page.severity, changes[0].page.service, changes[0].page.group) == (Severity.CRITICAL, "api", "k")
    assert source.events == 5


def test_a_replay_decides_on_what_was_in_shadow_if_it_is_asked() -> None:
    rules = ruleset(Rule(id="a"))
    entries = journal(
        (0, forwarded()), (1, msgspec.structs.replace(forwarded("acknowledge"), alert=None)), (4, forwarded("resolve"))
    )
    assert Replay(rules).take(entries, START + 9 * MINUTE) == []
    changes = Replay(rules, decides_forwarded=True).take(entries, START + 9 * MINUTE)
    assert shown(changes) == [(0, "opens", "platform"), (4, "ends", "platform")]
