from __future__ import annotations

import json

from tests.support.place import Place
from tests.unit.cli.test_history_stats import fill


def test_the_report_in_every_form(history: Place) -> None:
    fill(history)
    shown = history.run("report", "--month", "2026-09")
    assert shown.exit_code == 0, shown.output
    assert shown.output.startswith("<!doctype html>")
    target = history.folder / "out.md"
    written = history.run("history", "report", "--month", "2026-09", "--output", str(target))
    assert "Incidents in September 2026: 40 incidents" in written.output
    assert target.read_text().startswith("# Incidents in September 2026")
    plain = history.run("report", "--month", "2026-09", "--format", "json").output
    assert json.loads(plain)["total"]["incidents"] == 40


def test_mistakes(history: Place) -> None:
    assert "history sync" in history.run("report").output
    fill(history, 1)
    assert history.run("report", "--month", "soon").exit_code == 2
    future = history.run("report", "--month", "9998-12")
    assert (future.exit_code, "9998-12 has not begun yet; the last month that is over is" in future.output) == (2, True)
    failed = history.run("report", "--output", "/nowhere/at/all.html")
    assert failed.exit_code == 1
    assert "cannot be written" in failed.output
    assert history.run("report").exit_code == 0
