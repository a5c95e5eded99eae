from __future__ import annotations

import json

from router.history.sqlite.archive import SqliteArchive
from router.model.past import Story
from tests.support.past import record
from tests.support.place import Place


def fill(place: Place) -> None:
    archive = SqliteArchive(place.folder / "data/alert-router-history.db")
    archive.tell(record(1, title="pool exhausted\x1b[31m", resolution="restarted the pool\x1b[2J"), Story(), read_at=1)
    archive.tell(record(2, title="disk full"), Story(), read_at=1)
    archive.close()


def test_what_happened_before_and_how_it_was_resolved(history: Place) -> None:
    fill(history)
    found = history.run("search", "pool", "exhausted")
    assert found.exit_code == 0, found.output
    for piece in ("#1", "Ada Example: restarted the pool", "«pool»", "https://example.test/incidents/Q000001"):
        assert piece in found.output
    assert "\x1b" not in found.output
    assert "disk full" not in found.output
    plain = json.loads(history.run("history", "search", "pool", "--output", "json").output)
    assert [item["number"] for item in plain["items"]] == [1]


def test_mended_loose_and_nothing(history: Place) -> None:
    fill(history)
    assert "exhuasted: taken for exhausted" in history.run("search", "exhuasted").output
    assert "these hold some" in history.run("search", "disk exhausted").output
    nothing = history.run("search", "zebra", "--exact")
    assert nothing.exit_code == 1
    assert "Nothing was found." in nothing.output


def test_without_a_history(history: Place) -> None:
    failed = history.run("search", "x")
    assert failed.exit_code == 1
    assert "history sync" in failed.output
