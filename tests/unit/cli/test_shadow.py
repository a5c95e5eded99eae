from __future__ import annotations

import json
from pathlib import Path

import pytest

from router.model.journal import Entry, EventForwarded
from router.model.severity import Severity
from tests.support.journals import alert, journal
from tests.support.trial import CONFIG, keep, lay_out, run

SHADOW = CONFIG + "sources: {tools: {kind: pagerduty, keys: [{key: env:IN, shadow: env:B}]}}\n"
SINCE = ["--from", "2026-11-18"]


def went_on(
    key: str, service: str, severity: Severity = Severity.ERROR, *, over: bool = False, source: str = "tools"
) -> EventForwarded:
    given = alert(service, severity=severity, kind="event", fingerprint=key, source=source)
    if over:
        given = alert(service, kind="event", fingerprint=key, source=source, status="resolved", resolved_by="source")
    action = "resolve" if over else "trigger"
    return EventForwarded(
        source=source, routing_key="env:B", action=action, dedup_key=key, body="{}", severity=severity, alert=given.alert
    )


# Three incidents went on: the rules page payments for one, drop one, and fold the third into the first.
FACTS = (
    (0, went_on("1", "pay-api", Severity.CRITICAL)),
    (1, went_on("2", "dev-web")),
    (2, went_on("3", "pay-api")),
    (3, alert("db")),
    (8, went_on("1", "pay-api", over=True)),
    (9, went_on("2", "dev-web", over=True)),
)
ENTRIES = journal(*FACTS)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ALERT_ROUTER_CONFIG", raising=False)
    return tmp_path


def lay(place: Path, entries: list[Entry] | None = None) -> None:
    lay_out(place, entries or ENTRIES)
    (place / "config.yaml").write_text(SHADOW)


def test_what_the_rules_would_have_changed(place: Path) -> None:
    lay(place)
    keep(place, ENTRIES, None)
    result = run("shadow", "report", *SINCE)
    assert result.exit_code == 0, result.output
    # The alert of another source, which the rules decide on as ever, is on both sides.
    assert result.output.splitlines()[0] == "4 before, 2 after: 1 lost, 0 new."
    assert "went on  by the rules" in result.output
    found = json.loads(run("shadow", "report", "--journal", "journal.jsonl", "--output", "json").stdout)
    assert [(page["service"], page["dedup_key"]) for page in found["lost"]["items"]] == [("dev-web", "2")]
    assert found["before"]["by_team"] == {"platform": 4}
    assert found["after"]["by_team"] == {"payments": 1, "platform": 1}


def test_other_rules_and_one_source_can_be_asked_for(place: Path) -> None:
    lay(place)
    (place / "new" / "a.yaml").write_text("rules: [{id: all}]\n")
    found = json.loads(
        run("shadow", "report", "--rules", "new", "--source", "tools", "--journal", "journal.jsonl", "--output", "json").stdout
    )
    assert found["lost"]["pages"] == 0
    refused = run("shadow", "report", "--source", "alertmanager")
    assert refused.exit_code == 1
    assert "no key in shadow" in refused.output
    assert "tools" in refused.output


def test_nothing_in_shadow_says_how_to_begin(place: Path) -> None:
    lay(place, journal((0, alert("db"))))
    result = run("shadow", "report", "--journal", "journal.jsonl")
    assert result.exit_code == 1
    assert "nothing went on in shadow" in result.output
    assert "shadow: env:PD_KEY" in result.output


def test_what_another_source_sent_on_is_left_out(place: Path) -> None:
    lay(place, journal(*FACTS, (10, went_on("x", "dev-api", source="other"))))
    result = run("shadow", "report", "--source", "tools", "--journal", "journal.jsonl", "--output", "json")
    assert json.loads(result.stdout)["before"]["pages"] == 4
