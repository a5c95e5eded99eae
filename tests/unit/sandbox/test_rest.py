"""Who may call the REST face, how often, and how its errors look."""

import json

import pytest

from router.sandbox.answer import Behaviour
from router.sandbox.faults import Fault
from router.sandbox.settings import DEFAULT_TOKEN, READ_ONLY_TOKEN, TokenSpec
from tests.unit.sandbox.builders import content_of, sandbox
from tests.unit.sandbox.calls import call, code, incident_id, ok

NOTE = {"note": {"content": "hello"}}


@pytest.mark.parametrize(
    "given",
    [
        None,
        DEFAULT_TOKEN,
        f"Token {DEFAULT_TOKEN}",
        f"token token={DEFAULT_TOKEN}",
        "Token token=wrong",
        "Bearer ",
        f"Token token={DEFAULT_TOKEN} ",
    ],
)
def test_authentication_must_be_exact(given):
    assert code(call(sandbox(), "GET", "/incidents", authorization=given)) == (401, 2006)


def test_bearer_is_taken_too():
    assert call(sandbox(), "GET", "/incidents", authorization=f"Bearer {DEFAULT_TOKEN}").status == 200


def test_read_only_tokens_do_not_write():
    box = sandbox()
    path = f"/incidents/{incident_id(box)}/notes"
    readonly = f"Token token={READ_ONLY_TOKEN}"
    assert call(box, "GET", path, authorization=readonly).status == 200
    assert code(call(box, "POST", path, NOTE, authorization=readonly)) == (403, 2010)


def test_version_switch():
    for accept in (None, "application/json", "application/vnd.pagerduty+json;version=1"):
        assert call(sandbox(), "GET", "/incidents", accept=accept).status == 400
        assert call(sandbox(rest_require_accept=False), "GET", "/incidents", accept=accept).status == 200


def test_what_is_not_built_says_so_to_everybody():
    for method, path in (
        ("GET", "/teams"),
        ("DELETE", "/incidents"),
        ("GET", "/analytics/raw/incidents"),
        ("GET", "/incidents/x/y/z"),
    ):
        answer = call(sandbox(), method, path, authorization=None)
        assert answer.status == 501
        assert path.encode() in answer.body


def test_writes_must_be_json():
    box = sandbox()
    path = f"/incidents/{incident_id(box)}/notes"
    assert call(box, "POST", path, NOTE, content_type="text/plain").status == 400
    assert call(box, "POST", path, [1]).status == 400
    assert call(box, "POST", path).status == 400
    assert call(box, "POST", path, {}).status == 400


def test_from_header_and_its_switch():
    box = sandbox()
    path = f"/incidents/{incident_id(box)}/notes"
    assert call(box, "POST", path, NOTE, **{"from": None}).status == 400
    assert code(call(box, "POST", path, NOTE, **{"from": "ada"})) == (400, 1028)
    assert code(call(box, "POST", path, NOTE, **{"from": "nobody@example.test"})) == (400, 1008)
    assert call(box, "POST", path, NOTE, **{"from": "ADA@example.test"}).status == 200
    assert call(box, "GET", path, **{"from": None}).status == 200
    box.set_switches({"rest_require_from": False})
    assert call(box, "POST", path, NOTE, **{"from": None}).status == 200


def test_status_of_creates_switch():
    box = sandbox(rest_create_status=201)
    assert call(box, "POST", f"/incidents/{incident_id(box)}/notes", NOTE).status == 201


def test_rate_limit_and_its_headers():
    box = sandbox(rest_rate_limit_per_minute=2)
    first = dict(call(box, "GET", "/users", now=0).headers)
    assert (first["ratelimit-limit"], first["ratelimit-remaining"], first["ratelimit-reset"]) == ("2", "1", "60")
    call(box, "GET", "/users", now=10_000)
    refused = call(box, "GET", "/users", now=10_000)
    assert code(refused) == (429, 2020)
    assert dict(refused.headers)["ratelimit-reset"] == "50"
    assert call(box, "GET", "/users", now=10_000, authorization=f"Token token={READ_ONLY_TOKEN}").status == 200
    assert call(box, "GET", "/users", now=60_000).status == 200


def test_bare_throttle_switch():
    box = sandbox(rest_rate_limit_per_minute=1, rest_bare_throttle=True)
    call(box, "GET", "/users")
    answer = call(box, "GET", "/users")
    assert (answer.status, answer.body, answer.headers) == (429, b"", ())


def test_lower_limits_of_single_operations():
    box = sandbox(rest_oncalls_limit_per_minute=1, rest_create_limit_per_minute=1, rest_update_limit_per_minute=1)
    assert dict(call(box, "GET", "/oncalls").headers)["ratelimit-limit"] == "1"
    assert call(box, "GET", "/oncalls").status == 429
    assert dict(call(box, "GET", "/users").headers)["ratelimit-limit"] == "960"
    assert [call(box, method, "/incidents", {}).status for method in ("POST", "POST", "PUT", "PUT")] == [400, 429, 400, 429]


def test_rate_limit_off():
    box = sandbox(rest_rate_limit_per_minute=0)
    assert "ratelimit-limit" not in dict(call(box, "GET", "/users").headers)


def test_shapes_of_errors():
    def error(shape):
        return call(sandbox(rest_error_shape=shape), "GET", "/incidents?limit=x")

    assert isinstance(content_of(error("object"))["error"]["errors"], list)
    assert isinstance(content_of(error("string_errors"))["error"]["errors"], str)
    assert isinstance(content_of(error("array"))["error"], list)
    assert error("html").body.startswith(b"<html>")


def test_faults():
    box = sandbox()
    path = f"/incidents/{incident_id(box)}/notes"
    for kind, behaviour, written in (
        ("500", "answer", 0),
        ("reset_before", "reset_before", 0),
        ("reset_after", "reset_after", 1),
    ):
        box.add_fault(Fault(kind=kind, face="rest", count=1), 0)
        assert call(box, "POST", path, NOTE).behaviour == Behaviour(behaviour)
        assert len(ok(box, "GET", path)["notes"]) == written
    box.add_fault(Fault(kind="429", face="rest", body="empty", count=1), 0)
    assert call(box, "GET", path).body == b""
    box.add_fault(Fault(kind="502", face="rest", body="html", count=1), 0)
    assert call(box, "GET", path).body.startswith(b"<html>")
    box.add_fault(Fault(kind="truncated", face="rest", count=1), 0)
    with pytest.raises(ValueError):
        json.loads(call(box, "GET", path).body)


def test_a_users_token_acts_as_the_user():
    box = sandbox()
    token = TokenSpec(token="mine", user_email="grace@example.test")
    box.settings = type(box.settings)(services=box.settings.services, tokens=(token,))
    box.reset(0)
    identity = {"authorization": "Token token=mine", "from": None}
    assert content_of(call(box, "GET", "/users/me", **identity))["user"]["name"] == "Grace Example"
    path = f"/incidents/{incident_id(box)}/notes"
    assert content_of(call(box, "POST", path, NOTE, **identity))["note"]["user"]["summary"] == "Grace Example"


def test_rest_requests_are_journalled():
    box = sandbox()
    call(box, "GET", "/users?query=ada")
    entry = box.requests(face="rest")[0]
    assert (entry.method, entry.path, entry.status, entry.fate) == ("GET", "/users", 200, "answered")
