from __future__ import annotations

import json

from tests.support.place import Place


def test_what_fires_newest_first(history: Place) -> None:
    result = history.run("alerts")
    assert result.exit_code == 0
    heading, *rows = result.output.splitlines()
    assert heading.split() == ["ALERT", "STATUS", "SEVERITY", "SERVICE", "NAME", "SINCE", "SOURCE", "SUMMARY"]
    assert [row.split()[0] for row in rows] == ["2", "1"]
    assert "\x1b" not in result.output, "no alert drives a terminal"
    assert "first·[31m" in rows[1]


def test_the_journal_holds_what_is_not_decided_too_newest_first(history: Place) -> None:
    found = json.loads(history.run("alerts", "--journal", "--output", "json").output)["items"]
    assert [item["seq"] for item in found] == [3, 2, 1]
    assert found[0]["alert"]["service"] == "search-api"
    found = json.loads(history.run("alerts", "--journal", "--limit", "1", "--output", "json").output)["items"]
    assert [item["seq"] for item in found] == [3], "whoever was just paged looks for what came last"


def test_the_journal_is_read_on_from_a_sequence_oldest_first(history: Place) -> None:
    found = json.loads(history.run("alerts", "--journal", "--after", "0", "--output", "json").output)["items"]
    assert [item["seq"] for item in found] == [1, 2, 3]
    found = json.loads(history.run("alerts", "--journal", "--after", "1", "--limit", "1", "--output", "json").output)["items"]
    assert [item["seq"] for item in found] == [2]


def test_a_limit_keeps_the_newest(history: Place) -> None:
    found = json.loads(history.run("alerts", "--limit", "1", "--output", "json").output)["items"]
    assert [item["seq"] for item in found] == [2]


def test_a_sequence_without_the_journal_is_refused(history: Place) -> None:
    result = history.run("alerts", "--after", "1")
    assert result.exit_code == 2
    assert "--journal" in result.output


def test_nothing_to_list_is_said(history: Place) -> None:
    result = history.run("alerts", "--journal", "--after", "99")
    assert (result.exit_code, result.output) == (0, "The journal holds no alerts after that.\n")
