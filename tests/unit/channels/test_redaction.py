"""What must not leave is taken out, wherever in an event it stands."""

from __future__ import annotations

import msgspec
import pytest

from router.channels.redaction import LEFT_OUT, MAX_CHECKED, Redactor, guard
from router.channels.secret_patterns import REDACTED
from router.model.alert import Image, Link
from router.model.channel import Redaction
from router.model.pattern import PatternError
from tests.support.channels import make_event

PLANTED = "ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789"
NONE = Redaction()


def flat(event):
    return msgspec.json.encode(event).decode()


def test_an_event_without_anything_to_hide_is_returned_as_it_is():
    event = make_event()
    assert Redactor(NONE)(event) is event
    assert Redactor(Redaction(labels=("customer",)), Redaction(details=("body",)))(event) is event


def test_a_denied_label_goes_with_its_value_wherever_that_stands():
    event = make_event(
        summary="acme-corp cannot pay", source="acme-corp", group="acme-corp / CardError",
        details={"labels": {"Customer_Id": "acme-corp", "env": "prod"}, "note": ["for acme-corp", {"x": "acme-corp"}]},
        links=(Link(href="https://x.example/acme-corp", text="acme-corp"),),
        images=(Image(src="https://x.example/acme-corp.png", href="https://x.example/acme-corp", alt="acme-corp"),),
    )  # fmt: skip
    found = Redactor(Redaction(labels=("customer_*",)))(event)
    assert "acme" not in flat(found)
    assert found.details["labels"] == {"Customer_Id": REDACTED, "env": "prod"}
    assert found.summary == f"{REDACTED} cannot pay"


def test_a_denied_detail_goes_at_any_depth_by_name_or_path():
    details = {
        "request": {"headers": {"cookie": "a=b", "host": "x"}, "Body": {"card": ["1234"]}},
        "items": [{"body": "inner-text"}],
    }
    found = Redactor(Redaction(details=("body", "request.headers")))(make_event(details=details))
    assert found.details == {"request": {"headers": REDACTED, "Body": REDACTED}, "items": [{"body": REDACTED}]}


@pytest.mark.parametrize("name", ["password", "API_KEY", "db_password", "Authorization", "access-token", "Set-Cookie", "cvv"])
def test_some_names_are_denied_without_being_configured(name):
    for value in ("hunter2", "q7z"):  # the second is too short to be looked for anywhere else
        for details in ({name: value}, {"labels": {name: value}}, {"a": {"b": {name: value}}}, {"a": [{name: value}]}):
            assert value not in flat(Redactor(NONE)(make_event(details=details)))


@pytest.mark.parametrize(
    "plant",
    [
        {"summary": PLANTED}, {"source": PLANTED}, {"class_": PLANTED}, {"group": PLANTED}, {"component": PLANTED},
        {"client": PLANTED}, {"client_url": f"https://x/{PLANTED}"}, {"links": (Link(href=f"https://x/?a={PLANTED}", text="x"),)},
        {"links": (Link(href="https://x", text=PLANTED),)}, {"images": (Image(src=f"https://x/{PLANTED}", alt=PLANTED),)},
        {"details": {"a": PLANTED}}, {"details": {"a": [PLANTED]}}, {"details": {"a": {"b": [{"c": PLANTED}]}}},
        {"details": {PLANTED: "x"}}, {"details": {"labels": {"x": PLANTED}}}, {"details": {"annotations": {"x": PLANTED}}},
        {"details": {"a": (PLANTED,)}}, {"details": {"card": 4111111111111111}}, {"details": {"a": {PLANTED}}},
    ],
    ids=lambda plant: next(iter(plant)),
)  # fmt: skip
def test_a_secret_planted_anywhere_goes(plant):
    found = flat(Redactor(NONE)(make_event(**plant)))
    assert PLANTED not in found
    assert "4111111111111111" not in found
    assert REDACTED in found


def test_our_own_secrets_go_whatever_they_look_like():
    event = make_event(summary="called with plain-looking-key", details={"x": "plain-looking-key"})
    assert "plain-looking-key" not in flat(Redactor(NONE, known=lambda: ("plain-looking-key", "x"))(event))


def test_patterns_of_ones_own_add_up():
    redact = Redactor(Redaction(patterns=(r"ACME-\d+",)), Redaction(patterns=(r"[\w.]+@example\.com",)))
    found = redact(make_event(summary="ACME-17 by ada@example.com", details={}))
    assert found.summary == f"{REDACTED} by {REDACTED}"
    with pytest.raises(PatternError):
        Redactor(Redaction(patterns=("(",)))


@pytest.mark.parametrize("pattern", ["(a|a)*b", "(x+x+)+y", "(a+)+$", r"(\w|\d)*!"])
def test_no_pattern_of_ones_own_backtracks_on_any_text(pattern):
    """With a matcher that backtracks these take hours."""
    redact = Redactor(Redaction(patterns=(pattern, "nowhere")))
    for text in ("a" * 20_000 + "\n", "x" * 20_000, "x" * 20_000 + "é"):
        redact(make_event(summary=text, details={"password": "hunter2"}))


def test_what_looks_like_a_secret_stays_if_that_is_configured():
    redact = Redactor(Redaction(secrets=False, labels=("env",)))
    found = redact(make_event(details={"password": PLANTED, "labels": {"env": "prod"}}))
    assert found.details == {"password": PLANTED, "labels": {"env": REDACTED}}


def test_short_values_are_taken_out_where_they_stand_only():
    found = Redactor(Redaction(labels=("zone",)))(make_event(summary="a bad day", details={"labels": {"zone": "a"}}))
    assert found.summary == "a bad day"


def test_what_is_too_long_to_be_looked_at_does_not_leave():
    found = Redactor(NONE)(make_event(details={"first": "x" * MAX_CHECKED, "second": PLANTED}))
    assert found.details[LEFT_OUT] == LEFT_OUT
    assert PLANTED not in flat(found)
    assert found.summary == make_event().summary


def test_what_is_nested_too_deeply_does_not_leave():
    deep: object = PLANTED
    for _ in range(40):
        deep = {"a": [deep]}
    found = flat(Redactor(NONE)(make_event(details={"deep": deep})))
    assert PLANTED not in found
    assert LEFT_OUT in found


def test_odd_values_are_looked_at_too():
    details = {"flag": True, "none": None, "number": 7, "set": {"b"}, "text": "lone \ud800 surrogate"}
    found = Redactor(NONE)(make_event(details=details))
    assert found.details["flag"] is True
    assert found.details["none"] is None
    assert found.details["number"] == 7


def test_a_guard_redacts_what_says_something_and_lets_the_rest_through():
    seen = []

    def encode(event):
        seen.append(event)
        return b""

    write = guard(encode, Redactor(NONE))
    write(make_event(summary=PLANTED))
    end = make_event(action="resolve", summary="")
    write(end)
    assert PLANTED not in seen[0].summary
    assert seen[1] is end
