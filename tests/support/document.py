"""Holds real answers to the OpenAPI document: the status is one that it knows, the body exactly what it says."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any
from urllib.parse import unquote

import jsonschema_rs

from router.api.openapi import document


@cache
def described() -> dict[str, Any]:
    """The document."""
    whole: dict[str, Any] = json.loads(document())
    return whole


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """Paths without a variable first, then those that end in a word: as the routes find them."""
    paths = sorted(described()["paths"], key=lambda path: (path.count("{"), path.endswith("}")))
    return [(re.compile(re.sub(r"\\\{.*?\\\}", ".+", re.escape(path)) + r"\Z"), path) for path in paths]


def operation_of(method: str, path: str) -> tuple[str, dict[str, Any]] | None:
    """The path as it is described and the operation behind a request; None if the document has none such."""
    place = unquote(path.partition("?")[0])
    for pattern, template in _patterns():
        if pattern.match(place):
            found = described()["paths"][template].get(method.lower())
            return None if found is None else (template, found)
    return None


@cache
def _validator(path: str, method: str, status: str, kind: str) -> Any:
    content = described()["paths"][path][method]["responses"][status].get("content", {})
    if kind not in content:
        raise AssertionError(f"{method} {path} {status}: described as {sorted(content)}, answered as {kind!r}")
    schema = content[kind]["schema"]
    return jsonschema_rs.validator_for({**schema, "components": described()["components"]})


def check_answer(method: str, path: str, status: int, content_type: str, body: bytes) -> None:
    """AssertionError if the document says otherwise; what it does not have is not looked at."""
    found = operation_of(method, path)
    if found is None:
        return
    template, operation = found
    known = operation["responses"]
    assert str(status) in known, f"{method} {template} answered {status}, the document knows {sorted(known)}: {body[:300]!r}"
    if not body:
        assert "content" not in known[str(status)], f"{method} {template} {status}: nothing was answered"
        return
    kind = content_type.partition(";")[0].strip()
    validator = _validator(template, method.lower(), str(status), kind)
    value = json.loads(body) if kind == "application/json" else body.decode()
    wrong = [f"{error.instance_path}: {error.message[:300]}" for error in validator.iter_errors(value)]
    assert not wrong, f"{method} {template} {status}: {wrong[:5]}\n{body[:2000]!r}"
