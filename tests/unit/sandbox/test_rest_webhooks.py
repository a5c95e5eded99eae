"""Webhook subscriptions by REST: the secret shown once, the address never changed, ten at most."""

import pytest

from tests.unit.sandbox.builders import sandbox
from tests.unit.sandbox.calls import call, code, ok

PATH = "/webhook_subscriptions"


def wanted(**changes):
    method = {"type": "http_delivery_method", "url": "http://127.0.0.1:1/hook", **changes.pop("method", {})}
    members = {"type": "webhook_subscription", "delivery_method": method, "events": ["incident.triggered"]}
    return {"webhook_subscription": {**members, "filter": {"type": "account_reference"}, **changes}}


def test_the_secret_is_told_once():
    box = sandbox()
    made = ok(box, "POST", PATH, wanted(method={"custom_headers": [{"name": "x-a", "value": "hidden"}]}))
    made = made["webhook_subscription"]
    assert len(made["delivery_method"]["secret"]) == 64
    for found in (
        ok(box, "GET", f"{PATH}/{made['id']}")["webhook_subscription"],
        ok(box, "GET", PATH)["webhook_subscriptions"][0],
        ok(box, "PUT", f"{PATH}/{made['id']}", {"webhook_subscription": {}})["webhook_subscription"],
    ):
        assert found["delivery_method"]["secret"] is None
        assert found["delivery_method"]["custom_headers"] == [{"name": "x-a", "value": "<redacted>"}]


def test_what_can_be_changed():
    box = sandbox()
    found = ok(box, "POST", PATH, wanted())["webhook_subscription"]["id"]
    service = ok(box, "GET", "/services")["services"][0]["id"]
    changes = {
        "events": ["incident.resolved"],
        "active": False,
        "description": "x",
        "filter": {"type": "service_reference", "id": service},
    }
    changed = ok(box, "PUT", f"{PATH}/{found}", {"webhook_subscription": changes})["webhook_subscription"]
    assert {name: changed[name] for name in changes} == changes
    method = {"delivery_method": {"url": "http://127.0.0.1:2/"}}
    assert call(box, "PUT", f"{PATH}/{found}", {"webhook_subscription": method}).status == 400
    assert len(ok(box, "GET", f"{PATH}?filter_type=service&filter_id={service}")["webhook_subscriptions"]) == 1
    assert ok(box, "GET", f"{PATH}?filter_type=account")["webhook_subscriptions"] == []
    assert call(box, "DELETE", f"{PATH}/{found}").status == 204
    assert call(box, "GET", f"{PATH}/{found}").status == 404


def test_ten_of_one_filter():
    box = sandbox()
    for _ in range(10):
        ok(box, "POST", PATH, wanted())
    assert code(call(box, "POST", PATH, wanted())) == (400, 2019)
    service = ok(box, "GET", "/services")["services"][0]["id"]
    assert call(box, "POST", PATH, wanted(filter={"type": "service_reference", "id": service})).status == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"events": []},
        {"events": ["incident.exploded"]},
        {"filter": {"type": "service_reference"}},
        {"filter": {"type": "x"}},
        {"filter": None},
        {"delivery_method": None},
        {"method": {"type": "email"}},
        {"method": {"url": "ftp://x/"}},
        {"method": {"url": "/path"}},
        {"method": {"custom_headers": ["x"]}},
        {"method": {"custom_headers": [{"name": "a", "value": "1"}, {"name": "A", "value": "2"}]}},
        {"method": {"custom_headers": [{"name": "a", "value": "1\r\nx: y"}]}},
    ],
)
def test_refusals(changes):
    assert call(sandbox(), "POST", PATH, wanted(**changes)).status == 400


def test_ping_and_enable():
    box = sandbox()
    found = ok(box, "POST", PATH, wanted())["webhook_subscription"]["id"]
    assert call(box, "POST", f"{PATH}/{found}/ping").status == 202
    (delivery,) = box.webhooks_due(10_000)
    assert b'"event_type":"pagey.ping"' in delivery.body
    box.disable_webhooks(found, 10_000, 60_000)
    assert ok(box, "GET", f"{PATH}/{found}")["webhook_subscription"]["delivery_method"]["temporarily_disabled"]
    enabled = ok(box, "POST", f"{PATH}/{found}/enable")["webhook_subscription"]
    assert not enabled["delivery_method"]["temporarily_disabled"]
