"""What ``check`` looks at besides the files; what is made of it: ``tests/unit/rehearsal/test_linting.py``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from router.cli.lint import read_services
from tests.support.place import Place

RULES = """\
rules:
  - {id: payment-errors, match: {service: payment-*}}
  - {id: gone, match: {service: long-gone}}
  - {id: rest, match: {service: [search-*, planned]}, page: owner}
"""
TESTS = """\
tests:
  - name: an error of payments pages
    steps:
      - {alert: {service: payment-api, name: X}}
      - {expect: {page: payments}}
  - name: nobody's
    steps:
      - {alert: {service: web, name: X}}
      - {expect: {page: platform}}
  - name: nobody's, and it says so
    steps:
      - {alert: {service: web, name: X}}
      - {expect: {page: platform, reason: no_rule_matched}}
"""


@pytest.fixture
def doubtful(history: Place) -> Place:
    """Alerts of payment-api and search-api were recorded."""
    (history.folder / "rules" / "a.yaml").write_text(RULES)
    return history


def check(place: Place, *options: str) -> list[tuple[str, str]]:
    found = json.loads(place.run("check", "--skip-secrets", "--output", "json", *options).stdout)
    return [(each["code"], f"{Path(each['file']).name}:{each['range']['start']['line']}") for each in found]


def test_the_record_the_tests_and_a_list_of_services(doubtful: Place) -> None:
    assert check(doubtful) == [("no-such-service", "a.yaml:3"), ("no-such-service", "a.yaml:4")]
    services = doubtful.folder / "services.txt"
    services.write_text("# what is to come\nplanned\n\nlong-gone  # still in a drawer\n")
    assert check(doubtful, "--services", str(services)) == []
    (doubtful.folder / "rules" / "a.test.yaml").write_text(TESTS)
    assert check(doubtful, "--services", str(services)) == [
        ("test-without-rule", "a.test.yaml:6"), ("untested-rule", "a.yaml:3"), ("untested-rule", "a.yaml:4"),
    ]  # fmt: skip


def test_a_warning_fails_only_when_asked(doubtful: Place) -> None:
    assert doubtful.run("check", "--skip-secrets").exit_code == 0
    assert doubtful.run("check", "--skip-secrets", "--strict").exit_code == 1
    (doubtful.folder / "rules" / "a.yaml").write_text("rules: [{id: payment-errors}]\n")
    assert doubtful.run("check", "--skip-secrets", "--strict").exit_code == 0


def test_a_mistake_hides_what_may_only_follow_from_it(doubtful: Place) -> None:
    with (doubtful.folder / "rules" / "a.yaml").open("a") as rules:
        rules.write("  - {id: broken, wehn: {}}\n")
    assert [code for code, _ in check(doubtful)] == ["unknown-key"]


def test_every_finding_has_a_range_a_code_and_a_hint(doubtful: Place) -> None:
    found = json.loads(doubtful.run("check", "--skip-secrets", "--output", "json").stdout)
    assert found[0] == {
        "level": "warning", "code": "no-such-service", "file": found[0]["file"],
        "range": {"start": {"line": 3, "column": 33}, "end": {"line": 3, "column": 42}},
        "path": "rules[1].match.service", "message": "no known service is called 'long-gone', of the 2 that are known",
        "hint": found[0]["hint"],
    }  # fmt: skip
    assert "check --services FILE" in found[0]["hint"]


def test_names_of_services_one_a_line(tmp_path: Path) -> None:
    path = tmp_path / "services"
    path.write_text("a\n  b  # c\n#d\n")
    assert read_services(path) == ["a", "b"]


def test_a_team_whose_services_nobody_pages_the_owner_of(history: Place) -> None:
    (history.folder / "rules" / "a.yaml").write_text("rules: [{id: payment-errors, page: platform}]\n")
    assert check(history) == [("idle-team", "config.yaml:5")]
    (history.folder / "rules" / "a.yaml").write_text(
        "rules: [{id: payment-errors, escalate: [{after: 5m, page: owner}], page: platform}]\n"
    )
    assert check(history) == []
