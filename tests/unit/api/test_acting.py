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
