"""What led to a decision, from a record of plain lists; whole stories: ``tests/integration/test_explain_situations.py``."""

from __future__ import annotations

import pytest

from router.incidents.retelling import MAX_LOOKED_AT, find_counted, retell_rules
from router.model.decision import Action, Decision, Reason
from router.rules.compiling import ruleset_texts
from router.store.base import DecisionRow
from tests.support.engine import fire
from tests.support.rule_texts import SCALE, TEAMS

MINUTE = 60_000


class Record:
    def __init__(self, *decisions: Decision, texts: bytes | None = None) -> None:
        self.rows = [DecisionRow(id=number, decision=decision) for number, decision in enumerate(decisions, start=1)]
        self.texts = texts
        self.asked = 0

    def decisions(self, *, before_id: int, limit: int) -> list[DecisionRow]:
        self.asked += 1
        return [row for row in reversed(self.rows) if row.id < before_id][:limit]

    def ruleset(self, version: str) -> bytes | None:
        return self.texts if version == "v1" else None


def held(minute: float, cause: str, **changes: object) -> Decision:
    values = {"rule": "a", "group": "g", "alert_seq": 1} | changes
    return Decision(at=round(minute * MINUTE), action=Action.HOLD, reason=Reason.COUNT_NOT_REACHED, cause=cause, **values)  # type: ignore[arg-type]


def counted(*decisions: Decision) -> list[float]:
    record = Record(*decisions)
    return [at / MINUTE for at in find_counted(record, record.rows[-1])]  # type: ignore[arg-type]


def test_the_occurrences_of_the_same_group_within_the_window() -> None:
    assert counted(
        held(1, "1 of 3 in 5m"),
        held(4, "2 of 3 in 5m"),
        held(5, "1 of 3 in 5m", group="other"),
        held(5, "1 of 3 in 5m", rule="b"),
        held(5, "ends", alert_seq=0),
        held(7, "2 of 3 in 5m"),
    ) == [4, 7]
    assert counted(held(1, "1 of 3 in 5m"), held(2, "1 of 3 in 30s")) == [2]
    assert counted(held(1, "2 of 3 changes in 5m")) == [1]


@pytest.mark.parametrize("cause", ["", "0s of 10m", "2 of 3 in nothing", "limit 2 in 1h"])
def test_where_nothing_was_counted(cause: str) -> None:
    assert counted(held(1, cause)) == []


def test_it_is_not_looked_for_without_end() -> None:
    record = Record(*[held(1, "1 of 3 in 5m", group=f"{n}") for n in range(MAX_LOOKED_AT + 5_000)], held(2, "3 of 3 in 5m"))
    assert find_counted(record, record.rows[-1]) == (2 * MINUTE,)  # type: ignore[arg-type]
    assert record.asked == 10


def test_the_rules_as_they_were_tried() -> None:
    text = "guard: true\nrules: [{id: g, match: {severity: critical}}, {id: a, continue: true}, {id: b}, {id: c}]"
    texts = ruleset_texts([("x.yaml", text)], teams=TEAMS, default_team="platform", scale=SCALE)
    tried = retell_rules(Record(texts=texts), fire().alert, "v1")  # type: ignore[arg-type]
    assert [(each.rule, each.matches, each.goes_on, each.guard) for each in tried] == [
        ("g", False, False, True), ("a", True, True, True), ("b", True, False, True),
    ]  # fmt: skip
    assert (tried[0].key, tried[0].wanted, tried[0].found, tried[0].place) == ("severity", "critical", "error", "x.yaml:2:9")


@pytest.mark.parametrize("texts", [None, b"no bundle"])
def test_texts_that_are_not_kept_or_not_understood_tell_nothing(texts: bytes | None) -> None:
    assert retell_rules(Record(texts=texts), fire().alert, "v1") == []  # type: ignore[arg-type]
    assert retell_rules(Record(texts=texts), fire().alert, "") == []  # type: ignore[arg-type]
