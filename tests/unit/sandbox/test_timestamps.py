"""The spellings of time."""

import pytest

from router.sandbox.timestamps import add_months, iso, iso_milliseconds, iso_offset, parse_iso

AT = 1_767_323_045_678


def test_spellings():
    assert iso(AT) == "2026-01-02T03:04:05Z"
    assert iso_milliseconds(AT) == "2026-01-02T03:04:05.678Z"
    assert iso_offset(AT) == "2026-01-01T22:04:05-05:00"


@pytest.mark.parametrize(
    "text",
    ["2026-01-02T03:04:05.678Z", "2026-01-02T05:04:05.678+02:00", "2026-01-02T05:04:05.6789+0200", "2026-01-02T03:04:05.678"],
)
def test_reading(text):
    assert parse_iso(text) == AT


def test_days_only_where_allowed():
    assert parse_iso("2026-01-02") is None
    assert parse_iso("2026-01-02", time_required=False) == 1_767_312_000_000


def test_months():
    def text(start, months):
        return iso(add_months(parse_iso(start, time_required=False), months))

    assert text("2026-01-31", 1) == "2026-02-28T00:00:00Z"
    assert text("2026-03-31", -1) == "2026-02-28T00:00:00Z"
    assert text("2026-11-15", 3) == "2027-02-15T00:00:00Z"
    assert text("2026-01-15", -1) == "2025-12-15T00:00:00Z"
