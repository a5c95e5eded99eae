"""Alertmanager's API v2 as amtool and karma read it: what fires, in which groups, for whom, and what is silenced.

A receiver is a team: the one that owns the alert's service. Silences that people added show in ``silencedBy``, the alerts that
inhibit it in ``inhibitedBy``, what else mutes it (maintenance, silences in rule files, schedules) in ``mutedBy``. API v1 says
with 410 what to use instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from router.api.exchange import Answer, Refused, Request, answer_json
from router.api.matchers import Filter
from router.api.reading import ReadingRoom
from router.api.silencing import format_time as _format
from router.engine.mutes import Muting
from router.model.alert import Alert
from router.model.pattern import Pattern, PatternError
from router.model.transition import ActiveAlert
from router.store.base import Reader

MAX_ALERTS = 20_000
"""Alerts of one answer; more are refused with a word about filters, rather than cut silently."""

_CHUNK = 1000
_NO_END = "0001-01-01T00:00:00.000Z"
"""What clients written in Go read as not set; any other time that is over would make the alert resolved to them."""
_ACTIVE = msgspec.json.Decoder(ActiveAlert)
_MUTED = (("silenced", "silencedBy"), ("inhibited", "inhibitedBy"), ("muted", "mutedBy"))
_FLAGS = ("active", "unprocessed", *(flag for flag, _ in _MUTED))


class Expiries(Protocol):
    """The register, as a reader of ``endsAt`` needs it."""

    def expires_at(self, row: int, source: str, fingerprint: str) -> int | None:
        """When this alert will expire unless it is resent, in ms; None if the register does not hold it."""
        ...


def nobody(_service: str) -> str:
    """The owner where no teams are known."""
    return "default"


class Compatible:
    """The handlers. ``started_at`` is when the process began, in ms."""

    def __init__(
        self,
        *,
        room: ReadingRoom,
        expiries: Expiries,
        version: str,
        started_at: int,
        teams: Callable[[], Sequence[str]] = tuple,
        owner_of: Callable[[str], str] = nobody,
        muting: Callable[[Alert], Muting] = lambda _alert: Muting(),
    ) -> None:
        """``owner_of`` answers the team that owns a service, one of ``teams``; ``muting`` what mutes an alert now."""
        self._muting = muting
        self._teams = teams
        self._owner_of = owner_of
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

    async def receivers(self, _request: Request) -> Answer:
        """``GET /api/v2/receivers``: the teams."""
        return answer_json([{"name": name} for name in self._teams()])

    async def alerts(self, request: Request) -> Answer:
        """``GET /api/v2/alerts``: what fires; ``filter`` (repeatable), ``receiver`` and the flags as in Alertmanager."""
        return answer_json(await self._find(request))

    async def groups(self, request: Request) -> Answer:
        """``GET /api/v2/alerts/groups``: the same by team, service and name, as rules group by default."""
        groups: dict[tuple[str, str, str], dict[str, Any]] = {}
        for shape in await self._find(request):
            receiver, labels = shape["receivers"][0], shape["labels"]
            alertname, service = labels.get("alertname", ""), labels.get("service", "")
            common = {name: value for name, value in (("alertname", alertname), ("service", service)) if value}
            group = groups.setdefault(
                (receiver["name"], alertname, service), {"alerts": [], "labels": common, "receiver": receiver}
            )
            group["alerts"].append(shape)
        return answer_json([groups[key] for key in sorted(groups)])

    async def _find(self, request: Request) -> list[dict[str, Any]]:
        query = request.query()
        wanted = Filter(query.get("filter", []))
        flags = {name: _read_flag(query, name) for name in _FLAGS}
        receiver = _read_receiver(query.get("receiver", [""])[-1])
        rows = await self._room.ask(lambda reader: _list_firing(reader, wanted))
        shapes = (self._shape(row, alert) for row, alert in rows)
        return [
            shape
            for shape in shapes
            if _is_wanted(shape["status"], flags) and (receiver is None or receiver.matches(shape["receivers"][0]["name"]))
        ]

    def _shape(self, row: int, alert: Alert) -> dict[str, Any]:
        expires_at = self._expiries.expires_at(row, alert.source, alert.fingerprint)
        muting = self._muting(alert)
        return {
            "annotations": alert.annotations or ({"summary": alert.summary} if alert.summary else {}),
            "endsAt": _NO_END if expires_at is None else _format(expires_at),
            "fingerprint": alert.fingerprint,
            "receivers": [{"name": self._owner_of(alert.service)}],
            "startsAt": _format(alert.starts_at),
            "status": {
                "state": "suppressed" if any(muting) else "active",
                "silencedBy": list(muting.silences),
                "inhibitedBy": list(muting.inhibitors),
                "mutedBy": list(muting.others),
            },
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


def _is_wanted(status: Mapping[str, Any], flags: Mapping[str, bool]) -> bool:
    """As in Alertmanager: an alert is left out by each flag that is false and concerns it."""
    if status["state"] == "active":
        return flags["active"]
    return all(flags[flag] or not status[field] for flag, field in _MUTED)


def _labels(alert: Alert) -> dict[str, str]:
    if alert.labels and "alertname" in alert.labels:
        return alert.labels
    own = {"alertname": alert.name, "service": alert.service, "severity": alert.severity.word}
    return {name: value for name, value in own.items() if value} | alert.labels


def _list_firing(reader: Reader, wanted: Filter) -> list[tuple[int, Alert]]:
    found: list[tuple[int, Alert]] = []
    after = 0
    while rows := reader.state("alert", after_id=after, limit=_CHUNK):
        after = rows[-1].id
        for row in rows:
            alert = _ACTIVE.decode(row.body).alert if row.body is not None else None
            if alert is not None and wanted.fits(_labels(alert)):
                found.append((row.id, alert))
        if len(found) > MAX_ALERTS:
            raise Refused(400, f"more than {MAX_ALERTS} alerts fire; narrow it with filter=")
    return found


def _read_flag(query: Mapping[str, list[str]], name: str) -> bool:
    text = query.get(name, ["true"])[-1].lower()
    if text not in {"true", "false"}:
        raise Refused(400, f"{name}: expected true or false, found {text[:64]!r}")
    return text == "true"


def _read_receiver(text: str) -> Pattern | None:
    try:
        return Pattern(f"^(?:{text})$", kind="regex") if text else None
    except PatternError as error:
        raise Refused(400, f"receiver: {error}") from error
