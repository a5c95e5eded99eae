"""One function per reader of foreign bytes. It takes any bytes and raises only where the reader broke its word.

The same functions serve hypothesis, the corpus of earlier findings, and the coverage-guided search.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from router.api.application import Api
from router.api.auth import Authenticator
from router.api.connection import Connection
from router.api.exchange import Answer, Request, answer_error
from router.api.limits import ServerLimits
from router.api.routes import Route
from router.errors import Diagnostic
from router.ingest.alertmanager import AlertmanagerReader
from router.ingest.batch import Batch
from router.ingest.events import EventReader
from router.ingest.generic import GenericReader
from router.ingest.register import Register
from router.model.alert import Alert
from router.model.journal import AlertReceived, Entry
from router.model.receipt import Invalid, Unauthorised, Unreadable
from router.model.ruleset import TemplateFailed
from router.model.severity import SeverityScale
from router.rules.fields import SAMPLE
from router.rules.filters import OUTPUT_CAP
from router.rules.template import TemplateRefused, compile_template
from router.telemetry.metrics import Metrics
from router.yamldoc import DEFAULT, read
from tests.fuzz import messages
from tests.support.doors import NOW, SOURCES
from tests.support.rule_texts import compile_texts

LONGEST_REFUSAL = 20_000
MAX_ANSWER_BYTES = 65_536
REFUSALS = (Unreadable, Unauthorised, Invalid)


def read_yaml(data: bytes) -> None:
    """A document, or diagnostics with places inside the text."""
    document = read(data, "fuzz.yaml")
    assert len(document.diagnostics) <= DEFAULT.diagnostics + 1
    lines = data.count(b"\n") + data.count(b"\r") + 1
    for found in document.diagnostics:
        _check_diagnostic(found, lines)


def compile_rules(data: bytes) -> None:
    """A rule set, or diagnostics."""
    ruleset, diagnostics = compile_texts(data)
    lines = data.count(b"\n") + data.count(b"\r") + 1
    for found in diagnostics:
        _check_diagnostic(found, lines)
    assert (ruleset is None) is any(found.level == "error" for found in diagnostics)


def _check_words(error: Exception) -> None:
    assert 0 < len(str(error)) < LONGEST_REFUSAL


def _check_diagnostic(found: Diagnostic, lines: int) -> None:
    assert found.code
    assert found.message
    assert 1 <= found.span.line <= lines
    assert found.span.column >= 1


def render_template(data: bytes) -> None:
    """A refusal, a text of bounded length, or a stated failure. Also with the text as a *value*: then it comes out as it is."""
    text = data.decode("utf-8", "replace")
    try:
        template, _ = compile_template(text)
    except TemplateRefused as error:
        _check_words(error)
    else:
        try:
            assert len(template.render(SAMPLE)) <= OUTPUT_CAP
        except TemplateFailed as error:
            _check_words(error)
    value = text[:OUTPUT_CAP]
    assert compile_template("{{ service }}")[0].render(SAMPLE | {"service": value}) == value
    assert compile_template("{{ service|default('') }}")[0].render(SAMPLE | {"service": value}) == value


def read_alertmanager(data: bytes) -> None:
    """A batch whose alerts can be journalled, or Unreadable."""
    _read_twice(AlertmanagerReader(SOURCES[0], Register(), SeverityScale()).read, data)


def read_generic(data: bytes) -> None:
    """As for Alertmanager's door."""
    _read_twice(GenericReader(SOURCES[2], SeverityScale()).read, data)


def _read_twice(reader: Callable[[bytes, int], Batch], data: bytes) -> None:
    for _ in range(2):  # the second time over warm caches
        try:
            batch = reader(data, NOW)
        except REFUSALS as error:
            _check_words(error)
            continue
        for alert in (*batch.events, *(report.alert for report in batch.reports)):
            _check_alert(alert)


