"""Deliveries: lanes, the order of priorities, and outcomes that survive the store."""

import msgspec
import pytest

from router.model.delivery import (
    Accepted,
    Attempt,
    Delivery,
    DeliveryState,
    Priority,
    Rejected,
    Throttled,
    Unavailable,
    shown_body,
)
from router.model.event import ACTIONS


def delivery(**changes: object) -> Delivery:
    base = {
        "id": 1, "team": "t", "routing_key": "env:K", "dedup_key": "r/g/e", "action": "trigger",
        "priority": Priority.ERROR, "created_at": 5, "body": b"{}",
    }  # fmt: skip
    return Delivery(**base | changes)


def test_a_lane_is_a_key_through_a_routing_key() -> None:
    assert delivery().lane == delivery(id=2, action="resolve").lane
    assert delivery().lane != delivery(routing_key="env:OTHER").lane
    assert delivery().state is DeliveryState.PENDING


def test_triggers_by_severity_then_resolves_then_updates() -> None:
    assert sorted(Priority) == [
        Priority.CRITICAL, Priority.ERROR, Priority.WARNING, Priority.INFO, Priority.RESOLVE, Priority.UPDATE, Priority.CHANGE,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "outcome",
    [
        Accepted(),
        Throttled(retry_after_ms=30_000),
        Unavailable(cause="reset", status=0),
        Rejected(cause="unknown key", status=400),
    ],
)
def test_attempts_survive_the_store(outcome: object) -> None:
    attempt = Attempt(at=1, took_ms=2, outcome=outcome)
    assert msgspec.json.decode(msgspec.json.encode(attempt), type=Attempt) == attempt


def test_it_is_to_its_team_or_to_its_channel() -> None:
    assert (delivery().to, delivery(team="", channel="chat").to) == ("t", "chat")


def test_only_orders_are_shown_otherwise_than_they_are_sent() -> None:
    body = b'{"users":["ada@example.test"]}'
    given = {
        "id": 1,
        "team": "",
        "routing_key": "k",
        "dedup_key": "d",
        "priority": Priority.UPDATE,
        "created_at": 0,
        "body": body,
    }
    assert shown_body(Delivery(channel=ACTIONS, action="act", **given)) == b'{"users":["(an email address)"]}'
    assert shown_body(Delivery(action="trigger", **given)) == body
