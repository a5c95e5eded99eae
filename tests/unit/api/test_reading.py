from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from router.api.exchange import Answer, Refused, Request
from router.api.reading import Query, Reading, ReadingRoom
from router.errors import StoreUnavailable
from router.model.alert import Alert
from router.model.delivery import DeliveryState
from router.model.page import AuditEntry, Followed
from router.model.transition import ActiveAlert, StateRow
from router.store.base import Commit, Reader
from router.store.memory import MemoryStore
from tests.support.stores import START, StillClock, decision, dedup_key, delivery, fact, incident


class Dispatcher:
    def __init__(self) -> None:
        self.asked: list[tuple[str, int, str]] = []

    async def retry(self, delivery_id: int) -> bool:
        self.asked.append(("retry", delivery_id, ""))
        return delivery_id == 1

    async def drop(self, delivery_id: int, reason: str) -> bool:
        self.asked.append(("drop", delivery_id, reason))
        return delivery_id == 1


class Rig:
    def __init__(self, store: MemoryStore) -> None:
        self.dispatcher = Dispatcher()
        self.room = ReadingRoom(store.reader)
        self.reading = Reading(
            room=self.room, deliveries=self.dispatcher, rules=lambda: [{"id": "a"}], stats=lambda: {"rules": 1}
        )


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    """Five entries, three of which fire, five decisions, incidents and deliveries."""
    store = MemoryStore(clock=StillClock())
    await store.open()
    await store.append(START, [fact(number) for number in range(1, 6)])
    rows = [StateRow("alert", number, msgspec.json.encode(ActiveAlert(alert=_alert(number)))) for number in (1, 2, 3)]
    numbers = range(1, 6)
    await store.commit(
        Commit(
            cursor=5,
            decided_at=START,
            decisions=[decision(number) for number in numbers],
            incidents=[incident(number) for number in numbers],
            changes=rows,
            deliveries=[delivery(number) for number in numbers],
        )
    )
    audit = [
        AuditEntry(at=START + number, who=who, through="api", what="x", incident=number == 0)
        for number, who in enumerate(("Ada", "alert-router", "Bo"))
    ]
    await store.follow(Followed(audit=tuple(audit)))
    rig = Rig(store)
    yield rig
    await rig.room.close()


def _alert(number: int) -> Alert:
    return fact(number, service="payment-api" if number < 3 else "search").alert


def ask(query: str = "") -> Request:
    return Request(method="GET", path="/", query_text=query.encode())


def read(answer: Answer) -> Any:
    assert answer.status == 200
    return json.loads(answer.body)


async def test_what_fires_page_by_page(rig: Rig) -> None:
    first = read(await rig.reading.alerts(ask("limit=2")))
    assert [item["seq"] for item in first["items"]] == [1, 2]
    second = read(await rig.reading.alerts(ask(f"limit=2&cursor={first['next']}")))
    assert [item["seq"] for item in second["items"]] == [3]
    assert second["next"] is None
    assert second["items"][0]["alert"]["service"] == "search"


async def test_filters(rig: Rig) -> None:
    assert [item["seq"] for item in read(await rig.reading.alerts(ask("service=search")))["items"]] == [3]
    assert read(await rig.reading.alerts(ask("service=search&name=Other")))["items"] == []


async def test_the_journal(rig: Rig) -> None:
    page = read(await rig.reading.alerts(ask("journal=true&limit=3&cursor=1")))
    assert [(item["seq"], item["received_at"]) for item in page["items"]] == [(2, START), (3, START), (4, START)]
    assert page["next"] == "4"
    rest = read(await rig.reading.alerts(ask("journal=true&cursor=4")))
    assert ([item["seq"] for item in rest["items"]], rest["next"]) == ([5], None)


async def test_one_alert(rig: Rig) -> None:
    assert read(await rig.reading.alert(ask(), "2"))["alert"]["fingerprint"] == f"{2:016x}"
    with pytest.raises(Refused) as caught:
        await rig.reading.alert(ask(), "99")
    assert caught.value.status == 404


@pytest.mark.parametrize(("listing", "key"), [("incidents", "number"), ("decisions", "id"), ("deliveries", "id")])
async def test_listings_newest_first_page_by_page(rig: Rig, listing: str, key: str) -> None:
    handler = getattr(rig.reading, listing)
    first = read(await handler(ask("limit=3")))
    second = read(await handler(ask(f"limit=3&cursor={first['next']}")))
    assert [item[key] for item in first["items"] + second["items"]] == [5, 4, 3, 2, 1]
    assert second["next"] is None


