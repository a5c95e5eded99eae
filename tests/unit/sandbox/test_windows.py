"""Counting calls within the last minute."""

from router.sandbox.windows import SlidingWindows


def test_a_call_leaves_after_exactly_a_minute():
    windows = SlidingWindows()
    windows.add("k", 0, 10)
    windows.add("k", 30_000, 10)
    assert [windows.used("k", now) for now in (0, 59_999, 60_000, 89_999, 90_000)] == [2, 2, 1, 1, 0]
    assert windows.used("other", 0) == 0


def test_only_as_many_as_needed_are_remembered():
    windows = SlidingWindows()
    for now in range(100):
        windows.add("k", now, 3)
    assert windows.used("k", 100) == 3
    assert windows.resets_in_ms("k", 100) == 59_997
    assert windows.resets_in_ms("other", 100) == 0
