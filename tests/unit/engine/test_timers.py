from __future__ import annotations

import msgspec

from router.engine.timers import GROUP, SHARED, SILENCE, STORM, Timers


class Owned(msgspec.Struct):
    due: int = 0


def test_timers_come_in_order_of_time_then_kind_then_id_and_stale_ones_are_passed_over() -> None:
    timers = Timers()
    groups = {number: Owned() for number in (1, 2, 3)}
    storms = {7: Owned()}
    timers.watch(groups, storms)

    def move(kind: int, number: int, due: int) -> None:
        owner = groups[number] if kind == GROUP else storms[number]
        before, owner.due = owner.due, due
        timers.move(kind, number, before, due)

    move(GROUP, 2, 10)
    move(GROUP, 1, 10)
    move(STORM, 7, 10)
    timers.put(SILENCE, 4, 10)
    timers.put(SHARED, 9, 10)
    move(GROUP, 3, 5)
    move(GROUP, 3, 20)
    timers.put(SILENCE, 5, 1)
    timers.put(SILENCE, 5, 0)
    assert timers.count == 6
    seen = []
    while (timer := timers.next()) is not None:
        seen.append(timer)
        timers.pop()
    expected = [(10, GROUP, 1), (10, GROUP, 2), (10, STORM, 7), (10, SHARED, 9), (10, SILENCE, 4), (20, GROUP, 3)]
    assert seen == expected
    assert (timers.count, groups[1].due, storms[7].due) == (0, 0, 0)


def test_the_same_time_again_sets_nothing_twice() -> None:
    timers = Timers()
    timers.put(SHARED, 1, 5)
    timers.put(SHARED, 1, 5)
    assert timers.count == 1
    timers.pop()
    assert timers.next() is None
