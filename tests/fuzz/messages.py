"""Targets for what others write to us besides alerts: webhooks of monitoring tools and of PagerDuty, expressions and the
configurations they stand in, filters, silences, an Alertmanager configuration. As in ``targets``: any bytes, and only a broken
word raises.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import msgspec

from router.api.exchange import Refused
from router.api.matchers import Filter
from router.api.silencing import Posted, Silencing
from router.config.loading import examine
from router.config.settings import SourceSettings as ConfiguredSource
from router.config.severities import DEFAULT_SCALE
from router.importing.matchers import BadMatcher, read_matchers
from router.importing.translating import translate_alertmanager
from router.ingest.checking import check_webhook
from router.ingest.expression import Expression, ExpressionError
from router.ingest.limits import TooMuch
from router.ingest.mapped import MappedReader, Read
from router.ingest.presets.table import PRESETS, complete
from router.ingest.sources import SourceSettings
from router.ingest.webhooks import show_body
from router.model.journal import AlertReceived, Entry
from router.model.receipt import Unreadable
from router.model.silence import Silence
from router.model.webhook import Webhook
from router.pagerduty import webhook as pagerduty
from tests.support.rule_texts import compile_texts
from tests.support.stores import StillClock

NOW = 1_790_000_000_000
LONGEST_REFUSAL = 20_000
LONGEST_TRANSLATION = 50  # times the original
_NOWHERE = Path("/nowhere")
_BODIES = (
    b'{"a":[{"b":1.5,"c":null}],"text":"warning: 3 of 5","at":"2026-09-21T13:13:20Z","n":-0.0,"s":""}',
    b"[null,[],7]",
    b"{}",
)
_FORM = {b"content-type": b"application/x-www-form-urlencoded"}
_SAMPLE = {"a": [1, {"b": "c"}, None, True, 1.5], "text": "warning: 3 of 5", "at": "2026-09-21T13:13:20Z", "n": -0.0}


def _check_words(error: Exception, status: int = 400) -> None:
    assert status == 400
    assert 0 < len(str(error)) < LONGEST_REFUSAL


def _check_place(error: ExpressionError, text: str) -> None:
    assert error.position is None or 0 <= error.position <= len(text)


def _readers() -> list[tuple[Webhook, MappedReader]]:
    """One for each preset, and one whose mapping goes to every helper."""
    own = {
        "service": "a.b || to_string(a)",
        "name": "split(n, ',')[0] || join_('-', n)",
        "details": "@",
        "labels": "from_entries(l, 'k', 'v') || l",
        "starts_at": "t",
        "severity": "s",
        "score": "to_score(x, `0`, `10`)",
        "summary": "regex_extract(m, '(\\\\w+)$') || m",
    }
    webhooks = [*(Webhook(preset=name) for name in PRESETS), Webhook(mapping=own)]
    found = []
    for webhook in map(complete, webhooks):
        settings = SourceSettings(name="hook", kind="webhook", resolve_timeout_ms=0, webhook=webhook)
        found.append((webhook, MappedReader(settings, webhook, DEFAULT_SCALE)))
    return found


_READERS = _readers()


def read_hook(data: bytes) -> None:
    """By the first byte one of the presets, as JSON or as a form: alerts that can be journalled, or a refusal."""
    which = data[0] if data else 0
    webhook, reader = _READERS[which % len(_READERS)]
    try:
        reads = show_body(webhook, reader, data[1:], _FORM if which & 128 else {}, NOW)
    except (Unreadable, TooMuch) as error:
        _check_words(error)
        return
    _check_reads(reads)


def _check_reads(reads: list[Read]) -> None:
    for read in reads:
        if read.alert is not None:
            entry = Entry(seq=1, at=NOW, fact=AlertReceived(alert=read.alert))
            assert msgspec.json.decode(msgspec.json.encode(entry), type=Entry) == entry


def read_pagerduty(data: bytes) -> None:
    """What PagerDuty says of an incident, nothing, or a refusal; no signature made up by somebody is one."""
    assert not pagerduty.is_signed(data[:600].decode("latin-1"), data, ["a-secret", "another"])
    try:
        found = pagerduty.read_webhook(data, webhook_id="w", received_at=NOW)
    except pagerduty.Unreadable as error:
        _check_words(error)
        return
    if found is not None:
        assert msgspec.json.decode(msgspec.json.encode(found), type=type(found)) == found


def evaluate(data: bytes) -> None:
    """A value that JSON can hold, or ExpressionError with a place inside the text."""
    text = data.decode("utf-8", "replace")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PendingDeprecationWarning)  # the library's, for literals that are no JSON
            expression = Expression(text)
    except ExpressionError as error:
        _check_words(error)
        _check_place(error, text)
        return
    try:
        expression.evaluate(_SAMPLE)
    except ExpressionError as error:
        _check_words(error)


def compile_mapping(data: bytes) -> None:
    """A configuration with webhook sources: mistakes with a place inside of it, or mappings that read every body in bounds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        examined = examine(data, "fuzz.yaml", base=_NOWHERE, environ={}, read_secrets=False, check_webhook=check_webhook)
    lines = data.count(b"\n") + data.count(b"\r") + 1
    for found in examined.diagnostics:
        assert found.code
        assert 0 < len(found.message) < LONGEST_REFUSAL
        assert 1 <= found.span.line <= lines
        assert found.span.column >= 1
    if examined.settings is None or any(found.level == "error" for found in examined.diagnostics):
        assert examined.diagnostics, "what cannot be used says why"
        return
    for source in examined.settings.sources.values():
        if source.webhook is not None:
            _read_by(source)


