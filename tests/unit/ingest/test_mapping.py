from __future__ import annotations

from typing import Any

import pytest

from router.config.severities import DEFAULT_SCALE
from router.ingest.limits import MAX_LABEL_VALUE, MAX_LABELS, TooMuch
from router.ingest.mapping import STATUSES, Fields, Mapping, compile_expressions, read_time
from router.ingest.timestamps import BadTime
from router.model.severity import Severity
from router.model.webhook import Webhook


def mapping(**fields: Any) -> Mapping:
    return Mapping(Webhook(mapping=fields, statuses={"meh": "ignored"}, severities={"bad": Severity.CRITICAL}), DEFAULT_SCALE)


def read(item: Any, body: Any = None, headers: dict[str, str] | None = None, **fields: Any) -> Fields:
    return mapping(**fields).read(item, body, headers or {})


def problems(fields: Fields) -> dict[str, str]:
    return {finding.field: finding.problem for finding in fields.findings if finding.problem}


@pytest.mark.parametrize(
    ("body", "items", "found"),
    [
        ({"a": 1}, None, [{"a": 1}]),
        ([1, 2], None, [1, 2]),
        ({"list": [1]}, "list", [1]),
        ({"one": {"a": 1}}, "one", [{"a": 1}]),
        ({"a": 1}, "[@]", [{"a": 1}]),
        ([1], "[@]", [[1]]),
        ({"list": []}, "list", []),
    ],
)
def test_items_are_found(body: Any, items: str | None, found: list[Any]) -> None:
    assert mapping(**({"items": items} if items else {})).find_items(body, {}) == found


@pytest.mark.parametrize(("items", "words"), [("nothing", "found null"), ("a", "found a number"), ("max(@)", "takes")])
def test_a_body_without_items_says_so(items: str, words: str) -> None:
    with pytest.raises(TooMuch, match=words):
        mapping(items=items).find_items({"a": 1}, {})


def test_the_body_and_the_headers_are_at_hand() -> None:
    fields = read({"a": 1}, {"team": "x"}, {"x-kind": "k"}, service="_body.team", name='_headers."x-kind"')
    assert (fields.service, fields.name) == ("x", "k")
    assert read("text", service="_item").service == "text"


@pytest.mark.parametrize("item", [None, "text", 3, ["a"]])
def test_an_item_that_is_no_object_has_no_members_and_is_no_mistake_of_ours(item: Any) -> None:
    fields = read(item, labels="@", details="@", service="'s'")
    assert (fields.service, fields.labels) == ("s", {})


def test_they_are_no_part_of_an_item() -> None:
    assert read({"a": "1"}, labels="@", details="@").labels == {"a": "1"}


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("ALERTING", "firing"),
        ("Ok", "resolved"),
        (1, "firing"),
        (0, "resolved"),
        (True, "firing"),
        ("meh", "ignored"),
        (None, "firing"),
    ],
)
def test_a_status_has_many_spellings(value: Any, status: str) -> None:
    assert read({"s": value}, status="s").status == status


def test_no_spelling_means_two_things() -> None:
    spellings = [spelling for each in STATUSES.values() for spelling in each]
    assert len(spellings) == len(set(spellings))


def test_an_unknown_status_fires_and_says_so() -> None:
    fields = read({"s": "odd"}, status="s")
    assert fields.status == "firing"
    assert "no known status" in problems(fields)["status"]


@pytest.mark.parametrize(
    ("item", "severity"),
    [
        ({"word": "bad"}, Severity.CRITICAL),
        ({"word": "P3"}, Severity.WARNING),
        ({"word": "0.9"}, Severity.CRITICAL),
        ({"word": "odd", "score": 0.1}, Severity.INFO),
        ({"score": 7}, Severity.CRITICAL),
        ({"word": "odd"}, Severity.ERROR),
        ({}, Severity.ERROR),
    ],
)
def test_a_severity_is_a_word_or_a_score(item: dict[str, Any], severity: Severity) -> None:
    assert read(item, severity="word", score="score").severity == severity


