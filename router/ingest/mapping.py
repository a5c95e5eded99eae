"""From any JSON body to alerts, by the expressions of a mapping.

Lenient on purpose: whoever wired a foreign sender cannot mend its bodies, so what an expression cannot read costs that field
and never the alert, and texts over a limit are cut. What went wrong stands in the alert's details under ``mapping_errors``, and
``alert-router sources try`` shows it field by field. An expression is evaluated on one item; where that is an object, ``_body``
in it is the whole body and ``_headers`` holds the request's headers by lower-case name.
"""

from __future__ import annotations

from collections.abc import Mapping as Members
from typing import Any, assert_never

import msgspec

from router.ingest.attachments import kind_of
from router.ingest.expression import Expression, ExpressionError, number_of, text_of
from router.ingest.limits import (
    MAX_ALERT_BYTES,
    MAX_ANNOTATION_VALUE,
    MAX_LABEL_NAME,
    MAX_LABEL_VALUE,
    MAX_LABELS,
    MAX_LINKS,
    TooMuch,
    check_depth,
    shorten,
)
from router.ingest.timestamps import LATEST, BadTime, parse_time
from router.model.alert import Image, Link
from router.model.severity import Severity, SeverityScale
from router.model.webhook import KINDS, Expressions, StatusWord, Webhook

STATUSES: dict[StatusWord, tuple[str, ...]] = {
    "firing": (
        *(
            "firing",
            "alerting",
            "alarm",
            "open",
            "opened",
            "down",
            "problem",
            "triggered",
            "active",
            "activated",
            "fired",
            "critical",
        ),
        *("failed", "failure", "failing", "error", "warning", "true", "1", "created", "unhealthy", "new"),
    ),
    "resolved": (
        *(
            "resolved",
            "ok",
            "closed",
            "up",
            "recovery",
            "recovered",
            "normal",
            "good",
            "success",
            "successful",
            "fixed",
            "healthy",
        ),
        *("deactivated", "cleared", "inactive", "false", "0", "passed", "canceled", "cancelled"),
    ),
    "ignored": ("insufficient_data", "pending", "unknown", "acknowledged", "test_ignored"),
}
"""Spellings of a status known without being configured, in lower case. One that is not known counts as firing."""

_KNOWN_STATUSES: dict[str, StatusWord] = {spelling: word for word, spellings in STATUSES.items() for spelling in spellings}
_MAX_TEXT = 32_768
_MAX_ERRORS = 16
_MILLISECONDS_FROM = 100_000_000_000
"""Numbers above it are milliseconds since 1970 (March 1973), below it seconds (the year 5138)."""
_MICROSECONDS_FROM = 100_000_000_000_000

