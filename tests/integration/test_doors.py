"""The doors on a real socket, through the intake, to a store in memory: what is answered and what is journalled."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from router.api.auth import Token
from router.api.limits import ServerLimits
from router.errors import Overloaded, StoreFull, StoreUnavailable
from router.model.journal import ChangeReceived
from tests.support.doors import INBOUND_KEY, Rig, body, event, parse, port_of, request, serving, talk
from tests.support.doors import posted as prometheus_alert

LATER = "2099-01-01T00:00:00Z"
EARLIER = "2020-01-01T00:00:00Z"


def posted(ends_at: str | None = LATER, **labels: str) -> dict[str, Any]:
    return prometheus_alert(ends_at, **labels) | {"startsAt": EARLIER}


GOOD = posted(instance="good")
AM, V1, PD, CHANGE = "/api/v2/alerts", "/v1/alerts", "/v2/enqueue", "/v2/change/enqueue"


async def ask(rig: Rig, data: bytes, **options: Any) -> tuple[int, dict[str, str], Any]:
    async with serving(rig, **options) as server:
        status, headers, content = parse(await talk(port_of(server), data))
    return status, headers, json.loads(content) if content else None


async def test_prometheus_posts_resends_and_resolves() -> None:
    rig = Rig()
    async with serving(rig) as server:
        for alert in (posted(), posted(), posted("2099-01-01T00:01:00Z"), posted(EARLIER), posted(EARLIER)):
            status, _, content = parse(await talk(port_of(server), request("POST", AM, body(alert, GOOD))))
            assert (status, content) == (200, b"")
    assert [(alert.status, alert.labels.get("instance")) for alert in rig.journal.alerts] == [
        ("firing", None),
        ("firing", "good"),
        ("resolved", None),
    ]


async def test_two_replicas_on_two_connections_make_one_entry_each() -> None:
    rig = Rig()
    async with serving(rig) as server:
        data = request("POST", AM, body(*(posted(instance=f"n{number}") for number in range(50))))
        answers = await asyncio.gather(*(talk(port_of(server), data) for _ in range(4)))
    assert [parse(answer)[0] for answer in answers] == [200] * 4
    assert len(rig.journal.alerts) == 50


async def test_a_pagerduty_client() -> None:
    rig = Rig()
    async with serving(rig) as server:
        port = port_of(server)
        status, _, content = parse(await talk(port, request("POST", PD, event())))
        told = json.loads(content)
        assert (status, told["status"], told["message"]) == (202, "success", "Event processed")
        resolve = event("resolve", dedup_key=told["dedup_key"])
        assert parse(await talk(port, request("POST", PD, resolve)))[0] == 202
        change = event("trigger", payload={"summary": "deployed", "source": "ci"})
        status, _, content = parse(await talk(port, request("POST", CHANGE, change)))
        assert (status, json.loads(content)) == (202, {"status": "success", "message": "Change event processed"})
    assert rig.journal.told == [("firing", ""), ("resolved", "source")]
    assert len({alert.fingerprint for alert in rig.journal.alerts}) == 1
    assert isinstance(rig.journal.entries[-1].fact, ChangeReceived)


async def test_our_own_json() -> None:
    rig = Rig()
    status, _, told = await ask(rig, request("POST", V1, b'[{"service":"a"},{"service":"b","severity":"critical"}]'))
    assert (status, told) == (202, {"accepted": 2})
    assert [alert.service for alert in rig.journal.alerts] == ["a", "b"]


PAYLOAD = {"summary": "s", "source": "x", "severity": "error"}
NESTED = b'{"a":' * 900 + b"1" + b"}" * 900
DEEP = b"[" * 200_000

BAD: list[tuple[str, bytes, int, str]] = [
    # door, body, status, words that must be in the answer
    (AM, b"", 400, "empty"),
    (AM, b"{", 400, "not a JSON array"),
    (AM, b"{}", 400, "not a JSON array"),
    (AM, b"null", 400, "not a JSON array"),
    (AM, b'"text"', 400, "not a JSON array"),
    (AM, DEEP, 400, "too deeply"),
    (AM, b"\xef\xbb\xbf[]", 400, "byte order mark"),
    (AM, b"\xff\xfe[\x00]\x00", 400, "not a JSON array"),
    (AM, b"[1", 400, "truncated"),
    (AM, b"[1]]", 400, "malformed"),
    (AM, b"[NaN]", 400, "alert 0: holds NaN"),
    (AM, body(GOOD, 7), 400, "alert 1: Expected `object`"),
    (AM, body(GOOD, {}), 400, "alert 1: Object missing required field `labels`"),
    (AM, body(GOOD, {"labels": {}}), 400, "alert 1, labels: expected at least one label"),
    (AM, body(GOOD, {"labels": {"a": ""}}), 400, "alert 1, labels: expected at least one label"),
    (AM, body(GOOD, {"labels": {"a": 1}}), 400, "alert 1, labels.a: Expected `str`, got `int`"),
    (AM, body(GOOD, {"labels": {"": "x"}}), 400, "not empty"),
    (AM, body(GOOD, {"labels": {f"l{n}": "x" for n in range(10_000)}}), 400, "65536 bytes"),
    (AM, body(GOOD, {"labels": {f"l{n}": "x" for n in range(257)}}), 400, "at most 256 labels, found 257"),
    (AM, body(GOOD, {"labels": {"a": "x" * 9000}}), 400, "labels.a: expected a value of at most 8192"),
    (AM, body(GOOD, posted() | {"startsAt": "soon"}), 400, "alert 1, startsAt: expected an RFC 3339 time"),
    (AM, body(GOOD, posted() | {"startsAt": "2026-02-30T00:00:00Z"}), 400, "alert 1, startsAt"),
    (AM, body(GOOD, posted() | {"endsAt": "1969-12-31T23:59:59Z"}), 400, "alert 1, endsAt: expected a time since 1970"),
    (AM, body(GOOD, posted(EARLIER) | {"startsAt": LATER}), 400, "start time must be before end time"),
    (AM, body(GOOD, posted() | {"startsAt": 5}), 400, "alert 1, startsAt: Expected `str | null`, got `int`"),
    (AM, body(GOOD)[:-1] + b',{"labels":{"a":"\\ud800"}}]', 400, "alert 1: holds text that is no Unicode"),
    (AM, body(GOOD)[:-1] + b',{"labels":{"a":"\xff"}}]', 400, "alert 1"),
    (AM, body(GOOD)[:-1] + b',{"labels":{"a":NaN}}]', 400, "alert 1: holds NaN"),
    (AM, b'[{"labels":{"a":"b"},"annotations":{"a":"\x00"}}]', 400, "not a JSON array"),
    (AM, body(*[{}] * 30), 400, "and 10 more"),
    (AM, body(*[{"labels": {"a": "b"}}] * 10_001), 413, "at most 10000 alerts"),
    (V1, b"", 400, "empty"),
    (V1, b"[", 400, "not a JSON array"),
    (V1, DEEP, 400, "too deeply"),
    (V1, b"7", 400, "expected an object, found a number"),
    (V1, b'{"service": NaN}', 400, "alert 0"),
    (V1, b'{"service": "a"} {"service": "b"}', 400, "alert 0"),
    (V1, b'[{"service":"ok"},{"name":"x"}]', 400, "alert 1, service: expected the name of the affected service"),
    (V1, b'[{"service":"ok"},{"service":"\\udc00"}]', 400, "alert 1: holds text that is no Unicode"),
    (V1, b'[{"service":"ok"},{"service":"a","score":1e999}]', 400, "alert 1"),
    (V1, b'[{"service":"ok"},{"service":"a","severty":"x"}]', 400, 'did you mean \\"severity\\"?'),
    (V1, b'[{"service":"ok"},{"service":"a","starts_at":"10000-01-01T00:00:00Z"}]', 400, "alert 1, starts_at"),
    (V1, b'[{"service":"ok"},{"service":"a","details":' + NESTED + b"}]", 400, "alert 1, details: expected at most 32 levels"),
    (PD, b"", 400, "Event object format is unrecognized"),
    (PD, b"[]", 400, "expected a JSON object, found a list"),
    (PD, b'{"a":' * 100_000, 400, "Event object format is unrecognized"),
    (PD, b"{}", 400, "'routing_key' cannot be blank"),
    (PD, event(routing_key="x"), 400, "Invalid routing key"),
    (PD, event(routing_key="f" * 32), 400, "Invalid routing key"),
    (PD, event("open"), 400, "'event_action' is invalid"),
    (PD, event("resolve"), 400, "'dedup_key' is missing"),
    (PD, event(payload={}), 400, "'payload.summary' is missing or blank"),
    (PD, event(payload=PAYLOAD | {"severity": "fatal"}), 400, "'payload.severity' is invalid (must be one of the following"),
    (PD, event(payload=PAYLOAD | {"summary": "x" * 1025}), 400, "'summary' is too long"),
    (PD, event(payload=PAYLOAD | {"custom_details": []}), 400, "'payload.custom_details' must be an object"),
    (PD, event(payload=PAYLOAD | {"custom_details": json.loads(NESTED)}), 400, "nested too deeply (maximum is 32"),
    (PD, event(payload=PAYLOAD | {"timestamp": "noon"}), 400, "'payload.timestamp' is invalid"),
    (PD, event(padding="x" * 600_000), 400, "512000 bytes"),
    (CHANGE, b"{}", 400, "'payload' is missing"),
    (CHANGE, event(routing_key="f" * 32), 400, "Invalid routing key"),
]  # fmt: skip


@pytest.mark.parametrize(("door", "content", "status", "words"), BAD, ids=[f"{n}-{bad[0]}" for n, bad in enumerate(BAD)])
async def test_bad_input(door: str, content: bytes, status: int, words: str) -> None:
    """A 4xx that says what and where; the good alert beside it is journalled, and the next request is answered."""
    rig = Rig()
    async with serving(rig) as server:
        port = port_of(server)
        found, headers, told = parse(await talk(port, request("POST", door, content)))
        assert found == status, told
        assert words in told.decode()
        assert headers["content-type"] == "application/json"
        assert len(told) < 8000
        json.loads(told)
        assert parse(await talk(port, request("GET", "/-/healthy")))[0] == 200
    has_good_one = body(GOOD)[1:-1] in content or b'"service":"ok"' in content
    assert len(rig.journal.alerts) == int(has_good_one)


async def test_a_hundred_good_ones_beside_each_bad_one() -> None:
    rig = Rig()
    alerts = [{"labels": {}} if number % 10 == 5 else posted(instance=f"n{number}") for number in range(100)]
    status, _, told = await ask(rig, request("POST", AM, body(*alerts)))
    assert status == 400
    assert told.startswith("alert 5, labels: expected at least one label")
    assert len(rig.journal.alerts) == 90


@pytest.mark.parametrize(
    ("error", "expected"),
    [(StoreFull("no room"), (503, "60")), (StoreUnavailable("gone"), (503, "5")), (Overloaded("busy", 7), (429, "7"))],
)
@pytest.mark.parametrize(
    ("door", "content", "shape"),
    [
        (AM, body(GOOD), "message"),
        (V1, b'{"service":"a"}', "error"),
        (PD, event(), "errors"),
        (CHANGE, event(), "errors"),
    ],
)
async def test_what_cannot_be_kept_is_refused(
    door: str, content: bytes, shape: str, error: Exception, expected: tuple[int, str]
) -> None:
    rig = Rig()
    append = rig.journal.store.append

    async def refuse(at: int, facts: Any) -> Any:
        raise error

    rig.journal.store.append = refuse  # type: ignore[method-assign]
    async with serving(rig) as server:
        port = port_of(server)
        found, headers, told = parse(await talk(port, request("POST", door, content)))
        assert (found, headers["retry-after"]) == expected
        assert shape in json.loads(told)
        rig.journal.store.append = append  # type: ignore[method-assign]
        assert parse(await talk(port, request("POST", door, content)))[0] in (200, 202)
    assert len(rig.journal.entries) == 1


async def test_throttling_has_pagerdutys_shape() -> None:
    rig = Rig()

    async def refuse(at: int, facts: Any) -> Any:
        raise Overloaded("busy")

    rig.journal.store.append = refuse  # type: ignore[method-assign]
    _, _, told = await ask(rig, request("POST", PD, event()))
    assert told["status"] == "throttle exceeded"


async def test_a_body_too_large_names_the_limit_in_each_shape() -> None:
    limits = ServerLimits(body_bytes=1000)
    for door, member in ((AM, "message"), (V1, "error"), (PD, "errors")):
        status, _, told = await ask(Rig(), request("POST", door, b"x" * 2000), limits=limits)
        assert status == 413
        assert "at most 1000 bytes" in json.dumps(told[member])


async def test_tokens_and_scopes() -> None:
    tokens = [
        Token(name="prometheus", secret="in", scopes=frozenset({"ingest"})),
        Token(name="viewer", secret="see", scopes=frozenset({"read"})),
    ]
    rig = Rig(tokens)
    async with serving(rig) as server:
        port = port_of(server)

        async def status(method: str, path: str, content: bytes = b"", token: str = "") -> int:
            headers = {"authorization": f"Bearer {token}"} if token else {}
            return parse(await talk(port, request(method, path, content, **headers)))[0]

        assert await status("POST", AM, body(GOOD)) == 401
        assert await status("POST", AM, body(GOOD), "see") == 403
        assert await status("POST", AM, body(GOOD), "in") == 200
        assert await status("GET", "/v1/alerts", token="in") == 403
        assert await status("GET", "/v1/alerts", token="see") == 200
        assert await status("GET", "/metrics") == 401
        assert await status("POST", "/-/reload", token="see") == 403
        assert await status("POST", PD, event()) == 202  # its key is in the body
        assert await status("GET", "/-/ready") == 200
    assert len(rig.journal.alerts) == 2


async def test_health_metrics_reload_and_what_is_not_there() -> None:
    rig = Rig()
    async with serving(rig) as server:
        port = port_of(server)

        async def get(path: str, method: str = "GET") -> tuple[int, bytes]:
            status, _, content = parse(await talk(port, request(method, path)))
            return status, content

        assert (await get("/-/healthy"))[0] == 200
        assert (await get("/-/ready"))[0] == 200
        rig.not_ready.append("stopping")
        status, told = await get("/-/ready")
        assert (status, json.loads(told)["reasons"]) == (503, ["stopping"])
        assert (await get("/-/reload", "POST"))[0] == 200
        rig.mistakes.append("rules.yaml:1:1: error")
        assert (await get("/-/reload", "POST"))[0] == 422
        status, metrics = await get("/metrics")
        assert status == 200
        assert b'alert_router_http_requests_total{door="ready",status="503"} 1.0' in metrics
        assert (await get("/api/v2/other"))[0] == 501
        assert (await get("/api/v2/alerts/groups"))[0] == 200
        assert (await get("/api/v1/alerts", "POST"))[0] == 410
        assert (await get("/api/v2/status"))[0] == 200
        assert json.loads((await get("/api/v2/alerts"))[1]) == []
        assert json.loads((await get("/v1/openapi.json"))[1])["openapi"] == "3.1.0"
        assert json.loads((await get("/v1/stats"))[1]) == {"active_alerts": 0}
        assert (await get("/v1/deliveries/7/retry", "POST"))[0] == 404
        assert (await get("/nowhere"))[0] == 404
        assert (await get(AM, "DELETE"))[0] == 405


async def test_no_key_or_token_shows_in_an_answer() -> None:
    rig = Rig([Token(name="t", secret="5e" * 16, scopes=frozenset({"ingest"}))])
    async with serving(rig) as server:
        port = port_of(server)
        for data in (
            request("POST", AM, body(GOOD), authorization="Bearer " + "5e" * 16 + "x"),
            request("POST", PD, event(routing_key=INBOUND_KEY + "x")),
            request("POST", PD, event(event_action="x")),
        ):
            answer = await talk(port, data)
            assert parse(answer)[0] in (400, 401)
            assert b"5e5e" not in answer
            assert INBOUND_KEY.encode() not in answer
