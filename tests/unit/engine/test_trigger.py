from __future__ import annotations

import pytest

from router.engine.policy import Ready
from router.engine.rows import Episode, Group, Window
from router.engine.trigger import add, due_of, judge_count, judge_firing, prune
from router.model.decision import Reason
from router.model.ruleset import AtOnce, Count, FiringFor, Rule, When

SPACING = 60


def ready(when: When) -> Ready:
    return Ready(Rule(id="r", when=when), 0)


def group(**fields: object) -> Group:
    made = Group(1, "r", ("service",), ("api",))
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def episode(**fields: int) -> Episode:
    values = {"number": 1, "opened_at": 0, "severity": 2, "worst": 2} | fields
    return Episode(key="k", service="s", name="n", summary="", **values)


def test_a_window_keeps_what_is_younger_than_its_length() -> None:
    window = Window(times=[1, 5, 10])
    prune(window, Count(count=9, within_ms=5), 10)
    assert window.times == [10]


def test_a_window_of_values_is_pruned_with_its_times() -> None:
    window = Window(times=[1, 9], values=["a", "b"])
    prune(window, Count(count=9, within_ms=5, distinct="user"), 10)
    assert (window.times, window.values) == ([9], ["b"])


@pytest.mark.parametrize(("values", "distinct"), [(["a"], None), ([], "user")])
def test_what_was_counted_in_another_way_is_forgotten(values: list[str], distinct: str | None) -> None:
    window = Window(times=[9], values=values)
    prune(window, Count(count=9, within_ms=5, distinct=distinct), 10)
    assert (window.times, window.values) == ([], [])


def test_a_value_counts_once_at_its_newest_time() -> None:
    when = Count(count=9, within_ms=5, distinct="user")
    window = Window(times=[])
    for at, value in ((1, "a"), (2, "b"), (3, "a"), (4, "")):
        add(window, when, at, value)
    assert (window.times, window.values) == ([2, 3], ["b", "a"])


def test_the_verdict_of_a_count() -> None:
    when = Count(count=2, within_ms=300_000)
    below = judge_count(ready(when), when, Window(times=[7]), 0)
    assert (below.opens, below.reason, below.cause) == (False, Reason.COUNT_NOT_REACHED, "1 of 2 in 5m")
    reached = judge_count(ready(when), when, Window(times=[7, 9]), 0)
    assert (reached.opens, reached.reason, reached.counted, reached.first_at) == (True, Reason.COUNT_REACHED, 2, 7)


def test_the_verdict_of_firing_for() -> None:
    when = FiringFor(for_ms=60_000)
    held = judge_firing(ready(when), when, group(first_at=0), 59_999)
    assert (held.opens, held.cause) == (False, "59s of 1m")
    assert judge_firing(ready(when), when, group(first_at=0), 60_000).opens
    assert not judge_firing(ready(when), when, group(first_at=0, not_before=60_001), 60_000).opens
    none = FiringFor(for_ms=0)
    assert judge_firing(ready(none), none, group(first_at=5), 5).opens


@pytest.mark.parametrize(
    ("held", "when", "expected"),
    [
        (group(members=[1]), AtOnce(), 100),
        (group(), AtOnce(), 0),
        (group(last_at=10), Count(count=2, within_ms=50), 0),
        (group(last_at=10, window=Window(times=[])), Count(count=2, within_ms=50), 0),
        (group(last_at=10, window=Window(times=[10])), Count(count=2, within_ms=50), 60),
        (group(last_at=10, members=[1], firing=1), Count(count=2, within_ms=50), 0),
        (group(last_at=10, members=[1, 2], firing=1), Count(count=2, within_ms=50), 60),
        (group(first_at=10, members=[1]), FiringFor(for_ms=50), 60),
        (group(first_at=10, members=[1], not_before=99), FiringFor(for_ms=50), 99),
        (group(first_at=10), FiringFor(for_ms=50), 0),
        (group(), None, 100),
        (group(episode=episode()), None, 0),
        (group(episode=episode(quiet_ms=5), last_at=70), AtOnce(), 75),
        (group(episode=episode(quiet_ms=5), last_at=70, firing=1), AtOnce(), 0),
        (group(episode=episode(quiet_ms=-1), last_at=70), AtOnce(), 0),
        (group(episode=episode(worst=3, told_at=20), firing=1), AtOnce(), 80),
        (group(episode=episode(worst=3, told_at=20, quiet_ms=5), last_at=70), AtOnce(), 75),
        (group(episode=episode(worst=3, told_at=20, quiet_ms=50), last_at=70), AtOnce(), 80),
        (group(episode=episode(worst=3, told_at=20), not_before=200), AtOnce(), 200),
    ],
)
def test_when_a_group_is_due(held: Group, when: When | None, expected: int) -> None:
    assert due_of(held, None if when is None else ready(when), 100, SPACING) == expected
