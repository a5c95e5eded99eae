"""The table of mistakes tells what is found by making them; keys that are new are told when the table is written anew."""

from __future__ import annotations

from router.cli.schema_mistakes import MISTAKES
from router.cli.schema_pages import render_page
from tests.support import mistakes

HOW = "run: python -m tests.support.mistakes, then alert-router schema --markdown rules (and config) for the pages"


def untold(found: mistakes.Found, which: str) -> list[str]:
    known = {key: set(codes.split()) for key, codes in MISTAKES[which].items()}
    return [f"{key}: {sorted(codes - known[key])}" for key, codes in found.items() if key in known and codes - known[key]]


def test_every_mistake_of_rules_is_told() -> None:
    found = mistakes.of_rules()
    assert untold(found, "rules") == [], HOW
    gone = {key for key in MISTAKES["rules"] if key not in found}
    assert not gone, HOW
    assert len(MISTAKES["rules"]) > 50


def test_mistakes_of_the_configuration_are_told() -> None:
    assert untold(mistakes.of_config(every=11), "config") == [], HOW
    assert len(MISTAKES["config"]) > 80


def test_the_pages_tell_them() -> None:
    page = render_page("rules")
    assert "Mistakes: `bad-id`, `duplicate-id`, `reserved-id`." in page
    assert "`ends-before-it-begins`" in page
    assert "`unknown-zone`" in render_page("config")


def test_a_place_is_found_through_lists_and_names() -> None:
    schema = mistakes.json_schema("rules")
    assert mistakes.locate(schema, ["rules", "when", "count"]) == "CountSection.count"
    assert mistakes.locate(schema, ["rules", "match", "unless", "labels", "env"]) == "MatchSection.labels"
    assert mistakes.locate(schema, ["schedules", "office", "hours"]) == "ScheduleSection.hours"
    assert mistakes.locate(schema, []) is None
