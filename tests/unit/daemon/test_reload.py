"""Build, journal, swap: in this order, or not at all."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import structlog

from router.daemon.loading import load
from router.daemon.reload import Reloader
from router.daemon.troubles import Troubles
from router.errors import StoreFull
from router.model.incident import Orphan
from router.model.journal import AlertReceived, RulesChanged
from router.telemetry.metrics import Metrics
from tests.support.stores import StillClock

ENVIRON = {"KEY": "a1b2c3d4e5f60718293a4b5c6d7e8f90"}
CONFIG = """\
default_team: platform
teams:
  platform: {services: ["*"], pagerduty: {routing_key: env:KEY}}
"""
GOOD = "rules: [{id: one, match: {service: one}}]\n"


class Journal:
    """Notes what was done to it, in order."""

    def __init__(self) -> None:
        self.done: list[Any] = []
        self.full = False

    async def save_ruleset(self, version: str, _at: int, _texts: bytes) -> None:
        if self.full:
            raise StoreFull("no room")
        self.done.append(("saved", version))

    async def append(self, _at: int, facts, *, reserved: bool = False) -> None:
        assert reserved
        for fact in facts:
            match fact:
                case RulesChanged():
                    self.done.append(("journalled", fact.version))
                case AlertReceived():
                    self.done.append((fact.alert.name, fact.alert.status))


class Processor:
    def __init__(self) -> None:
        self.rulesets: dict[str, Any] = {}


class Scene:
    def __init__(self, folder: Path) -> None:
        self.config = folder / "config.yaml"
        self.rules = folder / "rules" / "a.yaml"
        self.rules.parent.mkdir()
        self.config.write_text(CONFIG)
        self.rules.write_text(GOOD)
        self.journal = Journal()
        self.processor = Processor()
        self.applied: list[Any] = []
        self.obstacles: list[str] = []
        self.metrics = Metrics()
        loaded = load(self.config, environ=ENVIRON)
        self.version = loaded.ruleset.version
        self.clock = StillClock()
        self.orphans: list[Orphan] = []
        self.reloader = Reloader(
            orphans=lambda _ruleset: self.orphans,
            config_path=self.config,
            environ=ENVIRON,
            current=loaded.settings,
            version=self.version,
            store=self.journal,  # type: ignore[arg-type]
            processor=self.processor,
            troubles=Troubles(journal=self.journal, clock=self.clock, metrics=self.metrics),
            clock=self.clock,
            metrics=self.metrics,
            find_obstacles=lambda _settings: self.obstacles,
            apply=self.apply,
        )

    async def apply(self, settings: Any) -> None:
        self.journal.done.append("applied")
        self.applied.append(settings)

    def count(self, result: str) -> float:
        return self.metrics.registry.get_sample_value("alert_router_reloads_total", {"result": result}) or 0


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.mark.parametrize("target", ["gone.yaml", "a" * 300], ids=["leads to nothing", "cannot be looked at"])
async def test_a_rule_file_whose_link_broke_keeps_the_last_good_rules(scene: Scene, target: str) -> None:
    scene.rules.unlink()
    scene.rules.symlink_to(target)
    mistakes = await scene.reloader.reload()
    assert len(mistakes) == 1
    assert "unreadable-file" in mistakes[0]
    assert (scene.reloader.version, scene.applied) == (scene.version, [])


async def test_new_rules_are_kept_then_journalled_then_the_rest_is_swapped(scene: Scene) -> None:
    scene.rules.write_text(GOOD.replace("one", "two"))
    scene.clock.at += 5_000
    assert await scene.reloader.reload() == []
    (_, version), *rest = scene.journal.done
    assert rest == [("journalled", version), "applied"]
    assert [rule.id for rule in scene.processor.rulesets[version].rules] == ["two"]
    assert scene.reloader.loaded_at == scene.clock.at
    assert (scene.count("success"), scene.count("failure")) == (1, 0)


async def test_files_that_say_the_same_change_no_rules(scene: Scene) -> None:
    scene.config.write_text(CONFIG + "shutdown_timeout: 7s\n")
    assert await scene.reloader.reload() == []
    assert scene.journal.done == ["applied"]
    assert scene.applied[0].shutdown_timeout_ms == 7_000
    assert scene.reloader.current is scene.applied[0]


async def test_broken_rules_change_nothing_and_tell_once(scene: Scene) -> None:
    before = scene.reloader.current
    scene.rules.write_text("rules: [{id: one, mach: {}}]\n")
    for _ in range(2):
        mistakes = await scene.reloader.reload()
        assert mistakes[0].startswith("rules/a.yaml:1:19: error")
    assert scene.journal.done == [("ReloadFailed", "firing")]
    assert (scene.reloader.current, scene.reloader.succeeded) == (before, False)
    scene.rules.write_text(GOOD)
    assert await scene.reloader.reload() == []
    assert scene.journal.done[1:] == ["applied", ("ReloadFailed", "resolved")]
    assert (scene.count("success"), scene.count("failure")) == (1, 2)


async def test_a_broken_configuration_is_refused_without_its_warnings(scene: Scene) -> None:
    scene.config.write_text(CONFIG + "teems: {}\nlisten: 0.0.0.0:9095\n")
    (mistake,) = await scene.reloader.reload()
    assert "unknown-key" in mistake


async def test_what_cannot_be_applied_is_found_before_anything_is_changed(scene: Scene) -> None:
    scene.rules.write_text(GOOD.replace("one", "two"))
    scene.obstacles = ["cannot use certificate a.crt with key a.key"]
    assert await scene.reloader.reload() == scene.obstacles
    assert scene.journal.done == [("ReloadFailed", "firing")]


async def test_a_journal_that_is_full_leaves_everything_as_it_was(scene: Scene) -> None:
    scene.rules.write_text(GOOD.replace("one", "two"))
    scene.journal.full = True
    (mistake,) = await scene.reloader.reload()
    assert "no room" in mistake
    assert (scene.journal.done, scene.applied, scene.reloader.succeeded) == ([], [], False)
    scene.journal.full = False
    assert await scene.reloader.reload() == []
    assert scene.applied


async def test_what_only_a_restart_changes_is_named_each_time_until_then(scene: Scene) -> None:
    with structlog.testing.capture_logs() as lines:
        for text in ("limits: {batch: 5}\n", "limits: {batch: 5}\n", ""):
            scene.config.write_text(CONFIG + text)
            assert await scene.reloader.reload() == []
            assert scene.reloader.restart_needed == (["limits"] if text else [])
    assert [line["settings"] for line in lines if line["event"] == "restart_needed"] == [["limits"], ["limits"]]


async def test_reloads_at_once_come_one_after_another(scene: Scene) -> None:
    scene.rules.write_text(GOOD.replace("one", "two"))
    assert await asyncio.gather(*(scene.reloader.reload() for _ in range(3))) == [[], [], []]
    assert scene.journal.done.count("applied") == 3
    assert sum(entry[0] == "journalled" for entry in scene.journal.done) == 1


async def test_secrets_are_read_anew_and_those_that_stood_in_the_file_are_kept(scene: Scene, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("b2" * 16)
    file.chmod(0o600)
    scene.config.write_text(CONFIG.replace("env:KEY", "file:key"))
    assert await scene.reloader.reload() == []
    reference = scene.reloader.current.teams["platform"].routing_key
    assert scene.reloader.current.secrets.resolve(reference).reveal() == "b2" * 16
    file.write_text("c3" * 16)
    assert await scene.reloader.reload() == []
    assert scene.reloader.current.secrets.resolve(reference).reveal() == "c3" * 16


async def test_the_log_says_what_the_new_rules_leave_open(scene: Scene) -> None:
    scene.orphans.append(Orphan(rule="one", incidents=(17, 18), teams=("platform",)))
    with structlog.testing.capture_logs() as lines:
        assert await scene.reloader.reload() == []
        scene.rules.write_text(GOOD.replace("one", "two"))
        assert await scene.reloader.reload() == []
    (line,) = [line for line in lines if line["event"] == "rule_leaves_open"]
    assert (line["rule"], line["count"], line["incidents"], line["teams"]) == ("one", 2, (17, 18), ("platform",))


async def test_a_secret_that_breaks_keeps_the_old_configuration(scene: Scene) -> None:
    before = scene.reloader.current
    scene.config.write_text(CONFIG + "channels: {slack: {kind: slack, url: env:NOWHERE}}\n")
    (mistake,) = await scene.reloader.reload()
    assert "[secret-missing] at channels.slack.url" in mistake
    assert scene.reloader.current is before
    assert scene.journal.done == [("ReloadFailed", "firing")]


async def test_what_is_out_stays_out_without_keeping_rules_from_changing_and_comes_back(scene: Scene) -> None:
    scene.config.write_text(CONFIG + "channels: {slack: {kind: slack, url: env:NOWHERE}}\n")
    scene.reloader.current = load(scene.config, environ=ENVIRON, may_be_out=lambda _subject: True).settings
    scene.rules.write_text(GOOD.replace("one", "two"))
    assert await scene.reloader.reload() == []
    assert [outage.subject for outage in scene.reloader.current.outages] == ["channel:slack"]
    assert scene.journal.done[-1] == ("ChannelOut", "firing")
    scene.config.write_text(CONFIG)
    assert await scene.reloader.reload() == []
    assert scene.reloader.current.outages == ()
    assert scene.journal.done[-1] == ("ChannelOut", "resolved")
