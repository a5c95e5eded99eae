from __future__ import annotations

import os
from pathlib import Path

import pytest

from router.daemon.loading import MAX_FILE_BYTES, RulesBroken, load, read_file
from router.errors import ConfigError
from router.rules.compiling import ruleset_from_texts

KEY = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
CONFIG = """\
default_team: platform
rules: [rules/, more.yaml]
teams:
  platform: {services: ["*"], pagerduty: {routing_key: env:KEY}}
"""
ENVIRON = {"KEY": KEY}


def rule(rule_id: str) -> str:
    return f"rules: [{{id: {rule_id}, match: {{service: {rule_id}}}}}]\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "more.yaml").write_text(rule("last"))
    for name in ("20-b.yaml", "10-a.yaml", "30-c.yaml"):
        (tmp_path / "rules" / name).write_text(rule(name[3]))
    return tmp_path / "config.yaml"


def test_rule_files_are_read_in_sorted_order_and_directories_in_the_order_named(config: Path) -> None:
    loaded = load(config, environ=ENVIRON)
    assert [found.id for found in loaded.ruleset.rules] == ["a", "b", "c", "last"]
    assert loaded.settings.default_team == "platform"


def test_tests_hidden_files_and_everything_else_are_no_rules(config: Path) -> None:
    rules = config.parent / "rules"
    before = load(config, environ=ENVIRON).ruleset.version
    for name in ("a.test.yaml", "a.test.yml", ".hidden.yaml", "README.md", "a.yaml~", "a.yaml.swp", "notes.txt"):
        (rules / name).write_text("rules: [")
    (rules / "folder.yaml").mkdir()
    (rules / "deeper").mkdir()
    (rules / "deeper" / "a.yaml").write_text("rules: [")
    assert load(config, environ=ENVIRON).ruleset.version == before


def test_the_texts_compile_to_the_same_rules_again(config: Path) -> None:
    loaded = load(config, environ=ENVIRON)
    again = ruleset_from_texts(loaded.texts)
    assert [found.id for found in again.rules] == [found.id for found in loaded.ruleset.rules]
    assert again.version == loaded.ruleset.version
    assert KEY.encode() not in loaded.texts


def test_a_version_is_that_of_the_texts(config: Path) -> None:
    version = load(config, environ=ENVIRON).ruleset.version
    assert load(config, environ=ENVIRON).ruleset.version == version
    (config.parent / "more.yaml").write_text(rule("other"))
    assert load(config, environ=ENVIRON).ruleset.version != version


def test_broken_rules_leave_the_settings_usable_and_name_every_mistake(config: Path) -> None:
    (config.parent / "rules" / "20-b.yaml").write_text("rules: [{id: b, mach: {}}, {id: b2, page: nobody}]\n")
    (config.parent / "rules" / "30-c.yaml").write_text("rules: [")
    with pytest.raises(RulesBroken) as raised:
        load(config, environ=ENVIRON)
    assert raised.value.settings.default_team == "platform"
    places = [str(found.span) for found in raised.value.diagnostics if found.level == "error"]
    assert "rules/20-b.yaml:1:17" in places
    assert any(place.startswith("rules/30-c.yaml:") for place in places)
    assert str(raised.value).count("error") == len(places)


def test_a_rule_file_that_is_not_there_is_a_mistake_of_the_rules(config: Path) -> None:
    (config.parent / "more.yaml").unlink()
    with pytest.raises(RulesBroken) as raised:
        load(config, environ=ENVIRON)
    assert "more.yaml" in str(raised.value)


def test_a_broken_configuration_is_not_about_the_rules(config: Path) -> None:
    config.write_text(CONFIG + "teems: {}\n")
    (config.parent / "more.yaml").write_text("rules: [")
    with pytest.raises(ConfigError) as raised:
        load(config, environ=ENVIRON)
    assert [found.code for found in raised.value.diagnostics] == ["unknown-key"]
    config.write_text(CONFIG)
    with pytest.raises(ConfigError, match="KEY is not set"):
        load(config, environ={})


def test_warnings_are_handed_on(config: Path) -> None:
    (config.parent / "more.yaml").write_text("rules: [{id: all}, {id: never, match: {service: x}}]\n")
    loaded = load(config, environ=ENVIRON)
    assert [found.code for found in loaded.warnings] == ["unreachable-rule"]
    (config.parent / "rules" / "15-x.yml").write_text(rule("x"))
    assert [found.code for found in load(config, environ=ENVIRON).warnings] == ["ignored-file", "unreachable-rule"]


def test_a_configuration_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"No such file"):
        read_file(tmp_path / "config.yaml")
    with pytest.raises(ConfigError, match=r"directory"):
        read_file(tmp_path)
    large = tmp_path / "large.yaml"
    with large.open("wb") as file:
        os.truncate(file.fileno(), MAX_FILE_BYTES + 1)
    with pytest.raises(ConfigError, match=r"larger than 16777216 bytes"):
        read_file(large)
