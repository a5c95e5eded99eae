"""What past incidents of the same kind were resolved by, in memory, so that a page can carry it without anybody being asked.

Keeps these invariants: enriching looks into dictionaries and nowhere else, so it takes no time to speak of; whatever goes
wrong in it, the page goes out as it was. The bytes of a delivery are built once, with the links of that moment, so all attempts
say the same. Must never do: read a file or PagerDuty on the way of a page.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from router.history.base import Record
from router.history.condensing import kind_of, mask
from router.history.wording import clean, safe_url
from router.model.alert import Link
from router.model.event import PAGERDUTY, Event
from router.telemetry.logs import logger

MAX_LINKS = 3
MAX_KEYS = 20_000
"""Kinds, titles, rules that are remembered, of each the newest."""

MAX_TEXT = 200
MEMORY_MS = 365 * 86_400_000
"""How far back it reaches."""

log = logger("history")


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """The newest links by what an incident is known by, closest first: its kind, its title but for numbers, its rule."""

    kinds: dict[str, tuple[Link, ...]] = {}
    titles: dict[str, tuple[Link, ...]] = {}
    rules: dict[str, tuple[Link, ...]] = {}


class Recollection:
    """One per daemon; ``learn`` in any thread, ``enrich`` on the loop."""

    def __init__(self, limit: int = MAX_LINKS) -> None:
        """At most ``limit`` links on a page; 0: none, and nothing is remembered."""
        self.limit = min(limit, MAX_LINKS)
        self._memory = Memory()

    def learn(self, records: Iterable[Record]) -> None:
        """Remember these, by rising time of creation, instead of what was known."""
        if self.limit:
            self._memory = remember(records)

    def enrich(self, event: Event) -> Event:
        """A page with links to what solved its like before, after its own links; everything else as it is."""
        if not self.limit or event.action != "trigger" or event.is_update or event.body or event.channel != PAGERDUTY:
            return event
        try:
            found = self._links(event)
        except Exception:  # a link is not worth a page
            log.exception("page_not_enriched", dedup_key=event.dedup_key)
            return event
        return msgspec.structs.replace(event, links=(*event.links, *found)) if found else event

    def _links(self, event: Event) -> tuple[Link, ...]:
        memory = self._memory
        if not memory.titles:  # as long as history is empty: every record has one
            return ()
        found: dict[str, Link] = {}
        for links in (
            memory.kinds.get(kind_of(event.dedup_key, "", ""), ()),
            memory.titles.get(mask(event.summary), ()),
            memory.rules.get(event.rule, ()) if event.rule else (),
        ):
            for link in links:
                found.setdefault(link.href, link)
        return tuple(found.values())[: self.limit]


def remember(records: Iterable[Record]) -> Memory:
    """Those that say how they were resolved, or at least by whom; for a rule as a whole only those that say how."""
    kinds: dict[str, tuple[Link, ...]] = {}
    titles: dict[str, tuple[Link, ...]] = {}
    rules: dict[str, tuple[Link, ...]] = {}
    for record in records:
        is_told = record.ending == "person" and bool(record.resolution or record.resolved_by)
        if record.status != "resolved" or not is_told or not safe_url(record.url):
            continue
        link = Link(href=record.url, text=describe(record))
        _add(kinds, record.kind, link)
        _add(titles, mask(record.title), link)
        if record.rule and record.resolution:
            _add(rules, record.rule, link)
    return Memory(kinds=kinds, titles=titles, rules=rules)


def describe(record: Record) -> str:
    """``#4711, 2026-10-03, Ada: restarted the pool``."""
    day = datetime.fromtimestamp(record.created_at / 1000, UTC).date().isoformat()
    how = f": {record.resolution}" if record.resolution else " resolved it"
    text = clean(f"#{record.number}, {day}, {record.resolved_by or 'somebody'}{how}")
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def _add(table: dict[str, tuple[Link, ...]], key: str, link: Link) -> None:
    """The newest first; beyond the bound the key that was added to longest ago is forgotten."""
    before = table.pop(key, ())
    table[key] = (link, *before)[:MAX_LINKS]
    if len(table) > MAX_KEYS:
        del table[next(iter(table))]
