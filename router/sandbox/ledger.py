"""The pages ledger: who would have been notified, when, for which incident and why.

Tests assert on it and not on counts of requests: what matters is whom the telephone would have woken.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

import msgspec

PageReason = Literal[
    "triggered", "escalated", "reassigned", "unacknowledged", "urgency_raised", "reopened", "responder_requested"
]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One person, told once."""

    sequence: int
    at: int
    incident_id: str
    incident_number: int
    service: str
    user_id: str
    user: str
    reason: PageReason
    urgency: str
    title: str
    dedup_keys: tuple[str, ...]


class Ledger:
    """All pages in order, bounded: the oldest leave first and are counted."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pages: deque[Page] = deque()
        self.recorded = 0
        self.dropped = 0

    def record(
        self,
        *,
        at: int,
        incident_id: str,
        incident_number: int,
        service: str,
        user_id: str,
        user: str,
        reason: PageReason,
        urgency: str,
        title: str,
        dedup_keys: tuple[str, ...],
    ) -> Page:
        """Note that somebody would have been notified now."""
        self.recorded += 1
        page = Page(
            sequence=self.recorded,
            at=at,
            incident_id=incident_id,
            incident_number=incident_number,
            service=service,
            user_id=user_id,
            user=user,
            reason=reason,
            urgency=urgency,
            title=title,
            dedup_keys=dedup_keys,
        )
        self._pages.append(page)
        while len(self._pages) > self._limit:
            self._pages.popleft()
            self.dropped += 1
        return page

    def pages(
        self, *, reason: PageReason | None = None, service: str | None = None, incident_id: str | None = None
    ) -> list[Page]:
        """The pages that are kept, oldest first, narrowed by whatever is given."""
        return [
            page
            for page in self._pages
            if (reason is None or page.reason == reason)
            and (service is None or page.service == service)
            and (incident_id is None or page.incident_id == incident_id)
        ]

    def newest(self, count: int) -> list[Page]:
        """The last pages, newest first, for the browser."""
        return [self._pages[-index] for index in range(1, min(count, len(self._pages)) + 1)]
