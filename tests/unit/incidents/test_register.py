import msgspec
import pytest

from router.incidents.register import PageRegister, Waiting, is_sent_page, recall
from router.model.delivery import DeliveryState, Priority
from router.model.page import Followed, Page, Sighting, Webhook
from tests.support.following import World


def page(number: int, status: str = "triggered", pagerduty_id: str = "Q1", team: str = "payments") -> Page:
    return Page(incident=number, team=team, dedup_key=f"k{number}", pagerduty_id=pagerduty_id, status=status)


def test_pages_are_found_by_pagerdutys_id_while_they_are_open() -> None:
    register = PageRegister()
    register.put(page(2))
    register.put(page(1))
    assert register.of("Q1") == [page(1), page(2)]
    register.put(page(1, pagerduty_id="Q2"))
    assert (register.of("Q1"), register.of("Q2")) == ([page(2)], [page(1, pagerduty_id="Q2")])
    register.put(page(2, "resolved"))
    assert "Q1" not in register.by_pagerduty_id
    assert register.newest(page(1)) == page(1, pagerduty_id="Q2")
    assert register.newest(page(9)) == page(9)


def test_what_waits_is_forgotten_when_it_is_confirmed_or_over() -> None:
    register = PageRegister()
    for number in (1, 2):
        register.wait(Waiting(page=page(number, "", ""), delivery_id=1, deadline_at=0, look_at=0, pause_ms=1))
    assert register.newest(page(1)) == page(1, "", "")
    register.put(page(1))
    register.forget_waiting("k2", "payments")
    register.forget_waiting("k2", "payments")
    assert register.waiting == {}


@pytest.mark.parametrize(
    ("changes", "is_sent"),
    [
        ({}, True),
        ({"state": DeliveryState.PENDING}, False),
        ({"state": DeliveryState.DEAD}, False),
        ({"action": "resolve"}, False),
        ({"priority": Priority.UPDATE}, False),
    ],
)
def test_what_pages_somebody(changes: dict, is_sent: bool) -> None:
    delivery = World(token=None).delivery("k", "payments", "trigger")
    assert is_sent_page(msgspec.structs.replace(delivery, **changes)) is is_sent


async def test_everything_that_was_followed_is_recalled() -> None:
    world = await World().open()
    for number in range(1, 4):
        await world.send(number)
    await world.store.follow(
        Followed(pages=(page(1), Page(incident=2, team="payments", dedup_key="rule/00112233/2", missed_at=7)))
    )
    webhook = Webhook(
        webhook_id="w", event_id="e", event_type="t", received_at=1, sighting=Sighting(kind="other", pagerduty_id="Q")
    )
    await world.store.keep_webhook(webhook)
    found = recall(world.store.reader())
    assert found.pages == [page(1)]
    assert sorted((one.incident, one.missed_at) for one, _ in found.unconfirmed) == [(2, 7), (3, 0)]
    assert found.webhooks == [webhook]
