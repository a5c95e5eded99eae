from __future__ import annotations

from typing import Any

import msgspec
import pytest

from router.api import foreign
from router.api.silencing import Posted
from router.ingest import events


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if "$ref" in value else []
        return own + [found for inner in value.values() for found in references(inner)]
    return [found for inner in value for found in references(inner)] if isinstance(value, list) else []


@pytest.mark.parametrize("path", foreign.PATHS)
def test_what_an_operation_speaks_of_is_described(path: str) -> None:
    names = {reference.rpartition("/")[2] for reference in references(foreign.PATHS[path])}
    assert names <= {*foreign.SCHEMAS, "Error"}, "the one is our own"
    for operation in foreign.PATHS[path].values():
        assert operation["responses"].keys() & {"200", "202"}
        if "requestBody" in operation:
            assert operation["responses"].keys() >= {"400", "413", "415", "429", "503"}


def test_a_posted_silence_has_the_fields_that_are_read() -> None:
    assert foreign.SCHEMAS["PostableSilence"]["properties"].keys() == set(Posted.__struct_fields__)


def test_the_bounds_are_those_that_are_checked() -> None:
    summary = foreign.SCHEMAS["Event"]["properties"]["payload"]["properties"]["summary"]
    assert summary["maxLength"] == foreign.MAX_SUMMARY == events.MAX_SUMMARY
    assert msgspec.json.encode(foreign.SCHEMAS), "it can be served"
