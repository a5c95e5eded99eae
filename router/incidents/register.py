"""The pages that are being followed, in memory: those that wait to be confirmed, and those that are open in PagerDuty.

What is there after a restart follows from the store (``recall``). Bounded by what is open. Must never do: wait, or write.
"""

from __future__ import annotations

import msgspec

from router.model.delivery import Delivery, DeliveryState, Priority
from router.model.page import Page, Webhook
from router.store.base import AuditRow, Reader

MAX_RECALLED = 20_000
"""Open incidents taken up at a start; more than that are an emergency of another kind."""

MAX_AUDIT = 5_000
"""Entries of the audit record looked through at a start for when each team's page was last proven."""

_CHUNK = 1_000

Key = tuple[int, str]


class Waiting(msgspec.Struct, kw_only=True):
    """A page that PagerDuty took and has shown no incident for. Times in ms of the monotonic clock."""

    page: Page
    delivery_id: int
    deadline_at: int  # then it reached nobody; 0: nobody asks
    look_at: int
    pause_ms: int


class Followable(msgspec.Struct, frozen=True, kw_only=True):
    """Something in PagerDuty that may be a page of ours."""

    key: str
    service: str


class Recalled(msgspec.Struct, frozen=True, kw_only=True):
    """What was being followed when the router went away."""

    pages: list[Page]
    unconfirmed: list[tuple[Page, int]]  # with the id of its delivery
    webhooks: list[Webhook]
    confirmed: dict[str, AuditRow]  # by team, the newest entry of a page that was confirmed
    missed: dict[str, AuditRow]  # and of one that was not


class PageRegister:
    """By our incident and team, and by PagerDuty's id."""

    def __init__(self) -> None:
        """Nothing is followed."""
        self.pages: dict[Key, Page] = {}
        self.by_pagerduty_id: dict[str, set[Key]] = {}
        self.waiting: dict[Key, Waiting] = {}
        self._waiting_by_key: dict[tuple[str, str], Key] = {}

    def of(self, pagerduty_id: str) -> list[Page]:
        """The pages behind an incident of PagerDuty's."""
        return [self.pages[key] for key in sorted(self.by_pagerduty_id.get(pagerduty_id, ()))]

    def newest(self, page: Page) -> Page:
        """The page as it is known now."""
        key = (page.incident, page.team)
        if key in self.pages:
            return self.pages[key]
        return self.waiting[key].page if key in self.waiting else page

    def put(self, page: Page) -> None:
        """It looks like this now; one that is neither open nor waiting is followed no longer."""
        key = (page.incident, page.team)
        before = self.pages.pop(key, None)
        if before is not None:
            keys = self.by_pagerduty_id[before.pagerduty_id]
            keys.discard(key)
            if not keys:
                del self.by_pagerduty_id[before.pagerduty_id]
        if page.pagerduty_id:
            self.forget_waiting(page.dedup_key, page.team)
        if page.is_open:
            self.pages[key] = page
            self.by_pagerduty_id.setdefault(page.pagerduty_id, set()).add(key)

    def wait(self, waiting: Waiting) -> None:
        """Until it is confirmed or over."""
        page = waiting.page
        key = (page.incident, page.team)
        self.waiting[key] = waiting
        self._waiting_by_key[page.dedup_key, page.team] = key

    def forget_waiting(self, dedup_key: str, team: str) -> Waiting | None:
        """It need not be confirmed any more; answers what waited, if it did."""
        key = self._waiting_by_key.pop((dedup_key, team), None)
        return None if key is None else self.waiting.pop(key)


def recall(reader: Reader) -> Recalled:
    """What has to be followed, from the record."""
    pages: list[Page] = []
    after = 0
    while len(pages) < MAX_RECALLED and (chunk := reader.pages(after_incident=after, limit=_CHUNK)):
        last = chunk[-1].incident
        # The last incident may have more pages than fit; all of them come with the next look.
        whole = [page for page in chunk if page.incident < last] if len(chunk) == _CHUNK else chunk
        pages += whole or chunk
        after = (whole or chunk)[-1].incident
        if len(chunk) < _CHUNK:
            break
    unconfirmed: list[tuple[Page, int]] = []
    before: int | None = None
    while len(unconfirmed) < MAX_RECALLED and (
        incidents := reader.incidents(status="open", before_number=before, limit=_CHUNK)
    ):
        before = incidents[-1].number
        for incident in incidents:
            stored = {page.team: page for page in reader.pages(incident=incident.number)}
            for delivery in reader.deliveries(dedup_key=incident.dedup_key):
                page = stored.get(delivery.team)
                if is_sent_page(delivery) and (page is None or not page.pagerduty_id):
                    new = Page(
                        incident=incident.number, team=delivery.team, dedup_key=delivery.dedup_key, sent_at=delivery.finished_at
                    )
                    unconfirmed.append((page or new, delivery.id))
    return Recalled(
        pages=pages,
        unconfirmed=unconfirmed,
        webhooks=reader.webhooks(limit=10_000),
        confirmed=last_of(reader, "confirmed"),
        missed=last_of(reader, "not_confirmed"),
    )


def last_of(reader: Reader, what: str) -> dict[str, AuditRow]:
    """The last time that the audit record says this of each team, as far back as MAX_AUDIT entries."""
    found: dict[str, AuditRow] = {}
    before: int | None = None
    for _ in range(MAX_AUDIT // _CHUNK):
        rows = reader.audit(before_id=before, limit=_CHUNK)
        for row in rows:
            if row.entry.what == what:
                found.setdefault(row.entry.team, row)
        if len(rows) < _CHUNK:
            break
        before = rows[-1].id
    return found


def is_sent_page(delivery: Delivery) -> bool:
    """Whether PagerDuty took this delivery and it was to page somebody."""
    is_page = bool(delivery.team) and delivery.action == "trigger" and delivery.priority is not Priority.UPDATE
    return is_page and delivery.state is DeliveryState.DELIVERED
