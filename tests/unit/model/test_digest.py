"""When digests are due, also on the nights when the clock changes."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.model.digest import Digest, digest_cause, digest_key_of

BERLIN = ZoneInfo("Europe/Berlin")


def ms(text: str, zone: ZoneInfo = BERLIN) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


def shown(at: int, zone: ZoneInfo = BERLIN) -> str:
    return datetime.fromtimestamp(at / 1000, zone).strftime("%a %F %H:%M")


def test_every_counts_from_the_first_it_holds() -> None:
    assert Digest(every_ms=3_600_000).due(5) == 3_600_005


@pytest.mark.parametrize(
    ("after", "due"),
    [
        ("2026-11-30T08:59:59", "Mon 2026-11-30 09:00"),
        ("2026-11-30T09:00:00", "Mon 2026-11-30 16:30"),
        ("2026-11-30T16:30:00", "Tue 2026-12-01 09:00"),
        ("2026-12-04T17:00:00", "Mon 2026-12-07 09:00"),  # a Friday evening
    ],
)
def test_at_means_the_clock_on_the_wall(after: str, due: str) -> None:
    digest = Digest(at=(540, 990), weekdays=(0, 1, 2, 3, 4), zone="Europe/Berlin")
    assert shown(digest.due(ms(after))) == due


def test_the_nights_when_the_clock_changes_have_one_digest() -> None:
    digest = Digest(at=(150,), zone="Europe/Berlin")  # 02:30: skipped in March, twice in October
    assert shown(digest.due(ms("2026-03-28T12:00:00"))) == "Sun 2026-03-29 03:30"
    assert shown(digest.due(ms("2026-03-29T03:30:00"))) == "Mon 2026-03-30 02:30"
    first = digest.due(ms("2026-10-24T12:00:00"))
    assert shown(first) == "Sun 2026-10-25 02:30"
    assert shown(digest.due(first)) == "Mon 2026-10-26 02:30"


@given(
    after=st.integers(min_value=0, max_value=4_102_444_800_000),
    at=st.lists(st.integers(min_value=0, max_value=1_439), min_size=1, max_size=4, unique=True),
    weekdays=st.lists(st.integers(min_value=0, max_value=6), max_size=3, unique=True),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia", "Australia/Lord_Howe"]),
)
def test_it_is_always_due_later_and_within_two_weeks(after: int, at: list[int], weekdays: list[int], zone: str) -> None:
    due = Digest(at=tuple(sorted(at)), weekdays=tuple(sorted(weekdays)), zone=zone).due(after)
    assert after < due <= after + 14 * 86_400_000


def test_what_a_decision_says_of_a_digest_names_its_key() -> None:
    cause = digest_cause("digest.mail/0a/1-2", "2026-12-01T09:00:00Z")
    assert cause == "in digest.mail/0a/1-2, due 2026-12-01T09:00:00Z"
    assert digest_key_of(cause) == "digest.mail/0a/1-2"
