"""The crawl: lists incidents span by span, then reads the story of each, newest first; later only what is new or has changed.

Resumable at any point: a span is written down before it is listed and again until it is finished; an incident is unread until
its story is here, and both are one transaction. Nothing that is done twice changes anything. Must never do: hurry PagerDuty.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from router.clock import Clock
from router.errors import RemoteRefused, RemoteUnavailable
from router.history.base import Archive, Own, Progress, Record, Remote, Scope, Span, Synced, Unread
from router.history.condensing import condense, record_of
from router.history.planning import MAX_ROWS, middle, plan
from router.model.past import PastIncident, PastList

OVERLAP_ROWS = 5
"""Rows of the page before that are asked for again: rows move while one reads."""

MAX_PASSES = 3
"""A span whose list lost rows between two pages is listed again, at most so often in all."""

BATCH = 50
LAG_MS = 120_000
"""What happened just before a story was read may not have been in it yet."""

PATIENCE = 8
"""Calls that fail one after another (each tried three times) before the crawl ends; it is then a matter of minutes."""

MAX_PAUSE_SECONDS = 60.0

NOTES_AGAIN_MS = (86_400_000, 7 * 86_400_000, 30 * 86_400_000)
"""So long after its last change an incident with notes is read once more: nothing tells that a note was edited or deleted."""

MAX_AGAIN = 500
"""Incidents read once more in one crawl."""

Value = TypeVar("Value")


class Crawler:
    """One crawl at a time; ``sync`` may be cancelled at any point and called again."""

    def __init__(
        self,
        *,
        remote: Remote,
        archive: Archive,
        own: Own,
        clock: Clock,
        report: Callable[[Progress], None] = lambda _progress: None,
        pause_seconds: float = 0.0,
    ) -> None:
        """``pause_seconds``: besides PagerDuty's own pace, before each incident; so that others get through in between."""
        self._remote = remote
        self._archive = archive
        self._own = own
        self._clock = clock
        self._report = report
        self._pause_seconds = pause_seconds
        self._listed = 0
        self._read = 0
        self._gone = 0

    async def sync(self, scope: Scope, *, since: int, until: int = 0, again: bool = False) -> Synced:
        """Everything of the scope in since <= time < until (0: now); what is here already only as far as it has changed.

        ``again``: besides, every story with notes that is here of that time.
        """
        calls, now = self._remote.calls, self._clock.now()
        if again:
            await self._do(lambda: self._archive.read_all_again(since=since, until=until or now + 1))
        await self._do(lambda: self._archive.read_again(NOTES_AGAIN_MS, now=now, limit=MAX_AGAIN))
        spans = await self._do(self._archive.spans, scope.name)
        wanted = plan(spans, since=since, until=min(until or now, now), now=now)
        await self._do(lambda: self._archive.plan(scope.name, wanted, now=now))
        cut_short = ""
        try:
            while todo := [span for span in await self._do(self._archive.spans, scope.name) if not span.is_done]:
                self._report(Progress(phase="listing", done=self._listed, total=0, calls=self._remote.calls - calls))
                await self._work_on(todo[0], scope)
            await self._read_stories(calls)
        except RemoteUnavailable as error:
            cut_short = str(error)
        return Synced(
            listed=self._listed, read=self._read, gone=self._gone, calls=self._remote.calls - calls, cut_short=cut_short
        )

    # listing

    async def _work_on(self, span: Span, scope: Scope) -> None:
        """List a span and finish it, or split it if it holds more than PagerDuty gives."""
        for _ in range(MAX_PASSES):
            seen: set[str] = set()
            total = await self._list(span, scope, seen)
            if total is None:
                halfway = middle(span)
                if halfway is None:
                    second = span.since // 1000
                    raise RemoteRefused(
                        f"PagerDuty lists more than {MAX_ROWS} rows within the second {second} (since 1970) and gives no way "
                        "to the others; crawl around that second with --since and --until, or by --service"
                    )
                await self._do(self._archive.split, span, halfway)
                return
            if len(seen) >= total:
                break
        await self._do(self._archive.finish, span)

    async def _list(self, span: Span, scope: Scope, seen: set[str]) -> int | None:
        """All pages of a span into the archive; how many rows there should be, None if they are too many."""
        offset, total = 0, 0
        while True:
            page = await self._page(span, scope, offset)
            if page.total is not None:
                total = page.total
            if total > MAX_ROWS or (page.more and offset + page.received > MAX_ROWS):
                return None
            await self._take(page, scope, seen)
            if not page.more or not page.received:
                # The account's log may repeat an incident, so its rows are not counted.
                return min(total, len(seen)) if span.kind == "changes" else total
            offset += max(1, page.received - OVERLAP_ROWS)

    async def _page(self, span: Span, scope: Scope, offset: int) -> PastList:
        if span.kind == "changes":
            return await self._ask(lambda: self._remote.changes(since=span.since, until=span.until, offset=offset))
        return await self._ask(
            lambda: self._remote.incidents(
                since=span.since, until=span.until, offset=offset, statuses=scope.statuses, services=scope.services
            )
        )

    async def _take(self, page: PastList, scope: Scope, seen: set[str]) -> None:
        seen.update(incident.pagerduty_id for incident in page.incidents)
        if page.incidents:
            self._listed += await self._do(self._archive.keep, page.incidents)
        changed: dict[str, int] = {}
        for change in page.changes:
            if change.pagerduty_id and (not scope.services or change.service_id in scope.services):
                changed[change.pagerduty_id] = max(change.at + LAG_MS, changed.get(change.pagerduty_id, 0))
        unknown = await self._do(self._archive.note_changes, list(changed.items())) if changed else []
        for pagerduty_id in unknown:
            if pagerduty_id not in seen:  # listed by a span of its own if it is new; an older one has come back
                seen.add(pagerduty_id)
                found = await self._look(pagerduty_id)
                if found is not None and (not scope.statuses or found.status in scope.statuses):
                    self._listed += await self._do(self._archive.keep, [found])

    # reading

    async def _read_stories(self, calls: int) -> None:
        total = await self._do(self._archive.count_unread)
        began, done = self._clock.monotonic(), 0
        while batch := await self._do(self._archive.unread, BATCH):
            for unread in batch:
                if self._pause_seconds:
                    await self._clock.sleep(self._pause_seconds)
                await self._read_one(unread)
                done += 1
                took = self._clock.monotonic() - began
                self._report(
                    Progress(
                        phase="reading",
                        done=done,
                        total=max(total, done),
                        calls=self._remote.calls - calls,
                        seconds_left=took / done * max(0, total - done),
                    )
                )

    async def _read_one(self, unread: Unread) -> None:
        record, read_at = unread.record, self._clock.now()
        if unread.look:
            found = await self._look(record.pagerduty_id)
            if found is None:
                await self._forget(record)
                return
            record = record_of(found)
        listed = record
        story = await self._ask(lambda: self._remote.story(listed))
        if not story.entries and await self._look(record.pagerduty_id) is None:
            await self._forget(record)
            return
        key = condense(record, story, None).dedup_key
        ours = await self._do(self._own.of_key, key, record.pagerduty_id) if key else None
        await self._do(lambda: self._archive.tell(condense(listed, story, ours), story, read_at=read_at))
        self._read += 1

    async def _look(self, pagerduty_id: str) -> PastIncident | None:
        return await self._ask(lambda: self._remote.incident(pagerduty_id))

    async def _forget(self, record: Record) -> None:
        """PagerDuty does not show it any more: deleted, or out of the token's sight."""
        self._gone += 1
        await self._do(self._archive.forget, record.number)

    # helpers

    async def _ask(self, call: Callable[[], Awaitable[Value]]) -> Value:
        """PagerDuty, with patience: RemoteUnavailable only after ``PATIENCE`` failures in a row."""
        for failures in range(PATIENCE):
            try:
                return await call()
            except RemoteUnavailable:
                if failures == PATIENCE - 1:
                    raise
                await self._clock.sleep(min(MAX_PAUSE_SECONDS, 2.0 * 2**failures))
        raise AssertionError("the last failure was raised")

    @staticmethod
    async def _do(function: Callable[..., Value], *arguments: Any) -> Value:
        """Something with the disk, in a thread."""
        return await asyncio.to_thread(function, *arguments)
