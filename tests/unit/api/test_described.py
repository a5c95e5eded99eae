"""What is described by hand is what the types and the daemon say."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from jsonschema_rs import is_valid

from router.api.described import OWN_FIGURES, PERIOD, REPORT, RULE, close, exactly
from router.api.openapi import document
from router.daemon.serving import _show
from router.dispatch.snapshot import KeyState, Snapshot
from router.history.figures import DIMENSIONS, Terms, count
from router.history.objectives import Objective, judge
from router.history.periods import Counted, as_plain
from router.model.ruleset import Rule
from tests.support.past import record

TAKEN = {"PostableAlert", "PostableSilence", "Matcher", "Event", "ChangeEvent", "PostedAlert"}
"""What is taken and never answered."""


DETAILS = {"type": "object", "default": {}}
"""What a sender gave beside the fields that are known: whatever it likes."""


class Inner(msgspec.Struct, kw_only=True):
    a: int
    b: str = ""


class Outer(msgspec.Struct, kw_only=True, omit_defaults=True):
    inner: tuple[Inner, ...] = ()
    other: Inner | None = None


def answers(schema: Any) -> list[Any]:
    """Every schema of what is answered, with all that it holds."""
    found = [schema]
    for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        found += answers(part)
    return [one for one in found if isinstance(one, dict)]


def test_closing_makes_components_exact() -> None:
    for taken in ((), (Outer,)):
        _, components = msgspec.json.schema_components([Outer], ref_template="#/{name}")
        close(components, [Outer], taken=taken)
        assert components["Inner"]["additionalProperties"] is False
        assert components["Inner"]["required"] == ["a", "b"], "what is always written is needed"
        assert components["Outer"].get("required", []) == []
        assert ("additionalProperties" in components["Outer"]) is not bool(taken)


def test_no_answer_is_described_as_just_an_object() -> None:
    whole = json.loads(document())
    responses = [
        answer for operations in whole["paths"].values() for one in operations.values() for answer in one["responses"].values()
    ]
    described = [
        found for answer in responses for content in answer.get("content", {}).values() for found in answers(content["schema"])
    ]
    described += [
        found for name, schema in whole["components"]["schemas"].items() if name not in TAKEN for found in answers(schema)
    ]
    objects = [found for found in described if found.get("type") == "object"]
    assert len(objects) > 80
    vague = [found for found in objects if not {"additionalProperties", "description"} & set(found)]
    assert [found for found in vague if found != DETAILS] == []


def test_the_routers_own_figures_are_those_of_the_types() -> None:
    outbox = OWN_FIGURES["properties"]["outbox"]["properties"]
    assert set(outbox) == set(Snapshot.__struct_fields__)
    assert set(outbox["keys"]["items"]["properties"]) == set(KeyState.__struct_fields__)


def test_a_rule_is_described_as_it_is_shown() -> None:
    shown = _show(Rule(id="a"))
    assert is_valid(RULE, shown)
    assert not is_valid(RULE, shown | {"more": 1})


def test_a_period_is_described_as_it_is_told() -> None:
    records = [record(number, created_at=1_000_000 + number) for number in range(1, 5)]
    statistics = count(records, since=0, until=2_000_000, terms=Terms(), by=DIMENSIONS)
    objective = Objective(name="fast", acknowledge_within_ms=1)
    outcomes = judge(records, [objective], now=10**12)
    assert outcomes[0].breaches
    told = json.loads(msgspec.json.encode(as_plain(Counted(statistics=statistics, outcomes=outcomes))))
    assert is_valid(PERIOD, told)
    assert set(PERIOD["properties"]) < set(REPORT["properties"])
    for name in told["total"]:
        less = told | {"total": {key: value for key, value in told["total"].items() if key != name}}
        assert not is_valid(PERIOD, less), name


def test_exactly() -> None:
    schema = exactly({"a": {}}, b={})
    assert [is_valid(schema, value) for value in ({"a": 1}, {"a": 1, "b": 2}, {}, {"a": 1, "c": 1})] == [
        True,
        True,
        False,
        False,
    ]
