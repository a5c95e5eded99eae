"""Pages as incidents made by the REST API, for teams with ``via: incidents``: what is sent, and how it is sent once.

Keeps these invariants: one problem is one incident, found by its incident key (our dedup key) before it is made, so that
neither a lost answer nor a crash makes a second; it is resolved in the service it was made in. Must never do: touch an incident
that has another key.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, Protocol

import msgspec

from router.clock import Clock
from router.errors import RemoteRefused, RemoteUnavailable
from router.model.delivery import Accepted, Delivery, Outcome, Rejected, Unavailable
from router.model.event import INCIDENTS_REFERENCE, Event
from router.model.page import Sighting
from router.model.severity import Severity
from router.pagerduty.events_v2 import dedup_key_of, summary_of
from router.wire.text import clean

MAX_DETAILS = 60_000
"""Characters of an incident's body; what PagerDuty takes is not documented."""

SETTLED_MS = 60_000
"""After so long what was made is shown, as far as is known; how long that takes is not documented."""

RETRY_MS = 3_000
DOUBTFUL_ATTEMPTS = 3
"""A refusal may say that the incident is there already and only not shown yet: so often it is looked for again."""

_BAD_REQUEST = 400


class Wanted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of a delivery."""

    title: str = ""
    details: str = ""
    urgency: Literal["high", "low"] = "high"  # by severity; the team may want another
    is_update: bool = False


class Place(NamedTuple):
    """Where a team's incidents are made."""

    service: str
    policy: str
    urgency: str


class Maker(Protocol):
    """The REST client."""

    async def incidents_with_key(self, dedup_key: str) -> list[Sighting]:
        """Newest first."""
        ...

    async def create_incident(self, wanted: dict[str, Any]) -> Sighting:
        """RemoteRefused if it cannot be, as when an open one of the service has its key."""
        ...

    async def change_incident(self, pagerduty_id: str, wanted: dict[str, Any]) -> Sighting | None:
        """Title and urgency; a second time is the same."""
        ...

    async def resolve(self, pagerduty_id: str, note: str = "") -> Sighting | None:
        """Say that it is over; the same when it is resolved already."""
        ...


def place_of(reference: str) -> Place | None:
    """What a routing key's reference says, if it is of this kind."""
    if not reference.startswith(INCIDENTS_REFERENCE):
        return None
    service, policy, urgency = reference.removeprefix(INCIDENTS_REFERENCE).split("/")
    return Place(service, policy, urgency)


def encode(event: Event) -> bytes:
    """The incident it wants. Never fails, whatever the alert held."""
    if event.action != "trigger":
        return msgspec.json.encode(Wanted())
    links = "".join([f"\n{link.text or 'link'}: {link.href}" for link in event.links])
    try:
        told = msgspec.json.format(msgspec.json.encode(event.details), indent=2).decode()
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError):
        told = "(the details cannot be shown)"
    wanted = Wanted(
        title=summary_of(event),
        details=clean(f"severity: {event.severity.word}\nsource: {event.source}{links}\n\n{told}")[:MAX_DETAILS],
        urgency="high" if event.severity >= Severity.ERROR else "low",
        is_update=event.is_update,
    )
    return msgspec.json.encode(wanted)


class IncidentsClient:
    """Fits the daemon's ``Channel``. ``maker`` None: no token is configured any more."""

    encode = staticmethod(encode)

    def __init__(self, *, maker: Maker | None, clock: Clock, endpoint: str) -> None:
        """``endpoint``: the REST API's host, whose breaker concerns this."""
        self._maker = maker
        self._clock = clock
        self.endpoint = endpoint

    async def send(self, delivery: Delivery) -> Outcome:
        """Once; PagerDuty's no is for good, its silence is not."""
        place = place_of(delivery.routing_key)
        if self._maker is None or place is None:
            return Rejected(cause="via: incidents takes pagerduty.api_token and pagerduty.from")
        if delivery.action == "change":
            return Rejected(cause="a team with via: incidents takes no change events", is_needless=True)
        try:
            return await self._send(self._maker, delivery, place)
        except RemoteRefused as error:
            return Rejected(cause=str(error), status=error.status)
        except RemoteUnavailable as error:
            return Unavailable(cause=str(error))

    async def _send(self, maker: Maker, delivery: Delivery, place: Place) -> Outcome:
        key = dedup_key_of(delivery.dedup_key)
        found = [one for one in await maker.incidents_with_key(key) if one.key == key]
        if delivery.action == "resolve":
            return await self._resolve(maker, delivery, found)
        wanted = msgspec.json.decode(delivery.body, type=Wanted)
        urgency = wanted.urgency if place.urgency == "severity" else place.urgency
        if wanted.is_update:
            for one in found:
                if one.status in {"triggered", "acknowledged"} and not one.merged_into:
                    await maker.change_incident(one.pagerduty_id, {"title": wanted.title, "urgency": urgency})
            return Accepted(status=200, receipt=found[0].pagerduty_id) if found else _not_shown(delivery, self._clock.now())
        if found:
            return Accepted(status=200, receipt=found[0].pagerduty_id)
        body: dict[str, Any] = {
            "type": "incident",
            "title": wanted.title,
            "service": {"id": place.service, "type": "service_reference"},
            "urgency": urgency,
            "incident_key": key,
            "body": {"type": "incident_body", "details": wanted.details},
        }
        if place.policy:
            body["escalation_policy"] = {"id": place.policy, "type": "escalation_policy_reference"}
        try:
            made = await maker.create_incident(body)
        except RemoteRefused as refusal:
            if refusal.status == _BAD_REQUEST and delivery.attempts < DOUBTFUL_ATTEMPTS:
                return Unavailable(cause=str(refusal), status=refusal.status, retry_after_ms=RETRY_MS, is_early=True)
            raise
        return Accepted(status=201, receipt=made.pagerduty_id)

    async def _resolve(self, maker: Maker, delivery: Delivery, found: list[Sighting]) -> Outcome:
        for one in found:
            if one.status != "resolved":
                await maker.resolve(one.pagerduty_id)
        return Accepted(status=200, receipt=found[0].pagerduty_id) if found else _not_shown(delivery, self._clock.now())


def _not_shown(delivery: Delivery, now: int) -> Outcome:
    """It was made, for its trigger was accepted, and is not listed: not yet, or it is gone for good."""
    if now - delivery.created_at < SETTLED_MS:
        return Unavailable(cause="PagerDuty does not show the incident yet", retry_after_ms=RETRY_MS, is_early=True)
    return Rejected(cause="PagerDuty shows no incident with this key", is_needless=True)
