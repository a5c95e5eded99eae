"""The reading half of Alertmanager's API v2, as far as amtool and karma need it to see what fires.

``status`` and ``alerts`` are answered; what is not there yet says so with 501, and API v1 says with 410 what to use instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import msgspec

from router.api.exchange import Answer, Refused, Request, answer_json
from router.api.reading import ReadingRoom
from router.model.alert import Alert
from router.model.pattern import Pattern, PatternError
from router.model.transition import ActiveAlert
from router.store.base import Reader

MAX_ALERTS = 20_000
"""Alerts of one answer; more are refused with a word about filters, rather than cut silently."""

_CHUNK = 1000
_ACTIVE = msgspec.json.Decoder(ActiveAlert)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MATCHER = re.compile(r'\s*([^=!~"]+?)\s*(=~|!~|!=|=)\s*(.*)', re.DOTALL)


class Expiries(Protocol):
    """The register, as a reader of ``endsAt`` needs it."""

    def expires_at(self, row: int, source: str, fingerprint: str) -> int | None:
        """When this alert will expire unless it is resent, in ms; None if the register does not hold it."""
        ...


class Compatible:
    """The handlers. ``started_at`` is when the process began, in ms."""

    def __init__(self, *, room: ReadingRoom, expiries: Expiries, version: str, started_at: int) -> None:
        """Nothing to set up."""
        self._room = room
        self._expiries = expiries
        self._version = version
        self._started_at = started_at

    async def status(self, _request: Request) -> Answer:
        """``GET /api/v2/status``."""
        return answer_json(
            {
                "cluster": {"name": "", "status": "disabled", "peers": []},
                "config": {"original": "# alert-router: rules are listed under /v1/rules\n"},
                "uptime": _format(self._started_at),
                "versionInfo": {
                    "branch": "",
                    "buildDate": "",
                    "buildUser": "",
                    "goVersion": "",
                    "revision": "",
                    "version": self._version,
                },
            }
        )

    async def alerts(self, request: Request) -> Answer:
        """``GET /api/v2/alerts``: what fires; ``filter`` (repeatable) as in Alertmanager, the other parameters are accepted."""
        query = request.query()
        tests = [_read_matcher(text) for text in query.get("filter", [])]
        if query.get("active", [""])[-1] == "false":
            return answer_json([])
        rows = await self._room.ask(lambda reader: _list_firing(reader, tests))
        return answer_json([self._shape(row, alert) for row, alert in rows])

    def _shape(self, row: int, alert: Alert) -> dict[str, Any]:
        expires_at = self._expiries.expires_at(row, alert.source, alert.fingerprint)
        return {
            "annotations": alert.annotations or ({"summary": alert.summary} if alert.summary else {}),
            "endsAt": _format(expires_at or 0),
            "fingerprint": alert.fingerprint,
            "receivers": [],
            "startsAt": _format(alert.starts_at),
            "status": {"state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": []},
            "updatedAt": _format(alert.starts_at),
            "generatorURL": alert.generator_url,
            "labels": _labels(alert),
        }

    async def not_here(self, request: Request, _rest: str) -> Answer:
        """The rest of API v2."""
        raise Refused(501, f"{request.path} is not answered by alert-router; see /v1/openapi.json for what is")

    async def gone(self, _request: Request, _rest: str) -> Answer:
        """API v1."""
        raise Refused(410, "Alertmanager's API v1 is gone; send alerts to POST /api/v2/alerts (Prometheus: api_version: v2)")


def _labels(alert: Alert) -> dict[str, str]:
    if alert.labels and "alertname" in alert.labels:
        return alert.labels
    own = {"alertname": alert.name, "service": alert.service, "severity": alert.severity.word}
    return {name: value for name, value in own.items() if value} | alert.labels


def _list_firing(reader: Reader, tests: list[Callable[[dict[str, str]], bool]]) -> list[tuple[int, Alert]]:
    found: list[tuple[int, Alert]] = []
    after = 0
    while rows := reader.state("alert", after_id=after, limit=_CHUNK):
        after = rows[-1].id
        for row in rows:
            alert = _ACTIVE.decode(row.body).alert if row.body is not None else None
            if alert is not None and all(test(_labels(alert)) for test in tests):
                found.append((row.id, alert))
        if len(found) > MAX_ALERTS:
            raise Refused(400, f"more than {MAX_ALERTS} alerts fire; narrow it with filter=")
    return found


def _read_matcher(text: str) -> Callable[[dict[str, str]], bool]:
    """``name="value"`` and ``!=``, ``=~``, ``!~``; regular expressions match the whole value."""
    found = _MATCHER.fullmatch(text)
    if found is None:
        raise Refused(400, f'filter: expected name="value", found {text[:64]!r}')
    name, operator, value = found[1], found[2], found[3].strip()
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    if operator in {"=", "!="}:
        return lambda labels: (labels.get(name, "") == value) is (operator == "=")
    try:
        pattern = Pattern(f"^(?:{value})$", kind="regex")
    except PatternError as error:
        raise Refused(400, f"filter: {error}") from error
    return lambda labels: pattern.matches(labels.get(name, "")) is (operator == "=~")


def _format(at: int) -> str:
    """``2026-01-31T08:00:00.000Z``."""
    moment = _EPOCH + timedelta(milliseconds=min(at, 253_402_300_799_999))
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at % 1000:03d}Z"
