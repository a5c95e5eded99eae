"""Asking is quick where nothing else tells, and seldom where it only heals."""

from router.incidents.rhythm import HEARING, POLLING


def test_asking_instead_of_hearing_is_quicker() -> None:
    for name in ("first_look_ms", "unacknowledged_ms", "acknowledged_ms"):
        assert getattr(POLLING, name) < getattr(HEARING, name)


def test_who_waits_for_somebody_is_asked_about_first() -> None:
    assert POLLING.unacknowledged_ms < POLLING.acknowledged_ms
