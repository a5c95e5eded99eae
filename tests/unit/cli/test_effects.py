from __future__ import annotations

from datetime import UTC

import pytest

from router.cli.effects import SHOWN, as_json, markdown, print_text, verdict
from router.model.severity import Severity
from router.rehearsal.comparing import Comparison, Effect
from router.rehearsal.replaying import Folding
from tests.support.journals import START, incident

NAMES = ("happened", "these rules")


def effect(*, lost: int = 0, kept: int = 1, has_before: bool = True) -> Effect:
    comparison = Comparison(since=0, has_before=has_before)
    rows = [incident(number, 0, 1, group=str(number), name=str(number)) for number in range(kept)]
    gone = [
        incident(100 + number, 0, 1, rule="old", group=str(number), name=f"old {number}", severity=Severity.CRITICAL)
        for number in range(lost)
    ]
    comparison.take(Folding().take([*rows, *gone], START) if has_before else [], Folding().take(rows, START))
    return comparison.finish(since=START, until=START + 3_600_000, entries=1_234)


def test_the_verdict_is_one_sentence() -> None:
    assert verdict(effect()) == "1 before, 1 after: 0 lost, 0 new."
    assert verdict(effect(lost=2)) == "LOST: 2 critical pages. 3 before, 1 after: 2 lost, 0 new."
    assert verdict(effect(has_before=False)) == "1 page, 0 of them at night."


def test_text_with_and_without_a_before(capsys: pytest.CaptureFixture[str]) -> None:
    print_text(effect(lost=SHOWN + 5), NAMES, UTC)
    shown = capsys.readouterr().out
    assert "1,234 journal entries, 2026-11-18 11:06 to 2026-11-18 12:06" in shown
    assert "  … 5 more" in shown
    assert "rule old" in shown
    assert "at most 26" in shown
    print_text(effect(has_before=False, kept=0), NAMES, UTC)
    alone = capsys.readouterr().out
    assert "no pages" in alone
    assert "happened" not in alone


def test_markdown_and_json() -> None:
    text = markdown(effect(lost=SHOWN + 5), NAMES, UTC)
    assert text.startswith("### Pages: LOST: 25 critical pages.")
    assert "<details open><summary>Lost: 25</summary>" in text
    assert "and 5 more" in text
    assert "| pages | 26 | 1 | -25 |" in text
    assert "| pages | 1 |" in markdown(effect(has_before=False), NAMES, UTC)
    found = as_json(effect(lost=1), UTC)
    assert (found["safe"], found["lost"]["critical"], found["before"]["by_rule"]) == (False, 1, {"a": 1, "old": 1})
    assert as_json(effect(has_before=False), UTC)["before"] is None
