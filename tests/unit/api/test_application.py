from __future__ import annotations

import json
from typing import Any

import pytest

from router.api.application import Api
from router.api.auth import Authenticator, Peer, Token
from router.api.doors import shape_alertmanager
from router.api.exchange import Answer, Refused, Request, answer_text
from router.api.routes import Found, Route
from router.telemetry.metrics import Metrics

LOCAL, REMOTE = Peer("127.0.0.1"), Peer("10.0.0.1")
POSTED = {b"content-type": b"application/json"}


async def take(request: Request) -> Answer:
    return answer_text(request.body.decode())


async def show(_request: Request, rest: str) -> Answer:
    if rest == "broken":
        raise ZeroDivisionError
    if rest == "refused":
        raise Refused(409, "not so")
    return answer_text(rest)


def make(*tokens: Token) -> tuple[Api, Metrics]:
    metrics = Metrics()
    routes = [
        Route(method="POST", path="/in", handler=take, scope="ingest", name="in", takes_body=True),
        Route(method="POST", path="/act", handler=take, scope="write", name="act"),
        Route(method="GET", path="/see/*", handler=show, scope="read", name="see", shape=shape_alertmanager),
    ]
    return Api(routes=routes, authenticator=Authenticator(tokens), metrics=metrics), metrics


def admit(api: Api, method: str, path: str, peer: Peer = LOCAL, **headers: bytes) -> Found | Answer:
    return api.admit(method, path, {name.replace("_", "-").encode(): value for name, value in headers.items()}, peer)


def refused(found: Found | Answer) -> tuple[int, Any]:
    assert isinstance(found, Answer)
    return found.status, json.loads(found.body)


def test_unknown_paths_and_methods() -> None:
    api, metrics = make()
    assert refused(admit(api, "GET", "/nowhere"))[0] == 404
    status, told = refused(admit(api, "GET", "/in"))
    assert (status, told) == (405, {"error": "/in takes POST, not GET"})
    answer = admit(api, "PUT", "/see/x")
    assert isinstance(answer, Answer)
    assert answer.headers == ((b"allow", b"GET, HEAD"),)
    assert refused(admit(api, "GET", "/nowhere", REMOTE))[0] == 403
    metrics.prepare()
    unknown = {"door": "unknown", "status": "404"}
    assert metrics.registry.get_sample_value("alert_router_http_requests_total", unknown) == 1


def test_who_may() -> None:
    api, _ = make(Token(name="t", secret="s3cret", scopes=frozenset({"ingest"})))
    assert isinstance(
        admit(api, "POST", "/in", REMOTE, authorization=b"Bearer s3cret", content_type=b"application/json"), Found
    )
    assert refused(admit(api, "POST", "/in", REMOTE))[0] == 401
    assert refused(admit(api, "GET", "/see/x", REMOTE, authorization=b"Bearer s3cret"))[0] == 403


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/json",
        b"Application/JSON; charset=UTF-8",
        b'application/json;charset="utf-8"',
        b"application/vnd.x+json",
        None,
    ],
)
def test_content_types_that_are_taken(content_type: bytes | None) -> None:
    headers = {} if content_type is None else {b"content-type": content_type}
    assert isinstance(make()[0].admit("POST", "/in", headers, LOCAL), Found)


@pytest.mark.parametrize(
    ("headers", "status", "words"),
    [
        ({b"content-type": b"application/x-www-form-urlencoded"}, 415, "send Content-Type: application/json"),
        ({b"content-type": b"text/plain"}, 415, "text/plain"),
        ({b"content-type": b"application/json; charset=latin-1"}, 415, "UTF-8"),
        (POSTED | {b"content-encoding": b"gzip"}, 415, "gzip"),
        (POSTED | {b"sec-fetch-site": b"cross-site"}, 403, "other sites"),
    ],
)
def test_posted_things_that_are_not_taken(headers: dict[bytes, bytes], status: int, words: str) -> None:
    found, told = refused(make()[0].admit("POST", "/in", headers, LOCAL))
    assert found == status
    assert words in told["error"]


