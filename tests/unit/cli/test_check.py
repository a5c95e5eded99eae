from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from router.cli.check import check, examine_files, is_configuration, summarise
from tests.support.place import Place

KEY = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
CONFIG = """\
default_team: platform
teams:
  platform: {services: ["*"], pagerduty: {routing_key: env:KEY}}
"""
RULES = "rules:\n  - {id: a, match: {service: x}, page: platform}\n  - {id: b}\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a good configuration and one rule file."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yaml").write_text(RULES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KEY", KEY)
    monkeypatch.delenv("ALERT_ROUTER_CONFIG", raising=False)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(check, list(arguments), catch_exceptions=False)


def test_no_mistakes(place: Path) -> None:
    result = run()
    assert result.exit_code == 0
    assert result.output == "2 files, 2 rules, 1 team: no mistakes\n"


def test_a_mistake_is_shown_with_its_line_a_caret_and_a_hint(place: Path) -> None:
    (place / "rules" / "a.yaml").write_text(RULES.replace("page: platform", "page: platfrom"))
    result = run()
    assert result.exit_code == 1
    assert result.output == (
        "rules/a.yaml:2:40: error [unknown-team] rules[0].page: there is no team 'platfrom'\n"
        "    2 |   - {id: a, match: {service: x}, page: platfrom}\n"
        "      |                                        ^^^^^^^^\n"
        '      hint: did you mean "platform"?\n'
        "\n"
        "2 files, 2 rules, 1 team: 1 mistake\n"
    )


def test_warnings_alone_are_no_failure(place: Path) -> None:
    (place / "rules" / "b.yaml").write_text("rules: [{id: c}]\n")
    result = run()
    assert result.exit_code == 0
    assert "warning [unreachable-rule]" in result.output
    assert result.output.endswith("3 files, 3 rules, 1 team: no mistakes, 1 warning\n")


def test_json_has_every_place_as_a_range(place: Path) -> None:
    (place / "rules" / "a.yaml").write_text("rules:\n  - {id: a, page: nobody}\n")
    result = run("--output", "json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == [
        {
            "level": "error",
            "code": "unknown-team",
            "file": "rules/a.yaml",
            "range": {"start": {"line": 2, "column": 19}, "end": {"line": 2, "column": 25}},
            "path": "rules[0].page",
            "message": "there is no team 'nobody'",
            "hint": "teams are platform",
        }
    ]
    (place / "rules" / "a.yaml").write_text(RULES)
    assert json.loads(run("--output", "json").stdout) == []


def test_mistakes_of_configuration_and_rules_come_out_together(place: Path) -> None:
    (place / "config.yaml").write_text(CONFIG + "colour: red\n")
    (place / "rules" / "a.yaml").write_text("rules: [{id: a, page: nobody}]\n")
    codes = [(each["file"], each["code"]) for each in json.loads(run("--output", "json").stdout)]
    assert codes == [("config.yaml", "unknown-key"), ("rules/a.yaml", "unknown-team")]


def test_paths_are_checked_instead_of_the_configured_rules(place: Path) -> None:
    (place / "rules" / "a.yaml").write_text("rules: 5")
    (place / "other.yaml").write_text("rules: [{id: a, page: nobody}]\n")
    result = run("other.yaml")
    assert "other.yaml:1:23" in result.output
    assert "rules/a.yaml" not in result.output


def test_a_configuration_among_the_paths_is_taken_for_one(place: Path) -> None:
    (place / "other.yaml").write_text(CONFIG.replace("platform", "other"))
    assert is_configuration(place / "other.yaml")
    assert not is_configuration(place / "rules" / "a.yaml")
    result = run("other.yaml")
    assert "there is no team 'platform'" in result.output
    assert run("other.yaml", "config.yaml").exit_code == 2


def test_without_a_configuration_rules_are_checked_for_themselves(place: Path) -> None:
    (place / "config.yaml").unlink()
    result = run("rules")
    assert result.exit_code == 0
    assert result.stdout == "1 file, 2 rules: no mistakes\n"
    assert "names of teams were not checked" in result.stderr


def test_a_configuration_that_cannot_be_read_is_a_mistake_and_no_traceback(place: Path) -> None:
    result = run("--config", "a" * 300)  # as a folder we may not enter, which the tests may: they may run as root
    assert result.exit_code == 1
    assert "[unreadable-file] cannot be read: File name too long" in result.output


def test_a_rule_file_whose_link_broke_is_a_mistake(place: Path) -> None:
    (place / "rules" / "b.yaml").symlink_to("gone.yaml")
    result = run()
    assert result.exit_code == 1
    assert "rules/b.yaml is a link that leads to nothing" in result.output


