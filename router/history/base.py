"""The values of history and what it needs from others. A ``Record`` is one incident condensed to what figures are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, Protocol

import msgspec

from router.model.page import PageStatus
from router.model.past import PastIncident, PastList, Story

Ending = Literal["", "person", "itself", "merged"]
"""How an incident was resolved: not yet, by somebody, by the monitoring tool or a timeout, by being merged into another."""

SpanKind = Literal["incidents", "changes"]


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One incident of PagerDuty's. Times in ms UTC, 0: it did not happen (or is not known). docs/reference/figures.md."""

    number: int
    pagerduty_id: str
    title: str
    created_at: int
    url: str = ""
    service_id: str = ""
    service: str = ""
    team: str = ""
    rule: str = ""  # of ours that opened it; empty: none did
    kind: str = ""  # the same for incidents of one kind: see ``condensing.kind_of``
    dedup_key: str = ""
    status: PageStatus = "triggered"
    urgency: str = ""
    priority: str = ""
    updated_at: int = 0
    acknowledged_at: int = 0  # for the first time
    acknowledged_by: str = ""
    resolved_at: int = 0  # for the last time; 0 while it is open
    resolved_by: str = ""
    ending: Ending = ""
    merged_into: str = ""
    reopened: int = 0
    escalated: int = 0
    alerts: int = 0
    alerted_at: int = 0  # when the alert that opened it reached us; 0: it was none of ours
    notes: int = 0
    resolution: str = ""  # how it was resolved, in somebody's words: the resolution note, else the last note
    is_read: bool = False  # its story is here too


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Which incidents are crawled; empty: all."""

    statuses: tuple[str, ...] = ()
    services: tuple[str, ...] = ()  # PagerDuty's ids

    @property
    def name(self) -> str:
        """The same for equal scopes."""
        return f"{','.join(sorted(self.statuses))}|{','.join(sorted(self.services))}"


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of the crawl: since <= time < until. Written before it is worked on, so that a crash forgets nothing."""

    id: int
    made_at: int  # what it lists is at least as new as this
    kind: SpanKind
    since: int
    until: int
    is_done: bool = False


class Unread(msgspec.Struct, frozen=True, kw_only=True):
    """An incident whose story is not here or is old; ``look``: it may have changed itself, too."""

    record: Record
    look: bool


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a crawl got. ``seconds_left`` None: nobody can say yet."""

    phase: Literal["listing", "reading"]
    done: int
    total: int
    calls: int
    seconds_left: float | None = None


class Synced(msgspec.Struct, frozen=True, kw_only=True):
    """What a crawl did. ``cut_short``: why it did not finish; the next one goes on."""

    listed: int
    read: int
    gone: int
    calls: int
    cut_short: str = ""


class Ours(msgspec.Struct, frozen=True, kw_only=True):
    """What our own record says of the incident behind a dedup key."""

    team: str = ""
    alerted_at: int = 0


class Remote(Protocol):
    """PagerDuty's past. Raises RemoteError."""

    @property
    def calls(self) -> int:
        """Calls so far."""
        ...

    async def incidents(
        self, *, since: int, until: int, offset: int, statuses: Sequence[str] = (), services: Sequence[str] = ()
    ) -> PastList:
        """Those of a span of time, oldest first."""
        ...

    async def changes(self, *, since: int, until: int, offset: int) -> PastList:
        """To which incidents something happened in a span of time."""
        ...

    async def incident(self, pagerduty_id: str) -> PastIncident | None:
        """How it stands now."""
        ...

    async def story(self, incident: Record) -> Story:
        """Its log, notes and alerts; empty if it is gone."""
        ...


class Own(Protocol):
    """Our own incidents."""

    def of_key(self, dedup_key: str, pagerduty_id: str) -> Ours | None:
        """What we know of the incident with this dedup key; None: nothing (any more). Called in a thread."""
        ...


class Archive(Protocol):
    """The writer's side of history: one at a time for a file. Everything is durable when it returns. Called in threads."""

    def spans(self, scope: str) -> list[Span]:
        """All pieces of this scope's crawls, done or not, newest first."""
        ...

    def plan(self, scope: str, spans: Sequence[tuple[SpanKind, int, int]], *, now: int) -> None:
        """Add pieces to work on."""
        ...

    def split(self, span: Span, at: int) -> None:
        """Instead of this piece its two halves."""
        ...

    def finish(self, span: Span) -> None:
        """Mark this piece as done; done pieces that touch become one."""
        ...

    def keep(self, incidents: Sequence[PastIncident]) -> int:
        """New and changed incidents, their stories to be read; how many were new."""
        ...

    def note_changes(self, changes: Sequence[tuple[str, int]]) -> list[str]:
        """Something happened to these incidents (id, when): those read before that are unread now. Ids not known here."""
        ...

    def read_again(self, ages: Sequence[int], *, now: int, limit: int) -> int:
        """Incidents with notes that were read before they reached one of these ages (ms) are unread, newest first; how many.

        An incident's age counts from its last change, as far as it is known.
        """
        ...

    def read_all_again(self, *, since: int, until: int) -> int:
        """The same for all incidents with notes that were created in that time."""
        ...

    def unread(self, limit: int) -> list[Unread]:
        """Incidents whose stories have to be read, newest first."""
        ...

    def count_unread(self) -> int:
        """How many those are."""
        ...

    def tell(self, record: Record, story: Story, *, read_at: int) -> None:
        """An incident with its story, searchable from now on."""
        ...

    def forget(self, number: int) -> None:
        """PagerDuty has no such incident any more."""
        ...


class Holdings(msgspec.Struct, frozen=True, kw_only=True):
    """How much history is here. Times in ms UTC, 0: none."""

    incidents: int
    unread: int  # of these, the story is still to be read
    oldest: int
    newest: int
    unlisted: int  # pieces of a crawl that was cut short
    synced_until: int


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One hit of the index. ``excerpt`` marks the words found with the characters U+0002 and U+0003."""

    number: int
    score: float
    excerpt: str


class Past(Protocol):
    """The reader's side of history. Raises StoreError."""

    def holdings(self) -> Holdings:
        """How much is here."""
        ...

    def records(self, *, since: int, until: int) -> Iterator[Record]:
        """Those created at since <= time < until, oldest first."""
        ...

    def record(self, number: int) -> Record | None:
        """One by PagerDuty's number."""
        ...

    def numbered(self, numbers: Sequence[int]) -> list[Record]:
        """These, in this order, as far as they are here."""
        ...

    def story(self, number: int) -> Story | None:
        """What happened to one."""
        ...

    def of_kind(self, kind: str, limit: int) -> list[Record]:
        """The newest of one kind."""
        ...

    def search(self, expression: str, *, from_number: int, limit: int) -> list[Found]:
        """Best first."""
        ...

    def frequency(self, word: str) -> int:
        """In how many incidents a word stands."""
        ...

    def spellings_near(self, word: str, limit: int) -> list[str]:
        """Known words that look like this one."""
        ...

    def newest_number(self) -> int:
        """PagerDuty's number of the newest incident."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...
