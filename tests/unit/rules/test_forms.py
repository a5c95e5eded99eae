from __future__ import annotations

import pydantic
import pytest

from router.rules.forms import MAX_PATTERN_CHARACTERS
from router.rules.schema import MatchSection, RuleSection


@pytest.mark.parametrize("id_", ["a", "0", "a.b-c_d", "x" * 64])
def test_ids(id_: str) -> None:
    assert RuleSection.model_validate({"id": id_}).id == id_


@pytest.mark.parametrize("id_", ["", "A", "-a", ".a", "a b", "ä", "x" * 65, "a/b", "default", "a\n"])
def test_bad_ids(id_: str) -> None:
    with pytest.raises(pydantic.ValidationError):
        RuleSection.model_validate({"id": id_})


def test_a_regular_expression_is_compiled_once_to_see_that_it_can_be() -> None:
    with pytest.raises(pydantic.ValidationError) as caught:
        MatchSection.model_validate({"service": "!/(/"})
    assert "missing )" in str(caught.value)


def test_a_pattern_has_a_longest_length() -> None:
    assert MatchSection.model_validate({"service": "a" * MAX_PATTERN_CHARACTERS})
    with pytest.raises(pydantic.ValidationError, match="at most 1024 are allowed"):
        MatchSection.model_validate({"service": "a" * (MAX_PATTERN_CHARACTERS + 1)})


def test_durations_are_texts() -> None:
    for value in (5, ["5m"], {"5m": 1}):
        with pytest.raises(pydantic.ValidationError):
            RuleSection.model_validate({"id": "a", "when": {"firing_for": value}})