def read_event(data: bytes) -> None:
    """An event that can be journalled, or a refusal; the same for change events."""
    reader = EventReader(SOURCES, SeverityScale(), lambda: "made")
    for read_one in (lambda: reader.read(data, NOW), lambda: reader.read_change(data)):
        try:
            event = read_one()
        except REFUSALS as error:
            _check_words(error)
            continue
        if event.alert is not None:
            _check_alert(event.alert)
        if event.change is not None:
            assert msgspec.json.decode(msgspec.json.encode(event.change), type=type(event.change)) == event.change


def _check_alert(alert: Alert) -> None:
    entry = Entry(seq=1, at=NOW, fact=AlertReceived(alert=alert))
    assert msgspec.json.decode(msgspec.json.encode(entry), type=Entry) == entry


class _Transport:
    """Keeps what a connection writes."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    def get_extra_info(self, name: str) -> Any:
        return ("127.0.0.1", 1) if name == "peername" else None

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close

    def pause_reading(self) -> None:
        return

    resume_reading = pause_reading


class _Host:
    """A server without sockets: requests are answered in the call that completes them."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        route = Route(
            method="POST", path="/x", handler=self._take, scope="ingest", name="x", takes_body=True, shape=answer_error
        )
        self.api = Api(routes=[route], authenticator=Authenticator(), metrics=Metrics())
        self.limits = ServerLimits(body_bytes=2_000)
        self.date = b"Sat, 21 Nov 2026 00:00:00 GMT"
        self.connections: set[Connection] = set()
        self.is_stopping = False
        self.bodies_held = 0

    async def _take(self, request: Request) -> Answer:
        assert len(request.body) <= self.limits.body_bytes
        self.seen.append(request.body)
        return Answer(body=b"{}")

    def now(self) -> float:
        return 0.0

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            work.send(None)
        except StopIteration:
            return
        raise AssertionError("the answer waits for something")


def speak_http(data: bytes) -> None:
    """Well-formed answers only, at most one per request, whatever the bytes and however they are cut into pieces."""
    cut = data[0] + 1 if data else 1
    whole, cut_up = _talk([data[1:]]), _talk([data[1:][at : at + cut] for at in range(0, len(data) - 1, cut)])
    assert whole.seen == cut_up.seen or len(data) > 60_000, "how bytes are cut into packets decides nothing"


def _talk(pieces: list[bytes]) -> _Host:
    host, transport = _Host(), _Transport()
    connection = Connection(host, is_unix=False)
    connection.connection_made(transport)  # type: ignore[arg-type]
    for piece in pieces:
        if piece:
            connection.data_received(piece)
    if not connection.eof_received():
        transport.close()
    connection.connection_lost(None)
    assert not host.connections
    assert not host.bodies_held, "what a connection held of the bodies' bound is given back"
    sent = b"".join(transport.sent)
    while sent:
        sent = _after_answer(sent)
    return host


def _after_answer(sent: bytes) -> bytes:
    head, separator, rest = sent.partition(b"\r\n\r\n")
    assert separator, sent
    first, *lines = head.split(b"\r\n")
    assert first.startswith(b"HTTP/1.1 "), first
    status = int(first.split()[1])
    if status == 100:
        return rest
    headers = dict(line.split(b": ", 1) for line in lines)
    length = int(headers[b"content-length"])
    assert length <= MAX_ANSWER_BYTES
    if not rest or rest.startswith(b"HTTP/1.1 "):
        return rest  # an answer to HEAD: the length of what GET would have been answered
    if length:
        json.loads(rest[:length])
    return rest[length:]


TARGETS: dict[str, Callable[[bytes], None]] = {
    "yaml": read_yaml,
    "rules": compile_rules,
    "template": render_template,
    "alertmanager": read_alertmanager,
    "generic": read_generic,
    "event": read_event,
    "http": speak_http,
    "hook": messages.read_hook,
    "pagerduty": messages.read_pagerduty,
    "expression": messages.evaluate,
    "mapping": messages.compile_mapping,
    "filter": messages.filter_alerts,
    "silence": messages.post_silence,
    "import": messages.translate,
}
