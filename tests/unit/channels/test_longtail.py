"""The long tail through the real apprise, to a server that stands in for what it reaches."""

from __future__ import annotations

import builtins
import json

import pytest

from router.channels import longtail
from router.channels.longtail import MISSING, load_apprise
from router.model.channel import LongTail
from router.model.delivery import Accepted, Rejected, Unavailable
from tests.support.channels import COMMON, Conversation, make_event
from tests.support.services import Service, serving

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of modules that apprise imports


@pytest.fixture
def server():
    with serving(Service()) as service:
        yield service


def conversation(url, **changes):
    return Conversation(LongTail(**(COMMON | changes), url="env:U"), {"env:U": url})


async def test_what_apprise_reaches_is_told(server):
    made = conversation(server.url.replace("http://", "json://"))
    assert [type(outcome) for outcome in await made.episode()] == [Accepted] * 4
    bodies = [json.loads(body) for _, _, _, body in server.requests]
    assert [body["type"] for body in bodies] == ["failure", "failure", "failure", "success"]
    assert bodies[0]["title"] == "[ERROR] payment-api: CardError - Cards are declined"
    assert "env=prod" in bodies[3]["message"]
    await made.aclose()


async def test_a_failure_says_what_apprise_said_without_the_address(server):
    server.answers = [(403, {}, b"")]
    made = conversation(server.url.replace("http://", "json://user:hunter2hunter2@"))
    outcome = await made.tell(make_event())
    assert isinstance(outcome, Unavailable)
    assert "403" in outcome.cause
    assert "hunter2" not in outcome.cause
    await made.aclose()


async def test_an_address_of_no_kind_it_knows_is_refused_for_good():
    made = conversation("nosuchkind://x/y")
    assert await made.tell(make_event()) == Rejected(cause="apprise does not know this kind of address")
    await made.aclose()


async def test_a_service_that_never_answers_costs_the_timeout_and_no_more(server, monkeypatch):
    made = conversation(server.url.replace("http://", "json://"), timeout_ms=1)
    assert await made.tell(make_event()) == Unavailable(cause="apprise did not finish within the timeout")
    await made.aclose()


async def test_without_the_library_the_remedy_is_said(monkeypatch):
    monkeypatch.setattr(longtail, "load_apprise", lambda: None)
    made = conversation("json://localhost")
    assert await made.tell(make_event()) == Rejected(cause=MISSING)
    assert "pip install" in MISSING
    await made.aclose()


def test_a_library_that_is_not_there_is_none(monkeypatch):
    real = builtins.__import__

    def refuse(name, *arguments):
        if name == "apprise":
            raise ImportError(name)
        return real(name, *arguments)

    monkeypatch.setattr(longtail.importlib, "import_module", refuse)
    assert load_apprise() is None


async def test_an_address_that_cannot_be_read_is_a_rejection_that_names_the_reference():
    made = Conversation(LongTail(**COMMON, url="env:GONE"))
    assert await made.tell(make_event()) == Rejected(cause="env:GONE cannot be read")
    await made.aclose()