def test_pages_of_other_sites_cannot_act_even_without_a_body() -> None:
    api, _ = make()
    assert refused(api.admit("POST", "/act", {b"sec-fetch-site": b"same-site"}, LOCAL))[0] == 403
    assert isinstance(api.admit("POST", "/act", {b"sec-fetch-site": b"same-origin"}, LOCAL), Found)
    assert isinstance(api.admit("POST", "/act", {b"content-type": b"text/plain"}, LOCAL), Found)


async def test_answers() -> None:
    api, metrics = make()
    found = admit(api, "GET", "/see/it")
    assert isinstance(found, Found)
    assert (await api.answer(found, Request(method="GET", path="/see/it"))).body == b"it"
    found = admit(api, "GET", "/see/refused")
    assert isinstance(found, Found)
    answer = await api.answer(found, Request(method="GET", path="/see/refused"))
    assert (answer.status, json.loads(answer.body)) == (409, {"code": 409, "message": "not so"})
    assert api.refuse(found, 413, "too large").status == 413
    metrics.prepare()
    value = metrics.registry.get_sample_value("alert_router_http_requests_total", {"door": "see", "status": "200"})
    assert value == 1


async def test_a_handler_that_breaks_is_answered_500_without_its_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    api, _ = make()
    found = admit(api, "GET", "/see/broken")
    assert isinstance(found, Found)
    answer = await api.answer(found, Request(method="GET", path="/see/broken"))
    assert (answer.status, json.loads(answer.body)) == (500, "internal error; the log says more")
    assert "request_failed" in "".join(capsys.readouterr())


async def test_who_took_an_audited_route_is_recorded() -> None:
    kept: list[tuple[str, str, str]] = []

    async def record(who: str, what: str, subject: str) -> None:
        kept.append((who, what, subject))

    routes = [
        Route(method="POST", path="/see/*", handler=show, scope="write", name="see", audit="dropped a delivery"),
        Route(method="POST", path="/quiet", handler=take, scope="write", name="quiet"),
    ]
    token = Token(name="bot", secret="s3cret", scopes=frozenset({"write"}))
    api = Api(routes=routes, authenticator=Authenticator([token]), metrics=Metrics(), record=record)
    headers = {b"authorization": b"Bearer s3cret"}
    for path, query in (("/see/12", b"reason=noise"), ("/see/refused", b""), ("/quiet", b"")):
        found = api.admit("POST", path, headers, REMOTE)
        assert isinstance(found, Found)
        await api.answer(found, Request(method="POST", path=path, query_text=query, headers=headers))
    assert isinstance(api.admit("POST", "/see/12", {}, REMOTE), Answer)
    assert kept == [
        ("bot", "dropped a delivery", "12: noise"),
        ("bot", "dropped a delivery", "refused: refused (409)"),
    ]


async def test_what_is_done_is_answered_whatever_becomes_of_its_record(capsys: pytest.CaptureFixture[str]) -> None:
    kept: list[str] = []

    async def record(_who: str, _what: str, subject: str) -> None:
        kept.append(subject)
        if subject.startswith("broken"):
            raise RuntimeError("no paper left")

    routes = [Route(method="POST", path="/do/*", handler=show, scope=None, name="do", audit="did")]
    api = Api(routes=routes, authenticator=Authenticator(), metrics=Metrics(), record=record)
    many = b"&".join(b"a=%d" % number for number in range(60))
    for path, query in (("/do/it", many), ("/do/broken", b"")):
        found = admit(api, "POST", path)
        assert isinstance(found, Found)
        assert (await api.answer(found, Request(method="POST", path=path, query_text=query))).body
    assert kept == ["it", "broken: refused (500)"]
    assert "audit_not_kept" in "".join(capsys.readouterr())
