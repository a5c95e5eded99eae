"""A past to crawl: the real client and archive against the sandbox's REST face, in virtual time and without a socket."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from router.config.findings import Findings
from router.config.history import HistorySection, HistorySettings, build_history
from router.history.base import Ending, Progress, Record, Scope, Synced
from router.history.condensing import kind_of
from router.history.crawler import Crawler
from router.history.own import OwnRecord
from router.history.sqlite.archive import SqliteArchive
from router.history.sqlite.reader import SqliteHistory
from router.pagerduty.past import PastReader
from router.pagerduty.rest import RestClient
from router.sandbox.facade import Sandbox
from router.sandbox.past import PastSpec
from router.sandbox.settings import READ_ONLY_TOKEN, ServiceSpec, Settings
from router.sandbox.switches import Switches
from router.store.base import Reader
from router.yamldoc import read
from tests.support.following import KEYS, SandboxTransport
from tests.support.stores import START, StillClock

DAY_MS = 86_400_000


class PastWorld:
    """One account with a past, and one file of history."""

    def __init__(
        self, folder: Path, *, incidents: int = 0, days: int = 300, reader: Reader | None = None, **switches: Any
    ) -> None:
        self.clock = StillClock()
        plain = {"processing_delay_ms": 100, "rate_limit_per_minute": 0, "escalate_on_timeout": False}
        settings = Settings(
            services=tuple(ServiceSpec(name=name, keys=(key,)) for name, key in KEYS.items()),
            switches=msgspec.convert(plain | switches, Switches),
        )
        self.sandbox = Sandbox(settings=settings, now=START)
        if incidents:
            self.sandbox.add_past(PastSpec(incidents=incidents, since=START - days * DAY_MS, until=START - 7_200_000))
        self.transport = SandboxTransport(self.sandbox, self.clock)
        self.client = self.make_client()
        self.path = folder / "router-history.db"
        self.reader = reader
        self.told: list[Progress] = []

    def make_client(self, token: str = READ_ONLY_TOKEN) -> RestClient:
        return RestClient(url="http://127.0.0.1", transport=self.transport, token=lambda: token, sender="", clock=self.clock)

    async def sync(
        self,
        scope: Scope = Scope(),  # noqa: B008 - frozen
        *,
        days: int = 400,
        until: int = 0,
        again: bool = False,
        remote: Callable[[PastReader], Any] = lambda reader: reader,
    ) -> Synced:
        """One crawl; ``remote`` may stand in between."""
        archive = SqliteArchive(self.path)
        try:
            crawler = Crawler(
                remote=remote(PastReader(self.client)), archive=archive, own=OwnRecord(self.reader), clock=self.clock,
                report=self.told.append,
            )  # fmt: skip
            return await crawler.sync(scope, since=self.clock.now() - days * DAY_MS, until=until, again=again)
        finally:
            archive.close()

    def past(self) -> SqliteHistory:
        return SqliteHistory(self.path)

    def records(self) -> list[Record]:
        past = self.past()
        try:
            return list(past.records(since=0, until=2**62))
        finally:
            past.close()


def record(number: int = 1, **changes: Any) -> Record:
    """One that was acknowledged after a minute and resolved by Ada after an hour, unless said otherwise."""
    at = changes.get("created_at", START + number * 60_000)
    ending: Ending = "person"
    values: dict[str, Any] = {
        "number": number, "pagerduty_id": f"Q{number:06}", "title": f"CardError {number} on host-{number}", "created_at": at,
        "url": f"https://example.test/incidents/Q{number:06}", "service_id": "PSERVICE", "service": "payment-api",
        "team": "payments", "rule": "card-errors", "status": "resolved", "urgency": "high", "acknowledged_at": at + 60_000,
        "acknowledged_by": "Ada Example", "resolved_at": at + 3_600_000, "resolved_by": "Ada Example", "ending": ending,
        "alerts": 1, "is_read": True,
    }  # fmt: skip
    values |= changes
    values.setdefault("kind", kind_of(values.get("dedup_key", ""), values["service"], values["title"]))
    return Record(**values)


def history_settings(path: Path, **changes: Any) -> HistorySettings:
    """As an empty section of the configuration makes them."""
    findings = Findings(read("", "config.yaml"), path.parent)
    settings = build_history(HistorySection(), path.with_name("router.db"), findings)
    return msgspec.structs.replace(settings, **({"path": path} | changes))
