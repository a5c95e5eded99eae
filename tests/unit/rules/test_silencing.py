from __future__ import annotations

import json
from typing import Any

import pytest

from router.model.severity import Severity
from router.model.silence import PlainMatch
from router.rules.silencing import UNTIL_RESOLVED_MS, read_silence
from tests.support.rule_texts import SCALE

NOW = 1_795_000_000_000  # 2026-11-18T11:06:40Z
ASKED = {"match": {"service": "payment-*"}, "reason": "works", "for": "2h"}


def read(**changes: Any) -> tuple[Any, list[str]]:
    asked = {key: value for key, value in (ASKED | changes).items() if value is not None}
    silence, diagnostics = read_silence(json.dumps(asked).encode(), scale=SCALE, now=NOW)
    return silence, [found.code for found in diagnostics]


def test_a_silence_as_in_a_rule_file() -> None:
    match = {
        "service": ["payment-*", "!payment-db"],
        "severity": "p3",
        "labels": {"env": "!prod"},
        "where": {"score": {"lt": 1}},
    }
    silence, _ = read(match=match, by="ann")
    assert (silence.starts_at, silence.until, silence.reason, silence.by) == (NOW, NOW + 7_200_000, "works", "ann")
    assert not silence.until_resolved
    assert silence.match.services == ("payment-*", "!payment-db")
    assert silence.match.severities == (Severity.WARNING,)
    assert silence.match.labels == (("env", ("!prod",)),)
    assert PlainMatch.of(silence.match.compile()) == silence.match


def test_until_a_time_until_resolved_and_from_when() -> None:
    at, _ = read(**{"for": None, "until": "2026-11-18T12:06:40Z", "from": "2026-11-18T11:36:40Z"})
    assert (at.starts_at, at.until) == (NOW + 1_800_000, NOW + 3_600_000)
    resolved, _ = read(**{"for": None, "until": "resolved"})
    assert (resolved.until_resolved, resolved.until) == (True, NOW + UNTIL_RESOLVED_MS)
    at_most, _ = read(until="resolved", **{"for": "3h"})
    assert (at_most.until_resolved, at_most.until) == (True, NOW + 3 * 3_600_000)
    begun, _ = read(**{"from": "2020-01-01T00:00:00Z"})
    assert begun.starts_at == NOW


def test_an_id_is_given_or_made_and_the_same_for_a_repeated_request() -> None:
    assert read(id="mine")[0].id == "mine"
    assert read()[0].id == read()[0].id != read(reason="other")[0].id


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"reason": None}, "missing-key"),
        ({"reason": ""}, "invalid-value"),
        ({"for": None}, "missing-key"),
        ({"for": "91d"}, "duration-out-of-range"),
        ({"for": "soon"}, "bad-duration"),
        ({"for": None, "until": "soon"}, "bad-time"),
        ({"for": None, "until": "2026-11-18T10:00:00Z"}, "ends-before-it-begins"),
        ({"for": None, "until": "2027-11-18T10:00:00Z"}, "silence-too-long"),
        ({"until": "2026-11-18T12:06:40Z"}, "silence-ends-twice"),
        ({"match": {}}, "always-true"),
        ({"match": {"service": "*"}}, "always-true"),
        ({"match": {"service": "a", "severity": "sever"}}, "unknown-severity"),
        ({"match": {"service": "/(/"}}, "bad-regex"),
        ({"match": {"servce": "a"}}, "unknown-key"),
        ({"match": None}, "missing-key"),
        ({"id": "No Id"}, "bad-id"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], code: str) -> None:
    silence, codes = read(**changes)
    assert silence is None
    assert code in codes


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'"x"', b"[" * 5_000])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    silence, diagnostics = read_silence(body, scale=SCALE, now=NOW)
    assert silence is None
    assert diagnostics
