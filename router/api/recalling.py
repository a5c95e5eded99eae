"""``/v1/search``, ``/v1/stats``, ``/v1/reports``: PagerDuty's past searched, counted, told. Terms: docs/reference/figures.md.

Must never do: hold up anything else: history has a room and a thread of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from router.api.exchange import Answer, Refused, Request, answer_json
from router.api.reading import Query
from router.api.rooms import Room
from router.clock import Clock
from router.config.history import HistorySettings
from router.history.base import Past
from router.history.figures import DIMENSIONS, local, zone_of
from router.history.html import CONTENT_POLICY
from router.history.periods import Period, as_plain, count_all, month_before, month_of, objectives_of, records_of, terms_of
from router.history.rendering import CONTENT_TYPES, FORMS, Form, render
from router.history.report import build_month, reported
from router.history.searching import hit_plain, search

DEFAULT_MS = 30 * 86_400_000
MAX_MONTHS = 240
MAX_HITS = 200
_SAFE = (
    (b"content-security-policy", CONTENT_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
"""A report holds what strangers wrote: it may run and load nothing."""


class PastRoom(Room[Past]):
    """History, read."""


class Recalling:
    """The handlers. ``own_stats``: what ``/v1/stats`` answers when it is not asked for a period."""

    def __init__(
        self,
        *,
        room: PastRoom,
        settings: HistorySettings,
        clock: Clock,
        rules: Sequence[Path],
        base: Path,
        own_stats: Callable[[Request], Awaitable[Answer]],
    ) -> None:
        """Nothing is opened yet. ``rules``: files as configured, told relative to ``base``."""
        self._rules = rules
        self._base = base
        self._room = room
        self._settings = settings
        self._clock = clock
        self._own_stats = own_stats

    async def stats(self, request: Request) -> Answer:
        """``GET /v1/stats``: of a ``month``, or ``since`` and ``until`` (ms); ``by`` one dimension. Else the router's own."""
        query = Query(request, "month", "since", "until", "by")
        if not request.query_text:
            return await self._own_stats(request)
        period = self._period(query)
        dimension = query.one_of("by", tuple(DIMENSIONS))
        dimensions = [name for name in DIMENSIONS if dimension in {None, name}]
        terms, objectives = terms_of(self._settings), objectives_of(self._settings)
        now = self._clock.now()
        counted = await self._room.ask(
            lambda past: count_all(records_of(past, period), period, terms=terms, objectives=objectives, now=now, by=dimensions)
        )
        return answer_json(as_plain(counted))

    async def search(self, request: Request) -> Answer:
        """``GET /v1/search``: past incidents by ``q``, best first; ``limit``, ``exact=true`` mends nothing."""
        query = Query(request, "q", "limit", "exact")
        text, limit, exact = query.text("q"), min(query.limit(), MAX_HITS), query.flag("exact")
        if not text.strip():
            raise Refused(400, "q: expected the words to search for")
        found = await self._room.ask(lambda past: search(past, text, limit=limit, exact=exact))
        items = [hit_plain(hit) for hit in found.hits]
        return answer_json({"items": items, "next": None, "mended": found.mended, "is_loose": found.is_loose})

    async def reports(self, request: Request) -> Answer:
        """``GET /v1/reports``: the months that have incidents, newest first; each can be asked for."""
        Query(request)
        held = await self._room.ask(lambda past: past.holdings())
        months: list[dict[str, Any]] = []
        zone = self._settings.zone
        month = f"{local(held.newest, zone_of(zone)):%Y-%m}" if held.newest else ""
        while month and month_of(month, zone).until > held.oldest and len(months) < MAX_MONTHS:
            months.append({"month": month, "is_over": month_of(month, zone).until <= self._clock.now()})
            month = month_before(month_of(month, zone).since, zone)
        return answer_json({"items": months, "next": None})

    async def report(self, request: Request, month: str) -> Answer:
        """``GET /v1/reports/2026-10``: ``format`` html (unless said), markdown, json or csv."""
        word = Query(request, "format").one_of("format", FORMS)
        form: Form = next((each for each in FORMS if each == word), "html")
        wanted, now = month, self._clock.now()

        def write(past: Past) -> bytes:
            return render(
                build_month(past, wanted, settings=self._settings, rules=self._rules, base=self._base, now=now),
                form,
            )

        try:
            reported(month, self._settings.zone, now)
        except ValueError as error:
            raise Refused(404, f"there is no such report: {error}") from error
        content = await self._room.ask(write)
        return Answer(body=content, content_type=CONTENT_TYPES[form], headers=_SAFE)

    def _period(self, query: Query) -> Period:
        month, now = query.text("month"), self._clock.now()
        if month:
            if query.text("since") or query.text("until"):
                raise Refused(400, "give either a month, or since and until")
            try:
                return month_of(month, self._settings.zone)
            except ValueError as error:
                raise Refused(400, f"month: {error}") from error
        until = query.number("until", now)
        since = query.number("since", max(0, until - DEFAULT_MS))
        if since >= until:
            raise Refused(400, "the time begins after it ends")
        return Period(since=since, until=until)
