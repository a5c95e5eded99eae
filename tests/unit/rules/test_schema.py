from __future__ import annotations

import pydantic
import pytest

from router.rules.schema import MatchSection, RuleFile, RuleSection


def texts_of(error: pydantic.ValidationError) -> str:
    return " ".join(str(each["msg"]) for each in error.errors())


@pytest.mark.parametrize("id_", ["a", "0", "a.b-c_d", "x" * 64])
def test_ids(id_: str) -> None:
    assert RuleSection.model_validate({"id": id_}).id == id_


@pytest.mark.parametrize("id_", ["", "A", "-a", ".a", "a b", "ä", "x" * 65, "a/b", "default", "a\n"])
def test_bad_ids(id_: str) -> None:
    with pytest.raises(pydantic.ValidationError):
        RuleSection.model_validate({"id": id_})


def test_continue_is_the_key_and_goes_on_is_not() -> None:
    assert RuleSection.model_validate({"id": "a", "continue": True}).goes_on
    with pytest.raises(pydantic.ValidationError):
        RuleSection.model_validate({"id": "a", "goes_on": True})


def test_a_regular_expression_is_compiled_once_to_see_that_it_can_be() -> None:
    with pytest.raises(pydantic.ValidationError) as caught:
        MatchSection.model_validate({"service": "!/(/"})
    assert "missing )" in texts_of(caught.value)


def test_a_key_left_empty_is_refused() -> None:
    for key in ("limit", "summary", "when", "as_severity"):
        with pytest.raises(pydantic.ValidationError) as caught:
            RuleSection.model_validate({"id": "a", key: None})
        assert "no value" in texts_of(caught.value)


def test_every_key_is_described() -> None:
    waiting: list[type[pydantic.BaseModel]] = [RuleFile]
    for model in waiting:
        assert model.__doc__
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name}"
    described = RuleFile.model_json_schema()["$defs"]
    assert all("description" in definition for definition in described.values())
    for name, definition in described.items():
        assert all("description" in prop or "$ref" in prop for prop in definition["properties"].values()), name


def test_durations_are_texts() -> None:
    for value in (5, ["5m"], {"5m": 1}):
        with pytest.raises(pydantic.ValidationError):
            RuleSection.model_validate({"id": "a", "when": {"firing_for": value}})
