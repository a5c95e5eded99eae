"""Acting over HTTP: who asked, for what, and how PagerDuty's no is told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import get_args

import pytest

from router.api.auth import Peer, Token
from router.api.exchange import Answer, Request
from router.errors import RemoteRefused, RemoteUnavailable, StoreUnavailable
from router.incidents.actions import CannotAct, Nowhere
from router.model.wish import Verb, Wish
from tests.support.doors import Rig

TOKENS = [
    Token(name="ops", secret="secret-of-ops-000", scopes=frozenset({"write"})),
    Token(name="eyes", secret="secret-of-eyes-00", scopes=frozenset({"read"})),
]


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig(TOKENS)
    await rig.journal.open()
    yield rig
    await rig.room.close()


async def post(rig: Rig, path: str, body: object = None, *, secret: str = TOKENS[0].secret, query: bytes = b"") -> Answer:
    headers = {b"content-type": b"application/json", b"authorization": f"Bearer {secret}".encode()}
    found = rig.api.admit("POST", path, headers, Peer("127.0.0.1"))
    if isinstance(found, Answer):
        return found
    payload = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    return await rig.api.answer(found, Request(method="POST", path=path, headers=headers, body=payload, query_text=query))


@pytest.mark.parametrize("verb", get_args(Verb))
async def test_each_verb_is_handed_on_with_the_name_of_who_asked(rig: Rig, verb: str) -> None:
    answer = await post(rig, f"/v1/incidents/17/{verb}", {"note": "x", "team": "payments"})
    assert answer.status == 200
    assert json.loads(answer.body)["pages"][0]["team"] == "payments"
    assert rig.actions.wishes == [(17, verb, Wish(note="x", team="payments"), "ops")]


async def test_a_body_may_be_left_out(rig: Rig) -> None:
    assert (await post(rig, "/v1/incidents/17/acknowledge")).status == 200
    assert rig.actions.wishes[0][2] == Wish()


@pytest.mark.parametrize("body", [b"{", b"[]", {"notes": "x"}, {"level": "high"}])
async def test_a_body_that_cannot_be_used(rig: Rig, body: object) -> None:
    assert (await post(rig, "/v1/incidents/17/note", body)).status == 400
    assert rig.actions.wishes == []


async def test_who_may(rig: Rig) -> None:
    assert (await post(rig, "/v1/incidents/17/acknowledge", secret=TOKENS[1].secret)).status == 403
    assert (await post(rig, "/v1/incidents/17/acknowledge", secret="x")).status == 401
    assert (await post(rig, "/v1/reconcile", secret=TOKENS[1].secret)).status == 403
    assert rig.actions.wishes == []
    assert Rig().authenticator.name_of(None) == "this machine"


@pytest.mark.parametrize("number", ["x", "1/2", "9" * 30])
async def test_an_incident_is_named_by_its_number(rig: Rig, number: str) -> None:
    assert (await post(rig, f"/v1/incidents/{number}/acknowledge")).status == 400


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Nowhere("none"), 404),
        (CannotAct("no"), 409),
        (RemoteRefused("the token lacks the right incidents.write"), 502),
        (RemoteUnavailable("away"), 503),
        (StoreUnavailable("busy"), 503),
    ],
)
async def test_a_no_is_told_with_its_reason(rig: Rig, error: Exception, status: int) -> None:
    rig.actions.error = error
    answer = await post(rig, "/v1/incidents/17/acknowledge")
    assert answer.status == status
    assert str(error) in json.loads(answer.body)["error"]


async def test_reconciling(rig: Rig) -> None:
    found = json.loads((await post(rig, "/v1/reconcile")).body)
    assert [item["mended"] for item in found["items"]] == [True]
    found = json.loads((await post(rig, "/v1/reconcile", query=b"dry_run=true")).body)
    assert [item["mended"] for item in found["items"]] == [False]
    assert (await post(rig, "/v1/reconcile", query=b"dry_run=perhaps")).status == 400
    assert (await post(rig, "/v1/reconcile", query=b"dry=true")).status == 400


async def test_strays_are_listed_and_resolved_with_a_reason_and_a_name(rig: Rig) -> None:
    headers = {b"authorization": f"Bearer {TOKENS[0].secret}".encode()}
    route = rig.api.admit("GET", "/v1/strays", headers, Peer("127.0.0.1"))
    listed = json.loads((await rig.api.answer(route, Request(method="GET", path="/v1/strays", headers=headers))).body)
    assert ([item["number"] for item in listed["items"]], listed["looked_at"], listed["not_asked"]) == ([7], 5, 2)
    done = await post(rig, "/v1/strays/resolve", {"numbers": [7], "reason": "put back", "by": "ann"})
    assert [item["taken"] for item in json.loads(done.body)["items"]] == [True]
    assert (await post(rig, "/v1/strays/resolve", {"all": True, "reason": "put back"})).status == 200
    assert rig.strays.ended == [((7,), False, "put back", "ann (ops)"), ((), True, "put back", "ops")]


@pytest.mark.parametrize(
    "body",
    [
        {"numbers": [7]}, {"numbers": [7], "reason": " "}, {"reason": "x"}, {"numbers": [7], "all": True, "reason": "x"},
        {"numbers": ["7"], "reason": "x"}, {"numbers": [7], "reason": "x", "more": 1}, {"numbers": [7] * 101, "reason": "x"}, b"{",
    ],
)  # fmt: skip
async def test_strays_are_resolved_only_when_it_is_said_which_and_why(rig: Rig, body: object) -> None:
    assert (await post(rig, "/v1/strays/resolve", body)).status == 400
    assert rig.strays.ended == []


async def test_who_may_resolve_strays_and_what_pagerduty_says_to_it(rig: Rig) -> None:
    wish = {"numbers": [7], "reason": "x"}
    assert (await post(rig, "/v1/strays/resolve", wish, secret=TOKENS[1].secret)).status == 403
    for error, status in ((CannotAct("no token"), 409), (RemoteRefused("no"), 502), (RemoteUnavailable("away"), 503)):
        rig.strays.error = error
        assert (await post(rig, "/v1/strays/resolve", wish)).status == status
