"""The threat model and the failure table are only worth their proof: every row names tests, and every test named is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NAMED = re.compile(r"`(test_\w+)`")
PAGES = ("docs/explanation/threat-model.md", "docs/explanation/failures.md", "docs/explanation/guarantees.md")


def find_tests(root: Path) -> set[str]:
    texts = [path.read_text() for path in (root / "tests").rglob("*.py") if path.name != "house.py"]
    return {name for text in texts for name in re.findall(r"^\s*(?:async )?def (test_\w+)", text, re.MULTILINE)}


def rows(text: str) -> list[str]:
    """Lines of tables, without headings and rules."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [
        line
        for number, line in enumerate(lines)
        if not _is_rule(line) and not _is_rule("".join(lines[number + 1 : number + 2]))
    ]


def _is_rule(line: str) -> bool:
    return line.startswith("|") and not line.strip("|-: ")


@pytest.mark.parametrize("page", PAGES)
def test_every_row_names_tests_that_are_there(page: str) -> None:
    text = (ROOT / page).read_text()
    there = find_tests(ROOT)
    missing = sorted(set(NAMED.findall(text)) - there)
    assert not missing, f"{page} names tests that do not exist: {missing}"
    unproved = [row for row in rows(text) if not NAMED.search(row)]
    assert not unproved, f"{page} has rows without a test: {unproved}"


def test_a_row_without_a_test_and_a_test_that_is_gone_are_found() -> None:
    known = test_every_row_names_tests_that_are_there.__name__
    page = f"| failure | test |\n|---|---|\n| a | `{known}` |\n| b | none |\n| c | `test_gone` |\n"
    assert [row for row in rows(page) if not NAMED.search(row)] == ["| b | none |"]
    assert set(NAMED.findall(page)) - find_tests(ROOT) == {"test_gone"}
