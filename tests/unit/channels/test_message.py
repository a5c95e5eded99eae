"""What every channel is told: bounded, clean, and still about the problem."""

from __future__ import annotations

import msgspec
import pytest

from router.channels.message import (
    MAX_FACTS,
    MAX_LINKS,
    MORE,
    Message,
    Thread,
    decode,
    encode,
    fitting,
    iso,
    message_of,
    thread_from,
    utc,
    within,
)
from router.model.alert import Link
from router.model.delivery import Accepted, Attempt, DeliveryState
from tests.support.channels import AT, make_event
from tests.support.dispatch import make_delivery


def test_an_event_becomes_a_title_facts_and_links():
    message = message_of(make_event())
    assert message.title == "payment-api: CardError - Cards are declined"
    assert message.text == "Every second card."
    assert message.facts == (("count", "3"), ("labels", "env=prod, region=eu-west-1"))
    assert message.links == (("https://prometheus.example/graph?a=1&b=2", "Graph"), ("https://wiki.example/cards", "runbook"))
    assert message.headline == "[CRITICAL] payment-api: CardError - Cards are declined"


@pytest.mark.parametrize(
    ("changes", "state", "word"),
    [
        ({}, "firing", "CRITICAL"),
        ({"is_update": True}, "updated", "CRITICAL"),
        ({"action": "acknowledge"}, "acknowledged", "ACKNOWLEDGED"),
        ({"action": "resolve"}, "resolved", "RESOLVED"),
        ({"action": "change"}, "told", "CRITICAL"),
    ],
)
def test_the_state_follows_from_the_action(changes, state, word):
    message = message_of(make_event(**changes))
    assert (message.state, message.word) == (state, word)
    assert message.is_over == (state == "resolved")


def test_what_is_written_is_read_again():
    event = make_event()
    assert decode(encode(event)) == message_of(event)
    with pytest.raises(msgspec.MsgspecError):
        decode(b"[]")


def test_a_message_stays_small_and_clean_whatever_the_event_holds():
    wild = "\x00\ud800\r\nBcc: x\u202e" + "y" * 100_000
    details = {f"{wild}{number}": [wild] * 3 for number in range(300)} | {"labels": {wild: wild}, "annotations": {"a": wild}}
    links = tuple(Link(href=f"https://x.example/{number}", text=wild) for number in range(50))
    event = make_event(summary=wild, source=wild, class_=wild, rule=wild, dedup_key=wild, details=details, links=links)
    body = encode(event)
    assert len(body) < 64_000
    message = decode(body)
    assert "\n" not in message.title
    assert "\x00" not in message.title
    assert len(message.facts) == MAX_FACTS
    assert message.facts[-1][0] == MORE
    assert len(message.links) == MAX_LINKS


@pytest.mark.parametrize("href", ["javascript:alert(1)", "file:///etc/passwd", "https://a b", "https://x\n", "ftp://x", ""])
def test_only_web_addresses_are_links(href):
    links = message_of(make_event(links=(Link(href=href, text="click"),), details={"runbook": href})).links
    assert all(address == "https://x" for address, _ in links)


def test_values_are_shown_as_people_read_them():
    details = {"ok": True, "none": None, "number": 1.5, "list": [1, {"a": "b"}], "odd": {1, 2}}
    facts = dict(message_of(make_event(details=details)).facts)
    assert facts["ok"] == "true"
    assert "none" not in facts
    assert facts["list"] == '[1,{"a":"b"}]'


def test_a_digest_names_what_it_holds_line_by_line():
    incidents = [
        {"service": "a", "name": "Down", "summary": "a: Down - gone", "severity": "critical", "opened": 2, "resolved": 0},
        {"service": "b", "name": "Slow", "summary": "It is slow", "severity": "warning", "opened": 1, "resolved": 1},
        "and one that is odd",
    ]
    message = message_of(make_event(details={"since": "x", "incidents": incidents}))
    assert message.text.split("\n") == [
        "[CRITICAL] a: Down - gone (2 opened)",
        "[WARNING] b: Slow - It is slow (1 opened, 1 resolved)",
        "and one that is odd",
    ]


def test_long_text_is_cut_at_a_line_and_says_how_much_is_missing():
    text = "\n".join(f"line {number}" for number in range(100))
    assert within(text, 100).split("\n")[-1] == "... and 90 more lines"
    assert within("short", 100) == "short"
    assert len(within("x" * 500, 100)) == 100


def test_facts_fit_a_room():
    facts = (("a", "12345"), ("b", "12345"), ("c", "1"))
    assert fitting(facts, most=3, room=12) == [("a", "12345"), ("b", "12345")]
    assert fitting(facts, most=1, room=100) == [("a", "12345")]


def test_times_are_in_utc_and_never_fail():
    assert utc(AT) == "2026-09-21 14:13:20 UTC"
    assert iso(AT) == "2026-09-21T14:13:20Z"
    assert iso(-1) == "1970-01-01T00:00:00Z"
    assert iso(10**18) == "9999-12-31T23:59:59Z"


def delivered(number, event, receipt=""):
    attempt = Attempt(at=1, took_ms=1, outcome=Accepted(receipt=receipt))
    made = make_delivery(number)
    made.body, made.last_attempts, made.state = encode(event), (attempt,), DeliveryState.DELIVERED
    return made


def test_a_thread_has_the_first_receipt_and_the_newest_words():
    first = delivered(1, make_event(), "C/1")
    second = delivered(2, make_event(summary="worse", is_update=True), "C/2")
    third = delivered(3, make_event(action="acknowledge", summary="said before"))
    broken = delivered(4, make_event())
    broken.body = b"not a message"
    thread = thread_from([broken, third, second, first])
    assert thread is not None
    assert thread.receipt == "C/1"
    assert thread.last is not None
    assert thread.last.title == "worse"
    assert thread_from([]) is None


def test_a_reminder_keeps_what_was_said_before_and_adds_what_is_new():
    said = message_of(make_event())
    thread = Thread(receipt="", last=said)
    over = message_of(make_event(action="resolve", at=AT + 5_000, details={"resolved_by": "Ada"}, links=()))
    about = thread.about(over)
    assert (about.state, about.at, about.links) == ("resolved", AT + 5_000, said.links)
    assert about.facts == (("resolved_by", "Ada"), *said.facts)
    assert thread.about(said) is said
    assert Thread(receipt="", last=None).about(over) is over


def test_without_a_title_the_headline_says_what_there_is():
    assert Message(state="resolved", at=0, key="a/b/c").headline == "[RESOLVED] a/b/c"
    assert Message(state="resolved", at=0, key="a/b/c", service="db").headline == "[RESOLVED] db"
