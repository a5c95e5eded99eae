from __future__ import annotations

import re
from pathlib import Path

import pytest

from router.cli.schema_pages import PAGES, render_page
from router.cli.schema_tables import MODELS, json_schema
from router.rules.fields import FIELDS
from router.rules.filters import FILTERS


@pytest.mark.parametrize("which", PAGES)
def test_the_page_in_the_documentation_is_current(which: str) -> None:
    written = Path(f"docs/reference/{which}.md").read_text()
    assert written == render_page(which), f"run: alert-router schema --markdown {which} > docs/reference/{which}.md"


@pytest.mark.parametrize("which", PAGES)
def test_every_key_has_a_row_with_a_meaning(which: str) -> None:
    page = render_page(which)
    schema = json_schema(which)
    for section in (schema, *schema["$defs"].values()):
        for key, prop in section["properties"].items():
            assert prop.get("examples"), f"{key} has no example: add a row to TEXTS in router/cli/schema_examples.py"
            rows = [line for line in page.splitlines() if line.startswith(f"| `{key}` |")]
            assert rows, key
            if key != "kind":
                assert all(not line.endswith("|  |") for line in rows), key


@pytest.mark.parametrize("which", PAGES)
def test_every_link_leads_to_a_heading(which: str) -> None:
    page = render_page(which)
    headings = [line.removeprefix("## ") for line in page.splitlines() if line.startswith("## ")]
    anchors = {re.sub(r"[^a-z0-9_-]", "", heading.lower().replace(" ", "-")) for heading in headings}
    assert len(anchors) == len(headings)
    links = re.findall(r"\]\(#([^)]*)\)", page)
    assert links
    assert set(links) <= anchors


@pytest.mark.parametrize("which", PAGES)
def test_tables_are_whole(which: str) -> None:
    for line in render_page(which).splitlines():
        if line.startswith("| `") and line.count(" | ") > 1:
            assert len(re.findall(r"(?<!\\)\|", line)) in {3, 5}, line


def test_fields_and_filters_are_listed() -> None:
    page = render_page("rules")
    for name in (*FIELDS, *FILTERS):
        assert f"| `{name}` |" in page


def test_there_is_a_page_for_every_model() -> None:
    assert set(PAGES) == set(MODELS)
