"""Finds what is open in PagerDuty under keys of ours that the store does not know, as after a backup was put back.

Nobody would ever resolve such an incident. It is shown and told of; a person says which are resolved, through the routing key
of the team whose integration it came in by. Keeps these invariants: only alerts with a key of our form that came in by a way of
ours are looked at further; a look costs a bounded number of calls. Must never do: resolve anything by itself, for what a key
that is unknown here stands for may be real.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from router.clock import Clock
from router.engine.keys import OwnKey, read_key
from router.errors import StoreError
from router.incidents.actions import CannotAct
from router.incidents.protocols import Ask, Bell, Notebook, Remote
from router.incidents.register import PageRegister
from router.model.delivery import Accepted, Delivery, Outcome, Priority, Rejected, Throttled, Unavailable
from router.model.event import Event
from router.model.page import AlertPicture, AuditEntry, Followed, Sighting
from router.store.base import Reader
from router.telemetry.logs import logger

MAX_ASKED = 600
"""Services and incidents that one look asks PagerDuty about, besides the list of what is open; the others are next time's."""

MAX_RESOLVED = 100
"""Strays resolved at once: they pass the outbox's pace by."""

MAX_REMEMBERED = 20_000
"""Incidents and services that are remembered as holding nothing of ours."""

MAX_COMPARED = 10_000
"""Open incidents of ours among which the same problem is looked for, newest first."""

FRESH_MS = 10_000
"""A look so recent is answered again instead of another."""

FORGET_MS = 86_400_000
"""What is remembered is asked anew after so long: integrations move, history is retired."""

_NAMED = 5

log = logger("follow")


class Stray(msgspec.Struct, frozen=True, kw_only=True):
    """One alert that is open in PagerDuty under a key of ours and that we know nothing of."""

    dedup_key: str
    pagerduty_id: str
    number: int  # PagerDuty's number of the incident it is in
    url: str
    title: str
    teams: tuple[str, ...]  # whose routing key it came in by; several: by an orchestration's key; none: it cannot be known
    service: str  # PagerDuty's id
    status: str
    holder: str  # who has it acknowledged
    rule: str
    opened_at: int
    open_here: int  # our incident of the same rule and group that is open; 0: none


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What a look found. ``not_asked``: open incidents that no look has asked about yet."""

    at: int
    strays: tuple[Stray, ...] = ()
    not_asked: int = 0


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """One stray that PagerDuty was told is over; ``taken`` is its 202, ``reason`` why not."""

    number: int
    dedup_key: str
    team: str
    taken: bool
    reason: str = ""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the strays that were to be resolved. ``left``: those above MAX_RESOLVED, for the next time."""

    items: tuple[Resolved, ...]
    left: int = 0


class Ways(Protocol):
    """How teams are paged now."""

    def teams_with_key(self, keys: Iterable[str]) -> set[str]:
        """Teams with one of these routing keys."""
        ...

    def teams_with_service(self, service: str) -> set[str]:
        """Teams whose incidents are made in this service."""
        ...

    def teams_by_orchestration(self) -> set[str]:
        """Teams whose key is an orchestration's, which chooses the service by content."""
        ...

    def references_by_team(self) -> Mapping[str, str]:
        """The routing keys' references."""
        ...


class _Candidate(msgspec.Struct, frozen=True):
    sighting: Sighting
    key: str
    own: OwnKey
    teams: tuple[str, ...]
    title: str


