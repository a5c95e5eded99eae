"""Whatever an event holds, PagerDuty takes its body: held against the sandbox's own reading of the rules."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.model.alert import Image, Link
from router.model.event import Event
from router.model.severity import Severity
from router.pagerduty.events_v2 import MAX_BODY, encode, put_key
from router.sandbox.facade import Sandbox
from router.sandbox.settings import from_keys
from router.sandbox.switches import Switches
from router.wire.text import cut, units

KEY = "a" * 32
NOW = 1_790_000_000_000
TEXT = st.text(st.characters(), max_size=40) | st.text(max_size=3).map(lambda text: text * 700)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)
EVENTS = st.builds(
    Event,
    team=st.just("payments"),
    routing_key=st.just("env:PAYMENTS"),
    dedup_key=TEXT.filter(bool),
    action=st.sampled_from(["trigger", "acknowledge", "resolve", "change"]),
    at=st.integers(-(10**18), 10**18),
    severity=st.sampled_from(list(Severity)),
    summary=TEXT,
    source=TEXT,
    component=TEXT,
    group=TEXT,
    class_=TEXT,
    details=st.dictionaries(TEXT, JSON, max_size=6),
    links=st.lists(st.builds(Link, href=TEXT, text=TEXT), max_size=3).map(tuple),
    images=st.lists(st.builds(Image, src=TEXT | st.just("https://x/y.png"), href=TEXT, alt=TEXT), max_size=3).map(tuple),
    client_url=TEXT,
)


def check_taken(event: Event, unit: str) -> None:
    switches = Switches(summary_unit=unit, rate_limit_per_minute=0)
    sandbox = Sandbox(settings=from_keys({"payments": KEY}, switches=switches), now=NOW)
    path = "/v2/change/enqueue" if event.action == "change" else "/v2/enqueue"
    answer = sandbox.receive_event(path, {"content-type": "application/json"}, put_key(encode(event), KEY), NOW)
    assert answer.status == 202, answer.body


@given(EVENTS, st.sampled_from(["code_points", "utf16"]))
def test_a_strict_other_side_takes_every_event(event, unit):
    check_taken(event, unit)


@pytest.mark.parametrize(
    "details",
    [
        {f"k{number}": "x" * 9_000 for number in range(100)},
        {"k": "\u00e9" * 600_000},
        {f"{'k' * 200}{number}": number for number in range(5_000)},
        {"a": [["\x01" * 100] * 100] * 100},
        {f"k{number}": "\U0001f525" * 250 for number in range(5_000)},
    ],
)
def test_a_strict_other_side_takes_the_largest_events(details):
    """Just at the limit after they were cut: a byte more would be a page that is refused."""
    for summary in ("s", "\U0001f525" * 2_000):
        event = Event(
            team="payments", routing_key="env:KEY", dedup_key="k" * 300, action="trigger", at=NOW, severity=Severity.CRITICAL,
            summary=summary, source="s" * 3_000, details=details,
        )  # fmt: skip
        check_taken(event, "utf16")


@given(EVENTS, st.integers(1, 400))
def test_bodies_are_bounded_and_the_same_every_time(event, times):
    details = {f"{number} {key}": [value] * times for number, (key, value) in enumerate(event.details.items())}
    swollen = Event(**{name: getattr(event, name) for name in event.__struct_fields__} | {"details": details})
    whole = put_key(encode(swollen), KEY)
    assert len(whole) <= MAX_BODY
    assert whole == put_key(encode(swollen), KEY)
    json.loads(whole, parse_constant=pytest.fail)


@given(st.text(st.characters(), max_size=60), st.integers(2, 50))
def test_a_cut_text_fits_and_is_a_beginning(text, limit):
    found = cut(text, limit)
    assert units(found) <= limit
    if found != text:
        assert found.endswith("…")
        kept = "".join(character for character in text if not "\ud800" <= character <= "\udfff")
        assert kept.startswith(found[:-1])
