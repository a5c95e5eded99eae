from __future__ import annotations

from typing import Any

import pytest

from router.ingest.attachments import kind_of, read_images, read_links
from router.ingest.limits import TooMuch
from router.model.alert import Image, Link


def test_links_and_images() -> None:
    assert read_links([{"href": "https://a", "text": "A"}, {"href": "https://b"}]) == (
        Link(href="https://a", text="A"),
        Link(href="https://b"),
    )
    assert read_images([{"src": "https://a", "alt": "x", "href": None}]) == (Image(src="https://a", alt="x"),)
    assert read_links(None) == ()
    assert read_images([]) == ()


def test_entries_without_an_address_are_left_out() -> None:
    assert read_links([{"href": " "}, {"text": "nowhere"}]) == ()
    assert read_images([{"src": ""}]) == ()


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("https://a", "links"),
        ([1], "links[0]"),
        ([{"href": "a"}, {"href": 5}], "links[1].href"),
        ([{"href": "a", "text": []}], "links[0].text"),
        ([{"href": "a"}] * 33, "links"),
    ],
)
def test_wrong_links(value: Any, field: str) -> None:
    with pytest.raises(TooMuch) as caught:
        read_links(value)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("value", "word"),
    [(None, "null"), (True, "a boolean"), (1.5, "a number"), ("", "text"), ([], "a list"), ({}, "an object")],
)
def test_kinds(value: Any, word: str) -> None:
    assert kind_of(value) == word
