from __future__ import annotations

import json

from router.history.sqlite.archive import SqliteArchive
from router.model.past import Story
from tests.support.past import record
from tests.support.place import Place
from tests.support.stores import START

HISTORY = "history: {objectives: [{name: P1 quick, priorities: [P1], resolve_within: 30m, goal: 90}]}\n"


def fill(place: Place, count: int = 40) -> None:
    archive = SqliteArchive(place.folder / "data/alert-router-history.db")
    for number in range(1, count + 1):
        changes = {"rule": f"rule-{number}", "priority": "P1", "title": f"Card\x1b[31mError {number}"}
        archive.tell(record(number, created_at=START + number * 60_000, **changes), Story(), read_at=1)
    archive.close()
    place.config.write_text(place.config.read_text() + HISTORY)


def test_figures_as_tables(history: Place) -> None:
    fill(history)
    told = history.run("history", "stats", "--month", "2026-09", "--by", "team", "--by", "rule")
    assert told.exit_code == 0, told.output
    assert "2026-09-01 00:00:00Z to 2026-10-01 00:00:00Z" in told.output
    for piece in ("incidents", "40", "to resolve", "1h00m", "payments", "rule-1 ", "… and 10 more", "NOT met", "0 of 40"):
        assert piece in told.output
    assert "\x1b" not in told.output
    plain = json.loads(history.run("history", "stats", "--month", "2026-09", "--by", "rule", "--output", "json").output)
    assert (plain["total"]["incidents"], len(plain["by"]["rule"])) == (40, 40)


def test_a_period_without_incidents(history: Place) -> None:
    fill(history, 1)
    told = history.run("history", "stats", "--since", "2026-01-01", "--until", "2026-01-02", "--by", "team")
    assert told.exit_code == 0
    assert "No team." in told.output


def test_mistakes(history: Place) -> None:
    nothing = history.run("history", "stats")
    assert nothing.exit_code == 1
    assert "history sync" in nothing.output
    assert history.run("history", "stats", "--month", "October").exit_code == 2
    assert history.run("history", "stats", "--month", "2026-09", "--since", "1d").exit_code == 2
    assert history.run("history", "stats", "--since", "1d", "--until", "2d").exit_code == 2
