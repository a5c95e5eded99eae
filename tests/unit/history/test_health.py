from __future__ import annotations

from router.history.base import Record
from router.history.health import Backtest, examine
from tests.support.past import record
from tests.support.stores import START

MINUTE = 60_000
BACKTEST = Backtest(rules=("rules/",), begin="2026-10-01", end="2026-11-01")


def alone(number: int, minutes: float, rule: str = "card-errors") -> Record:
    at = START + number * MINUTE
    return record(
        number, created_at=at, rule=rule, acknowledged_at=0, ending="itself", resolved_at=at + round(minutes * MINUTE)
    )


def test_the_change_that_would_have_removed_them_and_the_command_that_shows_it() -> None:
    pages = [alone(number, 1 + number % 3) for number in range(31)] + [alone(40, 200), alone(41, 300)]
    (found,) = examine([*pages, record(50)], BACKTEST)
    assert (found.rule, found.pages, found.never_acknowledged, found.over_by_itself) == ("card-errors", 34, 33, 33)
    assert found.lasted_ms == 2 * MINUTE
    assert found.proposal is not None
    assert (found.proposal.change, found.proposal.removes, found.proposal.of, found.proposal.harms) == (
        "firing_for: 4m",
        31,
        33,
        0,
    )
    assert found.proposal.command == (
        "alert-router backtest --rules rules/ --from 2026-10-01 --to 2026-11-01 --change 'card-errors: firing_for: 4m'"
    )


def test_nothing_is_proposed_that_would_hide_what_people_answered() -> None:
    answered = [record(number, resolved_at=START + number * MINUTE + 90_000) for number in range(100, 120)]
    (found,) = examine([*(alone(number, 3) for number in range(20)), *answered], BACKTEST)
    assert found.proposal is None
    (short,) = examine([*(alone(number, 0.5) for number in range(20)), *answered], BACKTEST)
    assert short.proposal is not None
    assert short.proposal.change == "firing_for: 1m"


def test_long_ones_that_nobody_answers_are_told_without_a_waiting_time() -> None:
    (found,) = examine([alone(number, 600) for number in range(10)], BACKTEST)
    assert found.proposal is None
    assert found.needless_share == 1.0


def test_rules_that_are_answered_few_pages_and_foreign_ones_are_not_told() -> None:
    fine = [record(number) for number in range(10)]
    few = [alone(number, 1, "few") for number in range(4)]
    foreign = [alone(number, 1, "") for number in range(20)]
    opened = [record(number, rule="open", status="triggered", resolved_at=0, acknowledged_at=0) for number in range(9)]
    assert examine([*fine, *few, *foreign, *opened], BACKTEST) == []
