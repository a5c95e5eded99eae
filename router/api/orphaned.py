"""``/v1/orphans`` and ``POST /v1/incidents/N/close``: what a person does here, without PagerDuty's REST API, to what is open.

Each is a fact in the journal, so that a replay decides alike. Closing resolves through the routing key that opened it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import msgspec

from router.api.exchange import Answer, Refused, Request, answer_json
from router.api.reading import Query, ReadingRoom
from router.api.silences import signed
from router.errors import Overloaded, StoreError
from router.model.incident import Incident, Orphan
from router.model.journal import EpisodeClosed, RuleAdopted
from router.model.page import AuditEntry

MAX_REASON = 4_096
_MAX_DIGITS = 18

Record = Callable[[Sequence[EpisodeClosed | RuleAdopted], Sequence[AuditEntry]], Awaitable[None]]
"""Journals the facts, and keeps who asked for them."""


class Closing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why it is closed, and who asks."""

    reason: str
    by: str = ""


class Adopting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rule that goes on with it, and who asks."""

    into: str
    by: str = ""


Wish = TypeVar("Wish", Closing, Adopting)


class Orphaned:
    """The handlers. ``orphans`` and ``rules`` (ids in force) are asked at each question; ``who`` names a token's holder."""

    def __init__(
        self,
        *,
        room: ReadingRoom,
        orphans: Callable[[], Sequence[Orphan]],
        rules: Callable[[], frozenset[str]],
        record: Record,
        who: Callable[[bytes | None], str],
        now: Callable[[], int],
    ) -> None:
        """Nothing to set up."""
        self._room = room
        self._orphans = orphans
        self._rules = rules
        self._record = record
        self._who = who
        self._now = now

    async def listed(self, request: Request) -> Answer:
        """``GET /v1/orphans``: by rule that is no longer in force, what it has left open."""
        Query(request)
        return answer_json({"items": self._orphans(), "next": None})

    async def close_incident(self, request: Request, number: str) -> Answer:
        """``POST /v1/incidents/N/close``: resolve it through the routing key that opened it, whatever fires; ``reason``."""
        if not (number.isascii() and number.isdigit()) or len(number) > _MAX_DIGITS:
            raise Refused(400, f"an incident's number: expected a whole number, found {number[:64]!r}")
        wish = _read(request.body, Closing)
        incident = await self._room.ask(lambda reader: reader.incident(int(number)))
        if incident is None:
            raise Refused(404, f"there is no incident {number}")
        if incident.holds:
            raise Refused(409, f"incident {number} is a storm digest: it closes with what it holds")
        if incident.status != "open":
            raise Refused(409, f"incident {number} is closed already")
        return await self._close(request, [incident], wish)

    async def close(self, request: Request, rule: str) -> Answer:
        """``POST /v1/orphans/RULE/close``: everything that the rule has left open; ``reason``."""
        wish = _read(request.body, Closing)
        numbers = self._find(rule).incidents
        found = await self._room.ask(lambda reader: [reader.incident(number) for number in numbers])
        return await self._close(request, [incident for incident in found if incident is not None], wish)

    async def adopt(self, request: Request, rule: str) -> Answer:
        """``POST /v1/orphans/RULE/adopt``: the rule ``into`` goes on with it."""
        wish = _read(request.body, Adopting)
        orphan = self._find(rule)
        if wish.into not in self._rules():
            raise Refused(409, f"there is no rule {wish.into[:64]!r} in force; GET /v1/rules lists them")
        who = self._who(request.headers.get(b"authorization"))
        by = signed(wish.by[:256], who)
        entries = [
            AuditEntry(
                at=self._now(), who=by or who, through="api", what="given to another rule", incident=number,
                text=f"from {rule} to {wish.into}",
            )
            for number in orphan.incidents
        ]  # fmt: skip
        await self._keep([RuleAdopted(rule=rule, into=wish.into, by=by)], entries)
        return answer_json({"rule": rule, "into": wish.into, "incidents": orphan.incidents})

    def _find(self, rule: str) -> Orphan:
        orphan = next((each for each in self._orphans() if each.rule == rule), None)
        if orphan is not None:
            return orphan
        if rule in self._rules():
            raise Refused(409, f"rule {rule} is in force: what it has opened is not left over")
        raise Refused(404, f"nothing is open of a rule {rule[:64]!r}")

    async def _close(self, request: Request, incidents: Sequence[Incident], wish: Closing) -> Answer:
        reason = wish.reason.strip()[:MAX_REASON]
        if not reason:
            raise Refused(400, "reason: expected why it is closed, found nothing")
        who = self._who(request.headers.get(b"authorization"))
        by = signed(wish.by[:256], who)
        facts = [EpisodeClosed(dedup_key=incident.dedup_key, by=by, reason=reason) for incident in incidents]
        entries = [
            AuditEntry(at=self._now(), who=by or who, through="api", what="closed", incident=incident.number, text=reason)
            for incident in incidents
        ]
        await self._keep(facts, entries)
        return answer_json({"closed": [incident.number for incident in incidents]})

    async def _keep(self, facts: Sequence[EpisodeClosed | RuleAdopted], entries: Sequence[AuditEntry]) -> None:
        try:
            await self._record(facts, entries)
        except Overloaded as error:
            raise Refused(429, str(error), ((b"retry-after", b"%d" % error.retry_after_seconds),)) from error
        except StoreError as error:
            raise Refused(503, f"the store cannot take it now: {error}", ((b"retry-after", b"5"),)) from error


def _read(body: bytes, kind: type[Wish]) -> Wish:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(400, f"the body cannot be used: {error}") from error
