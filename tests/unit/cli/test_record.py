from __future__ import annotations

import json
from pathlib import Path

import pytest

from router.store.sqlite.reader import open_reader
from tests.support.journals import alert, journal, over
from tests.support.trial import keep, lay_out, run

DOWN = alert("api", labels={"customer": "acme"}, summary="acme is down")
ENTRIES = journal((0, DOWN), (5, over(DOWN)), (60, DOWN))
SINCE = ["--from", "2026-11-18"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ALERT_ROUTER_CONFIG", raising=False)
    lay_out(tmp_path, ENTRIES)
    return tmp_path


def test_out_and_back_in(place: Path) -> None:
    keep(place, ENTRIES, None)
    result = run("record", "export", *SINCE, "--to", "2026-11-18T11:30Z")
    assert result.exit_code == 0
    assert "2 journal entries" in result.stderr
    header, *lines = result.stdout.splitlines()
    assert json.loads(header)["alert_router_journal"] == 1
    assert [json.loads(line)["at"] for line in lines] == [entry.at for entry in ENTRIES[:2]]
    (place / "slice.jsonl").write_text(result.stdout)
    assert run("record", "import", "slice.jsonl", "--store", "sqlite:copy.db").output == "2 journal entries in copy.db\n"
    reader = open_reader(place / "copy.db")
    assert [(entry.at, entry.fact) for entry in reader.entries()] == [(entry.at, entry.fact) for entry in ENTRIES[:2]]
    assert reader.deliveries() == []
    reader.close()


def test_what_is_imported_counts_as_decided(place: Path) -> None:
    run("record", "import", "journal.jsonl", "--store", "sqlite:data.db")
    keep(place, ENTRIES[2:], None)  # opens the store as a daemon would: nothing of the import is left to decide
    result = run("backtest", "--rules", "rules", *SINCE)
    assert result.output.startswith("2 before, 2 after: 0 lost, 0 new.")


def test_redacted_with_stable_pseudonyms(place: Path) -> None:
    keep(place, ENTRIES, None)
    (place / "key").write_text("a secret of ours")
    first, second = (run("record", "export", *SINCE, "--redact", "customer, ", "--redact-key", "key").stdout for _ in range(2))
    assert "acme" not in first
    assert first.splitlines()[1:] == second.splitlines()[1:]
    assert json.loads(first.splitlines()[0])["redacted"] == ["customer"]
    values = {json.loads(line)["fact"]["alert"]["labels"]["customer"] for line in first.splitlines()[1:]}
    assert len(values) == 1
    other = run("record", "export", *SINCE, "--redact", "customer").stdout
    assert other.splitlines()[1:] != first.splitlines()[1:]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["import", "journal.jsonl", "--store", "config.yaml"], 2, "expected sqlite:PATH"),
        (["import", "journal.jsonl", "--store", "sqlite:config.yaml"], 1, "config.yaml is there already"),
        (["import", "config.yaml", "--store", "sqlite:new.db"], 1, "config.yaml is no journal"),
        (["import", "none", "--store", "sqlite:new.db"], 2, "none cannot be read"),
        (["export", *SINCE], 1, "data.db"),
    ],
)
def test_what_cannot_be_done_is_said(place: Path, arguments: list[str], code: int, message: str) -> None:
    result = run("record", *arguments)
    assert result.exit_code == code, result.output
    assert message in result.output
