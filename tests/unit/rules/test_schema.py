from __future__ import annotations

import pydantic
import pytest

from router.rules.schema import RuleFile, RuleSection


def texts_of(error: pydantic.ValidationError) -> str:
    return " ".join(str(each["msg"]) for each in error.errors())


def test_continue_is_the_key_and_goes_on_is_not() -> None:
    assert RuleSection.model_validate({"id": "a", "continue": True}).goes_on
    with pytest.raises(pydantic.ValidationError):
        RuleSection.model_validate({"id": "a", "goes_on": True})


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
