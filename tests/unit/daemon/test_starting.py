from __future__ import annotations

from pathlib import Path

import pytest

from router.daemon.loading import load
from router.daemon.starting import NoRules, choose, load_first, stored_ruleset
from router.errors import ConfigError
from router.store.sqlite.driver import SqliteStore
from tests.support.stores import START, StillClock

ENVIRON = {"KEY": "a1b2c3d4e5f60718293a4b5c6d7e8f90"}
CONFIG = 'default_team: platform\nteams:\n  platform: {services: ["*"], pagerduty: {routing_key: env:KEY}}\n'
GOOD = "rules: [{id: one, match: {service: one}}]\n"
BROKEN = "rules: [{id: one, mach: {}}]\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yaml").write_text(GOOD)
    (tmp_path / "config.yaml").write_text(CONFIG)
    return tmp_path / "config.yaml"


def test_good_files(config: Path) -> None:
    first = load_first(config, ENVIRON)
    assert first.broken is None
    assert first.loaded is not None
    assert choose(first, None) == (first.loaded.ruleset, first.loaded.ruleset)


def test_what_is_undecided_was_accepted_under_the_rules_of_last_time(config: Path) -> None:
    stored = load(config, environ=ENVIRON).ruleset
    (config.parent / "rules" / "a.yaml").write_text(GOOD.replace("one", "two"))
    first = load_first(config, ENVIRON)
    before, in_force = choose(first, stored)
    assert [rule.id for rule in before.rules] == ["one"]
    assert [rule.id for rule in in_force.rules] == ["two"]


def test_broken_rules_run_by_those_of_last_time(config: Path) -> None:
    stored = load(config, environ=ENVIRON).ruleset
    (config.parent / "rules" / "a.yaml").write_text(BROKEN)
    first = load_first(config, ENVIRON)
    assert first.loaded is None
    assert first.broken is not None
    assert first.settings.default_team == "platform"
    assert choose(first, stored) == (stored, stored)


def test_broken_rules_and_none_of_last_time_end_the_start_with_every_mistake(config: Path) -> None:
    (config.parent / "rules" / "a.yaml").write_text(BROKEN)
    with pytest.raises(NoRules, match=r"rules/a.yaml:1:19"):
        choose(load_first(config, ENVIRON), None)


def test_a_broken_configuration_ends_the_start_in_any_case(config: Path) -> None:
    config.write_text(CONFIG + "teems: {}\n")
    with pytest.raises(ConfigError):
        load_first(config, ENVIRON)


async def test_the_store_remembers_the_rules_that_were_in_force_last(config: Path, tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "data/a.db", clock=StillClock())
    await store.open()
    reader = store.reader()
    try:
        assert stored_ruleset(reader) is None
        loaded = load(config, environ=ENVIRON)
        await store.save_ruleset(loaded.ruleset.version, START, loaded.texts)
        found = stored_ruleset(reader)
        assert found is not None
        assert (found.version, [rule.id for rule in found.rules]) == (loaded.ruleset.version, ["one"])
        await store.save_ruleset("of a version to come", START + 1, b"\0 what is this")
        assert stored_ruleset(reader) is None, "texts nobody can read any more are as good as none"
    finally:
        reader.close()
        await store.close()
