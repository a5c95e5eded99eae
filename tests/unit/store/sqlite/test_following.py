import sqlite3

import pytest

from router.errors import StoreUnusable
from router.model.page import AuditEntry, Followed, Page, Sighting, Webhook
from router.store.sqlite.following import keeping, read_audit, read_page, read_webhook, writing
from router.store.sqlite.schema import MIGRATIONS, migrate


@pytest.fixture
def connection() -> sqlite3.Connection:
    made = sqlite3.connect(":memory:", isolation_level=None)
    migrate(made, MIGRATIONS)
    return made


def test_a_webhook_is_new_once(connection: sqlite3.Connection) -> None:
    sighting = Sighting(kind="resolved", pagerduty_id="Q1")
    job = keeping(Webhook(webhook_id="w", event_id="e", event_type="t", received_at=1, sighting=sighting))
    assert job(connection)
    assert not job(connection)


def test_a_step_is_written_whole(connection: sqlite3.Connection) -> None:
    page = Page(incident=1, team="payments", dedup_key="k", pagerduty_id="Q1", status="triggered")
    entry = AuditEntry(at=1, who="Ada", through="api", what="noted", incident=1)
    writing(Followed(pages=(page,), audit=(entry,)))(connection)
    assert read_page(connection.execute("SELECT incident, body FROM pages").fetchone()) == page
    assert read_audit(connection.execute("SELECT id, body FROM audit").fetchone()).entry == entry
    with pytest.raises(sqlite3.IntegrityError, match="only added to"):
        connection.execute("UPDATE audit SET body = 'x'")


@pytest.mark.parametrize(("read", "table"), [(read_webhook, "webhooks"), (read_page, "pages"), (read_audit, "audit")])
def test_a_damaged_row_is_named(read, table: str) -> None:
    with pytest.raises(StoreUnusable, match=f"row 7 of table {table}"):
        read((7, "{"))
