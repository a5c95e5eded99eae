from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from router.cli import main
from tests.support.webhooks import SAMPLES, sample

CONFIG = """
rules: [rules/]
default_team: a
teams: {a: {services: ["*"], pagerduty: {routing_key: env:KEY}}}
sources:
  tools: {kind: pagerduty, keys: [env:INBOUND]}
  ci: {kind: github-actions, auth: env:SECRET}
  aws: {kind: cloudwatch-sns, topics: ["arn:*"]}
  mine:
    kind: webhook
    auth: env:SECRET
    mapping: {service: host, name: "contains(tags, 'x') && 'X' || 'Y'", status: state, severity: level}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    return path


def run(config: Path, *arguments: str, body: Any = None) -> Result:
    given = None if body is None else body if isinstance(body, bytes) else json.dumps(body)
    return CliRunner().invoke(main, ["sources", "--config", str(config), *arguments], input=given)


def test_sources_are_listed_with_their_doors(config: Path) -> None:
    result = run(config)
    assert result.exit_code == 0
    lines = {line.split()[0]: line for line in result.output.splitlines()}
    assert "signed (X-Hub-Signature-256)" in lines["ci"]
    assert "/v1/sources/mine" in lines["mine"]
    assert "signed by Amazon" in lines["aws"]
    assert {"json", "alertmanager", "tools"} <= set(lines)
    listed = json.loads(run(config, "--output", "json").output)["items"]
    assert listed[0] == {"name": "tools", "kind": "pagerduty", "door": "/v2/enqueue", "proof": "1 inbound keys"}


def test_a_body_is_shown_field_by_field(config: Path) -> None:
    result = run(
        config,
        "try",
        "mine",
        "-",
        body=[{"host": "db", "tags": ["x"], "state": "odd"}, {"host": "b", "tags": [], "state": "pending"}],
    )
    assert result.exit_code == 0
    for words in ("item 1 of 2", "db", "host", "'odd' is no known status", "ignored", "2 items: 1 alerts", "severity"):
        assert words in result.output


def test_what_failed_is_said_and_is_an_exit_status(config: Path) -> None:
    result = run(config, "try", "mine", "-", body={"host": "db"})
    assert result.exit_code == 1
    assert "contains() takes array or string, found null" in result.output
    found = json.loads(run(config, "--output", "json", "try", "mine", "-", body={"host": "db"}).output)["items"][0]
    assert found["alert"]["service"] == "db"
    assert [field["field"] for field in found["fields"] if field.get("failed")] == ["name"]


def test_a_known_sender_needs_no_configuration(tmp_path: Path) -> None:
    result = run(tmp_path / "none.yaml", "try", "pingdom", str(SAMPLES / "pingdom-down.json"))
    assert result.exit_code == 0
    assert "api.alerta.io" in result.output


def test_a_configured_name_and_a_known_kind_are_both_found(config: Path) -> None:
    assert run(config, "try", "aws", "-", body=sample("cloudwatch-sns-alarm")).exit_code == 0
    assert run(config, "try", "pingdom", "-", body=sample("pingdom-up")).exit_code == 0


def test_headers_can_be_given(config: Path) -> None:
    result = run(config, "try", "sentry", "-", "--header", "Sentry-Hook-Resource: installation", body={"action": "created"})
    assert "ignored" in result.output
    assert run(config, "try", "sentry", "-", "--header", "nonsense", body={}).exit_code == 2


def test_what_cannot_be_tried_is_said(config: Path) -> None:
    assert run(config, "try", "nobody", "-", body={}).exit_code == 2
    result = run(config, "try", "mine", "-", body=b"{")
    assert result.exit_code == 1
    assert "not JSON" in result.output
