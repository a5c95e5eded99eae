"""Two accounts of the same time, page by page: what is new, what is lost, how often each team is woken, and when.

A page of one side *answers* a page of the other when the same team was paged, both were open at the same time, for an instant
at least, and they are of the same rule and group, or of the same service and name. What a storm digest of the team held answers
too, although it was no page of its own. A page that nothing on the other side answers is *lost* (it happened before and
would not now) or *new*. So a page that only comes earlier, later, in finer or coarser groups or under another rule is neither,
and the totals say how many more or fewer there are.

Memory is bounded: only open pages are looked at, and of lost and new ones the worst LISTED are kept; counts are exact.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, tzinfo

import msgspec

from router.model.severity import Severity
from router.rehearsal.replaying import Change, Page, Taken

LISTED = 200
"""Lost pages, and new ones, that a report names; the rest is a number."""

NIGHT = frozenset({22, 23, 0, 1, 2, 3, 4, 5, 6})
"""Hours of the day in which people sleep: 22:00 to 06:59."""

RULES_KEPT = 10_000
"""Rules a side counts pages of; the pages of more are counted together."""

_OTHER_RULES = "(other rules)"
_OPENS, _TAKEN, _ENDS = 0, 1, 2


class Side(msgspec.Struct, kw_only=True):
    """How often people were paged on one side. ``by_hour``: pages per hour of the day, 24 of them."""

    pages: int = 0
    at_night: int = 0
    storms: int = 0
    by_team: Counter[str] = msgspec.field(default_factory=Counter)
    at_night_by_team: Counter[str] = msgspec.field(default_factory=Counter)
    by_severity: Counter[str] = msgspec.field(default_factory=Counter)
    by_rule: Counter[str] = msgspec.field(default_factory=Counter)
    by_channel: Counter[str] = msgspec.field(default_factory=Counter)  # what channels were told; no pages
    by_hour: list[int] = msgspec.field(default_factory=lambda: [0] * 24)


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A page that only one side has."""

    opened_at: int
    team: str
    rule: str
    service: str
    name: str
    severity: Severity
    summary: str
    dedup_key: str
    acknowledged: bool = False


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """The whole comparison. ``before`` is None when there was nothing to compare with; lists are worst first."""

    since: int
    until: int
    entries: int
    before: Side | None
    after: Side
    lost: tuple[Listed, ...] = ()
    new: tuple[Listed, ...] = ()
    lost_pages: int = 0
    lost_critical: int = 0
    lost_acknowledged: int = 0
    new_pages: int = 0

    @property
    def is_safe(self) -> bool:
        """Whether nothing is lost that a person acted upon, nor anything critical."""
        return not (self.lost_critical or self.lost_acknowledged)


