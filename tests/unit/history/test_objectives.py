from __future__ import annotations

from router.history.objectives import MAX_BREACHES, Objective, judge
from tests.support.past import record
from tests.support.stores import START

HOUR = 3_600_000
OBJECTIVE = Objective(name="quick", resolve_within_ms=HOUR, goal=0.9)
OPEN = {"status": "triggered", "resolved_at": 0, "acknowledged_at": 0, "ending": ""}


def test_what_is_open_breaches_once_its_time_is_over() -> None:
    waiting = record(1, created_at=START, **OPEN)
    (early,) = judge([waiting], [OBJECTIVE], now=START + HOUR)
    (late,) = judge([waiting], [OBJECTIVE], now=START + HOUR + 1)
    assert (early.pending, early.breached, early.share, early.is_met) == (1, 0, 1.0, True)
    assert (late.pending, late.breached, late.share, late.is_met) == (0, 1, 0.0, False)
    assert (late.breaches[0].took_ms, late.breaches[0].is_over) == (HOUR + 1, False)


def test_resolving_answers_what_was_never_acknowledged() -> None:
    objective = Objective(name="answered", acknowledge_within_ms=300_000)
    quick = record(1, created_at=START, acknowledged_at=0, resolved_at=START + 60_000)
    slow = record(2, created_at=START, acknowledged_at=START + 400_000)
    (found,) = judge([quick, slow], [objective], now=START + HOUR)
    assert (found.met, found.breached) == (1, 1)


def test_only_what_it_concerns() -> None:
    objective = Objective(
        name="x", resolve_within_ms=1, priorities=("P1",), urgencies=("high",), services=("payment-api",), teams=("payments",)
    )
    records = [
        record(1, priority="P1"), record(2), record(3, priority="P1", urgency="low"), record(4, priority="P1", service="other"),
        record(5, priority="P1", team="other"), record(6, priority="P1", ending="merged"),
    ]  # fmt: skip
    (found,) = judge(records, [objective], now=START)
    assert [breach.number for breach in found.breaches] == [1]


def test_the_newest_breaches_are_listed_all_are_counted() -> None:
    (found,) = judge([record(number, resolved_at=2**50) for number in range(1, 151)], [OBJECTIVE], now=START)
    assert found.breached == 150
    assert [breach.number for breach in found.breaches] == list(range(150, 150 - MAX_BREACHES, -1))


def test_what_is_wanted_in_words() -> None:
    assert OBJECTIVE.sentence == "90 % resolved within 1h"
    assert Objective(name="x", acknowledge_within_ms=300_000).sentence == "all acknowledged within 5m"
