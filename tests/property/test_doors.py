"""Whatever bytes come in at a door: an answer below 500, nothing raised, and what is journalled can be written and read."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.api.application import Api
from router.api.auth import Peer
from router.api.exchange import Answer, Request
from router.api.routes import Found
from router.model.journal import Entry
from tests.support.doors import INBOUND_KEY, NOW, Rig, event, posted
from tests.support.stores import StillClock

DOORS = ("/api/v2/alerts", "/v1/alerts", "/v2/enqueue", "/v2/change/enqueue")
LOCAL = Peer("127.0.0.1")

texts = st.text(max_size=20) | st.sampled_from(
    ["", "critical", "0.5", "firing", "resolved", "2026-01-31T08:00:00Z", "0001-01-01T00:00:00Z", "trigger", INBOUND_KEY]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)
NAMES = (
    *("labels", "annotations", "startsAt", "endsAt", "generatorURL", "service", "name", "severity", "score", "status"),
    *("kind", "summary", "details", "links", "images", "starts_at", "ends_at", "dedup_key", "routing_key", "event_action"),
    *("payload", "source", "custom_details", "timestamp", "component", "class", "client"),
)
nested = st.dictionaries(st.sampled_from(NAMES) | texts, values, max_size=6)
alerts = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, values | nested)) | st.dictionaries(
    st.sampled_from(NAMES), values | nested, max_size=6
)
plausible = st.fixed_dictionaries(
    {"labels": st.dictionaries(texts, texts, max_size=4)},
    optional={"startsAt": texts, "endsAt": texts, "annotations": st.dictionaries(texts, texts, max_size=3)},
)
events = st.builds(
    lambda fields, payload: {"routing_key": INBOUND_KEY, "event_action": "trigger", "payload": payload} | fields,
    alerts,
    st.dictionaries(st.sampled_from(NAMES), values, max_size=6),
)


def encode(value: Any) -> bytes:
    return json.dumps(value).encode()  # NaN and halves of surrogate pairs included


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Good JSON with some bytes changed, left out or doubled."""
    data = bytearray(draw(st.sampled_from([encode([posted(), posted(instance="b")]), event(), encode({"service": "a"})])))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data) - 1))
        data[place : place + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
        if not data:
            break
    return bytes(data)


bodies = (
    st.binary(max_size=200)
    | damaged()
    | st.one_of(values, alerts, plausible, events, st.lists(alerts | plausible | values, max_size=4)).map(encode)
)


async def post(api: Api, door: str, body: bytes) -> Answer:
    headers = {b"content-type": b"application/json"}
    found = api.admit("POST", door, headers, LOCAL)
    assert isinstance(found, Found)
    return await api.answer(found, Request(method="POST", path=door, headers=headers, body=body))


@pytest.mark.parametrize("door", DOORS)
@given(bodies=st.lists(bodies, min_size=1, max_size=3))
def test_any_bytes_get_an_answer(door: str, bodies: list[bytes]) -> None:
    async def scene() -> None:
        rig = Rig(clock=StillClock(NOW))
        await rig.journal.open()
        for body in bodies * 2:  # the second time as a resend
            answer = await post(rig.api, door, body)
            assert answer.status < 500, (answer, body)
            if answer.body:
                json.loads(answer.body)
            if answer.status >= 400:
                assert answer.body
                assert len(answer.body) < 20_000
        for entry in rig.journal.entries:
            assert msgspec.json.decode(msgspec.json.encode(entry), type=Entry) == entry
        await rig.intake.expire()
        await rig.intake.checkpoint()
        await rig.room.close()

    asyncio.run(scene())


ROUTES = st.sampled_from(sorted({path for _, path in Rig().api.routes.listed()}))
PATHS = (
    st.text(max_size=30).map(lambda text: "/" + text)
    | ROUTES.map(lambda path: path.replace("*", "1"))
    | st.sampled_from(
        [
            "/v1/alerts",
            "/v1/incidents/",
            "/v1/incidents/a/b/c",
            "/v1/explain/1",
            "/v1/decisions",
            "/v1/deliveries/1",
            "/api/v2/alerts",
        ]
    )
)
QUERIES = (
    st.binary(max_size=40)
    | st.just(b"&".join(b"a=%d" % number for number in range(60)))
    | st.dictionaries(
        st.sampled_from(["limit", "cursor", "alert", "state", "filter", "team", "journal"]), st.text(max_size=12), max_size=3
    ).map(lambda query: "&".join(f"{name}={value}" for name, value in query.items()).encode())
)


@given(method=st.sampled_from(["GET", "HEAD", "POST", "DELETE", "BREW"]), path=PATHS, query=QUERIES)
def test_any_question_gets_an_answer(method: str, path: str, query: bytes) -> None:
    async def scene() -> None:
        rig = Rig(clock=StillClock(NOW))
        await rig.journal.open()
        admitted = rig.api.admit(method, path, {}, LOCAL)
        if isinstance(admitted, Found):
            admitted = await rig.api.answer(admitted, Request(method=method, path=path, query_text=query))
        # PagerDuty's webhooks have no secret here: that is told as a state that can end, so that they come again.
        is_unset = admitted.status == 503 and b"webhook_secrets" in admitted.body
        assert admitted.status < 500 or admitted.status == 501 or is_unset, admitted
        await rig.room.close()

    asyncio.run(scene())
