"""A journal through a rule set in virtual time, batch by batch: which pages come out, and when they end.

Keeps no more than what is open. Every fact of the journal is handed on but ``RulesChanged``: the rules are those under trial.
What people did in PagerDuty, and deliveries that failed, name an incident by its dedup key; under other rules the same rule and
group has another key, and the fact is handed on under that one.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from router.engine.core import Engine
from router.model.alert import Alert
from router.model.incident import Incident
from router.model.journal import (
    AlertReceived,
    DeliveryFailed,
    Entry,
    EpisodeClosed,
    EventForwarded,
    IncidentChanged,
    RulesChanged,
)
from router.model.ruleset import RuleSet
from router.model.severity import Severity

BATCH = 512
"""Entries per call of the engine; the answer does not depend on it."""

LEAD_MS = 24 * 3_600_000
"""Replayed before the time that is counted, so that windows, holds and open episodes are as they were."""


class Page(msgspec.Struct, kw_only=True, gc=False, eq=False):
    """One team paged, or one channel told, of one incident. Not frozen: an open page may become worse, and is closed.

    ``is_folded``: not paged on its own, a storm digest of the team told of it.
    """

    team: str
    rule: str
    group: str
    service: str
    name: str
    severity: Severity
    summary: str
    dedup_key: str
    opened_at: int
    closed_at: int = 0
    is_storm: bool = False
    is_folded: bool = False
    is_notice: bool = False  # a channel was told: ``team`` is its name
    acknowledged: bool = False  # a person took it
    matched: bool = False  # whether the other side paged about the same at the same time


class Change(msgspec.Struct, frozen=True, gc=False):
    """A page that was opened (``ends`` False) or closed at this time."""

    at: int
    ends: bool
    page: Page


Source = Callable[[Sequence[Entry], int], list[Change]]
"""What happened while these entries came, up to that time (ms UTC)."""


class Folding:
    """Follows incidents from row to row: what is new about each becomes changes of its teams' pages."""

    def __init__(self) -> None:
        """Nothing is open."""
        self._open: dict[int, list[Page]] = {}
        self._storms: dict[int, str] = {}  # open storm digests and whom they tell
        self._keys: dict[str, str] = {}  # rule and group of each open incident, to its dedup key

    def key_like(self, dedup_key: str) -> str:
        """The key under which the same rule and group is open here; the key as it was if none is."""
        return self._keys.get(dedup_key.rpartition("/")[0], dedup_key)

    def take(self, incidents: Sequence[Incident], now: int) -> list[Change]:
        """The changes these rows stand for; a team that is paged later (a fallback) is paged ``now``."""
        changes: list[Change] = []
        over: list[int] = []
        for incident in incidents:
            if incident.holds and incident.teams:
                self._storms[incident.number] = incident.teams[0]
                if incident.status == "closed":
                    over.append(incident.number)
        for incident in incidents:
            self._follow(incident, now, changes)
        for number in over:
            del self._storms[number]
        return changes

    def _follow(self, incident: Incident, now: int, changes: list[Change]) -> None:
        pages = self._open.get(incident.number)
        if pages is None:
            at = incident.opened_at
            pages = [_page(incident, team, at) for team in incident.teams]
            pages += [_page(incident, channel, at, is_notice=True) for channel in incident.channels]
            team_told = self._storms.get(incident.storm)
            if team_told is not None and team_told not in incident.teams:
                pages.append(_page(incident, team_told, at, is_folded=True))
            self._open[incident.number] = pages
            self._keys[incident.dedup_key.rpartition("/")[0]] = incident.dedup_key
            changes += [Change(at, False, page) for page in pages]  # noqa: FBT003
        else:
            known = {(page.is_notice, page.team) for page in pages if not page.is_folded}
            if len(known) < len(incident.teams) + len(incident.channels):
                told = [(False, team) for team in incident.teams] + [(True, channel) for channel in incident.channels]
                late = [_page(incident, name, now, is_notice=notice) for notice, name in told if (notice, name) not in known]
                pages += late
                changes += [Change(now, False, page) for page in late]  # noqa: FBT003
            for page in pages:
                page.severity = max(page.severity, incident.severity)
        if incident.status == "closed":
            del self._open[incident.number]
            if self.key_like(incident.dedup_key) == incident.dedup_key:
                self._keys.pop(incident.dedup_key.rpartition("/")[0], None)
            for page in pages:
                page.closed_at = max(incident.closed_at, page.opened_at)
                changes.append(Change(page.closed_at, True, page))  # noqa: FBT003


def _page(incident: Incident, team: str, at: int, *, is_folded: bool = False, is_notice: bool = False) -> Page:
    is_storm = incident.holds > 0
    return Page(
        team=team,
        rule=incident.rule,
        group=incident.group if not is_storm else "storm",
        service=incident.service,
        name=incident.name,
        severity=incident.severity,
        summary=incident.summary,
        dedup_key=incident.dedup_key,
        opened_at=at,
        is_storm=is_storm,
        is_folded=is_folded,
        is_notice=is_notice,
    )


