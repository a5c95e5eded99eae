"""``/v1/stats``: figures of PagerDuty's past. What they mean is docs/reference/figures.md.

Must never do: hold up anything else: history has a room and a thread of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from router.api.exchange import Answer, Refused, Request, answer_json
from router.api.reading import Query
from router.api.rooms import Room
from router.clock import Clock
from router.config.history import HistorySettings
from router.history.base import Past
from router.history.figures import DIMENSIONS
from router.history.periods import Period, as_plain, count_all, month_of, objectives_of, records_of, terms_of

DEFAULT_MS = 30 * 86_400_000


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
        own_stats: Callable[[Request], Awaitable[Answer]],
    ) -> None:
        """Nothing is opened yet."""
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
