"""The sandbox's reading of the time."""

from router.sandbox.clock import now_ms


def test_milliseconds_that_go_on():
    first, second = now_ms(), now_ms()
    assert 1_700_000_000_000 < first <= second < first + 10_000
