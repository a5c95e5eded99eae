from __future__ import annotations

import pytest

from router.ingest.limits import (
    MAX_ALERT_BYTES,
    MAX_ANNOTATION_VALUE,
    MAX_LABEL_VALUE,
    TooMuch,
    check_annotations,
    check_batch,
    check_depth,
    check_labels,
    check_size,
    shorten,
)
from router.model.receipt import TooLarge


@pytest.mark.parametrize(
    ("labels", "field", "words"),
    [
        ({f"l{number}": "x" for number in range(257)}, "labels", "at most 256 labels, found 257"),
        ({"": "x"}, "labels", "not empty"),
        ({"n" * 257: "x"}, "labels", "has 257"),
        ({"a": "x" * (MAX_LABEL_VALUE + 1)}, "labels.a", "found 8193"),
    ],
)
def test_labels_over_a_limit(labels: dict[str, str], field: str, words: str) -> None:
    with pytest.raises(TooMuch, match=words) as caught:
        check_labels(labels)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("annotations", "field"),
    [
        ({f"l{number}": "x" for number in range(257)}, "annotations"),
        ({"": "x"}, "annotations"),
        ({"a": "x" * (MAX_ANNOTATION_VALUE + 1)}, "annotations.a"),
    ],
)
def test_annotations_over_a_limit(annotations: dict[str, str], field: str) -> None:
    with pytest.raises(TooMuch) as caught:
        check_annotations(annotations)
    assert caught.value.field == field


def test_what_is_within_the_limits_passes() -> None:
    check_labels({f"l{number}": "x" for number in range(256)} | {})
    check_labels({"n" * 256: "x" * MAX_LABEL_VALUE})
    check_annotations({"a": "x" * MAX_ANNOTATION_VALUE})
    check_size(MAX_ALERT_BYTES)
    check_batch(3, 3)


def test_sizes() -> None:
    with pytest.raises(TooMuch, match="65536"):
        check_size(MAX_ALERT_BYTES + 1)
    with pytest.raises(TooLarge, match="at most 3 alerts"):
        check_batch(4, 3)


def test_shown_texts_are_short() -> None:
    assert shorten("a") == "'a'"
    assert len(shorten("a" * 10_000)) < 60


def test_depth() -> None:
    check_depth({"a": [1, {"b": None}]}, "details")
    for levels, is_fine in ((5, True), (32, True), (33, False), (900, False)):
        value: object = 1
        for _ in range(levels):
            value = {"a": value}
        if is_fine:
            check_depth(value, "details")
        else:
            with pytest.raises(TooMuch, match="32 levels"):
                check_depth(value, "details")
