"""A folder with a configuration and a store that holds a little history: what the commands look at."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
from click.testing import CliRunner, Result

from router.cli import main
from router.model.delivery import Accepted, Attempt, DeliveryState, Rejected
from router.model.journal import AlertReceived
from router.model.transition import ActiveAlert, StateRow
from router.store.sqlite.driver import SqliteStore
from tests.support.stores import START, StillClock, commit_of, decision, delivery, fact, incident

KEY = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
CONFIG = """\
listen: {listen}
store: sqlite:data/alert-router.db
default_team: platform
teams:
  payments: {{services: ["payment-*"], pagerduty: {{routing_key: env:PLACE_KEY}}}}
  platform: {{services: ["*"], pagerduty: {{routing_key: env:PLACE_OTHER_KEY}}}}
pagerduty: {{events_url: "{events_url}"}}
"""


class Place:
    """Three alerts were accepted; the first opened incident 1 (delivered), the second incident 2 (a dead letter); the third is
    not decided yet."""

    def __init__(self, folder: Path, *, listen: str = "127.0.0.1:1", events_url: str = "http://127.0.0.1:1") -> None:
        """Write the configuration; ``fill`` makes the store."""
        self.folder = folder
        self.config = folder / "config.yaml"
        self.configure(listen=listen, events_url=events_url)
        (folder / "rules").mkdir()

    def configure(self, *, listen: str = "127.0.0.1:1", events_url: str = "http://127.0.0.1:1") -> None:
        """Write it again."""
        self.config.write_text(CONFIG.format(listen=listen, events_url=events_url))

    def fill(self) -> None:
        """Make the store as a daemon would have left it."""
        asyncio.run(self._fill())

    async def _fill(self) -> None:
        store = SqliteStore(self.folder / "data/alert-router.db", clock=StillClock())
        await store.open()
        facts = [
            fact(1, summary="first\x1b[31m", starts_at=START - 60_000),
            fact(2, summary="second"),
            fact(3, service="search-api"),
        ]
        first, second, _ = await store.append(START, facts)
        for entry in (first, second):
            assert isinstance(entry.fact, AlertReceived)
            active = ActiveAlert(alert=entry.fact.alert)
            await store.commit(
                commit_of(
                    entry.seq,
                    decisions=[decision(entry.seq)],
                    incidents=[incident(entry.seq)],
                    changes=[StateRow("alert", entry.seq, msgspec.json.encode(active))],
                    deliveries=[delivery(entry.seq)],
                )
            )
        delivered, dead = delivery(1), delivery(2)
        delivered.state, delivered.attempts, delivered.finished_at = DeliveryState.DELIVERED, 1, START + 84
        delivered.last_attempts = (Attempt(at=START, took_ms=84, outcome=Accepted()),)
        refusal = Rejected(cause="HTTP 400: Invalid routing key", status=400)
        dead.state, dead.attempts, dead.reason = DeliveryState.DEAD, 1, refusal.cause
        dead.last_attempts = (Attempt(at=START, took_ms=9, outcome=refusal),)
        await store.record([delivered, dead])
        await store.close()

    def run(self, *arguments: str, **environment: str) -> Result:
        """``alert-router …`` with this configuration; what it raises besides exits is a bug and is raised."""
        runner = CliRunner(env={"ALERT_ROUTER_CONFIG": str(self.config)} | environment)
        return runner.invoke(main, list(arguments), catch_exceptions=False)
