import pytest

from router.dispatch.pace import Pace

MINUTE = 60_000


def called(pace: Pace, *times: int) -> Pace:
    for at in times:
        pace.begin()
        pace.end(at)
    return pace


def test_a_burst_up_to_the_limit_goes_at_once():
    pace = Pace(3, MINUTE)
    for _ in range(3):
        assert pace.free_at(0) == 0
        pace.begin()
    assert pace.free_at(0) is None, "only an end can free a place"


@pytest.mark.parametrize(
    ("ended", "now", "free_at"),
    [
        ((), 0, 0),
        ((0, 0), 0, 0),
        ((0, 0, 0), 0, 60_000),
        ((0, 10, 20), 30, 60_000),
        ((0, 10, 20), 59_999, 60_000),
        ((0, 10, 20), 60_000, 0),
        ((0, 10, 20, 30, 40), 50, 60_020),
    ],
)
def test_a_place_is_held_for_a_window_after_the_end(ended, now, free_at):
    assert called(Pace(3, MINUTE), *ended).free_at(now) == free_at


def test_a_call_under_way_holds_its_place():
    pace = called(Pace(2, MINUTE), 0)
    pace.begin()
    assert pace.free_at(1) == 60_000
    assert pace.free_at(60_000) == 0
    pace.begin()
    assert pace.free_at(70_000) is None


def test_unlimited_is_held_back_by_pauses_only():
    pace = Pace(0, MINUTE)
    for _ in range(1_000):
        pace.begin()
    assert pace.free_at(5) == 0
    pace.refuse(10, began_at=5, pause_ms=1_000)
    assert pace.free_at(11) == 1_010


def test_a_429_pauses_and_halves_until_windows_pass_without_another():
    pace = Pace(100, MINUTE)
    pace.refuse(1_000, began_at=900, pause_ms=30_000)
    assert pace.free_at(1_000) == 31_000
    assert pace.current_limit(1_000) == 50
    assert pace.current_limit(90_999) == 50
    assert pace.current_limit(91_000) == 100


def test_the_429s_of_one_round_count_once():
    pace = Pace(100, MINUTE)
    pace.refuse(1_000, began_at=900, pause_ms=10_000)
    pace.refuse(1_005, began_at=910, pause_ms=30_000)
    assert (pace.current_limit(1_005), pace.streak) == (50, 1)
    assert pace.free_at(1_005) == 31_005, "the longest pause counts"
    pace.accept(920)
    assert pace.streak == 1, "an older call says nothing new"
    pace.refuse(32_000, began_at=31_500, pause_ms=10_000)
    assert (pace.current_limit(32_000), pace.streak) == (25, 2)
    pace.accept(50_000)
    assert pace.streak == 0


def test_the_limit_never_falls_to_nothing():
    pace = Pace(10, MINUTE)
    for round_ in range(20):
        pace.refuse(round_ * 100 + 50, began_at=round_ * 100, pause_ms=0)
    assert pace.current_limit(2_000) == 1


def test_what_was_called_before_a_restart_counts():
    pace = Pace(2, MINUTE)
    pace.remember(-50_000)
    pace.remember(-10_000)
    pace.pause(20_000)
    assert pace.free_at(0) == 20_000
    assert pace.free_at(20_000) == 20_000


def test_the_limit_can_be_changed():
    pace = called(Pace(2, MINUTE), 0, 0)
    assert pace.free_at(1) == 60_000
    pace.change(3, MINUTE)
    assert pace.free_at(1) == 0
    pace.change(0, MINUTE)
    pace.change(1, MINUTE)
    assert pace.free_at(2) == 0
    pace.end(3)
    assert pace.free_at(3) == 0, "a call from unlimited times holds no place"


def test_it_is_idle_when_nothing_it_remembers_matters():
    pace = Pace(2, MINUTE)
    assert pace.is_idle(0)
    pace.begin()
    assert not pace.is_idle(0)
    pace.end(0)
    assert not pace.is_idle(1)
    assert pace.is_idle(60_000)
    pace.refuse(60_000, began_at=60_000, pause_ms=10)
    assert not pace.is_idle(60_500)