def _read_by(source: ConfiguredSource) -> None:
    assert source.webhook is not None
    webhook = complete(source.webhook)
    settings = SourceSettings(name=source.name, kind="webhook", resolve_timeout_ms=source.resolve_timeout_ms, webhook=webhook)
    reader = MappedReader(settings, webhook, DEFAULT_SCALE)
    for body in _BODIES:
        try:
            reads = show_body(webhook, reader, body, {}, NOW)
        except (Unreadable, TooMuch) as error:
            _check_words(error)
            continue
        _check_reads(reads)


def filter_alerts(data: bytes) -> None:
    """A filter as amtool and karma send it, and matchers as a configuration has them: read, or refused with a word."""
    text = data.decode("utf-8", "replace")
    try:
        wanted = Filter(text.split("\n")[:8])
    except Refused as error:
        _check_words(error, error.status)
    else:
        assert wanted.fits({"alertname": "A", "severity": "critical"}) in {True, False}
    try:
        for matcher in read_matchers(text):
            assert str(matcher)
    except BadMatcher as error:
        _check_words(error)


def post_silence(data: bytes) -> None:
    """A silence as amtool posts it: one that can be kept, or 400."""
    silencing = Silencing(room=None, clock=StillClock(NOW), change=_keep, who=lambda _: "ann")  # type: ignore[arg-type]
    try:
        posted = msgspec.json.decode(data, type=Posted)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return
    try:
        silence = silencing._read(posted)
    except Refused as error:
        _check_words(error, error.status)
        return
    assert msgspec.json.decode(msgspec.json.encode(silence), type=Silence) == silence
    assert json.loads(msgspec.json.encode(silencing._shape(silence)))["id"]


async def _keep(_fact: Any, _who: str) -> None:
    return


def translate(data: bytes) -> None:
    """Mistakes with their place, or files of bounded length whose rules compile."""
    imported = translate_alertmanager(data, "alertmanager.yml")
    for found in imported.mistakes:
        assert found.message
        assert found.span.line >= 1
    if imported.mistakes:
        return
    assert sum(len(text) for text in imported.files.values()) < 20_000 + LONGEST_TRANSLATION * len(data)
    for name, text in imported.files.items():
        if name.startswith("rules/"):
            _, diagnostics = compile_texts(text.encode())
            codes = [found.code for found in diagnostics if found.level == "error"]
            assert not set(codes) - {"unknown-team", "unknown-channel", "unknown-schedule"}, (codes, text)
