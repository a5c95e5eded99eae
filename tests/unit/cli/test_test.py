from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from router.cli.test import test as command
from tests.support.stories import RULES

STORY = """\
teams: {payments: [pay-*], platform: ["*"]}
tests:
  - name: good
    steps:
      - {alert: {service: api}, expect: {page: platform}}
  - name: bad
    steps:
      - {alert: {service: pay-api, name: CardError}}
      - {at: 1m, expect: {page: payments}}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yaml").write_text(RULES)
    (tmp_path / "rules" / "a.test.yaml").write_text(STORY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ALERT_ROUTER_CONFIG", raising=False)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments), catch_exceptions=False)


def without_times(text: str) -> list[str]:
    return [line.rsplit("  ", 1)[0] if line.endswith(" ms") else line for line in text.splitlines()]


def test_a_failure_shows_its_line_and_what_happened(place: Path) -> None:
    result = run("rules")
    assert result.exit_code == 1
    *lines, verdict = without_times(result.output)
    assert verdict.startswith("2 tests, 1 failed, in 0.")
    assert lines == [
        "rules/a.test.yaml",
        "  ✓ good",
        "  ✗ bad",
        "    rules/a.test.yaml:9:33:",
        "      expected a page to payments",
        "      found    no page",
        "        9 |       - {at: 1m, expect: {page: payments}}",
        "          |                                 ^^^^^^^^",
        "    what happened:",
        "      0s  alert pay-api CardError error",
        "            hold: count_not_reached (1 of 3 in 5m) by rule errors",
    ]


def test_passing_is_0_and_verbose_shows_the_timeline(place: Path) -> None:
    result = run("rules/a.yaml", "--only", "good", "--verbose")
    assert result.exit_code == 0
    assert "  ✓ good" in result.output
    assert "open: at_once by rule rest" in result.output
    assert "1 test, all passed" in result.output


def test_for_programs(place: Path) -> None:
    result = run("--output", "json", "--junit", "out.xml")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["passed"] is False
    assert [(test["name"], test["passed"], test["line"]) for test in found["tests"]] == [("good", True, 3), ("bad", False, 6)]
    (failure,) = found["tests"][1]["failures"]
    assert failure == {
        "file": "rules/a.test.yaml",
        "line": 9, "column": 33, "key": "page", "expected": "a page to payments", "found": "no page",
    }  # fmt: skip
    assert found["tests"][0]["timeline"] == []
    assert found["tests"][1]["timeline"][0] == {"after_ms": 0, "depth": 0, "text": "alert pay-api CardError error"}
    (suite,) = ET.fromstring((place / "out.xml").read_text())
    assert [bool(len(case)) for case in suite] == [False, True]


def test_mistakes_are_told_and_nothing_is_played(place: Path) -> None:
    (place / "rules" / "a.test.yaml").write_text(STORY.replace("expect: {page: payments}", "expect: {pgae: payments}"))
    (place / "rules" / "a.yaml").write_text(RULES.replace("count: 3", "count: many"))
    result = run("rules")
    assert result.exit_code == 1
    assert "rules/a.test.yaml:9:27: error [unknown-key]" in result.output
    assert 'did you mean "page"?' in result.output
    assert "no test was played" in result.output
    (place / "rules" / "a.test.yaml").write_text(STORY)
    result = run("rules")
    assert "rules/a.yaml:4:19: error" in result.output
    found = json.loads(run("rules", "--output", "json").stdout)
    assert (found["passed"], found["tests"], len(found["mistakes"])) == (False, [], 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rules/other.yaml"], "does not exist"),
        (["rules/b.yaml"], "rules/b.yaml has no tests: there is no rules/b.test.yaml"),
        (["empty"], "no *.test.yaml in empty"),
        (["rules", "--only", "nothing like it"], "no test has 'nothing like it' in its name"),
        (["--config", "missing.yaml"], "there is no configuration missing.yaml"),
    ],
)
def test_wrong_usage_is_2(place: Path, arguments: list[str], message: str) -> None:
    (place / "rules" / "b.yaml").write_text("rules: [{id: x}]\n")
    (place / "empty").mkdir()
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.output


def test_watching_plays_again_when_a_file_changes(place: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if name != "ALERT_ROUTER_CONFIG"}
    with subprocess.Popen(
        [sys.executable, "-m", "router", "test", "rules", "--watch"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environ | {"PYTHONPATH": str(Path(__file__).parents[3]), "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        try:
            assert _next_verdict(process.stdout) == "2 tests, 1 failed"
            (place / "rules" / "a.yaml").write_text(RULES.replace("count: 3", "count: 1"))
            assert _next_verdict(process.stdout) == "2 tests, all passed"
            (place / "rules" / "b.test.yaml").write_text(STORY.replace("good", "more").replace("bad", "worse"))
            assert _next_verdict(process.stdout) == "4 tests, all passed"
        finally:
            process.kill()


def _next_verdict(lines: object) -> str:
    for line in lines:  # type: ignore[attr-defined]
        if " in 0." in line:
            return str(line).rpartition(", in ")[0]
    raise AssertionError("the command ended")
