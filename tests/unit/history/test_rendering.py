"""Every form of the report, also of one whose every text was written by somebody who means harm."""

from __future__ import annotations

import csv
import io
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from router.config.history import ObjectiveSettings
from router.history.html import render_html
from router.history.periods import month_of
from router.history.rendering import CONTENT_TYPES, FORMS, SUFFIXES, render
from router.history.report import Report, build_month
from router.history.sqlite.archive import SqliteArchive
from router.history.sqlite.reader import SqliteHistory
from router.history.texts import render_csv, render_json, render_markdown
from router.model.past import Story
from tests.support.past import history_settings, record
from tests.support.past_load import fill

OCTOBER = month_of("2026-10", "UTC")
EVIL = '=cmd()<script>alert(1)</script>"><img src=x onerror=alert(1)>|[x](javascript:alert(1))\x1b[31m\u202e'


class Seen(HTMLParser):
    """Tags, and every address that a browser would load or follow."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in {"meta", "br", "line", "rect"}:
            self.open.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href", "action", "data"}]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"line", "rect"}:
            assert self.open.pop() == tag


def build(path: Path, **changes: object) -> Report:
    past = SqliteHistory(path)
    settings = history_settings(path, **changes)
    try:
        return build_month(past, "2026-10", settings=settings, rules=[Path("/r")], base=Path("/"), now=OCTOBER.until)
    finally:
        past.close()


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A month of a busy account, with objectives kept and not kept."""
    path = tmp_path_factory.mktemp("rich") / "h.db"
    fill(path, 600, since=OCTOBER.since - 30 * 86_400_000, until=OCTOBER.until)
    wanted = {"priorities": (), "urgencies": (), "services": (), "teams": ()}
    kept = ObjectiveSettings(name="kept", acknowledge_within_ms=86_400_000, resolve_within_ms=0, goal=0.5, **wanted)
    missed = ObjectiveSettings(name="missed", acknowledge_within_ms=0, resolve_within_ms=1_000, goal=1.0, **wanted)
    return build(path, objectives=(kept, missed))


@pytest.fixture
def evil(tmp_path: Path) -> Report:
    archive = SqliteArchive(tmp_path / "h.db")
    for number in range(1, 9):
        one = record(
            number, created_at=OCTOBER.since + number, title=EVIL, service=EVIL, team=EVIL, rule=EVIL, url="javascript:alert(1)",
            resolution=EVIL, kind="k", acknowledged_at=0, ending="itself", resolved_at=OCTOBER.since + 60_000,
        )  # fmt: skip
        archive.tell(one, Story(), read_at=1)
    archive.close()
    return build(tmp_path / "h.db")


def test_html_is_whole_and_loads_nothing(rich: Report) -> None:
    text = render_html(rich)
    seen = Seen(text)
    assert seen.open == []
    assert not seen.tags & {"script", "img", "link", "iframe", "object", "form"}
    assert all(address.startswith("https://example.test/") for address in seen.addresses)
    assert "url(" not in text
    assert "@import" not in text
    for piece in (
        "Incidents in October 2026",
        "What we promised",
        "Pages that need not have been",
        "firing_for: 4m",
        "By team",
        "<svg",
    ):
        assert piece in text
    assert text.count("<svg") == 4


def test_what_strangers_wrote_stays_text(evil: Report) -> None:
    seen = Seen(render_html(evil))
    assert not seen.tags & {"script", "img"}
    assert seen.handlers == []
    assert seen.addresses == []
    lines = render_markdown(evil).splitlines()
    markdown = "\n".join(line for line in lines if not line.startswith("    "))  # a block of code holds text only
    assert "<script" not in markdown.replace("\\<script", "")
    assert "\x1b" not in markdown
    assert "](javascript" not in markdown.replace("\\]", "")
    rows = list(csv.reader(io.StringIO(render_csv(evil))))
    assert {len(row) for row in rows} == {len(rows[0])}
    assert not [cell for row in rows for cell in row if cell[:1] in "=+-@" and cell]
    json.loads(render_json(evil))


def test_all_forms_say_the_same(rich: Report) -> None:
    plain = json.loads(render_json(rich))
    total = plain["total"]["incidents"]
    rows = list(csv.DictReader(io.StringIO(render_csv(rich))))
    assert rows[0]["by"] == "all"
    assert int(rows[0]["incidents"]) == total
    assert float(rows[0]["to_resolve_p90_seconds"]) == plain["total"]["to_resolve_seconds"]["p90"]
    assert f"| incidents | {total} |" in render_markdown(rich)
    assert f"<b>{total}</b>" in render_html(rich)
    assert sum(day["by_day"] + day["by_night"] for day in plain["days"]) == total
    assert [outcome["is_met"] for outcome in plain["objectives"]] == [True, False]
    assert plain["headline"] in render_markdown(rich).replace("\\", "")


def test_every_form_has_its_ending_and_type(rich: Report) -> None:
    assert set(SUFFIXES) == set(CONTENT_TYPES) == set(FORMS)
    assert all(render(rich, form) for form in FORMS)


def test_a_month_without_incidents(tmp_path: Path) -> None:
    SqliteArchive(tmp_path / "h.db").close()
    empty = build(tmp_path / "h.db")
    assert "Nothing happened" in render_html(empty)
    assert Seen(render_html(empty)).open == []
    assert "Nothing happened" in render_markdown(empty)
