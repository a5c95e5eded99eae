"""The webhook desk: verified, kept once, handed on; wrong secrets are told after as many as make PagerDuty stop."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest

from router.daemon.hooks import FORGED_BEFORE_TOLD, WebhookDesk
from router.daemon.troubles import Troubles
from router.errors import Overloaded
from router.incidents.follower import MAX_WEBHOOKS
from router.telemetry.metrics import Metrics
from tests.support.following import World


def body(kind: str = "incident.acknowledged", event: str = "01E") -> bytes:
    data = {"id": "Q1", "type": "incident", "status": "acknowledged"}
    return json.dumps(
        {"event": {"id": event, "event_type": kind, "occurred_at": "2026-01-02T03:04:05.678Z", "data": data}}
    ).encode()


def signed(text: bytes, secret: str = "one") -> str:
    return "v1=" + hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


@pytest.fixture
async def world() -> World:
    return await World(token=None, hears=True).open()


def desk_of(world: World, secrets: list[str]) -> tuple[WebhookDesk, Troubles]:
    metrics = Metrics()
    troubles = Troubles(journal=world.store, clock=world.clock, metrics=metrics)
    desk = WebhookDesk(
        keeper=world.store,
        follower=world.follower,
        secrets=lambda: secrets,
        troubles=troubles,
        clock=world.clock,
        metrics=metrics,
    )
    return desk, troubles


async def take(desk: WebhookDesk, text: bytes, secret: str = "one", webhook_id: str = "w1") -> str:
    return await desk.take(signature=signed(text, secret), webhook_id=webhook_id, body=text)


async def test_taken_once(world: World) -> None:
    desk, _ = desk_of(world, ["other", "one"])
    assert await take(desk, body()) == "taken"
    assert [webhook.webhook_id for webhook in world.store.reader().webhooks()] == ["w1"]
    assert await take(desk, body()) == "repeated"
    assert await take(desk, body(), webhook_id="w2") == "repeated", "the same event under another id"
    assert await take(desk, body(event="02E"), secret="other", webhook_id="w3") == "taken"
    assert world.follower.figures()["webhooks_waiting"] == 2


async def test_what_is_not_wanted_is_not_kept(world: World) -> None:
    desk, _ = desk_of(world, ["one"])
    assert await take(desk, body("pagey.ping")) == "ignored"
    assert await take(desk, body("incident.hologram.projected")) == "ignored"
    assert await take(desk, b"not json") == "unreadable"
    assert world.store.reader().webhooks() == []


async def test_without_secrets_nothing_is_believed(world: World) -> None:
    desk, _ = desk_of(world, [])
    assert await take(desk, body()) == "unconfigured"


async def test_wrong_secrets_in_a_row_are_told_until_one_is_right(world: World) -> None:
    secrets = ["one"]
    desk, troubles = desk_of(world, secrets)
    for number in range(FORGED_BEFORE_TOLD):
        assert troubles.firing() == []
        assert await take(desk, body(), secret="rotated", webhook_id=str(number)) == "forged"
    assert any("WebhooksRefused" in trouble for trouble in troubles.firing())
    secrets.append("rotated")
    assert await take(desk, body(), secret="rotated") == "taken"
    assert troubles.firing() == []


async def test_what_carries_no_signature_at_all_is_anybodys(world: World) -> None:
    desk, troubles = desk_of(world, ["one"])
    for _ in range(FORGED_BEFORE_TOLD + 1):
        assert await desk.take(signature="", webhook_id="", body=body()) == "forged"
    assert troubles.firing() == []


async def test_more_than_can_be_worked_on_come_again(world: World) -> None:
    desk, _ = desk_of(world, ["one"])
    world.follower._webhooks.extend([None] * MAX_WEBHOOKS)
    with pytest.raises(Overloaded):
        await take(desk, body())
    assert world.store.reader().webhooks() == []
