from __future__ import annotations

import msgspec
import pytest

from router.ingest.batch import Batch, decode_list, explain, field_of, refuse_odd_text
from router.ingest.limits import TooMuch
from router.model.receipt import TooLarge, Unreadable


class Item(msgspec.Struct):
    a: int


LIST = msgspec.json.Decoder(list[Item]).decode
ONE = msgspec.json.Decoder(Item).decode


def test_one_bad_item_does_not_reject_the_good_ones() -> None:
    batch = Batch()
    items = decode_list(b'[{"a":1},{"a":"x"},{"b":1},7,{"a":5}]', LIST, ONE, batch, 10)
    assert items == [(0, Item(1)), (4, Item(5))]
    assert [(refusal.index, refusal.field) for refusal in batch.refusals] == [(1, "a"), (2, ""), (3, "")]
    assert batch.refusals[0].reason == "Expected `int`, got `str`"
    assert str(batch.refusals[0]) == "alert 1, a: Expected `int`, got `str`"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf[]", "byte order mark"),
        (b"{}", "JSON array"),
        (b"[", "truncated"),
        (b"[1] 2", "malformed"),
        (b'["\\x"]', "malformed"),
        (b"[" * 100_000, "deep"),
        (b"null", "JSON array"),
    ],
)
def test_bodies_that_are_no_list(body: bytes, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        decode_list(body, LIST, ONE, Batch(), 10)


@pytest.mark.parametrize("body", [b'[{"a":1},{"a":1},{"a":1}]', b'[{"a":1},{"a":"x"},{"a":1}]'])
def test_too_many(body: bytes) -> None:
    with pytest.raises(TooLarge, match="at most 2"):
        decode_list(body, LIST, ONE, Batch(), 2)


def test_explanations() -> None:
    assert explain(RecursionError("maximum recursion depth exceeded")) == "nested too deeply"
    assert "byte 2" in explain(UnicodeDecodeError("utf-8", b"ab\xff", 2, 3, "invalid start byte"))
    assert explain(TooMuch("labels", "too many")) == "too many"
    assert field_of(TooMuch("labels", "too many")) == "labels"
    assert field_of(ValueError("x")) == ""
    refuse_odd_text(b"[]")


def test_what_only_half_is_json_refuses_its_item_alone() -> None:
    batch = Batch()
    body = b'[{"a":1},{"a":NaN},{"a":2,"b":"\\ud800"},{"a":3,"b":"\\udc00 \xff"},{"a":1e999},{"a":4}]'
    items = decode_list(body, LIST, ONE, batch, 10)
    assert items == [(0, Item(1)), (5, Item(4))]
    assert [refusal.index for refusal in batch.refusals] == [1, 2, 3, 4]
    assert "NaN" in batch.refusals[0].reason
    assert "surrogate" in batch.refusals[1].reason