def test_usage_errors_are_2(place: Path) -> None:
    assert run("nowhere").exit_code == 2
    assert run("--config", "nowhere.yaml").exit_code == 2
    assert run("--config", "nowhere.yaml", "rules").exit_code == 2
    assert run("--output", "xml").exit_code == 2
    (place / "config.yaml").unlink()
    assert "there is no configuration" in run().stderr


def test_the_environment_names_the_configuration(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERT_ROUTER_CONFIG", str(place / "nowhere.yaml"))
    assert run().exit_code == 2


def test_secrets_need_not_be_there_to_check_rules(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KEY")
    assert run().exit_code == 1
    assert run("--skip-secrets").exit_code == 0


def test_no_secret_is_printed(place: Path) -> None:
    (place / "config.yaml").write_text(CONFIG.replace("env:KEY", f"{KEY}, foo: 1"))
    for arguments in ((), ("--output", "json")):
        result = run(*arguments)
        assert result.exit_code == 1
        assert KEY not in result.output + result.stderr


def test_a_broken_configuration_still_lets_its_rules_be_checked(place: Path) -> None:
    for text in ("default_team: [", "teams: 5", ""):
        (place / "config.yaml").write_text(text)
        result = run("rules", "config.yaml")
        assert result.exit_code in {1, 2}
        assert run("rules").exit_code == 1


def test_idle_teams_are_named_when_everything_was_checked(place: Path) -> None:
    idle = CONFIG + "  idle: {pagerduty: {routing_key: env:KEY}}\n  spare: {pagerduty: {routing_key: env:KEY}}\n"
    (place / "config.yaml").write_text(idle)
    (place / "rules" / "b.yaml").write_text("rules: [{id: s, match: {service: s}, page: [owner, spare]}]\n")
    (place / "rules" / "a.yaml").write_text("rules: [{id: a, match: {service: x}}]\n")
    found = [(each["code"], each["path"]) for each in json.loads(run("--output", "json").stdout)]
    assert found == [("idle-team", "teams.idle")]
    assert json.loads(run("rules", "--output", "json").stdout) == []
    (place / "config.yaml").write_text(idle + "colour: red\n")
    assert "idle-team" not in run().output


def test_idle_channels_are_named_and_broken_ones_beget_no_false_mistakes(place: Path) -> None:
    hook = "kind: webhook, url: 'https://chat.example/x'"
    channels = f"channels: {{chat: {{{hook}}}, spare: {{{hook}}}, of-team: {{{hook}}}}}\n"
    config = CONFIG.replace("{routing_key: env:KEY}", "{routing_key: env:KEY}, channels: of-team", 1)
    (place / "config.yaml").write_text(channels + config)
    (place / "rules" / "b.yaml").write_text("rules: [{id: s, match: {service: s}, page: owner, notify: chat}]\n")
    (place / "rules" / "a.yaml").write_text("rules: [{id: a, match: {service: x}}]\n")
    found = [(each["code"], each["path"]) for each in json.loads(run("--output", "json").stdout)]
    assert [each for each in found if each[0] != "literal-secret"] == [("idle-channel", "channels.spare")]
    (place / "config.yaml").write_text(channels.replace("kind: webhook", "kind: webhok") + config)
    codes = {each["code"] for each in json.loads(run("--output", "json").stdout)}
    assert "unknown-channel" not in codes


def test_missing_rules_are_reported_in_the_order_of_the_file(place: Path) -> None:
    (place / "config.yaml").write_text("colour: red\nrules: [gone/]\n" + CONFIG + "size: large\n")
    codes = [each["code"] for each in json.loads(run("--output", "json").stdout)]
    assert codes == ["unknown-key", "missing-file", "unknown-key"]


def test_the_summary_counts(place: Path) -> None:
    report = examine_files(place / "config.yaml", [], read_secrets=True)
    assert summarise(report) == "2 files, 2 rules, 1 team: no mistakes"


def test_what_the_rules_leave_open_is_told_from_the_store(history: Place) -> None:
    """Of the place's store: two incidents of the rule payment-errors are open."""
    rules = history.folder / "rules" / "a.yaml"
    for rule, expected in (
        ("{id: payment-errors}", []),
        ("{id: card-errors, renamed_from: payment-errors}", []),
        ("{id: card-errors}", ["leaves-open"]),
    ):
        rules.write_text(f"rules: [{rule}]\n")
        found = json.loads(history.run("check", "--skip-secrets", "--output", "json").stdout)
        assert [each["code"] for each in found] == expected
    assert "rule 'payment-errors' is gone and leaves 2 incidents open: 2, 1 (payments)" in found[0]["message"]
    assert "incidents close --rule payment-errors" in found[0]["hint"]
