from __future__ import annotations

from pathlib import Path

import pytest

from router.model.severity import Severity
from tests.support.journals import alert, journal
from tests.support.trial import RULES, lay_out, run


def test_two_rule_sets_by_effect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ALERT_ROUTER_CONFIG", raising=False)
    entries = journal((0, alert("pay-|`x`", "<b>", Severity.CRITICAL)), (1, alert("api")))
    lay_out(tmp_path, entries, changed=RULES.replace("dev-*", "pay-*"))
    result = run("diff", "rules", "new", "--journal", "journal.jsonl", "--output", "markdown")
    assert result.exit_code == 1
    assert "| pages | 2 | 1 | -1 |" in result.output
    assert "pay-\\|\\`x\\`: \\<b\\>" in result.output
    back = run("diff", "new", "rules", "--journal", "journal.jsonl")
    assert back.exit_code == 0
    assert back.output.startswith("1 before, 2 after: 0 lost, 1 new.")
