import pytest

from router.dispatch.breaker import Breaker


def breaker() -> Breaker:
    return Breaker(failures=3, probe_ms=1_000, cap_ms=10_000)


def fail(subject: Breaker, now: int, *, was_probe: bool = False, retry_after_ms: int | None = None) -> bool:
    return subject.fail(now, was_probe=was_probe, retry_after_ms=retry_after_ms, jitter=0.0)


def opened() -> Breaker:
    subject = breaker()
    for now in (0, 0, 0):
        fail(subject, now)
    return subject


def test_it_opens_after_failures_in_a_row():
    subject = breaker()
    assert not fail(subject, 0)
    assert not fail(subject, 1)
    assert not subject.succeed()
    assert not fail(subject, 2)
    assert not fail(subject, 3)
    assert subject.is_closed
    assert subject.may_call(3)
    assert fail(subject, 4)
    assert subject.state == "open"
    assert not subject.may_call(4)


def test_one_probe_at_a_time():
    subject = opened()
    assert subject.probe_at == 1_000
    assert not subject.may_call(999)
    assert subject.may_call(1_000)
    assert subject.begin(1_000)
    assert subject.state == "half_open"
    assert subject.probe_at is None
    assert not subject.may_call(5_000)
    assert not fail(subject, 1_010, was_probe=True)
    assert subject.probe_at == 2_000, "counted from the start of the last"


def test_the_first_answer_closes_it():
    subject = opened()
    subject.begin(1_000)
    assert subject.succeed()
    assert subject.state == "closed"
    assert subject.may_call(1_001)
    assert not subject.begin(1_001)
    assert subject.probe_at is None


def test_calls_from_before_it_opened_do_not_move_the_probes():
    subject = opened()
    fail(subject, 900)
    assert subject.probe_at == 1_000
    subject.begin(1_000)
    fail(subject, 1_100)
    assert subject.state == "half_open"


def test_a_probe_that_says_nothing_is_no_probe():
    subject = opened()
    subject.begin(1_000)
    subject.abandon(was_probe=False)
    assert subject.state == "half_open"
    subject.abandon(was_probe=True)
    assert subject.state == "open"
    assert subject.may_call(1_001)


@pytest.mark.parametrize(("now", "interval"), [(10_000, 1_000), (60_000, 1_000), (120_000, 2_000), (3_600_000, 10_000)])
def test_probes_become_rarer_in_a_long_outage(now, interval):
    subject = opened()
    subject.begin(now)
    fail(subject, now + 1, was_probe=True)
    assert subject.probe_at == now + interval


def test_something_new_hastens_the_next_probe():
    subject = opened()
    subject.begin(3_600_000)
    fail(subject, 3_600_001, was_probe=True)
    subject.hasten()
    assert subject.probe_at == 3_601_000


def test_a_wait_that_was_asked_for_is_kept():
    subject = opened()
    subject.begin(1_000)
    fail(subject, 1_001, was_probe=True, retry_after_ms=30_000)
    subject.hasten()
    assert subject.probe_at == 31_001


def test_a_closed_breaker_is_not_hastened():
    subject = breaker()
    subject.hasten()
    assert subject.state == "closed"


def test_jitter_brings_probes_forward_a_little():
    subject = breaker()
    for _ in range(3):
        subject.fail(0, was_probe=False, retry_after_ms=None, jitter=1.0)
    assert subject.probe_at == 900
