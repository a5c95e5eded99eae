"""The JSON Schema of configuration and rule files, as their models give it, without what only our own validation reads."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from router.cli.schema_examples import add_examples
from router.config.schema import Configuration
from router.rehearsal.schema import StoryFile
from router.rules.schema import RuleFile

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MODELS: dict[str, type[BaseModel]] = {"config": Configuration, "rules": RuleFile, "tests": StoryFile}
TITLES = {"config": "alert-router configuration", "rules": "alert-router rules", "tests": "alert-router tests"}
_OUR_OWN = frozenset({"expected", "expected_plural", "secret", "title"})
_MAPS_OF_SCHEMAS = frozenset({"properties", "patternProperties", "$defs"})
_DATA = frozenset({"default", "examples", "enum", "const", "required"})
_NULL = {"type": "null"}


def json_schema(which: str | None = None) -> dict[str, Any]:
    """A complete JSON Schema of ``config``, ``rules`` or ``tests``; without an argument of one of the first two."""
    if which is not None:
        schema = {"$schema": DIALECT, "title": TITLES[which], **_clean(MODELS[which].model_json_schema(by_alias=True))}
        add_examples(schema)
        return schema
    names, found = models_json_schema([(Configuration, "validation"), (RuleFile, "validation")], by_alias=True)
    either = [names[(Configuration, "validation")], names[(RuleFile, "validation")]]
    schema = {"$schema": DIALECT, "title": f"{TITLES['config']} or rules", "oneOf": either, **_clean(found)}
    add_examples(schema)
    return schema


def _clean(schema: Any) -> Any:
    """Without titles made from names, hints for our own messages, and null, which no key of ours takes."""
    if isinstance(schema, list):
        return [_clean(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    cleaned: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _MAPS_OF_SCHEMAS:
            cleaned[key] = {name: _clean(inner) for name, inner in value.items()}
        elif key in _DATA:
            cleaned[key] = value
        elif key not in _OUR_OWN:
            cleaned[key] = _clean(value)
    if "patternProperties" in cleaned:
        cleaned["additionalProperties"] = False
    return _without_null(cleaned)


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    branches = schema.get("anyOf")
    if branches is None:
        return schema
    kept = [branch for branch in branches if branch != _NULL]
    if len(kept) < len(branches) and schema.get("default", 0) is None:
        del schema["default"]
    if "minLength" in schema:  # pydantic bounds texts and lists alike
        schema["minItems"] = schema["minLength"]
    if len(kept) > 1:
        return schema | {"anyOf": kept}
    del schema["anyOf"]
    return {**kept[0], **schema}
