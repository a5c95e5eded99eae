from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from router.daemon.loading import Loaded, load
from router.daemon.starting import NoRules, choose, load_first, stored_ruleset
from router.errors import ConfigError
from router.model.journal import Entry, RulesChanged
from router.model.ruleset import RuleSet
from router.model.transition import StateRow
from router.store.base import Reader, Recovered
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


@asynccontextmanager
async def store_with(
    tmp_path: Path, *saved: Loaded, decided: str = "", changes: Sequence[str] = ()
) -> AsyncIterator[tuple[Recovered, Reader]]:
    """A store that keeps these rule sets, whose state was made by ``decided``, with these changes of rules undecided."""
    store = SqliteStore(tmp_path / "data/a.db", clock=StillClock())
    await store.open()
    for position, loaded in enumerate(saved):
        await store.save_ruleset(loaded.ruleset.version, START + position, loaded.texts)
    rows = [StateRow("counter", 1, b'{"type":"numbers","ruleset":"%b"}' % decided.encode())] if decided else []
    recovered = Recovered(
        cursor=0,
        decided_at=0,
        state=rows,
        undecided=[
            Entry(seq=seq, at=START, fact=RulesChanged(version=version)) for seq, version in enumerate(changes, start=1)
        ],
        outbox=[],
        next_delivery_id=1,
        expiries={},
        last_seen_at=START,
    )
    reader = store.reader()
    try:
        yield recovered, reader
    finally:
        reader.close()
        await store.close()


def write(config: Path, rule: str) -> Loaded:
    """The rule file holds one rule of that name from now on."""
    (config.parent / "rules" / "a.yaml").write_text(GOOD.replace("one", rule))
    return load(config, environ=ENVIRON)


def named(*rulesets: RuleSet) -> list[str]:
    return [ruleset.rules[0].id for ruleset in rulesets]


async def test_a_new_store_begins_with_the_files_and_has_no_rules_in_its_journal(config: Path, tmp_path: Path) -> None:
    first = load_first(config, ENVIRON)
    assert first.broken is None
    async with store_with(tmp_path) as (recovered, reader):
        rules = choose(first, recovered, reader)
    assert named(rules.before, rules.in_force) == ["one", "one"]
    assert rules.journalled == ""
    assert set(rules.known) == {rules.in_force.version}


async def test_what_is_undecided_was_accepted_under_the_rules_of_last_time(config: Path, tmp_path: Path) -> None:
    one = write(config, "one")
    two = write(config, "two")
    async with store_with(tmp_path, one, decided=one.ruleset.version) as (recovered, reader):
        rules = choose(load_first(config, ENVIRON), recovered, reader)
    assert named(rules.before, rules.in_force) == ["one", "two"]
    assert rules.journalled == one.ruleset.version
    assert set(rules.known) == {one.ruleset.version, two.ruleset.version}


async def test_rules_that_were_saved_and_never_journalled_did_not_decide(config: Path, tmp_path: Path) -> None:
    # A reload that the journal refused after the texts were saved: the state is still that of the rules before.
    one = write(config, "one")
    two = write(config, "two")
    async with store_with(tmp_path, one, two, decided=one.ruleset.version) as (recovered, reader):
        rules = choose(load_first(config, ENVIRON), recovered, reader)
    assert named(rules.before, rules.in_force) == ["one", "two"]
    assert rules.journalled == one.ruleset.version, "so that the change is journalled now"


async def test_every_rule_set_that_is_undecided_is_at_hand(config: Path, tmp_path: Path) -> None:
    # Two reloads the processor had not come to when the process died; then the files were changed once more.
    one, two, three, four = (write(config, rule) for rule in ("one", "two", "three", "four"))
    changes = [two.ruleset.version, three.ruleset.version]
    async with store_with(tmp_path, one, two, three, decided=one.ruleset.version, changes=changes) as (recovered, reader):
        rules = choose(load_first(config, ENVIRON), recovered, reader)
    assert named(rules.before, rules.in_force) == ["one", "four"]
    assert named(*(rules.known[version] for version in changes)) == ["two", "three"]
    assert rules.journalled == three.ruleset.version
    assert four.ruleset.version in rules.known


async def test_broken_rules_run_by_those_the_journal_names_last(config: Path, tmp_path: Path) -> None:
    one = write(config, "one")
    two = write(config, "two")
    three = write(config, "three")  # saved by a reload that failed afterwards
    (config.parent / "rules" / "a.yaml").write_text(BROKEN)
    first = load_first(config, ENVIRON)
    assert first.loaded is None
    assert first.broken is not None
    assert first.settings.default_team == "platform"
    changes = [two.ruleset.version]
    async with store_with(tmp_path, one, two, three, decided=one.ruleset.version, changes=changes) as (recovered, reader):
        rules = choose(first, recovered, reader)
    assert named(rules.before, rules.in_force) == ["one", "two"]


async def test_a_database_whose_state_does_not_say_goes_on_under_the_rules_saved_last(config: Path, tmp_path: Path) -> None:
    one = write(config, "one")
    write(config, "two")
    async with store_with(tmp_path, one) as (recovered, reader):
        rules = choose(load_first(config, ENVIRON), recovered, reader)
    assert named(rules.before, rules.in_force) == ["one", "two"]
    assert rules.journalled == ""


async def test_broken_rules_and_none_of_last_time_end_the_start_with_every_mistake(config: Path, tmp_path: Path) -> None:
    (config.parent / "rules" / "a.yaml").write_text(BROKEN)
    async with store_with(tmp_path) as (recovered, reader):
        with pytest.raises(NoRules, match=r"rules/a.yaml:1:19"):
            choose(load_first(config, ENVIRON), recovered, reader)


def test_a_broken_configuration_ends_the_start_in_any_case(config: Path) -> None:
    config.write_text(CONFIG + "teems: {}\n")
    with pytest.raises(ConfigError):
        load_first(config, ENVIRON)


async def test_the_store_remembers_the_rules_that_were_in_force_last(config: Path, tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "data/a.db", clock=StillClock())
    await store.open()
    reader = store.reader()
    try:
        assert stored_ruleset(reader, "") is None
        loaded = load(config, environ=ENVIRON)
        await store.save_ruleset(loaded.ruleset.version, START, loaded.texts)
        found = stored_ruleset(reader, "")
        assert found is not None
        assert (found.version, [rule.id for rule in found.rules]) == (loaded.ruleset.version, ["one"])
        assert stored_ruleset(reader, loaded.ruleset.version) == found
        assert stored_ruleset(reader, "0123456789ab") is None
        await store.save_ruleset("of a version to come", START + 1, b"\0 what is this")
        assert stored_ruleset(reader, "") is None, "texts nobody can read any more are as good as none"
    finally:
        reader.close()
        await store.close()


def test_a_secret_that_cannot_be_used_does_not_end_the_start(config: Path) -> None:
    config.write_text(CONFIG + "channels: {slack: {kind: slack, url: env:NOWHERE}}\n")
    first = load_first(config, ENVIRON)
    assert [outage.subject for outage in first.settings.outages] == ["channel:slack"]
    with pytest.raises(ConfigError):
        load(config, environ=ENVIRON)
