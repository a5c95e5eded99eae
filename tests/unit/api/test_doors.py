from __future__ import annotations

import json
from typing import Any

import pytest

from router.api.doors import MAX_REFUSALS_NAMED, Doors, shape_alertmanager, shape_event
from router.api.exchange import Refused, Request
from router.errors import Overloaded, StoreFull, StoreUnavailable
from router.model.receipt import Invalid, Receipt, Refusal, TooLarge, Unauthorised, UnknownSource, Unreadable

REQUEST = Request(method="POST", path="/", body=b"the body")


class Scripted:
    """An intake that answers what it is told to."""

    def __init__(self, answer: Receipt | Exception) -> None:
        self.answer = answer
        self.bodies: list[bytes] = []

    async def take_alertmanager(self, body: bytes) -> Receipt:
        self.bodies.append(body)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    take_alerts = take_event = take_change = take_alertmanager

    async def take_webhook(self, _name: str, body: bytes, _headers: object, _query: object) -> Receipt:
        return await self.take_alertmanager(body)

    def has_credentials(self, name: str) -> bool:
        return name == "proves"


def refusals(count: int) -> tuple[Refusal, ...]:
    return tuple(Refusal(index=n, field="labels", reason="empty") for n in range(count))


async def test_accepted() -> None:
    doors = Doors(Scripted(Receipt(taken=2, dedup_key="k")))
    answer = await doors.alertmanager(REQUEST)
    assert (answer.status, answer.body) == (200, b"")
    answer = await doors.alerts(REQUEST)
    assert (answer.status, json.loads(answer.body)) == (202, {"accepted": 2})
    answer = await doors.event(REQUEST)
    assert (answer.status, json.loads(answer.body)) == (
        202,
        {"status": "success", "message": "Event processed", "dedup_key": "k"},
    )
    answer = await doors.change(REQUEST)
    assert (answer.status, json.loads(answer.body)) == (202, {"status": "success", "message": "Change event processed"})


async def test_partly_refused() -> None:
    doors = Doors(Scripted(Receipt(taken=1, refusals=refusals(2))))
    answer = await doors.alertmanager(REQUEST)
    assert (answer.status, json.loads(answer.body)) == (400, "alert 0, labels: empty; alert 1, labels: empty")
    answer = await doors.alerts(REQUEST)
    told = json.loads(answer.body)
    assert (answer.status, told["accepted"]) == (400, 1)
    assert told["refused"] == [{"index": n, "field": "labels", "reason": "empty"} for n in (0, 1)]


async def test_many_refusals_are_counted() -> None:
    doors = Doors(Scripted(Receipt(refusals=refusals(MAX_REFUSALS_NAMED + 7))))
    assert json.loads((await doors.alertmanager(REQUEST)).body).endswith("; and 7 more")
    assert len(json.loads((await doors.alerts(REQUEST)).body)["refused"]) == MAX_REFUSALS_NAMED


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (Unreadable("no JSON"), 400, None),
        (TooLarge("too many"), 413, None),
        (Overloaded("busy", 3), 429, b"3"),
        (StoreFull("full"), 503, b"60"),
        (StoreUnavailable("gone"), 503, b"5"),
    ],
)
@pytest.mark.parametrize("door", ["alertmanager", "alerts", "event", "change"])
async def test_nothing_taken(door: str, error: Exception, status: int, retry_after: bytes | None) -> None:
    with pytest.raises(Refused) as caught:
        await getattr(Doors(Scripted(error)), door)(REQUEST)
    assert caught.value.status == status
    assert dict(caught.value.headers).get(b"retry-after") == retry_after
    assert str(error) in caught.value.text


@pytest.mark.parametrize(
    ("error", "errors"), [(Invalid(["a", "b"]), ["a", "b"]), (Unauthorised("Invalid routing key"), ["Invalid routing key"])]
)
@pytest.mark.parametrize("door", ["event", "change"])
async def test_events_that_fail_checks_get_pagerdutys_shape(door: str, error: Exception, errors: list[str]) -> None:
    answer = await getattr(Doors(Scripted(error)), door)(REQUEST)
    assert answer.status == 400
    assert json.loads(answer.body) == {"status": "invalid event", "message": "Event object is invalid", "errors": errors}


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (429, "throttle exceeded"),
        (400, "Unrecognized object"),
        (403, "access denied"),
        (503, "unavailable"),
        (413, "invalid request"),
    ],
)
def test_shapes(status: int, word: str) -> None:
    answer = shape_event(status, "why", ((b"a", b"b"),))
    told: dict[str, Any] = json.loads(answer.body)
    assert (answer.status, told["status"], told["errors"], answer.headers) == (status, word, ["why"], ((b"a", b"b"),))


@pytest.mark.parametrize("status", [400, 404, 500])
def test_what_clients_of_alertmanager_read_as_a_text_is_one(status: int) -> None:
    assert json.loads(shape_alertmanager(status, "why").body) == "why"


@pytest.mark.parametrize("status", [403, 413, 429, 503])
def test_other_errors_of_alertmanagers_doors_say_their_code(status: int) -> None:
    assert json.loads(shape_alertmanager(status, "why").body) == {"code": status, "message": "why"}


async def test_webhooks() -> None:
    answer = await Doors(Scripted(Receipt(taken=2))).source(REQUEST, "any")
    assert (answer.status, json.loads(answer.body)) == (202, {"accepted": 2})
    answer = await Doors(Scripted(Receipt(taken=1, refusals=refusals(1)))).source(REQUEST, "any")
    assert (answer.status, json.loads(answer.body)["accepted"]) == (400, 1)


@pytest.mark.parametrize(
    ("error", "status"),
    [(UnknownSource("none"), 404), (Unauthorised("no"), 401), (Unreadable("no JSON"), 400), (StoreFull("x"), 503)],
)
async def test_webhooks_that_are_not_taken(error: Exception, status: int) -> None:
    with pytest.raises(Refused) as caught:
        await Doors(Scripted(error)).source(REQUEST, "any")
    assert caught.value.status == status


async def test_a_query_that_is_too_long_is_refused() -> None:
    many = Request(method="POST", path="/", query_text=b"&".join(b"a=1" for _ in range(60)))
    with pytest.raises(Refused, match="at most 50 values"):
        await Doors(Scripted(Receipt())).source(many, "any")


def test_a_source_that_knows_its_sender_needs_no_token() -> None:
    doors = Doors(Scripted(Receipt()))
    assert doors.scope_of_source("proves") is None
    assert doors.scope_of_source("other") == "ingest"


async def test_a_heartbeat_is_an_event_of_the_service() -> None:
    intake = Scripted(Receipt(taken=1, journalled=1))
    answer = await Doors(intake).heartbeat(REQUEST, "backup")
    assert (answer.status, json.loads(answer.body)) == (202, {"accepted": 1})
    told = json.loads(intake.bodies[0])
    assert (told["service"], told["name"], told["severity"], told["kind"]) == ("backup", "Heartbeat", "info", "event")
