from __future__ import annotations

import json
from pathlib import Path

import pytest

from router.cli.backtest import compile_rules
from router.cli.reading import load
from router.model.journal import IncidentChanged
from router.model.severity import Severity
from tests.support.journals import alert, journal, over
from tests.support.trial import RULES, keep, lay_out, run

DOWN = alert("api")
WORSE = alert("pay-api", severity=Severity.CRITICAL)
SLOW = alert("web", "Slow", Severity.WARNING)
ENTRIES = journal((0, DOWN), (1, WORSE), (2, SLOW), (5, over(DOWN)), (9, over(SLOW)), (20, over(WORSE)))
NO_PAYMENTS = RULES.replace("service: dev-*", "service: [dev-*, pay-*]")
QUICKER = RULES.replace("10m", "5m")
SINCE = ["--from", "2026-11-18"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ALERT_ROUTER_CONFIG", raising=False)
    return tmp_path


def record(place: Path) -> None:
    keep(place, ENTRIES, compile_rules([Path("rules")], load(Path("config.yaml"))))


def test_the_same_rules_change_nothing(place: Path) -> None:
    lay_out(place, ENTRIES)
    record(place)
    result = run("backtest", "--rules", "rules", *SINCE)
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[0] == "2 before, 2 after: 0 lost, 0 new."
    assert "happened  these rules" in result.output


def test_a_critical_page_that_is_lost_comes_first_and_exits_1(place: Path) -> None:
    lay_out(place, ENTRIES, changed=NO_PAYMENTS)
    record(place)
    result = run("backtest", "--rules", "new", *SINCE)
    assert result.exit_code == 1
    assert result.output.splitlines()[0] == "LOST: 1 critical page. 2 before, 1 after: 1 lost, 0 new."
    assert "lost: paged before, nobody now (1)" in result.output
    assert "pay-api: Down" in result.output


def test_a_page_somebody_acknowledged_exits_1(place: Path) -> None:
    lay_out(place, ENTRIES, changed=RULES.replace("service: dev-*", "service: api"))
    assert run("backtest", "--rules", "new", "--journal", "journal.jsonl").exit_code == 0
    record(place)
    key = json.loads(run("backtest", "--rules", "new", *SINCE, "--output", "json").stdout)["lost"]["items"][0]["dedup_key"]
    taken = [*ENTRIES[:2], *journal((2, IncidentChanged(dedup_key=key, status="acknowledged"))), *ENTRIES[2:]]
    (place / "data.db").unlink()
    keep(place, taken, compile_rules([Path("rules")], load(Path("config.yaml"))))
    result = run("backtest", "--rules", "new", *SINCE, "--output", "json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert (found["lost"]["acknowledged"], found["lost"]["items"][0]["acknowledged"], found["safe"]) == (1, True, False)


def test_for_programs_and_with_a_file(place: Path) -> None:
    lay_out(place, ENTRIES, changed=QUICKER)
    result = run("backtest", "--rules", "new", "--journal", "journal.jsonl", "--output", "json", "--zone", "Europe/Berlin")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert (found["entries"], found["zone"], found["before"]["pages"], found["after"]["pages"]) == (6, "Europe/Berlin", 2, 3)
    assert [(page["team"], page["rule"], page["name"]) for page in found["new"]["items"]] == [("platform", "slow", "Slow")]
    assert sum(found["after"]["by_hour"]) == 3
    text = (place / "journal.jsonl").read_text()
    piped = run("backtest", "--rules", "new", "--journal", "-", "--output", "json", "--zone", "Europe/Berlin", given=text)
    assert json.loads(piped.stdout)["after"] == found["after"]


def test_a_store_without_decisions_is_compared_with_the_rules_in_force(place: Path) -> None:
    lay_out(place, ENTRIES, changed=QUICKER)
    keep(place, ENTRIES, None)
    result = run("backtest", "--rules", "new", *SINCE)
    assert result.output.splitlines()[0] == "2 before, 3 after: 0 lost, 1 new."
    against = run("backtest", "--rules", "new", "--against", "new", *SINCE)
    assert against.output.splitlines()[0] == "3 before, 3 after: 0 lost, 0 new."


def test_only_the_time_asked_for_counts(place: Path) -> None:
    lay_out(place, ENTRIES)
    result = run(
        "backtest", "--rules", "new", "--journal", "journal.jsonl", "--from", "2026-11-18T11:07:00Z", "--output", "json"
    )
    assert json.loads(result.stdout)["after"]["pages"] == 1
    before = run("backtest", "--rules", "new", "--journal", "journal.jsonl", "--to", "2026-11-18T11:06:50Z", "--output", "json")
    assert json.loads(before.stdout)["entries"] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--rules", "nowhere"], 2, "does not exist"),
        (["--rules", "new"], 1, "data.db"),
        (["--rules", "new", "--journal", "none.jsonl"], 2, "none.jsonl cannot be read"),
        (["--rules", "new", "--journal", "config.yaml"], 1, "config.yaml is no journal"),
        (["--rules", "new", "--journal", "journal.jsonl", "--zone", "Mars/Base"], 2, "there is no time zone 'Mars/Base'"),
        (["--rules", "bad", "--journal", "journal.jsonl"], 1, "the rules in bad have mistakes"),
    ],
)
def test_what_cannot_be_done_is_said(place: Path, arguments: list[str], code: int, message: str) -> None:
    lay_out(place, ENTRIES)
    (place / "bad").mkdir()
    (place / "bad" / "a.yaml").write_text("rules: [{id: a, page: nobody}]\n")
    result = run("backtest", *arguments)
    assert result.exit_code == code, result.output
    assert message in result.output