class Comparison:
    """Fed both sides in step; counts pages opened from ``since`` on."""

    def __init__(self, *, since: int, zone: tzinfo = UTC, has_before: bool = True, by_team: bool = True) -> None:
        """``since`` in ms UTC; hours of the day are those of ``zone``. Not ``by_team``: whoever was paged, it is an answer."""
        self._by_team = by_team
        self._since = since
        self._zone = zone
        self._sides = (Side(), Side())
        self._open: tuple[dict[tuple[str, ...], list[Page]], ...] = ({}, {})
        self._only = (_Worst(), _Worst())
        self._has_before = has_before
        self._lost_critical = self._lost_acknowledged = 0
        self._running: tuple[dict[int, Page], dict[int, Page]] = ({}, {})

    def take(self, before: Sequence[Change], after: Sequence[Change], taken: Sequence[Taken] = ()) -> None:
        """What happened on both sides in the same stretch of time, and which incidents people acknowledged in it.

        An acknowledgement is of what happened before and is open then, under this dedup key or the same rule and group.
        """
        if not before and not taken:
            for change in after:
                self._turn(1, change)
            return
        merged: list[tuple[int, int, int, Change | Taken]] = [(each.at, _TAKEN, 0, each) for each in taken]
        for side, changes in enumerate((before, after)):
            merged += [(change.at, _ENDS if change.ends else _OPENS, side, change) for change in changes]
        merged.sort(key=_order)
        for _, _, side, each in merged:
            if isinstance(each, Taken):
                self._acknowledge(each.dedup_key.rpartition("/")[0])
            else:
                self._turn(side, each)

    def _acknowledge(self, group: str) -> None:
        for page in self._running[0].values():
            if page.dedup_key.rpartition("/")[0] == group:
                page.acknowledged = True

    def finish(self, *, since: int, until: int, entries: int) -> Effect:
        """What is still open is judged as it stands; the times are for the report."""
        for side in (0, 1):
            for page in list(self._running[side].values()):
                self._judge(side, page)
        before, after = self._sides
        return Effect(
            since=since,
            until=until,
            entries=entries,
            before=before if self._has_before else None,
            after=after,
            lost=self._list(0),
            new=self._list(1) if self._has_before else (),
            lost_pages=self._only[0].count,
            lost_critical=self._lost_critical,
            lost_acknowledged=self._lost_acknowledged,
            new_pages=self._only[1].count if self._has_before else 0,
        )

    def _turn(self, side: int, change: Change) -> None:
        page = change.page
        if page.is_notice:
            self._sides[side].by_channel[page.team] += page.opened_at >= self._since and not change.ends
            return
        if change.ends:
            if self._running[side].pop(id(page), None) is not None:
                for key in self._keys(page):
                    pages = self._open[side][key]
                    pages.remove(page)
                    if not pages:
                        del self._open[side][key]
                self._judge(side, page)
            return
        self._count(side, page)
        self._running[side][id(page)] = page
        for key in self._keys(page):
            self._open[side].setdefault(key, []).append(page)
            for other in self._open[1 - side].get(key, ()):
                other.matched = page.matched = True

    def _keys(self, page: Page) -> tuple[tuple[str, ...], tuple[str, ...]]:
        team = page.team if self._by_team else ""
        return ("rule", team, page.rule, page.group), ("service", team, page.service, page.name)

    def _count(self, side: int, page: Page) -> None:
        if page.opened_at < self._since or page.is_folded:
            return
        counts = self._sides[side]
        hour = datetime.fromtimestamp(page.opened_at / 1000, self._zone).hour
        counts.pages += 1
        counts.storms += page.is_storm
        counts.by_hour[hour] += 1
        counts.by_team[page.team] += 1
        rule = page.rule if page.rule in counts.by_rule or len(counts.by_rule) < RULES_KEPT else _OTHER_RULES
        counts.by_rule[rule] += 1
        if hour in NIGHT:
            counts.at_night += 1
            counts.at_night_by_team[page.team] += 1

    def _judge(self, side: int, page: Page) -> None:
        """The page is over, or the time is: count it if only this side has it."""
        if page.opened_at < self._since or page.is_folded:
            return
        self._sides[side].by_severity[page.severity.word] += 1
        if page.matched or not self._has_before:
            return
        self._only[side].add(page)
        if side == 0:
            self._lost_critical += page.severity is Severity.CRITICAL
            self._lost_acknowledged += page.acknowledged

    def _list(self, side: int) -> tuple[Listed, ...]:
        return tuple(
            Listed(
                opened_at=page.opened_at,
                team=page.team,
                rule=page.rule,
                service=page.service,
                name=page.name,
                severity=page.severity,
                summary=page.summary,
                dedup_key=page.dedup_key,
                acknowledged=page.acknowledged,
            )
            for page in self._only[side].listed()
        )


class _Worst:
    """The worst pages and how many there were: acknowledged first, then by severity, then the newest."""

    def __init__(self) -> None:
        self.count = 0
        self._heap: list[tuple[tuple[bool, int, int, int], Page]] = []

    def add(self, page: Page) -> None:
        self.count += 1
        entry = ((page.acknowledged, int(page.severity), page.opened_at, self.count), page)
        if len(self._heap) < LISTED:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heappushpop(self._heap, entry)

    def listed(self) -> Iterable[Page]:
        return [page for _, page in sorted(self._heap, key=lambda entry: entry[0], reverse=True)]


def _order(entry: tuple[int, int, int, Change | Taken]) -> tuple[int, int, int]:
    """By time; what begins before what ends, so that pages that touch were open together."""
    return entry[:3]
