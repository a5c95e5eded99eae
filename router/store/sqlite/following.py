"""What PagerDuty says of pages, to rows and back: webhooks taken, pages, the audit record.

Each job runs in the writer thread, in a transaction of its own; there are few of them, so they need no group. Must never do:
change an audit entry.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import msgspec

from router.model.page import AuditEntry, Followed, Page, Webhook
from router.store.base import AuditRow
from router.store.sqlite.queries import QUERIES, Bulk
from router.store.sqlite.rows import unreadable

_FINISH_WEBHOOKS = Bulk("finish_webhooks")
_UPSERT_PAGES = Bulk("upsert_pages")
_INSERT_AUDIT = Bulk("insert_audit")

_encode = msgspec.json.Encoder().encode
_decode_webhook = msgspec.json.Decoder(Webhook).decode
_decode_page = msgspec.json.Decoder(Page).decode
_decode_audit = msgspec.json.Decoder(AuditEntry).decode


def keeping(webhook: Webhook) -> Callable[[sqlite3.Connection], bool]:
    """A job that keeps it; answers whether it was new."""
    values = (webhook.webhook_id, webhook.event_id, webhook.received_at, _encode(webhook))
    return lambda connection: connection.execute(QUERIES["keep_webhook"], values).rowcount > 0


def writing(step: Followed) -> Callable[[sqlite3.Connection], None]:
    """A job that writes the step, whole."""
    pages: list[Any] = []
    for page in step.pages:
        pages += (page.incident, page.team, page.pagerduty_id, int(page.is_open), _encode(page))
    audit: list[Any] = []
    for entry in step.audit:
        audit += (entry.at, entry.incident, _encode(entry))

    def write(connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        _UPSERT_PAGES.run(connection, pages)
        _INSERT_AUDIT.run(connection, audit)
        _FINISH_WEBHOOKS.run(connection, list(step.done))
        connection.execute("COMMIT")

    return write


def read_webhook(row: tuple[int, str]) -> Webhook:
    """A webhook from (id, body)."""
    try:
        return _decode_webhook(row[1])
    except (msgspec.MsgspecError, TypeError) as error:
        raise unreadable("webhooks", row[0], error) from error


def read_page(row: tuple[int, str]) -> Page:
    """A page from (incident, body)."""
    try:
        return _decode_page(row[1])
    except (msgspec.MsgspecError, TypeError) as error:
        raise unreadable("pages", row[0], error) from error


def read_audit(row: tuple[int, str]) -> AuditRow:
    """An audit entry from (id, body)."""
    try:
        return AuditRow(id=row[0], entry=_decode_audit(row[1]))
    except (msgspec.MsgspecError, TypeError) as error:
        raise unreadable("audit", row[0], error) from error
