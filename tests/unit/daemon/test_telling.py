"""Channels from the configuration: built, kept over a reload, and able to find what was said before."""

from __future__ import annotations

import msgspec

from router.channels.message import encode
from router.clock import SystemClock
from router.daemon.joints import KeyRing
from router.daemon.telling import Telling, Threads, pacings
from router.dispatch.settings import Pacing
from router.model.delivery import Accepted, Attempt, DeliveryState
from tests.support.channels import make_event
from tests.support.config_texts import MINIMAL, OTHER_KEY, load
from tests.support.dispatch import make_delivery

CHANNELS = (
    "channels:\n  a: {kind: webhook, url: 'https://a.example/x'}\n  b: {kind: webhook, url: 'https://b.example/x', rate: %s}\n"
)


class Archive:
    def __init__(self, *deliveries):
        self.kept = deliveries

    def deliveries(self, *, state=None, dedup_key=None, limit=100):
        found = [one for one in self.kept if one.state is state and one.dedup_key == dedup_key]
        return sorted(found, key=lambda one: -one.id)[:limit]


def telling(settings, archive=None):
    return Telling(settings, keys=KeyRing(settings.secrets), clock=SystemClock(), archive=archive or Archive())


def delivered(number, **members):
    outcome = Accepted(receipt=f"C/{number}")
    members = {"dedup_key": "k", "routing_key": "channel:a", "channel": "a", "state": DeliveryState.DELIVERED} | members
    body = encode(make_event())
    return make_delivery(number, body=body, last_attempts=(Attempt(at=1, took_ms=1, outcome=outcome),), **members)


def test_a_thread_is_what_was_delivered_before_in_the_same_lane() -> None:
    archive = Archive(
        delivered(1, routing_key="channel:b"), delivered(2), delivered(3), delivered(4, dedup_key="other"),
        delivered(5, state=DeliveryState.DEAD), delivered(9),
    )  # fmt: skip
    thread = Threads(archive)(delivered(6, state=DeliveryState.PENDING))
    assert thread is not None
    assert thread.receipt == "C/2"
    assert Threads(archive)(delivered(2)) is None


async def test_a_reload_builds_what_changed_and_keeps_what_did_not() -> None:
    made = telling(load(MINIMAL + CHANNELS % "60/1m"))
    kept, changed = made.others["a"], made.others["b"]
    retired = made.change(load(MINIMAL + CHANNELS % "30/1m"))
    assert retired == [changed]
    assert made.others["a"] is kept
    assert made.others["b"] is not changed
    assert len(made.change(load(MINIMAL))) == 2
    assert made.others == {}
    await made.aclose()


def test_redaction_for_all_ways_out_builds_every_channel_anew() -> None:
    made = telling(load(MINIMAL + CHANNELS % "60/1m"))
    assert len(made.change(load(MINIMAL + CHANNELS % "60/1m" + "redact: {labels: x}\n"))) == 2


def test_our_own_secrets_leave_by_no_way() -> None:
    settings = load(MINIMAL + CHANNELS % "60/1m")
    made = telling(settings)
    (key,) = [settings.secrets.resolve(team.routing_key).reveal() for team in settings.teams.values()]
    event = make_event(summary=f"called with {key}")
    assert key not in made.others["a"].encode(event).decode()
    written = []
    made.guarded(lambda one: written.append(one) or b"")(event)
    assert key not in msgspec.json.encode(written[0]).decode()
    # A reload brings another key: from then on that one leaves by no way, also not by a channel that went on as it was.
    channel = made.others["a"]
    made.change(load(MINIMAL.replace("env:KEY", "env:OTHER") + CHANNELS % "60/1m"))
    assert made.others["a"] is channel
    event = make_event(summary=f"called with {OTHER_KEY}")
    assert OTHER_KEY not in channel.encode(event).decode()
    made.guarded(lambda one: written.append(one) or b"")(event)
    assert OTHER_KEY not in msgspec.json.encode(written[1]).decode()


def test_a_reload_changes_what_does_not_go_to_pagerduty() -> None:
    made = telling(load(MINIMAL))
    written = []
    write = made.guarded(lambda one: written.append(one.details["labels"]["env"]) or b"")
    write(make_event())
    made.change(load(MINIMAL + "redact: {labels: [env]}\n"))
    write(make_event())
    made.change(load(MINIMAL + "pagerduty: {redact: {details: [labels.env], labels: [env]}}\n"))
    write(make_event())
    assert written == ["prod", "[redacted]", "[redacted]"]


def test_each_channel_has_its_pace() -> None:
    settings = load(MINIMAL + CHANNELS % "unlimited")
    assert pacings(settings) == {"a": Pacing(calls=60, window_ms=60_000, in_flight=4), "b": Pacing(calls=0, in_flight=4)}
