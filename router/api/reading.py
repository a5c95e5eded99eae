"""``/v1``: looking in, and the two things a person may do to a delivery. Listings answer ``{"items": [...], "next": ...}``.

The store is read in a thread of its own, one question at a time, so that no question holds up the doors. Must never do:
change anything but through the callbacks it is given.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import msgspec

from router.api.exchange import Answer, Refused, Request, answer_error, answer_json
from router.api.rooms import Room
from router.errors import StoreError
from router.incidents.explanation import explain_alert, explain_incident
from router.model.alert import Alert
from router.model.delivery import Delivery, DeliveryState, shown_body
from router.model.journal import AlertReceived
from router.model.transition import ActiveAlert
from router.store.base import Reader

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
MAX_SCANNED = 20_000
"""Rows one question looks at when it filters: a page may be shorter than ``limit`` and still have a ``next``."""

_CHUNK = 1000
_ACTIVE = msgspec.json.Decoder(ActiveAlert)


class Deliveries(Protocol):
    """The dispatcher, as a person's hand needs it."""

    async def retry(self, delivery_id: int) -> bool:
        """Try it now, also a dead letter. False if there is no such delivery, or it is delivered or cancelled."""
        ...

    async def drop(self, delivery_id: int, reason: str) -> bool:
        """Give it up. False if there is no such delivery, or it is not waiting."""
        ...


class ListedAlert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An alert with its sequence in the journal, which is what ``explain`` takes; ``received_at`` 0: fires now."""

    seq: int
    alert: Alert
    received_at: int = 0


class ListedDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery and the body that is sent, without the routing key."""

    delivery: Delivery
    body: msgspec.Raw


class ReadingRoom(Room[Reader]):
    """The store, read."""