class Replay:
    """One engine, fed a journal."""

    def __init__(self, ruleset: RuleSet, *, decides_forwarded: bool = False) -> None:
        """Nothing is active; time begins with the first entry. What was in shadow is decided on if asked."""
        self._decides_forwarded = decides_forwarded
        self._ruleset = ruleset
        self._engine: Engine | None = None
        self._folding = Folding()

    def take(self, entries: Sequence[Entry], until: int) -> list[Change]:
        """Decide these entries, and every timer due by ``until`` (ms UTC)."""
        if self._engine is None:
            if not entries:
                return []
            self._engine = Engine(self._ruleset, now=min(entries[0].at, until))
        changes: list[Change] = []
        waiting: list[Entry] = []
        for entry in entries:
            kind = type(entry.fact)
            if kind is AlertReceived:
                waiting.append(entry)
            elif isinstance(entry.fact, IncidentChanged | DeliveryFailed | EpisodeClosed):
                # Which incident is meant depends on what is open by then.
                changes += self._handle(waiting, entry.at)
                key = self._folding.key_like(entry.fact.dedup_key)
                fact = msgspec.structs.replace(entry.fact, dedup_key=key)
                waiting = [msgspec.structs.replace(entry, fact=fact)]
            elif isinstance(entry.fact, EventForwarded):
                if self._decides_forwarded and entry.fact.alert is not None:
                    waiting.append(msgspec.structs.replace(entry, fact=AlertReceived(alert=entry.fact.alert)))
            elif kind is not RulesChanged:
                waiting.append(entry)
        return changes + self._handle(waiting, until)

    def _handle(self, entries: Sequence[Entry], until: int) -> list[Change]:
        assert self._engine is not None
        transition = self._engine.handle(entries, until=until, rulesets={})
        return self._folding.take(transition.incidents, self._engine.now)


class Forwarded:
    """What in shadow went on to PagerDuty: an incident from the first trigger under a dedup key to its resolve."""

    def __init__(self, team_of: Callable[[EventForwarded], str]) -> None:
        """``team_of``: whom an event wakes."""
        self._team_of = team_of
        self._open: dict[tuple[str, str], Page] = {}
        self.events = 0

    def take(self, entries: Sequence[Entry], _until: int) -> list[Change]:
        """The incidents that these events open and close."""
        changes: list[Change] = []
        for entry in entries:
            fact = entry.fact
            if not isinstance(fact, EventForwarded) or fact.alert is None:
                continue
            self.events += 1
            key = (fact.routing_key, fact.dedup_key)
            page = self._open.get(key)
            if fact.action == "resolve":
                if page is not None:
                    del self._open[key]
                    page.closed_at = entry.at
                    changes.append(Change(entry.at, True, page))  # noqa: FBT003
            elif page is None:
                self._open[key] = page = _page_of_event(fact, fact.alert, self._team_of(fact), entry.at)
                changes.append(Change(entry.at, False, page))  # noqa: FBT003
            else:
                page.severity = max(page.severity, fact.severity)
        return changes


def _page_of_event(fact: EventForwarded, alert: Alert, team: str, at: int) -> Page:
    return Page(
        team=team,
        rule="",
        group=fact.dedup_key,
        service=alert.service,
        name=alert.name,
        severity=alert.severity,
        summary=alert.summary,
        dedup_key=fact.dedup_key,
        opened_at=at,
    )


class Taken(msgspec.Struct, frozen=True, gc=False):
    """Somebody acknowledged this incident."""

    at: int
    dedup_key: str


def taken_by_people(entries: Iterable[Entry]) -> list[Taken]:
    """What somebody acknowledged, by these entries."""
    return [
        Taken(entry.at, entry.fact.dedup_key)
        for entry in entries
        if type(entry.fact) is IncidentChanged and entry.fact.status == "acknowledged"
    ]


class Recorded:
    """What really happened: the incidents of the record, in the order they were opened."""

    def __init__(self, incidents: Iterator[Incident]) -> None:
        """``incidents`` rise in number; each as it is now, so a closed one knows its end."""
        self._incidents = incidents
        self._next: Incident | None = next(incidents, None)
        self._ending: list[tuple[int, int, Incident]] = []
        self._folding = Folding()

    def take(self, _entries: Sequence[Entry], until: int) -> list[Change]:
        """Everything opened or closed by ``until`` (ms UTC) that was not told before."""
        rows: list[Incident] = []
        while self._next is not None and self._next.opened_at <= until:
            incident = self._next
            if incident.status == "closed" and incident.closed_at > until:
                heapq.heappush(self._ending, (incident.closed_at, incident.number, incident))
                incident = msgspec.structs.replace(incident, status="open", closed_at=0)
            rows.append(incident)
            self._next = next(self._incidents, None)
        while self._ending and self._ending[0][0] <= until:
            rows.append(heapq.heappop(self._ending)[2])
        return self._folding.take(rows, until)


def batches(entries: Iterable[Entry], size: int = BATCH) -> Iterator[list[Entry]]:
    """The entries in lists of this size."""
    batch: list[Entry] = []
    for entry in entries:
        batch.append(entry)
        if len(batch) >= size:
            yield batch
            batch = []
    if batch:
        yield batch
