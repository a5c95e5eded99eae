"""A silence that a person asks for: JSON in, a ``Silence`` or every mistake out.

It is written as in a rule file, so that all that can be matched there can be silenced. Must never do: read a clock; the time
is handed in.
"""

from __future__ import annotations

import hashlib

import msgspec

from router.errors import Diagnostic
from router.model.severity import SeverityScale
from router.model.silence import MAX_SILENCE_MS, PlainMatch, Silence
from router.rules.conditions import build_match, matches_everything
from router.rules.findings import Findings, Names
from router.rules.schema import WantedSilence
from router.rules.timetable import parse_instant
from router.yamldoc import Mistake, read, validate

RESOLVED = "resolved"
UNTIL_RESOLVED_MS = 86_400_000
"""How long a silence lasts at most that ends when what it mutes has resolved, unless it says for how long."""

_NAME = "the silence"


def read_silence(body: bytes, *, scale: SeverityScale, now: int) -> tuple[Silence | None, list[Diagnostic]]:
    """The silence this JSON asks for at that time (ms UTC); None exactly if one of the diagnostics is an error."""
    try:
        text = msgspec.json.encode(msgspec.json.decode(body))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        text = body  # the reader says what is wrong with it, and where
    document = read(text, _NAME)
    wanted, diagnostics = validate(document, WantedSilence)
    if wanted is None:
        return None, diagnostics
    findings = Findings(document, Names(teams={}, scale=scale))
    match = build_match(wanted.match, ("match",), findings)
    if matches_everything(match):
        message = "this would silence everything"
        findings.complain(("match",), "always-true", message, "say what it is about, at least a service", key=True)
    starts_at = now if wanted.since is None else max(now, parse_instant(wanted.since))
    until = _read_end(wanted, starts_at, findings)
    diagnostics = [*diagnostics, *findings.diagnostics]
    if any(found.level == "error" for found in diagnostics):
        return None, diagnostics
    silence = Silence(
        id=wanted.id or _make_id(text, now),
        match=PlainMatch.of(match),
        until=until,
        reason=wanted.reason,
        starts_at=starts_at,
        until_resolved=wanted.until == RESOLVED,
        by=wanted.by,
    )
    return silence, diagnostics


def _read_end(wanted: WantedSilence, starts_at: int, findings: Findings) -> int:
    """When it ends at the latest; complaints if that is not said, twice, or out of range."""
    until = wanted.until
    if until == RESOLVED:
        return starts_at + (UNTIL_RESOLVED_MS if wanted.lasting is None else wanted.lasting)
    if until is None:
        if wanted.lasting is None:
            hint = "give it for: 2h, or until: a time or resolved"
            findings.complain((), "missing-key", "a silence has to end: expected for or until, found neither", hint)
        return starts_at + (wanted.lasting or 0)
    if wanted.lasting is not None:
        message = "for and until stand side by side; a silence has one of them, unless it lasts until resolved"
        findings.complain(("for",), "silence-ends-twice", message, key=True, hint="leave one of them out")
    try:
        end = parse_instant(until)
    except Mistake as mistake:
        findings.complain(("until",), mistake.code, f"{mistake} or {RESOLVED}", mistake.hint)
        return 0
    if end <= starts_at:
        findings.complain(
            ("until",), "ends-before-it-begins", "the silence is over before it begins", hint="give a later time, or for: 2h"
        )
    elif end - starts_at > MAX_SILENCE_MS:
        message = f"a silence lasts at most {MAX_SILENCE_MS // 86_400_000} days"
        findings.complain(("until",), "silence-too-long", message, "use maintenance in a rule file instead")
    return end


def _make_id(text: bytes, now: int) -> str:
    """The same for the same silence asked for twice in one millisecond, as when a request is repeated."""
    return hashlib.blake2b(b"%d " % now + text, digest_size=5).hexdigest()
