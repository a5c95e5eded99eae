import json

import msgspec

from router.pagerduty.shrink import MAX_DEPTH, MAX_ITEMS, NOTE, NOTE_ROOM, fit_details, harmless, is_flat, keep_within


def size(value) -> int:
    return len(msgspec.json.encode(value))


def test_flat_details_need_no_look():
    assert is_flat({})
    assert is_flat({"a": "b", "c": 1, "d": 1.5, "e": None, "f": True})
    assert not is_flat({"a": {}})
    assert not is_flat({"a": []})
    assert not is_flat({"a": object()})


def test_harmless_keeps_what_is_harmless():
    details = {"a": "b\n", "c": [1, {"d": None}], "e": 1.5, "f": False}
    assert harmless(details) == details


def test_what_is_nested_too_deep_is_named_instead():
    deep: object = "end"
    for level in range(MAX_DEPTH + 3):
        deep = {"x": deep} if level % 2 else [deep]
    found = json.dumps(harmless({"deep": deep}))
    assert "nested too deep" in found
    assert found.count("[") + found.count("{") <= MAX_DEPTH + 1


def test_members_have_a_bound():
    assert len(harmless({"list": list(range(MAX_ITEMS + 5))})["list"]) == MAX_ITEMS
    assert len(harmless({str(number): 1 for number in range(MAX_ITEMS + 5)})) == MAX_ITEMS


def test_what_cannot_say_what_it_is_is_named_by_its_type():
    class Odd:
        def __str__(self) -> str:
            raise RuntimeError

    assert harmless({"a": Odd()}) == {"a": "(Odd)"}


def test_numbers_json_does_not_know_become_text():
    assert harmless({"a": float("nan"), "b": 2**64, "c": -(2**63)}) == {"a": "nan", "b": str(2**64), "c": -(2**63)}


def test_items_are_kept_from_the_beginning():
    items = [{"href": "x" * 10} for _ in range(10)]
    assert keep_within(items, 10_000) == items
    assert len(keep_within(items, size(items[:4]) + 1)) == 4
    assert keep_within(items, 0) == []


def test_what_fits_is_left_alone_and_has_no_note():
    details = {"a": "b" * 1_000}
    assert fit_details(details, 10_000, []) == details


def test_the_longest_value_is_cut_first():
    found = fit_details({"a": "x" * 3_000, "b": "y" * 50_000, "c": [1] * 30_000}, 40_000, [])
    assert found["a"] == "x" * 3_000
    assert len(found["b"]) < 50_000
    assert isinstance(found["c"], str), "a nested value is cut as text"
    assert size(found) <= 40_000
    assert found[NOTE] == "Too long for PagerDuty (512 KB); cut: c, b"


def test_then_the_last_details_are_left_out_and_named():
    found = fit_details({f"key{number}": "v" * 200 for number in range(100)}, 10_000 + NOTE_ROOM, ["3 images"])
    assert size(found) <= 10_000 + NOTE_ROOM
    assert next(iter(found)) == "key0"
    assert "3 images" in found[NOTE]
    assert "more)" in found[NOTE]


def test_no_room_at_all_leaves_the_note():
    found = fit_details({"a" * 255: "😀" * 1_000}, NOTE_ROOM, ["5 links"])
    assert list(found) == [NOTE]
    assert size(found) <= NOTE_ROOM