class Strays:
    """One per daemon. ``remote`` None: no token is configured, so nothing can be found."""

    def __init__(
        self,
        *,
        remote: Remote | None,
        register: PageRegister,
        ways: Ways,
        ask: Ask,
        notebook: Notebook,
        bell: Bell,
        encode: Callable[[Event], bytes],
        send: Callable[[Delivery], Awaitable[Outcome]],
        clock: Clock,
    ) -> None:
        """``encode`` and ``send``: the way of every page, once and past the outbox."""
        self._remote = remote
        self._register = register
        self._ways = ways
        self._ask = ask
        self._notebook = notebook
        self._bell = bell
        self._encode = encode
        self._send = send
        self._clock = clock
        self._last = Looked(at=0)
        self._asked = 0
        self._integrations: dict[str, Mapping[str, tuple[str, ...] | None]] = {}  # of a service: whose; None: another's
        self._nothing_in: OrderedDict[str, int] = OrderedDict()  # incident -> when it last changed
        self._turns: dict[str, int] = {}  # incident that is open -> in which look it was asked about last
        self._turn = 0
        self._remembered_at = 0
        self._references: Mapping[str, str] = {}
        self._one_at_a_time = asyncio.Lock()

    def figures(self) -> dict[str, float | dict[str, float]]:
        """How many the last look found."""
        return {"stray_incidents": len(self._last.strays)}

    async def look(self) -> Looked:
        """What is there now; RemoteError if PagerDuty cannot be asked, CannotAct without a token."""
        async with self._one_at_a_time:
            if self._last.at and 0 <= self._clock.now() - self._last.at < FRESH_MS:
                return self._last
            return await self._look()

    async def resolve(self, numbers: Sequence[int], *, everything: bool = False, reason: str, who: str) -> Ended:
        """Tell PagerDuty that the strays in these of its incidents (by number) are over; CannotAct: it was told of none."""
        async with self._one_at_a_time:
            strays = (await self._look(first=frozenset(numbers))).strays
            missing = sorted(set(numbers) - {stray.number for stray in strays})
            if missing:
                shown = ", ".join(f"#{number}" for number in missing[:20])
                raise CannotAct(f"no stray is open in PagerDuty's incident {shown}")
            wanted = [stray for stray in strays if everything or stray.number in numbers]
            nobodys = [stray for stray in wanted if not stray.teams]
            if nobodys and not everything:
                raise CannotAct(f"whose key #{nobodys[0].number} came in by is not shown: resolve it in PagerDuty")
            done: list[Resolved] = []
            wanted = [stray for stray in wanted if stray.teams]
            for stray in wanted[:MAX_RESOLVED]:
                done += [await self._end(stray, team) for team in stray.teams]
                self._last = Looked(at=0, strays=self._last.strays)
            told = [one for one in done if one.taken]
            entries = [_entry_of(one, self._clock.now(), who, reason) for one in told]
            try:
                await self._notebook.follow(Followed(audit=tuple(entries)))
            except StoreError as error:  # PagerDuty has been told all the same
                log.warning("audit_not_kept", what="resolved a stray", count=len(entries), cause=str(error))
            return Ended(items=tuple(done), left=max(0, len(wanted) - MAX_RESOLVED))

    async def _end(self, stray: Stray, team: str) -> Resolved:
        """One resolve, under its very key: it can close nothing else."""
        reference = self._references[team]
        now = self._clock.now()
        event = Event(team=team, routing_key=reference, dedup_key=stray.dedup_key, action="resolve", at=now)
        delivery = Delivery(
            id=0, team=team, routing_key=reference, dedup_key=stray.dedup_key, action="resolve", priority=Priority.RESOLVE,
            created_at=now, body=self._encode(event),
        )  # fmt: skip
        outcome = await self._send(delivery)
        why = ""
        match outcome:
            case Accepted():
                pass
            case Throttled():
                why = "PagerDuty gets too many calls with this key: try again in a minute"
            case Unavailable(cause=cause) | Rejected(cause=cause):
                why = cause
        is_taken = isinstance(outcome, Accepted)
        return Resolved(number=stray.number, dedup_key=stray.dedup_key, team=team, taken=is_taken, reason=why)

    # looking

    async def _look(self, first: frozenset[int] = frozenset()) -> Looked:
        """``first``: incidents (by number) asked about before all others; then those that were not asked about for longest."""
        remote = self._remote
        if remote is None:
            raise CannotAct("this needs pagerduty.api_token in the configuration")
        now = self._clock.now()
        references = self._ways.references_by_team()
        if references != self._references or now - self._remembered_at >= FORGET_MS:
            self._integrations, self._nothing_in = {}, OrderedDict()
            self._references, self._remembered_at = references, now
        self._asked = 0
        self._turn += 1
        ours, turns = self._register.by_pagerduty_id, self._turns
        listed = await remote.open_incidents([])
        listed.sort(
            key=lambda one: (one.number not in first, turns.get(one.pagerduty_id, 0), one.pagerduty_id in ours, one.number)
        )
        self._turns = {one.pagerduty_id: turns[one.pagerduty_id] for one in listed if one.pagerduty_id in turns}
        asked: list[Sighting] = []
        candidates: list[_Candidate] = []
        left: set[str] = set()
        for sighting in listed:
            if sighting.updated_at and self._nothing_in.get(sighting.pagerduty_id) == sighting.updated_at:
                continue
            if self._asked >= MAX_ASKED:
                left.add(sighting.pagerduty_id)
                continue
            candidates += await self._candidates(remote, sighting)
            asked.append(sighting)
            self._turns[sighting.pagerduty_id] = self._turn
        strays = await self._unknown(candidates)
        self._remember(asked, {stray.pagerduty_id for stray in strays})
        strays += [stray for stray in self._last.strays if stray.pagerduty_id in left]  # as it was when it was asked about
        not_asked = len(left - self._turns.keys())
        self._last = Looked(at=now, strays=tuple(sorted(strays, key=lambda stray: stray.number)), not_asked=not_asked)
        await self._tell(self._last)
        return self._last

    async def _candidates(self, remote: Remote, sighting: Sighting) -> list[_Candidate]:
        """What in this incident has a key of our form and came in by a way of ours."""
        if sighting.key:  # made by hand or by REST: there are no alerts in it
            teams = tuple(sorted(self._ways.teams_with_service(sighting.service)))
            own = read_key(sighting.key)
            return [_Candidate(sighting, sighting.key, own, teams, "")] if own is not None and teams else []
        integrations = await self._whose(remote, sighting.service)
        orchestrated = tuple(sorted(self._ways.teams_by_orchestration()))
        if not orchestrated and all(teams is None for teams in integrations.values()):
            return []
        self._asked += 1
        found = []
        for alert in await remote.alerts(sighting.pagerduty_id):
            own = None if alert.is_resolved else read_key(alert.key)
            whose = None if own is None else _whose_alert(alert, integrations, orchestrated)
            if own is not None and whose is not None:
                found.append(_Candidate(sighting, alert.key, own, whose, alert.summary))
        return found

    async def _whose(self, remote: Remote, service: str) -> Mapping[str, tuple[str, ...] | None]:
        """The teams behind each integration of a service: None for another's, none of them where its key is not shown."""
        known = self._integrations.get(service)
        if known is not None or not service:
            return known or {}
        self._asked += 1
        found: dict[str, tuple[str, ...] | None] = {}
        for integration, key in (await remote.integrations(service)).items():
            teams = tuple(sorted(self._ways.teams_with_key([key]))[:1]) if key else ()  # teams that share a key: any of them
            found[integration] = teams if teams or not key else None
        if len(self._integrations) < MAX_REMEMBERED:
            self._integrations[service] = found
        return found

    async def _unknown(self, candidates: Sequence[_Candidate]) -> list[Stray]:
        if not candidates:
            return []
        keys = {candidate.key for candidate in candidates}
        unknown, open_here = await self._ask(lambda reader: _compare(reader, keys))
        return [
            Stray(
                dedup_key=one.key,
                pagerduty_id=one.sighting.pagerduty_id,
                number=one.sighting.number,
                url=one.sighting.url,
                title=one.title,
                teams=one.teams,
                service=one.sighting.service,
                status=one.sighting.status,
                holder=one.sighting.who if one.sighting.status == "acknowledged" else "",
                rule=one.own.owner,
                opened_at=one.own.opened_at,
                open_here=open_here.get(one.key.rpartition("/")[0], 0),
            )
            for one in candidates
            if one.key in unknown
        ]

    def _remember(self, asked: Iterable[Sighting], holding: set[str]) -> None:
        for sighting in asked:
            self._nothing_in.pop(sighting.pagerduty_id, None)
            if sighting.updated_at and sighting.pagerduty_id not in holding:
                self._nothing_in[sighting.pagerduty_id] = sighting.updated_at
        while len(self._nothing_in) > MAX_REMEMBERED:
            self._nothing_in.popitem(last=False)

    async def _tell(self, looked: Looked) -> None:
        numbers = sorted({stray.number for stray in looked.strays})
        if numbers:
            shown = ", ".join(f"#{number}" for number in numbers[:_NAMED]) + (" …" if len(numbers) > _NAMED else "")
            await self._bell.strays(
                f"PagerDuty has {len(numbers)} open incident{'' if len(numbers) == 1 else 's'} that came from here and that "
                f"the database does not know ({shown}), as after a backup was put back: nobody will resolve what is over; "
                "`alert-router incidents strays` shows them, and resolves those you name"
            )
        elif not looked.not_asked:
            await self._bell.no_strays()


def _whose_alert(
    alert: AlertPicture, integrations: Mapping[str, tuple[str, ...] | None], orchestrated: tuple[str, ...]
) -> tuple[str, ...] | None:
    """The teams by whose key it may have come in; None: another's."""
    if alert.integration in integrations:
        return integrations[alert.integration]
    if alert.integration or orchestrated:  # of no integration of this service, or it does not say
        return orchestrated or None
    return tuple(sorted({team for teams in integrations.values() for team in teams or ()})) or None


def _compare(reader: Reader, keys: set[str]) -> tuple[set[str], dict[str, int]]:
    """Of these keys, those that are not known; and what is open here, by rule and group."""
    unknown = {key for key in keys if reader.incident(key) is None}
    if not unknown:
        return unknown, {}
    rows = reader.incidents(status="open", limit=MAX_COMPARED)
    return unknown, {row.dedup_key.rpartition("/")[0]: row.number for row in rows}


def _entry_of(done: Resolved, at: int, who: str, reason: str) -> AuditEntry:
    return AuditEntry(
        at=at, who=who, through="api", what="resolved a stray", team=done.team,
        text=f"PagerDuty's #{done.number}, {done.dedup_key}: {reason}",
    )  # fmt: skip
