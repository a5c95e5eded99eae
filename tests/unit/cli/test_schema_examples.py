"""The schema for editors by a validator that editors could use: examples, the files we ship, and what must not pass."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from router.cli.schema_examples import TEXTS, WHOLE, add_examples
from router.cli.schema_tables import json_schema

ROOT = Path(__file__).resolve().parents[3]
RULES = sorted(path for path in (ROOT / "rules").rglob("*.yaml") if not path.name.endswith(".test.yaml"))
STORIES = sorted((ROOT / "rules").rglob("*.test.yaml"))
CONFIGS = [ROOT / "config.example.yaml"]


class Loader(yaml.SafeLoader):
    """YAML as language servers read it: no dates, and only true and false are truth values."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if not tag.endswith((":timestamp", ":bool")) or first in ("t", "f")]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    if first not in tuple("yYnNoO")
}


def load(text: str) -> Any:
    return _with_text_keys(yaml.load(text, Loader))


def _with_text_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _with_text_keys(inner) for key, inner in value.items()}
    return [_with_text_keys(inner) for inner in value] if isinstance(value, list) else value


@cache
def validator(which: str) -> Any:
    return jsonschema_rs.validator_for(json_schema(which))


def keys_of(which: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    schema = json_schema(which)
    for name, section in {"": schema, **schema["$defs"]}.items():
        for key, prop in section.get("properties", {}).items():
            yield name, key, prop


@pytest.mark.parametrize("which", ["rules", "config", "tests"])
def test_every_key_has_a_description_and_an_example_that_its_schema_takes(which: str) -> None:
    schema = json_schema(which)
    jsonschema_rs.meta.validate(schema)
    for name, key, prop in keys_of(which):
        assert prop.get("description"), f"{name}.{key} has no description"
        assert prop.get("examples"), f"{name}.{key} has no example: add one to router/cli/schema_examples.py"
        for example in prop["examples"]:
            found = [error.message for error in jsonschema_rs.iter_errors(prop | {"$defs": schema["$defs"]}, example)]
            assert not found, f"{name}.{key}: {example}: {found}"


def test_every_row_of_the_tables_is_used() -> None:
    keys = {(name, key) for which in ("rules", "config", "tests") for name, key, _ in keys_of(which)}
    known = {key for _, key in keys} | {
        f"{name or which}.{key}" for which in ("rules", "config", "tests") for name, key in keys
    }
    assert {*TEXTS, *WHOLE} <= known


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_the_rules_that_are_shipped_are_accepted(path: Path) -> None:
    assert [error.message for error in validator("rules").iter_errors(load(path.read_text()))] == []


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_the_example_configuration_is_accepted(path: Path) -> None:
    text = path.read_text()
    assert [error.message for error in validator("config").iter_errors(load(text))] == []
    # Settings that are left out by a comment sign are there to be used.
    is_setting = re.compile(r"#(?! \S)(?=.)")
    whole = "\n".join(is_setting.sub("", line, count=1) if is_setting.match(line) else line for line in text.splitlines())
    kept = whole.replace("store: sqlite:data/alert-router.db\n", "", 1)
    assert [error.message for error in validator("config").iter_errors(load(kept))] == []


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.name)
def test_the_tests_that_are_shipped_are_accepted_and_not_with_a_mistake(path: Path) -> None:
    document = load(path.read_text())
    assert [error.message for error in validator("tests").iter_errors(document)] == []
    for place in ("tests", "steps"):
        changed = copy.deepcopy(document)
        (changed if place == "tests" else changed["tests"][0])[place][0]["no_such_key"] = 1
        assert not validator("tests").is_valid(changed)


def test_either_schema_takes_both() -> None:
    either = jsonschema_rs.validator_for(json_schema())
    assert either.is_valid(load(CONFIGS[0].read_text()))
    assert either.is_valid(load(RULES[0].read_text()))
    assert not either.is_valid({"nothing": 1})


Spoil = Callable[[dict[str, Any]], None]


def _mappings(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _mappings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _mappings(inner)


FREE = {"labels", "where", "details", "schedules", "teams", "sources", "severities", "score_severities", "channels"}
"""Mappings whose keys are the user's."""


def mutations(document: Any) -> Iterator[tuple[str, Any]]:
    """Copies of a document with one thing wrong."""
    for place, (path, _) in enumerate(_sections(document, "")):
        changed = copy.deepcopy(document)
        list(_sections(changed, ""))[place][1]["no_such_key"] = "x"
        yield f"an unknown key in {path or 'the file'}", changed
    for place, mapping in enumerate(_mappings(document)):
        for key, value in mapping.items():
            changed = copy.deepcopy(document)
            list(_mappings(changed))[place][key] = {"id": {}} if not isinstance(value, dict) else 17
            yield f"{key}: another kind of value", changed


def _sections(value: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        if path.rsplit(".", 1)[-1] not in FREE:
            yield path, value
        for key, inner in value.items():
            yield from _sections(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from _sections(inner, f"{path}[]")


@pytest.mark.parametrize("path", [*RULES, *CONFIGS], ids=lambda path: path.name)
def test_what_is_wrong_with_a_file_is_refused(path: Path) -> None:
    check = validator("config" if path in CONFIGS else "rules")
    tried = 0
    for what, changed in mutations(load(path.read_text())):
        assert not check.is_valid(changed), what
        tried += 1
    assert tried > 5


@pytest.mark.parametrize(
    "rules",
    [
        "rules: [{}]",
        "rules: [{id: A B}]",
        "rules: [{id: a, when: {count: 0, within: 5m}}]",
        "rules: [{id: a, when: {count: 3}}]",
        "rules: [{id: a, when: {count: 3, within: five}}]",
        "rules: [{id: a, resolve: sometimes}]",
        "rules: [{id: a, match: {unless: {servce: x}}}]",
        "rules: [{id: a, continue: maybe}]",
        "rules: [{id: a, limit: {incidents: 5}}]",
        "version: 2\nrules: []",
        "rules: []\nschedules: {x: {weekdays: mon}}",
    ],
)
def test_rules_that_are_wrong_are_refused(rules: str) -> None:
    assert not validator("rules").is_valid(load(rules))


def test_examples_that_models_give_are_kept_and_the_rest_is_made() -> None:
    schema: dict[str, Any] = {
        "properties": {
            "id": {"type": "string", "examples": ["own"]},
            "kind": {"const": "x"},
            "part": {"$ref": "#/$defs/Part"},
            "nothing": {"type": "string"},
            "both": {"anyOf": [{"type": "boolean", "default": True}, {"enum": ["a", "b"], "default": "a"}]},
        },
        "$defs": {"Part": {"description": "A part.", "properties": {"page": {"type": "string"}, "n": {"type": "number"}}}},
    }
    add_examples(schema)
    made = schema["properties"]
    assert made["id"]["examples"] == ["own"]
    assert made["kind"]["description"]
    assert made["part"] == {"$ref": "#/$defs/Part", "description": "A part.", "examples": [{"page": "payments"}]}
    assert "examples" not in made["nothing"]
    assert made["both"]["examples"] == [False, "b"]