Compiled = Expression | dict[str, Expression] | list[dict[str, Expression]]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one expression gave, for ``sources try``: the text of the expression, its value, and what is wrong."""

    field: str
    expression: str
    value: Any = None
    problem: str = ""
    failed: bool = False  # it could not be evaluated at all


class Fields(msgspec.Struct, kw_only=True):
    """One item, read. ``status`` ignored: neither fires nor resolves."""

    service: str = ""
    name: str = ""
    severity: Severity = Severity.ERROR
    status: StatusWord = "firing"
    kind: str = ""
    summary: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    details: dict[str, Any] = {}
    links: tuple[Link, ...] = ()
    images: tuple[Image, ...] = ()
    generator_url: str = ""
    starts_at: int = 0
    ends_at: int = 0
    dedup_key: str = ""
    findings: list[Finding] = []


def compile_expressions(written: Expressions) -> Compiled:
    """All of one field; ExpressionError for the first that is none."""
    match written:
        case str():
            return Expression(written)
        case dict():
            return {name: Expression(text) for name, text in written.items()}
        case tuple():
            return [{name: Expression(text) for name, text in entry.items()} for entry in written]
        case _:
            assert_never(written)


class Mapping:
    """The compiled expressions of one source."""

    def __init__(self, webhook: Webhook, scale: SeverityScale) -> None:
        """``webhook`` with its preset's parts already in it. ExpressionError for one that cannot be compiled."""
        self._scale = scale
        self._severities = webhook.severities
        self._statuses = _KNOWN_STATUSES | webhook.statuses
        kind = webhook.mapping.get("kind", "")
        self._kind = kind if isinstance(kind, str) and kind in KINDS else ""
        self._fields = {
            field: compile_expressions(written)
            for field, written in webhook.mapping.items()
            if not (field == "kind" and self._kind)
        }
        self._default_kind = "stateful" if "status" in self._fields else "event"

    def find_items(self, body: Any, headers: Members[str, str]) -> list[Any]:
        """What the body holds: by ``items``, else the entries of a list, else the body itself. TooMuch if that is nothing."""
        expression = self._fields.get("items")
        if not isinstance(expression, Expression):
            return body if isinstance(body, list) else [body]
        try:
            found = expression.evaluate(_context(body, body, headers))
        except ExpressionError as error:
            raise TooMuch("items", f"{expression.text}: {error}") from error
        if isinstance(found, dict):
            found = [found]
        if not isinstance(found, list):
            raise TooMuch("items", f"{expression.text}: expected a list of alerts or one object, found {kind_of(found)}")
        return [_without_context(item) for item in found]

    def read(self, item: Any, body: Any, headers: Members[str, str]) -> Fields:
        """One item. Never fails: what cannot be read is left out and said in ``findings``."""
        return _Reading(self._fields, _context(item, body, headers)).read(self)

    def status_of(self, value: Any) -> tuple[StatusWord, str]:
        """The status, and a remark if the spelling is not known."""
        spelling = text_of(value).strip().lower()
        word = self._statuses.get(spelling)
        if word is not None:
            return word, ""
        return (
            "firing",
            f"{shorten(spelling)} is no known status, so it counts as firing" if spelling else "nothing there: firing",
        )

    def severity_of(self, word: Any, score: Any) -> tuple[Severity, str]:
        """The severity, and a remark if the spelling is not known."""
        number = number_of(score)
        text = text_of(word).strip()
        if text:
            found = self._severities.get(text.lower()) or self._scale.of_word(text)
            if found is not None:
                return found, ""
            written = number_of(text)
            if written is not None and 0 <= written <= 1:
                return self._scale.of_score(written), ""
        if number is not None:
            return self._scale.of_score(min(1.0, max(0.0, number))), ""
        default = self._scale.default
        return default, f"{shorten(text)} is no known severity, so it counts as {default.word}" if text else ""

    @property
    def fixed_kind(self) -> str:
        """Stateful or event, if it is not for an expression to say."""
        return self._kind

    @property
    def default_kind(self) -> str:
        """What an alert is whose mapping does not say: stateful if there is a status."""
        return self._default_kind


