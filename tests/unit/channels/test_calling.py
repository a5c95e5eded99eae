"""One call over HTTP, and what its status says."""

from __future__ import annotations

import asyncio

import pytest

from router.channels.calling import Caller, endpoint_of, outcome_by_status, reveal, secrets_in, split_url
from router.clock import SystemClock
from router.errors import RouterError
from router.model.channel import Discord
from router.model.delivery import Accepted, Rejected, Throttled, Unavailable
from router.wire.answer import Answer
from tests.support.channels import COMMON
from tests.support.peer import answer, peer
from tests.support.services import Service, serving

CHANNEL = Discord(**(COMMON | {"timeout_ms": 500}), url="env:U")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Accepted(status=200)),
        (204, Accepted(status=204)),
        (301, Rejected(cause="HTTP 301: answered with a redirect, which is not followed", status=301)),
        (307, Rejected(cause="HTTP 307: answered with a redirect, which is not followed", status=307)),
        (400, Rejected(cause="HTTP 400: no", status=400)),
        (401, Rejected(cause="HTTP 401: no", status=401)),
        (404, Rejected(cause="HTTP 404: no", status=404)),
        (408, Unavailable(cause="HTTP 408: no", status=408)),
        (410, Rejected(cause="HTTP 410: no", status=410)),
        (413, Rejected(cause="HTTP 413: no", status=413)),
        (429, Throttled()),
        (500, Unavailable(cause="HTTP 500: no", status=500)),
        (503, Unavailable(cause="HTTP 503: no", status=503)),
        (999, Unavailable(cause="HTTP 999: no", status=999)),
    ],
)
def test_the_outcome_table(status, outcome):
    assert outcome_by_status(Answer(status=status, body=b"no"), secrets=(), now=0) == outcome


def test_a_wait_is_honoured_and_better_words_are_taken():
    got = Answer(status=503, body=b"<html>", headers={"retry-after": "9"})
    assert outcome_by_status(got, secrets=(), now=0, said="later") == Unavailable(
        cause="HTTP 503: later", status=503, retry_after_ms=9_000
    )


async def test_a_call_carries_what_it_is_given_and_follows_nothing():
    with serving(Service()) as service:
        service.answers = [(302, {"Location": f"{service.url}/elsewhere"}, b"")]
        caller = Caller(CHANNEL, SystemClock())
        got = await caller.call(f"{service.url}/a/b?c=d%2F", b"{}", {"X-Y": "z"}, method="PATCH")
        assert isinstance(got, Answer)
        assert got.status == 302
        ((method, path, headers, body),) = service.requests
        assert (method, path, headers["x-y"], body) == ("PATCH", "/a/b?c=d%2F", "z", b"{}")
        await caller.aclose()


async def test_a_server_that_never_answers_costs_the_deadline_and_no_more():
    async def silent(link):
        await link.request()
        await link.gone()

    async with peer(silent) as running:
        caller = Caller(CHANNEL, SystemClock())
        async with asyncio.timeout(20):  # far above the channel's own, far below anybody else's
            assert await caller.call(running.url, b"{}") == Unavailable(cause="no answer within the deadline")
        await caller.aclose()


async def test_an_answer_without_end_is_bounded():
    async def endless(link):
        await link.request()
        await link.send(answer(500, b"x" * 1_000_000))
        await link.gone()

    async with peer(endless) as running:
        caller = Caller(CHANNEL, SystemClock())
        got = await caller.call(running.url, b"{}")
        assert isinstance(got, Answer)
        assert len(got.body) <= 65_536
        assert not got.complete
        await caller.aclose()


@pytest.mark.parametrize("url", ["gopher://x", "https://", "https://u:p@x/", "https://x:99999", "nothing", "https://[::1"])
async def test_an_address_that_cannot_be_used_is_a_rejection(url):
    got = await Caller(CHANNEL, SystemClock()).call(url, b"")
    assert isinstance(got, Rejected)
    assert "u:p" not in got.cause


@pytest.mark.parametrize("header", ["a\r\nHost: evil", "é", "a\x00"])
async def test_a_header_cannot_begin_another(header):
    assert isinstance(await Caller(CHANNEL, SystemClock()).call("http://127.0.0.1:9", b"", {"X": header}), Rejected)


def test_an_address_is_split_and_its_path_is_plain_ascii():
    origin, path = split_url("https://x.example:8443/a b/ü?q=1&r=%20#fragment")
    assert (str(origin), path) == ("https://x.example:8443", "/a%20b/%C3%BC?q=1&r=%20")
    assert split_url("https://x.example")[1] == "/"


def test_what_would_give_an_address_away_is_known():
    found = secrets_in("https://x.example/services/T0/abcdefghijklmnop?sig=AAAABBBBCCCCDDDD%2F&v=1")
    assert "abcdefghijklmnop" in found
    assert "AAAABBBBCCCCDDDD/" in found
    assert "v" not in found


def test_the_endpoint_holds_no_secret():
    known = {"env:U": "https://hooks.example/services/secret", "env:BAD": "no address"}.__getitem__
    assert endpoint_of(known, "env:U", "channel:ops") == "hooks.example"
    assert endpoint_of(known, "env:BAD", "channel:ops") == "channel:ops"
    assert endpoint_of(known, "env:GONE", "channel:ops") == "channel:ops"


@pytest.mark.parametrize("error", [KeyError("s3cret"), OSError("s3cret"), ValueError("s3cret"), RouterError("s3cret")])
def test_why_a_secret_cannot_be_read_is_not_passed_on(error):
    def fail(_reference):
        raise error

    assert reveal(fail, "env:X") == Rejected(cause="env:X cannot be read")
