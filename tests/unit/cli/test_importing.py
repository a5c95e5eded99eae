from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.support.trial import run

SAMPLE = Path(__file__).resolve().parents[2] / "samples/alertmanager-conf.good.yml"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_files_and_report_are_written_and_pass_check(monkeypatch: pytest.MonkeyPatch) -> None:
    done = run("import", str(SAMPLE))
    assert done.exit_code == 0, done.output
    assert "alertmanager-conf.good.yml:13: lost: templates[0]: named templates" in done.output
    assert "2 files, 8 rules, 3 teams: no mistakes" in done.output
    report = Path("imported/import-report.txt").read_text()
    assert report.splitlines() == done.output.split("\n\n")[0].splitlines()
    assert "mysecret" not in "".join(path.read_text() for path in Path("imported").rglob("*.*"))
    for team in ("TEAM_X_PAGER", "TEAM_Y_PAGER", "TEAM_DB_PAGER"):
        monkeypatch.setenv(f"PD_KEY_{team}", "a1" * 16)
    monkeypatch.setenv("SMTP_PASSWORD", "not-much-of-a-secret")
    checked = run("check", "--config", "imported/config.yaml")
    assert checked.exit_code == 0
    assert "no mistakes" in checked.output
    assert "warning" not in checked.output


def test_nothing_is_written_over_unless_that_is_wanted() -> None:
    assert run("import", str(SAMPLE), "--out", "there").exit_code == 0
    again = run("import", str(SAMPLE), "--out", "there")
    assert again.exit_code == 1
    assert "is there already" in again.output
    assert run("import", str(SAMPLE), "--out", "there", "--force").exit_code == 0


def test_for_programs() -> None:
    done = run("import", str(SAMPLE), "--output", "json")
    said = json.loads(done.output)
    assert said["files"] == ["config.yaml", "rules/alertmanager.yaml", "import-report.txt"]
    assert said["rules"][0] == {
        "rule": "team-x-pager",
        "route": "route.routes[0].routes[0]",
        "line": 48,
        "receiver": "team-X-pager",
        "teams": ["team-x-pager"],
        "channels": ["team-x-pager-email"],
    }
    assert {"kind": "lost", "line": 7, "path": "global.smtp_hello", "text": "serves no receiver here"} in said["notes"]


@pytest.mark.parametrize(
    ("text", "said", "writes"),
    [
        ("route: {receiver: !x x}\nreceivers: [{name: x}]\n", "cannot be read", False),
        ("receivers: []\n", "there is no root route", False),
        ("route: {receiver: x, routes: [{matchers: [nothing]}]}\nreceivers: [{name: x}]\n", "is no matcher", True),
    ],
)
def test_mistakes_of_the_original_end_with_one(text: str, said: str, *, writes: bool) -> None:
    Path("am.yml").write_text(text)
    done = run("import", "am.yml")
    assert done.exit_code == 1
    assert said in done.output
    assert Path("imported/config.yaml").exists() is writes


ANCHORED = """\
x-pd: &pd {send_resolved: true, routing_key_file: /etc/pd/key}
route:
  receiver: &default ops
  group_by: &by [alertname, cluster]
  routes:
    - {matchers: ['team="db"'], group_by: *by, receiver: db}
receivers:
  - name: *default
    pagerduty_configs: [*pd]
  - name: db
    pagerduty_configs:
      - <<: *pd
        severity: warning
"""
WRITTEN = """\
x-pd: {send_resolved: true, routing_key_file: /etc/pd/key}
route:
  receiver: ops
  group_by: [alertname, cluster]
  routes:
    - {matchers: ['team="db"'], group_by: [alertname, cluster], receiver: db}
receivers:
  - name: ops
    pagerduty_configs: [{send_resolved: true, routing_key_file: /etc/pd/key}]
  - name: db
    pagerduty_configs:
      - severity: warning
        send_resolved: true
        routing_key_file: /etc/pd/key
"""


def test_anchors_and_merge_keys_import_as_what_they_stand_for() -> None:
    for name, text in (("anchored", ANCHORED), ("written", WRITTEN)):
        Path("am.yml").write_text(text)
        done = run("import", "am.yml", "--out", name)
        assert done.exit_code == 0, done.output
    anchored, written = (
        {path.relative_to(name): yaml.safe_load(path.read_text()) for path in Path(name).rglob("*.yaml")}
        for name in ("anchored", "written")
    )
    assert anchored == written
    assert len(anchored) > 1


def test_a_bomb_of_aliases_is_refused() -> None:
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 12))
    Path("am.yml").write_text(f"l0: &l0 [x]\n{levels}route: {{receiver: x}}\nreceivers: [{{name: x}}]\n")
    done = run("import", "am.yml")
    assert done.exit_code == 1
    assert "too-many-values" in done.output


def test_a_key_that_stands_twice_is_refused() -> None:
    Path("twice.yml").write_text("route: {receiver: x}\nroute: {receiver: x}\n")
    assert "keep one of the two" in run("import", "twice.yml").output


def test_a_file_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("am.yml").write_bytes(b"#" * (4 * 1024 * 1024 + 1))
    assert "larger than" in run("import", "am.yml").output
