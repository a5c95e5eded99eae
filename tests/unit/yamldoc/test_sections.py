"""The parts of a section: what may be left out, what is read and stays text, how a form is called."""

from __future__ import annotations

from typing import Annotated

import pytest

from router.yamldoc import read, validate
from router.yamldoc.sections import Maybe, Section, reads, said, setting


def number(text: str) -> int:
    """What ``reads`` is given: a parser that refuses with ValueError."""
    return int(text)


class Shelf(Section):
    """A section as rooms write them."""

    label: Maybe[str] = setting(None, "What stands on it.")
    height: Annotated[str, reads(number), said("a height in cm", "heights")] = setting("30", "How high.")


def codes(text: str) -> list[str]:
    return [found.code for found in validate(read(text, "shelf.yaml"), Shelf)[1]]


def test_what_may_be_left_out_is_none_and_defaults_hold() -> None:
    shelf, found = validate(read("{}", "shelf.yaml"), Shelf)
    assert shelf is not None
    assert (shelf.label, shelf.height, found) == (None, "30", [])


def test_a_key_that_may_be_left_out_is_not_left_empty() -> None:
    assert codes("label:\n") == ["empty-value"]


def test_what_is_read_stays_text() -> None:
    shelf, _ = validate(read("height: '41'", "shelf.yaml"), Shelf)
    assert shelf is not None
    assert shelf.height == "41"


def test_what_cannot_be_read_is_a_mistake() -> None:
    assert codes("height: tall")


def test_a_form_is_called_by_its_name() -> None:
    (found,) = validate(read("height: [1]", "shelf.yaml"), Shelf)[1]
    assert "a height in cm" in found.message


def test_a_default_is_checked_as_a_user_would_write_it() -> None:
    class Wrong(Section):
        height: Annotated[str, reads(number)] = setting("tall", "How high.")

    with pytest.raises(ValueError, match="invalid literal"):
        Wrong()