class Reading:
    """The handlers. ``rules`` and ``stats`` are asked of the daemon."""

    def __init__(
        self,
        *,
        room: ReadingRoom,
        deliveries: Deliveries,
        rules: Callable[[], Sequence[Any]],
        stats: Callable[[], dict[str, Any]],
    ) -> None:
        """``rules`` and ``stats`` answer plain values (dicts, lists, texts, numbers)."""
        self._room = room
        self._deliveries = deliveries
        self._rules = rules
        self._stats = stats

    async def alerts(self, request: Request) -> Answer:
        """``GET /v1/alerts``: what fires now, oldest first; ``journal=true``: as accepted, also what is over."""
        query = Query(request, "limit", "cursor", "service", "name", "source", "journal")
        limit, cursor = query.limit(), query.number("cursor", 0)
        wanted = {name: query.text(name) for name in ("service", "name", "source") if query.text(name)}
        list_them = _list_journal if query.flag("journal") else _list_firing
        found, following = await self._room.ask(lambda reader: list_them(reader, cursor, limit, wanted))
        return _page(found, following)

    async def alert(self, _request: Request, seq: str) -> Answer:
        """``GET /v1/alerts/SEQ``: one entry of the journal."""
        number = _number(seq, "an alert's sequence")
        entry = await self._room.ask(lambda reader: reader.entry(number))
        if entry is None or not isinstance(entry.fact, AlertReceived):
            raise Refused(404, f"the journal holds no alert {number}")
        return answer_json(ListedAlert(seq=entry.seq, alert=entry.fact.alert, received_at=entry.at))

    async def incidents(self, request: Request) -> Answer:
        """``GET /v1/incidents``: newest first; ``status`` open or closed, ``team``."""
        query = Query(request, "limit", "cursor", "status", "team")
        limit, status = query.limit(), query.one_of("status", ("open", "closed"))
        before, team = query.number("cursor", 0) or None, query.text("team") or None
        found = await self._room.ask(
            lambda reader: reader.incidents(status=status, team=team, before_number=before, limit=limit)
        )
        return _page(found, found[-1].number if len(found) == limit else None)

    async def incident(self, _request: Request, number: str) -> Answer:
        """``GET /v1/incidents/N``: its story, as ``explain`` tells it; N is its number or its dedup key."""
        key = int(number) if number.isascii() and number.isdigit() and len(number) < _MAX_DIGITS else number
        found = await self._room.ask(lambda reader: explain_incident(reader, key))
        if found is None:
            raise Refused(404, f"there is no incident {number[:255]}")
        return answer_json(found)

    async def decisions(self, request: Request) -> Answer:
        """``GET /v1/decisions``: newest first; ``alert`` (a sequence), ``incident`` (a dedup key)."""
        query = Query(request, "limit", "cursor", "alert", "incident")
        limit, before = query.limit(), query.number("cursor", 0) or None
        alert, key = query.number("alert", 0) or None, query.text("incident") or None
        found = await self._room.ask(
            lambda reader: reader.decisions(alert_seq=alert, dedup_key=key, before_id=before, limit=limit)
        )
        return _page(found, found[-1].id if len(found) == limit else None)

    async def deliveries(self, request: Request) -> Answer:
        """``GET /v1/deliveries``: newest first; ``state``, ``team``, ``channel``, ``incident`` (a dedup key)."""
        query = Query(request, "limit", "cursor", "state", "team", "channel", "incident")
        limit, before = query.limit(), query.number("cursor", 0) or None
        word, channel = query.one_of("state", tuple(state.value for state in DeliveryState)), query.text("channel") or None
        state, team, key = DeliveryState(word) if word else None, query.text("team") or None, query.text("incident") or None
        found = await self._room.ask(
            lambda reader: reader.deliveries(
                state=state, dedup_key=key, team=team, channel=channel, before_id=before, limit=limit
            )
        )
        following = found[-1].id if len(found) == limit else None
        return _page([_without_body(delivery) for delivery in found], following)

    async def delivery(self, _request: Request, delivery_id: str) -> Answer:
        """``GET /v1/deliveries/ID``: with its last attempts and the body that is sent, without the routing key."""
        number = _number(delivery_id, "a delivery's id")
        found = await self._room.ask(lambda reader: reader.delivery(number))
        if found is None:
            raise Refused(404, f"there is no delivery {number}")
        return answer_json(ListedDelivery(delivery=_without_body(found), body=msgspec.Raw(shown_body(found) or b"null")))

    async def retry(self, _request: Request, delivery_id: str) -> Answer:
        """``POST /v1/deliveries/ID/retry``: try it now, also a dead letter."""
        number = _number(delivery_id, "a delivery's id")
        return await self._act(number, self._deliveries.retry(number), "retried")

    async def drop(self, request: Request, delivery_id: str) -> Answer:
        """``POST /v1/deliveries/ID/drop``: give it up; ``reason`` is kept with it."""
        number = _number(delivery_id, "a delivery's id")
        reason = Query(request, "reason").text("reason")[:255] or "dropped by a person"
        return await self._act(number, self._deliveries.drop(number, reason), "dropped")

    async def _act(self, number: int, acting: Awaitable[bool], word: str) -> Answer:
        try:
            is_done = await acting
        except StoreError as error:
            raise Refused(503, f"the store cannot take it now: {error}", ((b"retry-after", b"5"),)) from error
        if is_done:
            return answer_json({"delivery": number, "result": word})
        found = await self._room.ask(lambda reader: reader.delivery(number))
        if found is None:
            return answer_error(404, f"there is no delivery {number}")
        return answer_error(409, f"delivery {number} is {found.state.value} and cannot be {word}")

    async def explain(self, _request: Request, seq: str) -> Answer:
        """``GET /v1/explain/SEQ``: why the alert with this sequence did (not) page."""
        number = _number(seq, "an alert's sequence")
        found = await self._room.ask(lambda reader: explain_alert(reader, number))
        if found is None:
            raise Refused(404, f"the journal holds no alert {number}, and no decision about it")
        return answer_json(found)

    async def audit(self, request: Request) -> Answer:
        """``GET /v1/audit``: who did what, newest first; ``who`` (part of a name), ``since``, ``until`` (ms), ``incident``."""
        query = Query(request, "limit", "cursor", "who", "since", "until", "incident")
        limit, before, who = query.limit(), query.number("cursor", 0) or None, query.text("who")
        since, until = query.number("since", 0), query.number("until", 0) or None
        incident = query.number("incident", 0) or None
        found = await self._room.ask(
            lambda reader: reader.audit(incident=incident, who=who, since=since, until=until, before_id=before, limit=limit)
        )
        return _page(found, found[-1].id if len(found) == limit else None)

    async def rules(self, _request: Request) -> Answer:
        """``GET /v1/rules``: the rules in force, in order."""
        return _page(list(self._rules()), None)

    async def stats(self, _request: Request) -> Answer:
        """``GET /v1/stats``: the router's own figures."""
        return answer_json(self._stats())


