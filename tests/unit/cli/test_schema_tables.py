"""The schema for editors agrees with our own validation on what it can express."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from router.cli.schema_tables import DIALECT, json_schema


def parts_of(schema: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in the schema."""
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from parts_of(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from parts_of(value)


def test_it_is_complete() -> None:
    for which, keys in (("config", {"teams", "pagerduty", "listen"}), ("rules", {"rules", "defaults", "version"})):
        schema = json_schema(which)
        assert schema["$schema"] == DIALECT
        assert schema["title"].startswith("alert-router")
        assert keys <= set(schema["properties"])
        assert schema["additionalProperties"] is False
        references = {part["$ref"] for part in parts_of(schema) if isinstance(part.get("$ref"), str)}
        assert references == {f"#/$defs/{name}" for name in schema["$defs"]}


def test_the_one_for_either_names_both() -> None:
    schema = json_schema()
    assert [branch["$ref"] for branch in schema["oneOf"]] == ["#/$defs/Configuration", "#/$defs/RuleFile"]
    assert {"Configuration", "RuleFile"} <= set(schema["$defs"])


def test_nothing_of_our_own_and_no_null_is_left() -> None:
    for which in ("config", "rules", None):
        for part in parts_of(json_schema(which)):
            assert part != {"type": "null"}
            assert part.get("default", 0) is not None
            if "type" in part or "anyOf" in part:
                assert not {"expected", "expected_plural", "secret"} & set(part)


def test_keys_that_are_named_like_words_of_the_schema_survive() -> None:
    rules = json_schema("rules")["$defs"]
    assert "default" in rules["RuleSection"]["properties"]["page"]
    assert set(rules["LinkSection"]["properties"]) == {"href", "text"}
    assert "continue" in rules["RuleSection"]["properties"]
    assert "goes_on" not in rules["RuleSection"]["properties"]


def test_names_are_patterns_and_others_are_refused() -> None:
    teams = json_schema("config")["properties"]["teams"]
    (pattern,) = teams["patternProperties"]
    assert pattern == "^[a-z0-9][a-z0-9._-]{0,63}$"
    assert teams["additionalProperties"] is False


def test_texts_and_lists_are_both_bounded() -> None:
    rules = json_schema("config")["properties"]["rules"]
    assert (rules["minItems"], rules["minLength"]) == (1, 1)