async def test_narrowed_listings(rig: Rig) -> None:
    assert len(read(await rig.reading.decisions(ask("alert=2")))["items"]) == 1
    assert len(read(await rig.reading.decisions(ask(f"incident={dedup_key(2)}")))["items"]) == 1
    assert read(await rig.reading.deliveries(ask("state=dead")))["items"] == []
    assert read(await rig.reading.deliveries(ask("channel=chat")))["items"] == []
    assert len(read(await rig.reading.deliveries(ask("channel=pagerduty")))["items"]) == 5
    assert len(read(await rig.reading.deliveries(ask(f"state=pending&incident={dedup_key(1)}")))["items"]) == 1
    assert read(await rig.reading.incidents(ask("team=nobody")))["items"] == []


async def test_one_incident_by_number_and_by_key(rig: Rig) -> None:
    by_number = read(await rig.reading.incident(ask(), "2"))
    by_key = read(await rig.reading.incident(ask(), dedup_key(2)))
    assert by_number == by_key
    assert by_number["incident"]["number"] == 2
    with pytest.raises(Refused):
        await rig.reading.incident(ask(), "77")


async def test_one_delivery_with_its_body(rig: Rig) -> None:
    told = read(await rig.reading.delivery(ask(), "2"))
    assert told["delivery"]["id"] == 2
    assert isinstance(told["body"], dict)
    with pytest.raises(Refused):
        await rig.reading.delivery(ask(), "77")


async def test_acting_on_a_delivery(rig: Rig) -> None:
    assert read(await rig.reading.retry(ask(), "1")) == {"delivery": 1, "result": "retried"}
    assert read(await rig.reading.drop(ask("reason=noise"), "1"))["result"] == "dropped"
    assert (await rig.reading.retry(ask(), "2")).status == 409
    assert (await rig.reading.drop(ask(), "77")).status == 404
    assert rig.dispatcher.asked[:2] == [("retry", 1, ""), ("drop", 1, "noise")]
    assert rig.dispatcher.asked[-1] == ("drop", 77, "dropped by a person")


async def test_explain_rules_stats(rig: Rig) -> None:
    assert read(await rig.reading.explain(ask(), "1"))["subject"] == "alert 1"
    with pytest.raises(Refused):
        await rig.reading.explain(ask(), "99")
    assert read(await rig.reading.rules(ask())) == {"items": [{"id": "a"}], "next": None}
    assert read(await rig.reading.stats(ask())) == {"rules": 1}


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=x",
        "limit=-1",
        "cursor=1.5",
        "cursor=" + "9" * 30,
        "what=1",
        "limit=1&limit=2",
        "journal=yes",
    ],
)
async def test_queries_that_make_no_sense(rig: Rig, query: str) -> None:
    with pytest.raises(Refused) as caught:
        await rig.reading.alerts(ask(query))
    assert caught.value.status == 400


def test_a_query_of_too_many_values() -> None:
    with pytest.raises(Refused):
        Query(ask("&".join(f"a{n}=1" for n in range(99))))


@pytest.mark.parametrize("number", ["x", "", "-1", "9" * 30, "\u0661"])
async def test_numbers_that_are_none(rig: Rig, number: str) -> None:
    with pytest.raises(Refused) as caught:
        await rig.reading.explain(ask(), number)
    assert caught.value.status == 400


def test_states_are_the_deliverys_own() -> None:
    assert Query(ask("state=dead"), "state").one_of("state", tuple(state.value for state in DeliveryState)) == "dead"


async def test_a_question_too_many_is_refused() -> None:
    gate = threading.Event()
    room = ReadingRoom(MemoryStore(clock=StillClock()).reader)
    waiting = [asyncio.ensure_future(room.ask(lambda _: gate.wait(5))) for _ in range(ReadingRoom.MAX_QUESTIONS)]
    await asyncio.sleep(0)
    with pytest.raises(Refused) as caught:
        await room.ask(lambda _: None)
    assert caught.value.status == 503
    gate.set()
    assert all(await asyncio.gather(*waiting))
    await room.close()


async def test_a_store_that_does_not_answer() -> None:
    def fail() -> Reader:
        raise StoreUnavailable("gone")

    room = ReadingRoom(fail)
    with pytest.raises(Refused) as caught:
        await room.ask(lambda _: None)
    assert caught.value.status == 503
    await room.close()


async def test_who_did_what_page_by_page(rig: Rig) -> None:
    page = read(await rig.reading.audit(ask("limit=2")))
    assert [row["entry"]["who"] for row in page["items"]] == ["Bo", "alert-router"]
    rest = read(await rig.reading.audit(ask(f"limit=2&cursor={page['next']}")))
    assert [row["entry"]["who"] for row in rest["items"]] == ["Ada"]
    assert rest["next"] is None
    assert len(read(await rig.reading.audit(ask("who=ROUTER")))["items"]) == 1
    assert len(read(await rig.reading.audit(ask(f"since={START + 1}&until={START + 2}")))["items"]) == 1
    assert len(read(await rig.reading.audit(ask("incident=1")))["items"]) == 1
    with pytest.raises(Refused):
        await rig.reading.audit(ask("since=soon"))
