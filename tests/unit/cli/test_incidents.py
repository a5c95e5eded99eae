from __future__ import annotations

import json

import pytest

from tests.support.place import Place
from tests.support.stores import dedup_key


def test_incidents_newest_first(history: Place) -> None:
    result = history.run("incidents")
    assert result.exit_code == 0
    assert [row.split()[:3] for row in result.output.splitlines()[1:]] == [["2", "open", "critical"], ["1", "open", "critical"]]


def test_json_and_filters(history: Place) -> None:
    found = json.loads(history.run("incidents", "--open", "--team", "payments", "--limit", "1", "--output", "json").output)
    assert [item["number"] for item in found["items"]] == [2]
    assert json.loads(history.run("incidents", "--team", "platform", "--output", "json").output) == {"items": []}
    assert history.run("incidents", "--team", "platform").output == "No incidents.\n"


def test_show_tells_the_story_by_number_and_by_dedup_key(history: Place) -> None:
    by_number = history.run("incidents", "show", "1")
    assert by_number.exit_code == 0
    assert "Paged payments by rule payment-errors" in by_number.output
    assert "accepted (202)" in by_number.output
    assert history.run("incidents", "show", dedup_key(1)).output == by_number.output


@pytest.mark.parametrize("subject", ["17", "²", "9" * 5_000])
def test_show_of_nothing_says_how_to_find_one(history: Place, subject: str) -> None:
    result = history.run("incidents", "show", subject)
    assert result.exit_code == 1
    assert f"there is no incident {subject[:10]}" in result.output
    assert "alert-router incidents" in result.output