_MAX_DIGITS = 18


class Query:
    """The values of a query string; an unknown name, a value given twice or out of range is refused with 400."""

    def __init__(self, request: Request, *known: str) -> None:
        """Only these names."""
        self._values = request.query()
        for name, values in self._values.items():
            if name not in known:
                takes = f"known are {', '.join(known)}" if known else "it takes none"
                raise Refused(400, f"unknown query value {name[:64]!r}; {takes}")
            if len(values) > 1:
                raise Refused(400, f"query value {name!r} is given {len(values)} times")

    def text(self, name: str) -> str:
        """As given, or empty."""
        values = self._values.get(name)
        return values[0] if values else ""

    def number(self, name: str, default: int) -> int:
        """A whole number."""
        text = self.text(name)
        return _number(text, name) if text else default

    def limit(self) -> int:
        """How many items: 1 to ``MAX_LIMIT``."""
        limit = self.number("limit", DEFAULT_LIMIT)
        if not 1 <= limit <= MAX_LIMIT:
            raise Refused(400, f"limit: expected 1 to {MAX_LIMIT}, found {limit}")
        return limit

    def flag(self, name: str) -> bool:
        """``true`` or ``false``."""
        return self.one_of(name, ("true", "false")) == "true"

    def one_of(self, name: str, words: tuple[str, ...]) -> str | None:
        """One of these words, or None if not given."""
        text = self.text(name)
        if text and text not in words:
            raise Refused(400, f"{name}: expected {' or '.join(words)}, found {text[:64]!r}")
        return text or None


def _number(text: str, what: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > _MAX_DIGITS:
        raise Refused(400, f"{what}: expected a whole number, found {text[:64]!r}")
    return int(text)


def _page(items: Sequence[Any], following: int | None) -> Answer:
    return answer_json({"items": items, "next": None if following is None else str(following)})


def _without_body(delivery: Delivery) -> Delivery:
    return msgspec.structs.replace(delivery, body=b"")


def _fits(alert: Alert, wanted: dict[str, str]) -> bool:
    return all(getattr(alert, name) == value for name, value in wanted.items())


def _list_firing(reader: Reader, after: int, limit: int, wanted: dict[str, str]) -> tuple[list[ListedAlert], int | None]:
    found: list[ListedAlert] = []
    scanned = 0
    while scanned < MAX_SCANNED:
        rows = reader.state("alert", after_id=after, limit=_CHUNK)
        for row in rows:
            after, scanned = row.id, scanned + 1
            alert = _ACTIVE.decode(row.body).alert if row.body is not None else None
            if alert is not None and _fits(alert, wanted):
                found.append(ListedAlert(seq=row.id, alert=alert))
                if len(found) == limit:
                    return found, after
        if len(rows) < _CHUNK:
            return found, None
    return found, after


def _list_journal(reader: Reader, after: int, limit: int, wanted: dict[str, str]) -> tuple[list[ListedAlert], int | None]:
    found: list[ListedAlert] = []
    scanned = 0
    while scanned < MAX_SCANNED:
        entries = reader.entries(after_seq=after, limit=_CHUNK)
        for entry in entries:
            after, scanned = entry.seq, scanned + 1
            if isinstance(entry.fact, AlertReceived) and _fits(entry.fact.alert, wanted):
                found.append(ListedAlert(seq=entry.seq, alert=entry.fact.alert, received_at=entry.at))
                if len(found) == limit:
                    return found, after
        if len(entries) < _CHUNK:
            return found, None
    return found, after
