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


def test_mistakes_are_told() -> None:
    codes = [
        found.code
        for section in (
            "{zone: Mars}",
            "{night: late}",
            "{objectives: [{name: a}]}",
            "{objectives: [{name: a, resolve_within: 1h, acknowledge_within: 1h}]}",
        )
        for found in diagnose(MINIMAL + f"history: {section}")
    ]
    assert codes == ["unknown-zone", "bad-night", "one-of-two", "one-of-two"]
