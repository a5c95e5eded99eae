"""Which channel writes and sends; what is missing or broken costs its own deliveries and nothing else."""

from __future__ import annotations

from typing import Any

import msgspec
import structlog

from router.daemon.channels import UNWRITTEN, Channels, PagerDutyWay
from router.model.delivery import Accepted, Delivery, Outcome, Rejected, Unavailable
from router.model.event import Event
from tests.support.dispatch import make_delivery


class Way:
    """A channel that keeps what it sends."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.sent: list[Delivery] = []

    def encode(self, event: Event) -> bytes:
        return f"{self.endpoint} {event.summary}".encode()

    async def send(self, delivery: Delivery) -> Outcome:
        self.sent.append(delivery)
        return Accepted(receipt=f"{self.endpoint}-{len(self.sent)}")


class Broken(Way):
    def encode(self, event: Event) -> bytes:
        raise KeyError("summary")

    async def send(self, delivery: Delivery) -> Outcome:
        raise RuntimeError("no")


def event(channel: str, **more: Any) -> Event:
    values = {
        "team": "",
        "routing_key": f"channel:{channel}",
        "dedup_key": "r/g/e",
        "action": "trigger",
        "at": 1,
        "summary": "S",
    }
    return Event(channel=channel, **(values | more))


def told(channel: str, body: bytes = b"body") -> Delivery:
    return make_delivery(1, channel=channel, team="", routing_key=f"channel:{channel}", body=body)


def made(**others: Way) -> tuple[Channels, Way]:
    page = Way("events.pagerduty.com")
    return Channels(PagerDutyWay(page.encode, page), others), page


async def test_each_event_goes_by_its_own_channel() -> None:
    chat = Way("hooks.chat")
    channels, page = made(chat=chat)
    assert channels.encode(event("chat")) == b"hooks.chat S"
    assert channels.encode(event("pagerduty", team="payments", routing_key="env:KEY")) == b"events.pagerduty.com S"
    assert await channels.send(told("chat")) == Accepted(receipt="hooks.chat-1")
    assert await channels.send(make_delivery(2)) == Accepted(receipt="events.pagerduty.com-1")
    assert [[one.id for one in way.sent] for way in (chat, page)] == [[1], [2]]
    assert channels.endpoint_of(make_delivery(2)) == "events.pagerduty.com"


def test_channels_at_one_server_share_no_breaker() -> None:
    channels, _ = made(works=Way("gateway:443"), fails=Way("gateway:443"))
    assert [channels.endpoint_of(told(name)) for name in ("works", "fails")] == ["channel:works", "channel:fails"]


async def test_a_channel_that_is_gone_is_a_rejection_that_says_so() -> None:
    channels, page = made()
    assert channels.encode(event("gone")) == UNWRITTEN
    outcome = await channels.send(told("gone"))
    assert isinstance(outcome, Rejected)
    assert "channel gone is not in the configuration" in outcome.cause
    assert channels.endpoint_of(told("gone")) == "channel:gone"
    assert page.sent == []
    assert [channels.knows(name) for name in ("pagerduty", "gone")] == [True, False]
    channels.others = {"gone": Way("back.again")}
    outcome = await channels.send(told("gone", UNWRITTEN))
    assert isinstance(outcome, Rejected), "what it did not write it must not send"
    assert await channels.send(told("gone")) == Accepted(receipt="back.again-1")


async def test_a_channels_mistake_costs_its_own_deliveries() -> None:
    channels, _ = made(bad=Broken("nowhere"))
    with structlog.testing.capture_logs() as lines:
        assert channels.encode(event("bad")) == UNWRITTEN
        assert await channels.send(told("bad")) == Unavailable(cause="internal error: RuntimeError")
    assert [line["event"] for line in lines] == ["channel_failed_to_write", "channel_failed_to_send"]


def test_a_receipt_is_kept_with_the_attempt() -> None:
    assert msgspec.json.encode(Accepted(receipt="17.5")) == b'{"type":"accepted","receipt":"17.5"}'
    assert msgspec.json.encode(Accepted()) == b'{"type":"accepted"}'
