"""The cookbook is whole: each rule file has its test, is free of warnings, stands by itself, and is listed for its situation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from router.config.rule_files import read_rule_files
from router.errors import Span
from router.rules.compiling import check_files
from router.rules.findings import Names
from tests.support.rule_texts import SCALE
from tests.support.trial import run

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "rules/cookbook"
RECIPES = sorted(path for path in FOLDER.glob("*.yaml") if not path.name.endswith(".test.yaml"))
PAGE = ROOT / "docs/howto/cookbook.md"


def test_there_are_at_least_fifteen() -> None:
    assert len(RECIPES) >= 15


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_is_sound_and_its_tests_pass(recipe: Path) -> None:
    rules, diagnostics = check_files([(recipe.name, recipe.read_bytes())], Names(teams=None, scale=SCALE))
    assert rules
    assert diagnostics == []
    assert recipe.read_text().startswith("# "), "it begins by saying which situation it is for"
    story = recipe.with_suffix(".test.yaml")
    assert story.read_text().startswith(f"rules: {recipe.name}\n"), "its test names the one file it tests"
    done = run("test", str(story))
    assert done.exit_code == 0, done.output
    assert done.output.count("✓") >= 2


def test_the_page_lists_them_all_and_no_other() -> None:
    listed = re.findall(r"^\|[^|]+\| `([\w-]+\.yaml)` \|", PAGE.read_text(), re.MULTILINE)
    assert sorted(listed) == [path.name for path in RECIPES]


def test_none_of_them_is_loaded_by_itself() -> None:
    place = Span(file="", line=1, column=1, end_line=1, end_column=1)
    loaded = read_rule_files([ROOT / "rules"], named_at=place, seen_from=ROOT).files
    assert len(loaded) > 1
    assert not [name for name, _ in loaded if "cookbook" in name]
