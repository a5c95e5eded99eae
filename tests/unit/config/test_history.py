from __future__ import annotations

from pathlib import Path

from tests.support.config_texts import MINIMAL, diagnose, load


def test_it_stands_beside_the_store_unless_said() -> None:
    settings = load(MINIMAL + "store: sqlite:data/mine.db").history
    assert settings.path == Path("/etc/router/data/mine-history.db")
    assert (settings.sync_ms, settings.since_ms, settings.services) == (900_000, 90 * 86_400_000, ())
    told = load(MINIMAL + "history: {path: past.db, sync: 0s, since: 2d, services: [payments]}").history
    assert (told.path, told.sync_ms, told.services) == (Path("/etc/router/past.db"), 0, ("payments",))


def test_it_is_not_the_stores_own_file() -> None:
    (found,) = diagnose(MINIMAL + "history: {path: data/alert-router.db}")
    assert found.code == "same-file"
