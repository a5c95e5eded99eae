from __future__ import annotations

import msgspec
import pytest

from router.model.alert import Image, Link
from router.model.journal import (
    AlertReceived,
    ChangeReceived,
    DeliveryFailed,
    Entry,
    EpisodeClosed,
    EventForwarded,
    Fact,
    IncidentChanged,
    Restarted,
    RuleAdopted,
    RulesChanged,
    SilenceChanged,
)
from router.model.silence import PlainMatch, Silence
from router.rehearsal.redacting import Redactor
from tests.support.journals import alert

SECRET = "acme-corporation"
FULL = alert(
    labels={"customer": SECRET, "env": "prod"},
    annotations={"text": f"bad for {SECRET}", "customer": SECRET},
    details={"customer": SECRET, "deep": [{"x": f"<{SECRET}>"}], "count": 5},
    summary=f"{SECRET} is down",
    generator_url=f"https://graph/{SECRET}",
    links=(Link(href=f"https://x/{SECRET}", text=SECRET),),
    images=(Image(src="https://i"),),
)


def redact(fact: Fact, *names: str, key: bytes = b"k") -> Fact:
    return Redactor(names, key).redact(Entry(seq=1, at=2, fact=fact)).fact


def test_without_names_nothing_changes() -> None:
    assert redact(FULL) is FULL


def test_a_label_is_covered_wherever_it_stands() -> None:
    covered = redact(FULL, "customer")
    assert isinstance(covered, AlertReceived)
    text = msgspec.json.encode(covered).decode()
    assert SECRET not in text
    assert covered.alert.labels["customer"].startswith("customer-")
    assert covered.alert.labels["env"] == "prod"
    assert covered.alert.details["count"] == 5
    assert covered.alert.summary == f"{covered.alert.labels['customer']} is down"
    assert covered.alert.fingerprint != FULL.alert.fingerprint


def test_equal_values_stay_equal_under_one_key_and_say_nothing_under_another() -> None:
    assert redact(FULL, "customer") == redact(FULL, "customer")
    assert redact(FULL, "customer") != redact(FULL, "customer", key=b"other")
    other = redact(alert(labels={"customer": "other"}), "customer")
    assert isinstance(other, AlertReceived)
    first = redact(FULL, "customer")
    assert isinstance(first, AlertReceived)
    assert other.alert.labels != first.alert.labels


@pytest.mark.parametrize(
    ("name", "empty"),
    [("annotations", {}), ("details", {}), ("summary", ""), ("links", ()), ("generator_url", "")],
)
def test_whole_parts_are_left_out(name: str, empty: object) -> None:
    covered = redact(FULL, name)
    assert isinstance(covered, AlertReceived)
    assert getattr(covered.alert, name) == empty


def test_services_and_names_are_covered_and_short_values_do_not_tear_words_apart() -> None:
    covered = redact(alert("payments", "Down", summary="payments", labels={"c": "ay"}), "service", "name", "c")
    assert isinstance(covered, AlertReceived)
    assert covered.alert.service.startswith("service-")
    assert covered.alert.name.startswith("name-")
    assert covered.alert.summary == covered.alert.service


def test_numbers_are_covered_like_texts() -> None:
    covered = redact(alert(details={"account": 12345}, summary="account 12345"), "account")
    assert isinstance(covered, AlertReceived)
    assert covered.alert.details["account"].startswith("account-")
    assert "12345" not in covered.alert.summary


def test_changes_people_and_silences() -> None:
    change = ChangeReceived(source="s", service=SECRET, summary=f"deploy {SECRET}", origin=SECRET, details={"a": SECRET})
    assert SECRET not in msgspec.json.encode(redact(change, "service")).decode()
    assert redact(change, "summary", "details", "links") == msgspec.structs.replace(change, summary="", details={})
    ack = IncidentChanged(dedup_key="a/b/c", status="acknowledged", who="Ann Example")
    covered = redact(ack, "customer")
    assert isinstance(covered, IncidentChanged)
    assert covered.who.startswith("person-")
    assert covered.dedup_key == "a/b/c"
    mine = (("customer", (SECRET, f"!{SECRET}")), ("env", ("prod",)))
    match = PlainMatch(services=("api",), labels=mine, unless=(PlainMatch(labels=mine),))
    silence = Silence(id="s", match=match, until=5, reason=SECRET, by="Ann Example")
    muted = redact(SilenceChanged(id="s", silence=silence, by="Ann Example"), "customer")
    assert isinstance(muted, SilenceChanged)
    assert muted.silence is not None
    text = msgspec.json.encode(muted).decode()
    assert SECRET not in text
    assert "Ann" not in text
    alert_covered = redact(FULL, "customer")
    assert isinstance(alert_covered, AlertReceived)
    pseudonym = alert_covered.alert.labels["customer"]
    assert muted.silence.match.labels == (("customer", (pseudonym, f"!{pseudonym}")), ("env", ("prod",)))
    assert muted.silence.match.unless == (PlainMatch(labels=muted.silence.match.labels),)
    assert redact(SilenceChanged(id="s"), "customer") == SilenceChanged(id="s")
    closed = redact(EpisodeClosed(dedup_key="a/b/c", by="Ann Example", reason=SECRET), "customer")
    adopted = redact(RuleAdopted(rule="a", into="b", by="Ann Example"), "customer")
    assert isinstance(closed, EpisodeClosed)
    assert isinstance(adopted, RuleAdopted)
    assert (closed.dedup_key, closed.reason, closed.by) == ("a/b/c", "", covered.who)
    assert (adopted.rule, adopted.into, adopted.by) == ("a", "b", covered.who)


@pytest.mark.parametrize(
    "fact",
    [
        Restarted(down_since=1),
        RulesChanged(version="v"),
        DeliveryFailed(delivery_id=1, team="a", dedup_key="k", action="trigger", reason="no"),
    ],
)
def test_what_says_nothing_of_alerts_stays(fact: Fact) -> None:
    assert redact(fact, "customer") == fact


def test_an_event_in_shadow_keeps_what_a_replay_goes_by() -> None:
    fact = EventForwarded(
        source="s",
        routing_key="env:A",
        action="trigger",
        dedup_key=SECRET,
        body=f'{{"a":"{SECRET}"}}',
        alert=alert(SECRET).alert,
    )
    covered = redact(fact, "service")
    assert SECRET not in msgspec.json.encode(covered).decode()
    assert isinstance(covered, EventForwarded)
    assert covered.alert is not None
    assert covered.alert.service.startswith("service-")
    bare = redact(msgspec.structs.replace(fact, alert=None, dedup_key=""), "service")
    assert isinstance(bare, EventForwarded)
    assert (bare.alert, bare.dedup_key) == (None, "")
