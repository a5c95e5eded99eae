"""The spellings of time."""

import pytest

from router.sandbox.timestamps import iso, iso_milliseconds, iso_offset, parse_iso

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
