"""Which answer PagerDuty gets: a 4xx but 429 loses the webhook, so there is one, for what is not signed by it."""

from __future__ import annotations

import json

import pytest

from router.api.exchange import Refused, Request
from router.api.hooks import Hooks, Result
from router.errors import Overloaded, StoreFull, StoreUnavailable


class Scripted:
    """A desk that answers what it is told to."""

    def __init__(self, answer: Result | Exception) -> None:
        self.answer = answer
        self.taken: list[tuple[str, str, bytes]] = []

    async def take(self, *, signature: str, webhook_id: str, body: bytes) -> Result:
        self.taken.append((signature, webhook_id, body))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


HEADERS = {b"x-pagerduty-signature": b"v1=00", b"x-webhook-id": b"abc"}
REQUEST = Request(method="POST", path="/v1/pagerduty/webhook", headers=HEADERS, body=b"{}")


@pytest.mark.parametrize("result", ["taken", "repeated", "ignored", "unreadable"])
async def test_what_is_signed_is_answered_2xx(result: Result) -> None:
    desk = Scripted(result)
    answer = await Hooks(desk).webhook(REQUEST)
    assert (answer.status, json.loads(answer.body)) == (202, {"result": result})
    assert desk.taken == [("v1=00", "abc", b"{}")]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("forged", 401),
        ("unconfigured", 503),
        (Overloaded("many", retry_after_seconds=30), 429),
        (StoreFull("full"), 503),
        (StoreUnavailable("busy"), 503),
    ],
)
async def test_what_cannot_be_taken_now_comes_again(answer: Result | Exception, status: int) -> None:
    with pytest.raises(Refused) as refused:
        await Hooks(Scripted(answer)).webhook(Request(method="POST", path="/"))
    assert refused.value.status == status
    assert bool(refused.value.headers) is (status != 401)
