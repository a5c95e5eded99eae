import pytest

from router.model.delivery import Accepted, Rejected, Throttled, Unavailable
from router.pagerduty.answer import cause_of, oddness_of, outcome_of
from router.wire.answer import MAX_CAUSE, Answer

KEY = "0123456789abcdef0123456789abcdef"
NOW = 1_790_000_000_000
SUCCESS = b'{"status":"success","message":"Event processed","dedup_key":"k"}'
INVALID = b'{"status":"invalid event","message":"Event object is invalid","errors":["\'routing_key\' is wrong","and more"]}'


def answer(status, body=b"", headers=None, *, complete=True):
    return Answer(status=status, body=body, headers=headers or {}, complete=complete)


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        (answer(202, SUCCESS), Accepted()),
        (answer(202, b'{"status":"succ', complete=False), Accepted()),
        (answer(202, b"<html>"), Accepted()),
        (answer(202), Accepted()),
        (answer(200, b"{}"), Accepted(status=200)),
        (answer(204), Accepted(status=204)),
        (answer(299), Accepted(status=299)),
        (answer(400, INVALID), Rejected(cause="HTTP 400: 'routing_key' is wrong; and more", status=400)),
        (answer(400, b"Invalid routing key"), Rejected(cause="HTTP 400: Invalid routing key", status=400)),
        (answer(400, b'{"status":"x","message":"No."}'), Rejected(cause="HTTP 400: No.", status=400)),
        (answer(400, b'{"errors":"not a list"}'), Rejected(cause='HTTP 400: {"errors":"not a list"}', status=400)),
        (answer(400, b'{"errors":[{"field":1}]}'), Rejected(cause='HTTP 400: {"field":1}', status=400)),
        (answer(400), Rejected(cause="HTTP 400", status=400)),
        *[(answer(status), Rejected(cause=f"HTTP {status}", status=status)) for status in (401, 402, 403, 404, 405, 413, 415)],
        *[(answer(status), Rejected(cause=f"HTTP {status}", status=status)) for status in (407, 409, 410, 418, 422, 451, 499)],
        (answer(408), Unavailable(cause="HTTP 408", status=408)),
        (answer(429), Throttled()),
        (answer(429, headers={"retry-after": "30"}), Throttled(retry_after_ms=30_000)),
        *[(answer(status), Unavailable(cause=f"HTTP {status}", status=status)) for status in (500, 501, 502, 503, 504, 599)],
        (answer(503, headers={"retry-after": "7"}), Unavailable(cause="HTTP 503", status=503, retry_after_ms=7_000)),
        *[(answer(status), Unavailable(cause=f"HTTP {status}", status=status)) for status in (300, 301, 302, 304, 307, 308)],
        *[(answer(status), Unavailable(cause=f"HTTP {status}", status=status)) for status in (0, 100, 600, 999)],
    ],
    ids=lambda value: str(value.status) if isinstance(value, Answer) else "",
)
def test_the_outcome_table(given, outcome):
    assert outcome_of(given, key=KEY, now=NOW) == outcome


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (answer(202, SUCCESS), ""),
        (answer(202, SUCCESS, complete=False), "broke off"),
        (answer(202, b"{"), "documented JSON"),
        (answer(202, b"\xff"), "documented JSON"),
        (answer(202, b'{"status":"maybe"}'), "'maybe'"),
        (answer(202, b"{}"), "''"),
        (answer(200, SUCCESS), "not documented"),
        (answer(301), "redirected"),
        (answer(700), "does not exist"),
        (answer(100), "does not exist"),
        (answer(400), ""),
        (answer(429), ""),
        (answer(500), ""),
    ],
)
def test_what_is_worth_a_line_in_the_log(given, said):
    odd = oddness_of(given)
    assert said in odd
    assert bool(odd) == bool(said)


@pytest.mark.parametrize("body", [f"no such key {KEY}!".encode(), b'{"errors":["no key ' + KEY.encode() + b'"]}'])
def test_a_cause_never_shows_the_routing_key(body):
    cause = cause_of(answer(400, body), KEY)
    assert KEY not in cause
    assert "***" in cause


def test_a_cause_is_one_short_printable_line():
    cause = cause_of(answer(400, b"a\r\nb\x00\x1b[31m\xff " + b"x" * 10_000), KEY)
    assert cause.startswith("HTTP 400: a b??[31m")
    assert len(cause) <= MAX_CAUSE + len("HTTP 400: ")
    assert cause.isprintable()


def test_a_key_that_begins_before_the_cut_is_blotted_out_whole():
    assert KEY[:8] not in cause_of(answer(400, b"x" * (MAX_CAUSE - 10) + KEY.encode()), KEY)
