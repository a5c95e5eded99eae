import pytest

from router.wire.answer import MAX_CAUSE, cause_line, retry_after_ms

NOW = 1_790_000_000_000


def test_a_cause_is_one_short_printable_line_without_secrets():
    line = cause_line("no\n hunter22 \x1b " + "x" * 1_000, ("hunter22", ""))
    assert line.startswith("no *** ? x")
    assert len(line) == MAX_CAUSE
    assert line.isprintable()


@pytest.mark.parametrize(
    ("text", "wait_ms"),
    [
        (None, None),
        ("0", 0),
        ("30", 30_000),
        (" 5 ", 5_000),
        ("999999", 3_600_000),
        ("9" * 400, 3_600_000),
        ("-3", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("٣", None),
        ("Mon, 21 Sep 2026 14:13:30 GMT", 10_000),
        ("Mon, 21 Sep 2026 14:13:30 -0000", 10_000),
        ("Mon, 21 Sep 2026 13:00:00 GMT", 0),
        ("Sat, 01 Jan 2028 00:00:00 GMT", 3_600_000),
        ("Mon, 99 Sep 2026 14:13:30 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text, wait_ms):
    assert retry_after_ms(text, NOW) == wait_ms