class _Reading:
    """One item on its way."""

    def __init__(self, fields: Members[str, Compiled], context: Any) -> None:
        self._fields = fields
        self._context = context
        self._findings: list[Finding] = []

    def read(self, mapping: Mapping) -> Fields:
        status, severity = self._status(mapping), self._severity(mapping)
        if self._one("ignore") not in (None, False, "", [], {}):
            status = "ignored"
        kind = mapping.fixed_kind or text_of(self._one("kind"))
        return Fields(
            service=self._text("service", MAX_LABEL_VALUE).strip(),
            name=self._text("name", MAX_LABEL_VALUE).strip(),
            severity=severity,
            status=status,
            kind=kind if kind in KINDS else mapping.default_kind,
            summary=self._text("summary", _MAX_TEXT),
            labels=self._texts("labels", MAX_LABEL_VALUE),
            annotations=self._texts("annotations", MAX_ANNOTATION_VALUE),
            details=self._details(),
            links=tuple(Link(href=one["href"], text=one.get("text", "")) for one in self._entries("links", "href")),
            images=tuple(
                Image(src=one["src"], href=one.get("href", ""), alt=one.get("alt", ""))
                for one in self._entries("images", "src")
            ),
            generator_url=self._text("generator_url", _MAX_TEXT),
            starts_at=self._time("starts_at"),
            ends_at=self._time("ends_at"),
            dedup_key=self._text("dedup_key", _MAX_TEXT).strip(),
            findings=self._findings,
        )

    def _evaluate(self, field: str, expression: Expression) -> Any:
        try:
            value = expression.evaluate(self._context)
        except ExpressionError as error:
            self._fail(field, expression, str(error))
            return None
        if type(value).__name__ == "_Expression":
            self._fail(field, expression, "gives a function reference, no value")
            return None
        self._findings.append(Finding(field=field, expression=expression.text, value=value))
        return value

    def _fail(self, field: str, expression: Expression, problem: str) -> None:
        self._findings.append(Finding(field=field, expression=expression.text, problem=problem, failed=True))

    def _amend(self, problem: str) -> None:
        """Say of the value found last what is odd about it."""
        if problem and self._findings:
            self._findings[-1] = msgspec.structs.replace(self._findings[-1], problem=problem)

    def _one(self, field: str) -> Any:
        expression = self._fields.get(field)
        return self._evaluate(field, expression) if isinstance(expression, Expression) else None

    def _status(self, mapping: Mapping) -> StatusWord:
        if "status" not in self._fields:
            return "firing"
        status, remark = mapping.status_of(self._one("status"))
        self._amend(remark)
        return status

    def _severity(self, mapping: Mapping) -> Severity:
        score = self._one("score")
        severity, remark = mapping.severity_of(self._one("severity"), score)
        self._amend(remark)
        return severity

    def _text(self, field: str, longest: int) -> str:
        text = text_of(self._one(field))
        if len(text) > longest:
            self._amend(f"cut to {longest} characters, it has {len(text)}")
        return text[:longest]

    def _time(self, field: str) -> int:
        value = self._one(field)
        if value in (None, "", 0):
            return 0
        try:
            return read_time(value)
        except BadTime as error:
            self._amend(str(error))
            return 0

    def _members(self, field: str) -> dict[str, Any]:
        compiled = self._fields.get(field)
        match compiled:
            case dict():
                return {name: self._evaluate(f"{field}.{name}", expression) for name, expression in compiled.items()}
            case Expression():
                found = _without_context(self._evaluate(field, compiled))
                if isinstance(found, dict):
                    return dict(found)
                if found is not None:
                    self._amend(f"expected an object, found {kind_of(found)}")
                return {}
            case _:
                return {}

    def _texts(self, field: str, longest: int) -> dict[str, str]:
        texts = {str(name)[:MAX_LABEL_NAME]: text_of(value)[:longest] for name, value in self._members(field).items() if name}
        texts = {name: text for name, text in texts.items() if text}
        if len(texts) > MAX_LABELS:
            self._amend(f"cut to {MAX_LABELS}, there are {len(texts)}")
        return dict(list(texts.items())[:MAX_LABELS])

    def _details(self) -> dict[str, Any]:
        details = {name: value for name, value in self._members("details").items() if value not in (None, "", [], {})}
        try:
            check_depth(details, "details")
        except TooMuch as error:
            self._amend(str(error))
            details = {}
        while details and len(msgspec.json.encode(details)) > MAX_ALERT_BYTES:
            largest = max(details, key=lambda name: len(msgspec.json.encode(details[name])))
            self._amend(f"{largest} is left out: too large")
            del details[largest]
        problems = {finding.field: finding.problem for finding in self._findings if finding.failed}
        if problems:
            details = details | {"mapping_errors": dict(list(problems.items())[:_MAX_ERRORS])}
        return details

    def _entries(self, field: str, needed: str) -> list[dict[str, str]]:
        compiled = self._fields.get(field)
        found: list[Any] = []
        if isinstance(compiled, Expression):
            value = self._evaluate(field, compiled)
            found = value if isinstance(value, list) else [] if value is None else [value]
        elif isinstance(compiled, list):
            found = [
                {name: self._evaluate(f"{field}[{index}].{name}", expression) for name, expression in entry.items()}
                for index, entry in enumerate(compiled)
            ]
        entries = [
            {name: text_of(value)[:MAX_LABEL_VALUE] for name, value in entry.items()}
            for entry in ({needed: entry} if isinstance(entry, str) else entry for entry in found)
            if isinstance(entry, dict)
        ]
        return [entry for entry in entries if entry.get(needed, "").startswith(("http://", "https://"))][:MAX_LINKS]


def read_time(value: Any) -> int:
    """Milliseconds since 1970 from RFC 3339 (without a zone: UTC), or from seconds, milli- or microseconds; 0: not set."""
    number = number_of(value)
    if number is not None:
        factor = 1000.0 if number < _MILLISECONDS_FROM else 1.0 if number < _MICROSECONDS_FROM else 0.001
        if number < 0:
            raise BadTime(f"expected a time since 1970, found {shorten(text_of(value))}")
        return min(int(number * factor), LATEST)
    text = text_of(value).strip()
    try:
        return parse_time(text) or 0
    except BadTime:
        if not text.endswith(("Z", "z")):
            return parse_time(f"{text.removesuffix(' UTC')}Z") or 0
        raise


def _context(item: Any, body: Any, headers: Members[str, str]) -> Any:
    around = {"_body": body, "_headers": dict(headers)}
    return item | around if isinstance(item, dict) else {"_item": item} | around


def _without_context(value: Any) -> Any:
    """``@`` names the item with what we put beside it: that is no part of the answer."""
    if isinstance(value, dict) and "_headers" in value:
        if "_item" in value:
            return value["_item"]
        return {name: item for name, item in value.items() if name not in ("_body", "_headers")}
    return value
