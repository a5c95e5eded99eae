from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.trial import run

RULES = """\
rules:
  - id: errors
    match: {service: pay-*, min_severity: error}
    when: {count: 3, within: 5m}
"""
STORY = """\
teams: [platform]
tests:
  - name: three
    steps:
      - {alert: {service: pay-1}}
      - {alert: {service: pay-1}}
      - {expect: {no_page: true}}
      - {alert: {service: pay-1}, expect: {page: platform, rule: errors}}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "a.yaml").write_text(RULES)
    (tmp_path / "a.test.yaml").write_text(STORY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ALERT_ROUTER_CONFIG", raising=False)
    return tmp_path


def survivors(*arguments: str) -> list[tuple[int, str]]:
    found = json.loads(run("test", "--mutate", "--output", "json", *arguments).stdout)["mutation"]
    assert found["tried"] > len(found["survivors"])
    return [(each["line"], each["what"]) for each in found["survivors"]]


def test_changes_nobody_tests_are_named_with_their_lines(place: Path) -> None:
    found = survivors()
    assert (4, "within: 10m instead of 5m") in found
    assert (4, "within: 2m30s instead of 5m") in found
    assert (3, 'service: "*" instead of "pay-*"') in found
    assert (2, "resolve becomes never") in found
    assert not [what for _, what in found if what.startswith("count")]


def test_a_better_test_notices_more(place: Path) -> None:
    more = """\
  - name: too slow
    steps:
      - {at: 0s, alert: {service: pay-1}}
      - {at: 3m, alert: {service: pay-1}}
      - {at: 5m, alert: {service: pay-1}, expect: {no_page: true}}
"""
    (place / "b.test.yaml").write_text("teams: {platform: '*'}\ntests:\n" + more)
    found = survivors()
    assert (4, "within: 10m instead of 5m") not in found
    assert (4, "within: 2m30s instead of 5m") in found


def test_for_people_with_the_line_and_strict(place: Path) -> None:
    result = run("test", "--mutate")
    assert result.exit_code == 0
    assert "a.yaml:4:" in result.output
    assert "no test notices: within: 10m instead of 5m" in result.output
    assert "    4 |     when: {count: 3, within: 5m}" in result.output
    assert result.output.splitlines()[-1].endswith(" not")
    assert run("test", "--mutate", "--strict").exit_code == 1


def test_tests_that_fail_are_mended_first(place: Path) -> None:
    (place / "a.test.yaml").write_text(STORY.replace("{page: platform, rule: errors}", "{no_page: true}"))
    result = run("test", "--mutate", "--output", "json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["mutation"] is None


@pytest.mark.parametrize("arguments", [["--mutate", "--watch"], ["--strict"]])
def test_wrong_usage(place: Path, arguments: list[str]) -> None:
    assert run("test", *arguments).exit_code == 2
