from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from router.cli import main
from router.cli.casting import Cast, Caster, NoTests, default_paths, find_test_files
from tests.support.stories import HEAD, RULES

CONFIG = """\
default_team: ops
teams:
  ops: {services: ["*"], pagerduty: {routing_key: env:KEY}}
sources: {zabbix: {kind: alertmanager}}
severities: {critical: [disaster]}
pagerduty: {retry_for: 2h}
rules: [rules]
"""
STORY = "tests: [{name: a, steps: [{alert: {service: api}, expect: {page: ops}}]}]\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yaml").write_text(RULES)
    (tmp_path / "config.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def cast(story: str, *, config: bool, is_explicit: bool = False, at: str = "rules/a.test.yaml") -> Cast:
    Path(at).parent.mkdir(exist_ok=True)
    Path(at).write_text(story)
    caster = Caster(Path("config.yaml") if config else None, is_explicit=is_explicit)
    caster.add(Path(at))
    return caster.cast


def teams_of(found: Cast) -> list[str]:
    assert found.diagnostics == [], found.diagnostics
    ruleset = found.productions[0].ruleset
    assert ruleset is not None
    return list(ruleset.teams)


def codes(found: Cast) -> list[str]:
    assert found.productions[0].ruleset is None
    return [each.code for each in found.diagnostics]


def test_who_names_the_teams(place: Path) -> None:
    own = HEAD + STORY.replace("ops", "platform")
    assert teams_of(cast(own, config=False)) == ["payments", "platform"]
    assert teams_of(cast(own, config=True)) == ["payments", "platform"]
    assert teams_of(cast(STORY, config=True)) == ["ops"]
    assert teams_of(cast(HEAD + STORY.replace("page: ops", "pages: 1"), config=True, is_explicit=True)) == ["ops"]
    assert codes(cast(STORY, config=False)) == ["no-teams"]


def test_who_names_the_rules(place: Path) -> None:
    (place / "other").mkdir()
    (place / "other" / "b.yaml").write_text("rules: [{id: other}]\n")

    def rules_of(found: Cast) -> list[str]:
        ruleset = found.productions[0].ruleset
        assert ruleset is not None, found.diagnostics
        return [rule.id for rule in ruleset.rules]

    own = HEAD + STORY.replace("ops", "platform")
    assert rules_of(cast(own, config=False, at="other/b.test.yaml")) == ["other"]
    assert rules_of(cast(STORY, config=True, at="other/b.test.yaml")) == ["errors", "noise", "rest"]
    assert rules_of(cast("rules: [b.yaml, ../rules/a.yaml]\n" + STORY, config=True, at="other/b.test.yaml")) == [
        "other",
        "errors",
        "noise",
        "rest",
    ]


def test_the_configuration_says_what_sources_and_severities_mean(place: Path) -> None:
    found = cast(STORY.replace("service: api", "service: api, source: zabbix, severity: disaster"), config=True)
    (production,) = found.productions
    (alert,) = production.file.scripts[0].steps[0].alerts
    assert (alert.kind, alert.severity.word) == ("stateful", "critical")
    assert production.retry_for_ms == 2 * 3_600_000


def test_what_a_test_reloads_is_compiled_with_the_same_teams(place: Path) -> None:
    story = STORY.replace("steps: [", "steps: [{reload: ../other.yaml}, ")
    (place / "other.yaml").write_text("rules: [{id: other, page: ops}]\n")
    production = cast(story, config=True).productions[0]
    assert [rule.id for rule in production.load(("../other.yaml",)).rules] == ["other"]
    (place / "other.yaml").write_text("rules: [{id: other, page: nobody}]\n")
    assert codes(cast(story, config=True)) == ["unknown-team"]
    (place / "other.yaml").unlink()
    assert codes(cast(story, config=True)) == ["missing-file", "no-rules"]


def test_without_rules_there_is_nothing_to_test(place: Path) -> None:
    assert codes(cast(HEAD + STORY.replace("ops", "platform"), config=False, at="empty/a.test.yaml")) == ["no-rules"]


def test_mistakes_are_told_once_and_warnings_not_at_all(place: Path) -> None:
    (place / "rules" / "b.yaml").write_text("rules: [{id: late, page: ops}]\n")  # nothing can reach it: a warning
    assert cast(STORY, config=True).diagnostics == []
    (place / "rules" / "b.yaml").write_text("rules: [{id: late, pgae: ops}]\n")
    for name in "ab":
        (place / "rules" / f"{name}.test.yaml").write_text(STORY)
    caster = Caster(Path("config.yaml"), is_explicit=False)
    for path in find_test_files([place]):
        caster.add(path)
    assert [each.code for each in caster.cast.diagnostics] == ["unknown-key"]
    document = caster.cast.document("rules/b.yaml")
    assert document.span(("rules", 0, "id")).line == 1


def test_a_test_file_that_cannot_be_read_is_a_mistake(place: Path) -> None:
    caster = Caster(None, is_explicit=False)
    caster.add(Path("gone.test.yaml"))
    assert [(found.code, str(found.span)) for found in caster.cast.diagnostics] == [("unreadable-file", "gone.test.yaml:1:1")]


def test_test_files_are_found_below_directories_and_beside_rules(place: Path) -> None:
    for name in ("rules/a.test.yaml", "rules/team/b.test.yaml", "rules/.hidden/c.test.yaml", "rules/d.yaml"):
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text(STORY)
    below = [Path("rules/a.test.yaml"), Path("rules/team/b.test.yaml")]
    assert find_test_files([Path("rules")]) == below
    assert find_test_files([Path("rules/a.yaml"), Path("rules/a.test.yaml")]) == below[:1]
    with pytest.raises(NoTests, match=r"there is no rules/d\.test\.yaml"):
        find_test_files([Path("rules/d.yaml")])
    (place / "empty").mkdir()
    with pytest.raises(NoTests, match=r"no \*\.test\.yaml in empty"):
        find_test_files([Path("empty")])


def test_without_a_path_tests_are_looked_for_beside_the_rules(place: Path) -> None:
    assert default_paths(lambda: [place / "rules", place / "gone"]) == [place / "rules"]
    assert default_paths(list) == [Path()]


def test_guards_and_owners_hold_in_rule_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All files beside the test are its rules, so a guard is tested against the files that try to override it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ALERT_ROUTER_CONFIG", raising=False)
    (tmp_path / "00-guard.yaml").write_text("guard: true\nrules: [{id: g, match: {severity: critical}, page: platform}]\n")
    (tmp_path / "50-pay.yaml").write_text(
        "owner: payments\nrules: [{id: quiet, drop: asleep}]\n"
        "silences: [{id: s, match: {}, until: 2099-01-01T00:00:00Z, reason: asleep}]\n"
    )
    (tmp_path / "90-common.yaml").write_text("rules: [{id: common}]\n")
    (tmp_path / "a.test.yaml").write_text(
        'teams: {payments: [pay-*], platform: ["*"]}\n'
        "tests:\n"
        "  - name: a team cannot sleep through what is critical\n"
        "    steps:\n"
        "      - {alert: {service: pay-api, name: Down, severity: critical}}\n"
        "      - {expect: {page: platform, rule: g}}\n"
        "      - {alert: {service: pay-api, name: Slow}}\n"
        "      - {expect: {no_page: true, dropped: asleep}}\n"
        "      - {alert: {service: web, name: Slow}}\n"
        "      - {expect: {page: platform, rule: common}}\n"
    )
    result = CliRunner().invoke(main, ["test", "."], catch_exceptions=False)
    assert result.exit_code == 0, result.output
