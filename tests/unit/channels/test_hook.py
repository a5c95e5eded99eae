"""The generic webhook: JSON whatever an alert says, signed, and only ever to the configured address."""

from __future__ import annotations

import hashlib
import hmac
import json
import re

import pytest

from router.channels.hook import MAX_BODY, HookChannel, context_of, fill, own_form, sign, texts_of
from router.model.channel import Hook
from router.model.delivery import Accepted, Rejected, Unavailable
from router.model.ruleset import TemplateFailed
from tests.support.channels import COMMON, Conversation, make_event
from tests.support.services import Service, serving

SECRETS = {"env:S": "signing secret of ours", "env:A": "Bearer abcdefghijkl"}


@pytest.fixture
def server():
    with serving(Service()) as service:
        yield service


def hook(url, **changes):
    values = {"method": "POST", "headers": {}, "secret_headers": {}, "signing_secret": "", "body": None}
    return Conversation(Hook(**(COMMON | values | changes), url="env:U"), SECRETS | {"env:U": url})


def sent(server, position=-1):
    method, path, headers, body = server.requests[position]
    return method, path, headers, json.loads(body)


async def test_without_a_body_of_ones_own_there_is_a_documented_one(server):
    conversation = hook(f"{server.url}/alerts?team=a")
    assert await conversation.tell(make_event()) == Accepted(status=200)
    method, path, headers, body = sent(server)
    assert (method, path) == ("POST", "/alerts?team=a")
    assert headers["content-type"] == "application/json"
    assert body == own_form(make_event())
    assert body["summary"] == "payment-api: CardError - Cards are declined"
    assert body["links"][0] == {"href": "https://prometheus.example/graph?a=1&b=2", "text": "Graph"}
    await conversation.aclose()


async def test_texts_of_the_body_are_templates_and_the_rest_stays(server):
    form = {
        "text": "{{ severity|upper }}: {{ summary }}",
        "n": 3,
        "on": True,
        "list": ["{{ labels.env }}", None],
        "d": {"k": "{{ dedup_key }}"},
    }
    conversation = hook(server.url, method="PUT", headers={"X-Env": "prod"}, body=form)
    await conversation.tell(make_event(action="resolve"))
    method, _, headers, body = sent(server)
    assert (method, headers["x-env"]) == ("PUT", "prod")
    assert body == {
        "text": "CRITICAL: payment-api: CardError - Cards are declined", "n": 3, "on": True, "list": ["prod", None],
        "d": {"k": "payment-errors/0123456789abcdef/1a2b-3"},
    }  # fmt: skip
    await conversation.aclose()


@pytest.mark.parametrize("evil", ['","admin":true,"x":"', "{{ 7*7 }}", "{% raw %}", '"}\n{"a":1', "\\", "\x00\ud800"])
async def test_nothing_an_alert_says_changes_the_form_or_is_a_template(server, evil):
    conversation = hook(server.url, body={"text": "{{ summary }}", "name": "{{ labels.env }}"})
    await conversation.tell(make_event(summary=evil, details={"labels": {"env": evil}}))
    body = sent(server)[3]
    assert set(body) == {"text", "name"}
    assert "49" not in body["text"]
    await conversation.aclose()


async def test_a_signature_can_be_checked_and_holds_the_time(server):
    conversation = hook(server.url, signing_secret="env:S", secret_headers={"Authorization": "env:A"})
    await conversation.tell(make_event())
    _, _, headers, raw = server.requests[0]
    found = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", headers["x-alert-router-signature"])
    assert found
    expected = hmac.new(SECRETS["env:S"].encode(), found[1].encode() + b"." + raw, hashlib.sha256).hexdigest()
    assert found[2] == expected
    assert headers["authorization"] == "Bearer abcdefghijkl"
    assert headers["x-alert-router-delivery"] == "1"
    await conversation.aclose()


def test_another_body_or_time_is_another_signature():
    assert len({sign("s", b"a", 1), sign("s", b"b", 1), sign("s", b"a", 2), sign("t", b"a", 1)}) == 4


async def test_a_redirect_into_the_network_is_not_followed(server):
    server.answers = [(307, {"Location": "http://127.0.0.1:1/latest/meta-data"}, b"")]
    conversation = hook(server.url)
    outcome = await conversation.tell(make_event(links=(), details={"url": "http://169.254.169.254/"}))
    assert isinstance(outcome, Rejected)
    assert len(server.requests) == 1
    await conversation.aclose()


async def test_secrets_are_in_no_cause(server):
    server.answers = [(401, {}, b"bad abcdefghijkl Bearer abcdefghijkl at /hooks/0123456789abcdef")]
    conversation = hook(f"{server.url}/hooks/0123456789abcdef", secret_headers={"Authorization": "env:A"})
    outcome = await conversation.tell(make_event())
    assert outcome == Rejected(cause="HTTP 401: bad abcdefghijkl *** at /hooks/***", status=401)
    await conversation.aclose()


@pytest.mark.parametrize("reference", ["secret_headers", "signing_secret"])
async def test_a_secret_that_cannot_be_read_is_a_rejection_that_names_the_reference(server, reference):
    value = {"X-Key": "env:GONE"} if reference == "secret_headers" else "env:GONE"
    conversation = hook(server.url, **{reference: value})
    assert await conversation.tell(make_event()) == Rejected(cause="env:GONE cannot be read")
    assert server.requests == []


async def test_the_servers_troubles_are_tried_again(server):
    server.answers = [(503, {"Retry-After": "3"}, b"busy")]
    conversation = hook(server.url)
    assert await conversation.tell(make_event()) == Unavailable(cause="HTTP 503: busy", status=503, retry_after_ms=3_000)
    await conversation.aclose()


def test_a_template_that_fails_costs_its_text_alone():
    class Broken:
        def render(self, context):
            raise TemplateFailed("no")

    assert fill({"a": "x", "b": 1}, {"x": Broken()}, {}) == {"a": "(template failed: no)", "b": 1}


def test_a_body_that_is_too_long_becomes_our_own_form():
    class Long:
        def render(self, context):
            return "x" * MAX_BODY

    settings = Hook(**COMMON, url="env:U", method="POST", headers={}, secret_headers={}, signing_secret="", body={"a": "x"})
    channel = HookChannel(settings, resolve={}.__getitem__, caller=None, compile_template=lambda _text: Long())
    body = json.loads(channel.encode(make_event()))
    assert body["summary"] == "payment-api: CardError - Cards are declined"
    assert body["facts"] == {"note": "the templated body was too long"}


def test_texts_are_found_wherever_they_stand():
    assert texts_of({"a": ["x", {"b": "y"}], "c": 1, "z": None}) == ["x", "y"]


def test_the_context_has_what_the_documentation_says():
    context = context_of(make_event(action="resolve", team="payments"))
    assert context["state"] == "resolved"
    assert context["at"] == "2026-09-21T14:13:20Z"
    assert context["annotations"]["description"] == "Every second card."