def test_the_kind_is_fixed_or_found() -> None:
    assert read({}, kind="event", status="s").kind == "event"
    assert read({"k": "stateful"}, kind="k").kind == "stateful"
    assert read({}, status="s").kind == "stateful"
    assert read({}).kind == "event"


def test_what_an_expression_cannot_read_costs_that_field_only() -> None:
    fields = read({"a": 1}, service="contains(b, 'x')", name="a")
    assert (fields.service, fields.name) == ("", "1")
    assert "takes array or string" in fields.details["mapping_errors"]["service"]
    assert fields.findings[-1].failed is False


def test_a_reference_to_a_function_is_no_value() -> None:
    assert "function reference" in problems(read({}, name="&a"))["name"]


def test_labels_are_texts_and_bounded() -> None:
    fields = read({"a": 1, "b": None, "c": ["x", "y"], "d": "z" * 10_000}, labels="@")
    assert fields.labels == {"a": "1", "c": "x, y", "d": "z" * MAX_LABEL_VALUE}
    many = read({f"l{number}": 1 for number in range(400)}, labels="@")
    assert len(many.labels) == MAX_LABELS
    assert "there are 400" in problems(many)["labels"]
    assert problems(read({"a": 1}, labels="a"))["labels"] == "expected an object, found a number"


def test_details_are_bounded() -> None:
    fields = read({"big": "x" * 70_000, "small": 1}, details={"big": "big", "small": "small", "none": "none"})
    assert fields.details == {"small": 1}
    deep: Any = 1
    for _ in range(40):
        deep = {"a": deep}
    assert read({"deep": deep}, details={"deep": "deep"}).details == {}


def test_links_need_an_address() -> None:
    item = {"url": "https://x", "bad": "javascript:alert(1)", "list": [{"href": "http://y", "text": "Y"}, "https://z", 3]}
    fields = read(item, links=({"href": "url", "text": "'X'"}, {"href": "bad"}, {"href": "none"}))
    assert [(link.href, link.text) for link in fields.links] == [("https://x", "X")]
    assert [link.href for link in read(item, links="list").links] == ["http://y", "https://z"]
    assert [image.src for image in read(item, images=({"src": "url"},)).images] == ["https://x"]


def test_long_texts_are_cut() -> None:
    fields = read({"a": "x" * 40_000}, summary="a", name="a")
    assert (len(fields.summary), len(fields.name)) == (32_768, 8_192)
    assert "cut to" in problems(fields)["summary"]


@pytest.mark.parametrize(
    ("value", "at"),
    [
        ("2026-01-31T08:00:00Z", 1_769_846_400_000),
        ("2026-01-31T08:00:00", 1_769_846_400_000),
        ("2026-01-31 08:00:00 UTC", 1_769_846_400_000),
        ("2019-02-15T23:53:45.093+0000", 1_550_274_825_093),
        (1_769_846_400, 1_769_846_400_000),
        ("1769846400", 1_769_846_400_000),
        (1_769_846_400_000, 1_769_846_400_000),
        (1_769_846_400_000_000, 1_769_846_400_000),
        ("0001-01-01T00:00:00Z", 0),
    ],
)
def test_times_come_in_many_forms(value: Any, at: int) -> None:
    assert read_time(value) == at


@pytest.mark.parametrize("value", ["yesterday", -5, "2026-13-01T00:00:00Z", {"a": 1}])
def test_what_is_no_time_is_said(value: Any) -> None:
    with pytest.raises(BadTime):
        read_time(value)
    assert read({"t": value}, starts_at="t").starts_at == 0


def test_expressions_are_compiled_by_their_shape() -> None:
    assert isinstance(compile_expressions({"a": "b"}), dict)
    assert isinstance(compile_expressions(({"href": "b"},)), list)
