from __future__ import annotations

import json
from typing import Any

import pytest

from router.ingest.fingerprint import fingerprint_of_key
from router.ingest.mapped import decode, show_headers
from router.model.receipt import TooLarge, Unreadable
from router.model.webhook import Webhook
from tests.support.webhooks import NOW, reader_of

MAPPING: dict[str, Any] = {
    "service": "svc",
    "name": "name",
    "status": "state",
    "dedup_key": "id",
    "starts_at": "since",
    "ends_at": "until",
    "kind": "kind",
}


def read(body: Any, mapping: dict[str, Any] | None = None, **source: Any) -> Any:
    return reader_of(Webhook(mapping=MAPPING if mapping is None else mapping), **source).read(body, {}, NOW)


def test_problem_and_recovery_are_one_alert() -> None:
    problem, _ = read({"svc": "db", "name": "Disk", "state": "down", "id": 7, "since": 1_789_999_000})
    recovery, _ = read({"svc": "db-renamed", "state": "up", "id": 7})
    assert problem.reports[0].alert.fingerprint == recovery.reports[0].alert.fingerprint == fingerprint_of_key("7")
    assert recovery.reports[0].alert.resolved_by == "source"
    assert problem.reports[0].began_at == 1_789_999_000_000
    assert (recovery.reports[0].ends_at, recovery.reports[0].began_at) == (NOW, 0)


def test_without_a_key_service_name_and_labels_are_it() -> None:
    mapping = {"service": "svc", "labels": "labels"}
    one, two, three = (read({"svc": "a", "labels": labels}, mapping)[0].events[0] for labels in ({"x": 1}, {"x": 1}, {"x": 2}))
    assert one.fingerprint == two.fingerprint != three.fingerprint


def test_an_end_to_come_is_when_it_expires() -> None:
    batch, _ = read({"state": "firing", "until": NOW + 60_000})
    assert (batch.reports[0].ends_at, batch.reports[0].is_timeout) == (NOW + 60_000, False)
    passed, _ = read({"state": "firing", "until": NOW - 60_000}, resolve_timeout_ms=1000)
    assert (passed.reports[0].ends_at, passed.reports[0].is_timeout) == (NOW + 1000, True)
    assert passed.reports[0].alert.status == "firing"


def test_the_same_body_has_the_same_content() -> None:
    body = {"svc": "db", "state": "down", "id": 7}
    first, second, other = (read(each)[0].reports[0].content for each in (body, dict(body), body | {"name": "x"}))
    assert first == second != other


def test_what_is_ignored_is_counted() -> None:
    batch, ignored = read([{"state": "pending"}, {"state": "ok", "kind": "event"}, {"state": "down"}])
    assert (ignored, len(batch.events), len(batch.reports)) == (1, 1, 1)
    assert batch.events[0].status == "resolved"


def test_an_alert_of_no_service_is_of_the_unknown_one() -> None:
    assert read({"state": "down"})[0].reports[0].alert.service == "unknown"


def test_a_body_without_items_is_refused() -> None:
    batch, _ = read({"a": 1}, {"items": "alerts"})
    assert [(refusal.index, refusal.field) for refusal in batch.refusals] == [(0, "items")]


def test_too_many_alerts_are_refused_together() -> None:
    with pytest.raises(TooLarge):
        read([{}] * 10_001)


def test_bodies_are_json_or_forms() -> None:
    form = "application/x-www-form-urlencoded; charset=utf-8"
    assert decode(b'{"a": 1}', "text/plain") == {"a": 1}
    assert decode(b"a=1&b=x%20y", form) == {"a": "1", "b": "x y"}
    assert decode(b"payload=" + json.dumps({"a": 1}).encode(), form) == {"a": 1}
    for body, kind in ((b"", ""), (b"{", ""), (b"[" * 100_000, ""), (b"a=1&" * 300, form), (b"\xff", form)):
        with pytest.raises(Unreadable):
            decode(body, kind)


def test_credentials_are_not_shown_to_expressions() -> None:
    shown = show_headers({b"authorization": b"Bearer x", b"cookie": b"y", b"X-Event": b"z"})
    assert shown == {"x-event": "z"}
