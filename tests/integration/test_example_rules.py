"""The examples that people copy: they load, they compile, and they route what their comments say."""

from __future__ import annotations

import json
import re
import resource
from pathlib import Path

import pytest
from click.testing import CliRunner

from router.cli import main
from router.config.loading import load_settings
from router.config.rule_files import read_rule_files
from router.model.ownership import Ownership
from router.rules.compiling import compile_ruleset
from tests.support.rule_texts import SCALE, TEAMS

ROOT = Path(__file__).resolve().parents[2]
ENVIRON = {
    "PD_KEY_PAYMENTS": "a1" * 16,
    "PD_KEY_DATA": "b2" * 16,
    "PD_KEY_PLATFORM": "c3" * 16,
    "INBOUND_KEY": "d4" * 16,
    "TOKEN_PROMETHEUS": "e5" * 16,
}
MANY_RULES = 10_000
MOST_CPU_SECONDS = 10.0
"""About 3 seconds on the reference machine; the rest is for slower ones and for coverage."""


def test_configuration_and_rules_are_without_mistakes_and_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(main, ["check", "--config", "config.example.yaml", "--output", "json"], catch_exceptions=False)
    assert json.loads(result.stdout) == []
    assert result.exit_code == 0


def test_every_setting_that_is_commented_out_is_one() -> None:
    text = re.sub(r"^( *)#(?=\S|  )", r"\1", (ROOT / "config.example.yaml").read_text(), flags=re.MULTILINE)
    # the store is there in its short and in its long form
    text = text.replace("store: sqlite:data/alert-router.db\n", "", 1)
    settings = load_settings(text, "config.example.yaml", base=ROOT, environ=ENVIRON, read_secrets=False)
    assert settings.store.retention_age_ms == 30 * 86_400_000
    assert [token.name for token in settings.tokens] == ["prometheus", "on-call"]
    assert settings.sources["legacy-tools"].keys == ("env:INBOUND_KEY",)
    assert settings.pagerduty.retry_for_ms == 86_400_000
    assert settings.limits.batch_alerts == 10_000


def test_the_examples_say_who_owns_what() -> None:
    text = (ROOT / "config.example.yaml").read_text()
    settings = load_settings(text, "config.example.yaml", base=ROOT, environ=ENVIRON)
    owner = Ownership(settings.teams).owner
    assert [owner(service) for service in ("payment-api", "payment-db", "orders-db", "warehouse-etl", "search")] == [
        "payments",
        "payments",
        "data",
        "data",
        "platform",
    ]


def test_every_example_rule_says_what_it_is_for() -> None:
    text = (ROOT / "config.example.yaml").read_text()
    settings = load_settings(text, "config.example.yaml", base=ROOT, environ=ENVIRON)
    files = read_rule_files(settings.rules, named_at=settings.spans["rules"]).files
    ruleset, _ = compile_ruleset(
        files, teams=settings.teams, default_team=settings.default_team, scale=settings.scale, sources=settings.sources
    )
    assert ruleset is not None
    assert {
        "development",
        "payment-fatal-errors",
        "production-schema-change",
        "quality-score-low",
        "anomaly-unsure",
        "owner",
    } <= {rule.id for rule in ruleset.rules}
    assert all(rule.description or rule.drop or rule.match.where for rule in ruleset.rules)
    assert all(text.decode().startswith("# ") for _, text in files)


def test_every_example_has_its_test_and_all_of_them_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("ALERT_ROUTER_CONFIG", raising=False)
    result = CliRunner().invoke(main, ["test", "rules", "--output", "json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    played = {test["file"] for test in json.loads(result.stdout)["tests"]}
    rules = [path for path in (ROOT / "rules").rglob("*.yaml") if not path.name.endswith(".test.yaml")]
    assert played == {str(path.relative_to(ROOT).with_suffix(".test.yaml")) for path in rules}


@pytest.mark.timeout(120)
def test_ten_thousand_rules_compile_in_seconds() -> None:
    text = "rules:\n" + "".join(
        f"  - id: rule-{number}\n"
        f'    match: {{service: "service-{number}-*", min_severity: error, labels: {{env: prod}}}}\n'
        "    when: {count: 3, within: 5m}\n"
        f'    summary: "{{{{ service }}}} {number}: {{{{ name }}}}"\n'
        for number in range(MANY_RULES)
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    ruleset, diagnostics = compile_ruleset([("a.yaml", text)], teams=TEAMS, default_team="platform", scale=SCALE)
    took = resource.getrusage(resource.RUSAGE_SELF).ru_utime - before
    assert diagnostics == []
    assert ruleset is not None
    assert len(ruleset.rules) == MANY_RULES
    assert took < MOST_CPU_SECONDS
