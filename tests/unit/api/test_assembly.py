from __future__ import annotations

import re
from pathlib import Path

import pytest

from router.api.auth import Peer, Token
from router.api.exchange import Answer
from router.api.routes import Found
from tests.support.doors import Rig

EXPECTED = {
    ("POST", "/api/v2/alerts"): "ingest",
    ("POST", "/v1/alerts"): "ingest",
    ("POST", "/v2/enqueue"): None,
    ("POST", "/v2/change/enqueue"): None,
    ("GET", "/-/healthy"): None,
    ("GET", "/-/ready"): None,
    ("POST", "/-/reload"): "admin",
    ("GET", "/metrics"): "read",
    ("GET", "/api/v2/alerts"): "read",
    ("GET", "/api/v2/status"): "read",
    ("GET", "/api/v2/silences"): "read",
    ("POST", "/api/v1/alerts"): None,
    ("GET", "/v1/alerts"): "read",
    ("GET", "/v1/alerts/1"): "read",
    ("GET", "/v1/explain/1"): "read",
    ("POST", "/v1/deliveries/1/retry"): "write",
    ("POST", "/v1/deliveries/1/drop"): "write",
    ("GET", "/v1/deliveries/1"): "read",
    ("GET", "/v1/incidents/rule/group/episode"): "read",
    ("GET", "/v1/openapi.json"): None,
}


@pytest.mark.parametrize(("method", "path"), EXPECTED)
def test_every_path_has_its_scope(method: str, path: str) -> None:
    found = Rig().api.admit(method, path, {b"content-type": b"application/json"}, Peer("127.0.0.1"))
    assert isinstance(found, Found)
    assert found.route.scope == EXPECTED[method, path]


def test_nothing_that_changes_something_is_open_to_everybody() -> None:
    open_doors = {
        ("POST", "/v2/enqueue"),  # the key is in the body
        ("POST", "/v2/change/enqueue"),
        ("POST", "/v1/sources/*"),  # a token of scope ingest, or the source's own secret: see below
        ("POST", "/v1/pagerduty/webhook"),  # it is signed
        ("POST", "/api/v1/*"),  # always 410
        ("DELETE", "/api/v1/*"),
    }
    routes = Rig().api.routes
    for method, path in routes.listed():
        found = routes.find(method, path.replace("*", "x"))
        assert found is not None
        if method != "GET" and found.route.scope is None:
            assert (method, path) in open_doors


def test_a_webhook_needs_a_token_or_the_secret_of_its_source() -> None:
    api = Rig([Token(name="t", secret="a-token-of-ours-1234", scopes=frozenset({"ingest"}))]).api
    for name, status in (("plain", 401), ("nobody", 401), ("checks", None)):
        found = api.admit("POST", f"/v1/sources/{name}", {}, Peer("192.0.2.1"))
        assert (found.status if isinstance(found, Answer) else None) == status


def test_every_path_is_documented() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs/reference/http.md").read_text()
    documented = {re.sub(r"/(SEQ|N|ID|NAME|RULE)(?=/|$)", "/*", path) for path in re.findall(r"(?:/[\w.\-]+)+/?", page)}
    documented |= {path + "*" for path in documented if path.endswith("/")}
    assert {path for _, path in Rig().api.routes.listed()} <= documented
