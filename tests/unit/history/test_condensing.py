from __future__ import annotations

from typing import Any

import pytest

from router.history.base import Ours
from router.history.condensing import condense, kind_of, mask, record_of, resolution_of, rule_of
from router.model.past import PastAlert, PastEntry, PastIncident, PastNote, Story

KEY = "card-errors/0123456789abcdef/mh2k3-1"


def incident(**changes: Any) -> PastIncident:
    values = {
        "number": 7, "pagerduty_id": "Q7", "title": "CardError 17", "created_at": 1_000_000, "service": "payments",
        "status": "resolved", "resolved_at": 5_000_000, "changed_by": "Ada", "changed_by_kind": "person", "alerts": 1,
    }  # fmt: skip
    return PastIncident(**(values | changes))


def entry(seconds: int, kind: str, who: str = "Ada", who_kind: Any = "person", text: str = "") -> PastEntry:
    return PastEntry(at=1_000_000 + seconds * 1000, kind=kind, who=who, who_kind=who_kind, text=text)


def test_the_first_acknowledgement_and_the_last_resolution_count() -> None:
    entries = (
        entry(0, "trigger", "Events API", "integration"), entry(60, "acknowledge"), entry(90, "acknowledge", "Bo"),
        entry(100, "resolve"), entry(200, "trigger"), entry(260, "escalate", "", ""), entry(300, "resolve", "Bo"),
    )  # fmt: skip
    found = condense(record_of(incident()), Story(entries=entries), None)
    assert (found.acknowledged_at, found.acknowledged_by) == (1_060_000, "Ada")
    assert (found.resolved_at, found.resolved_by, found.ending) == (1_300_000, "Bo", "person")
    assert (found.reopened, found.escalated) == (1, 1)


def test_open_again_it_is_not_resolved() -> None:
    entries = (entry(0, "trigger"), entry(10, "resolve"), entry(20, "acknowledge"))
    found = condense(record_of(incident(status="acknowledged", resolved_at=0)), Story(entries=entries), None)
    assert (found.resolved_at, found.ending, found.reopened) == (0, "", 1)


@pytest.mark.parametrize(
    ("merged", "kind", "ending"),
    [("", "person", "person"), ("", "integration", "itself"), ("", "service", "itself"), ("Q1", "person", "merged")],
)
def test_how_it_ended(merged: str, kind: Any, ending: str) -> None:
    story = Story(entries=(entry(0, "trigger"), entry(10, "resolve", "x", kind)))
    assert condense(record_of(incident(merged_into=merged)), story, None).ending == ending
    assert record_of(incident(merged_into=merged, changed_by_kind=kind)).ending == ending


def test_our_key_names_rule_and_kind_and_our_record_the_team_and_the_alert() -> None:
    story = Story(alerts=(PastAlert(at=1, key="foreign"), PastAlert(at=2, key=KEY)))
    found = condense(record_of(incident(team="PD")), story, Ours(team="payments", alerted_at=990_000))
    assert (found.rule, found.kind, found.dedup_key) == ("card-errors", "card-errors/0123456789abcdef", KEY)
    assert (found.team, found.alerted_at, found.alerts) == ("payments", 990_000, 2)
    assert condense(record_of(incident(team="PD")), story, Ours()).team == "PD"


def test_a_key_of_others_names_no_rule() -> None:
    assert rule_of("a/b/c") == ""
    assert kind_of("a/b/c", "payments", "disk 93 % full") == kind_of("", "payments", "disk 97 % full")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("disk 93 % full on host-17", "disk 8 % full on host-2"),
        ("pod api-7f9c6d8b5-x2x9z is down", "pod api-6d4b75cb6d-x2x9z is down"),
        ("request 550e8400-e29b-41d4-a716-446655440000 failed", "request 123e4567-e89b-12d3-a456-426614174000 failed"),
        ("took 300ms at 10.0.0.1:80", "took 12ms at 10.0.0.250:8080"),
    ],
)
def test_numbers_and_ids_make_no_difference_to_the_kind(one: str, other: str) -> None:
    assert mask(one) == mask(other)


def test_words_do() -> None:
    assert mask("card errors") != mask("bard errors")
    assert mask("deadbeef facade") == "deadbeef facade"


def test_the_resolution_note_is_preferred_to_the_last_note() -> None:
    notes = (
        PastNote(at=1, who="Ada", text="looking"), PastNote(at=2, who="Ada", text="Resolution Note: restarted"),
        PastNote(at=3, who="Bo", text="thanks"),
    )  # fmt: skip
    assert resolution_of(Story(notes=notes)) == "restarted"
    assert resolution_of(Story(notes=notes[:1])) == "looking"
    assert resolution_of(Story(entries=(entry(1, "resolve", text="by hand"),))) == "by hand"
    assert resolution_of(Story()) == ""


def test_a_clock_that_differs_gives_no_negative_times() -> None:
    story = Story(entries=(entry(-5, "acknowledge"), entry(-1, "resolve")))
    found = condense(record_of(incident()), story, Ours(alerted_at=2_000_000))
    assert found.acknowledged_at == found.resolved_at == found.alerted_at == found.created_at
