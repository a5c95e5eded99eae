from __future__ import annotations

from typing import Any

import pytest

from router.ingest.checking import check_webhook, list_expressions
from router.model.webhook import MappingMistake, Webhook
from tests.support.webhooks import sample


def check(mapping: dict[str, Any], body: bytes | None = None, preset: str = "webhook") -> list[MappingMistake]:
    return check_webhook(Webhook(preset=preset, mapping=mapping), body)


def test_a_good_mapping_has_no_mistakes() -> None:
    mapping = {"service": "a", "kind": "event", "labels": {"x": "b"}, "links": ({"href": "c"},)}
    assert check(mapping) == []
    assert check(mapping, b'{"a": "shop"}') == []


def test_every_broken_expression_is_found_with_its_place() -> None:
    found = check({"service": "a[", "labels": {"x": "lowr(b)"}, "links": ({"href": "c", "text": "d e"},)}, b"{}")
    assert [(mistake.path, mistake.code, mistake.position) for mistake in found] == [
        (("mapping", "service"), "bad-expression", 2),
        (("mapping", "labels", "x"), "bad-expression", 0),
        (("mapping", "links", 0, "text"), "bad-expression", 2),
    ]
    assert found[1].hint == 'did you mean "lower"?'


@pytest.mark.parametrize(
    ("mapping", "body", "path", "code"),
    [
        ({"service": "contains(b, 'x')"}, b"{}", ("mapping", "service"), "expression-failed"),
        ({"service": "'a'", "links": ({"href": "max(b)"},)}, b"{}", ("mapping", "links", 0, "href"), "expression-failed"),
        ({"service": "'a'", "labels": {"x": "max(b)"}}, b"{}", ("mapping", "labels", "x"), "expression-failed"),
        ({"service": "missing"}, b"{}", ("mapping", "service"), "sample-without-service"),
        ({"name": "a"}, b"{}", ("sample",), "sample-without-service"),
        ({"items": "a", "service": "'b'"}, b"{}", ("mapping", "items"), "sample-not-mapped"),
        ({"service": "'b'"}, b"{", ("sample",), "sample-not-mapped"),
    ],
)
def test_what_does_not_work_on_the_sample_is_found(mapping: dict[str, Any], body: bytes, path: Any, code: str) -> None:
    (found,) = check(mapping, body)
    assert (found.path, found.code) == (path, code)


def test_one_mistake_is_told_once_however_many_items_show_it() -> None:
    assert len(check({"service": "max(b)"}, b"[{}, {}, {}]")) == 1


def test_a_preset_is_tried_on_a_sample_too() -> None:
    assert check({}, sample("pingdom-down"), "pingdom") == []
    assert check({}, sample("cloudwatch-sns-alarm"), "cloudwatch-sns") == []
    (found,) = check({}, b"{}", "cloudwatch-sns")
    assert found.code == "sample-not-mapped"


def test_expressions_are_listed_with_their_places() -> None:
    listed = dict(list_expressions(Webhook(mapping={"service": "a", "labels": {"x": "b"}, "links": ({"href": "c"},)})))
    assert list(listed.values()) == ["a", "b", "c"]
