"""History in the daemon: the chore that fetches what is new from PagerDuty, through the client that follows pages.

Must never do: hold up a page. Calls queue one by one behind the client's own lock, with a pause between incidents, and whatever
fails is logged and tried again with the next run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from router.clock import Clock
from router.config.history import HistorySettings
from router.errors import RemoteRefused, StoreError
from router.history.base import Scope, Synced
from router.history.crawler import Crawler
from router.history.figures import Figures, Times
from router.history.monthly import write_due
from router.history.own import OwnRecord
from router.history.periods import Period, count_all, objectives_of, records_of, terms_of
from router.history.recollection import MEMORY_MS, Recollection
from router.history.sqlite.archive import InUse, SqliteArchive
from router.history.sqlite.reader import SqliteHistory
from router.pagerduty.past import PastReader
from router.pagerduty.rest import RestClient
from router.store.base import Reader
from router.telemetry.logs import logger
from router.telemetry.metrics import GaugeValues

PAUSE_SECONDS = 0.2
"""Before each incident: those who follow pages get their calls in between."""

GAUGE_MS = 30 * 86_400_000
"""The period of the gauges."""

MAX_TEAMS = 200
"""With gauges of their own: those with most incidents."""

NOTHING: GaugeValues = {
    "history_incidents": 0,
    "history_unread": 0,
    "history_synced_timestamp_seconds": 0,
    "history_team_incidents": {},
    "history_team_acknowledge_mean_seconds": {},
    "history_team_resolve_mean_seconds": {},
    "history_team_never_acknowledged": {},
    "history_team_self_resolved": {},
    "history_team_night_pages": {},
    "history_objective_share": {},
}
"""Where nothing was fetched."""

log = logger("history")


class HistoryKeeper:
    """One per daemon. Without a client it does nothing."""

    def __init__(
        self,
        *,
        settings: HistorySettings,
        client: RestClient | None,
        open_reader: Callable[[], Reader],
        clock: Clock,
        rules: Sequence[Path] = (),
        base: Path = Path(),
        recollection: Recollection | None = None,
    ) -> None:
        """``recollection``: learns from each crawl that brought something, and at the first look."""
        self._settings = settings
        self._client = client
        self._open_reader = open_reader
        self._clock = clock
        self._rules = rules
        self._base = base
        self._recollection = recollection or Recollection(0)
        self._has_learnt = False
        self._figures: GaugeValues = NOTHING

    @property
    def seconds(self) -> float:
        """How often to sync; 0: never."""
        return self._settings.sync_ms / 1000 if self._client is not None else 0

    async def sync(self) -> Synced | None:
        """One crawl; None if it was somebody else's turn, or PagerDuty said no."""
        if self._client is None:
            return None
        try:
            archive = await asyncio.to_thread(SqliteArchive, self._settings.path)
        except InUse as error:
            log.info("history_not_synced", cause=str(error))
            return None
        except StoreError as error:
            log.warning("history_not_synced", cause=str(error))
            return None
        reader = await asyncio.to_thread(self._open_reader)
        try:
            done = await self._crawl(self._client, archive, reader)
        except (RemoteRefused, StoreError) as error:
            log.warning("history_not_synced", cause=str(error))
            return None
        finally:
            reader.close()
            archive.close()
        self._has_learnt = self._has_learnt and not (done.read or done.gone)
        await self.look()
        return done

    def figures(self) -> GaugeValues:
        """The gauges, as of the last look."""
        return self._figures

    async def look(self) -> None:
        """Learn, count anew, write the report of last month if it is due; without a history there is nothing to do."""
        if self._settings.path.exists():
            try:
                if not self._has_learnt and self._recollection.limit:
                    await asyncio.to_thread(self._learn)
                    self._has_learnt = True
                self._figures = await asyncio.to_thread(self._count)
                for path in await asyncio.to_thread(self._write_report):
                    log.info("report_written", path=str(path))
            except (StoreError, OSError) as error:
                log.warning("history_not_read", cause=str(error))

    def _learn(self) -> None:
        now = self._clock.now()
        with closing(SqliteHistory(self._settings.path)) as past:
            self._recollection.learn(past.records(since=max(0, now - MEMORY_MS), until=now))

    def _write_report(self) -> list[Path]:
        with closing(SqliteHistory(self._settings.path)) as past:
            return write_due(past, self._settings, rules=self._rules, base=self._base, now=self._clock.now())

    def _count(self) -> GaugeValues:
        now = self._clock.now()
        period = Period(since=max(0, now - GAUGE_MS), until=now)
        with closing(SqliteHistory(self._settings.path)) as past:
            held = past.holdings()
            counted = count_all(
                records_of(past, period),
                period,
                terms=terms_of(self._settings),
                objectives=objectives_of(self._settings),
                now=now,
                by=("team",),
            )
        teams = dict(list(counted.statistics.by["team"].items())[:MAX_TEAMS])
        return {
            "history_incidents": held.incidents,
            "history_unread": held.unread,
            "history_synced_timestamp_seconds": held.synced_until / 1000,
            "history_team_incidents": {team: each.incidents for team, each in teams.items()},
            "history_team_acknowledge_mean_seconds": _means(teams, lambda each: each.to_acknowledge),
            "history_team_resolve_mean_seconds": _means(teams, lambda each: each.to_resolve),
            "history_team_never_acknowledged": {team: each.never_acknowledged for team, each in teams.items()},
            "history_team_self_resolved": {team: each.self_resolved for team, each in teams.items()},
            "history_team_night_pages": {team: each.night_pages for team, each in teams.items()},
            "history_objective_share": {outcome.objective.name: outcome.share for outcome in counted.outcomes},
        }

    async def _crawl(self, client: RestClient, archive: SqliteArchive, reader: Reader) -> Synced:
        remote = PastReader(client)
        services = tuple(await remote.service_ids(self._settings.services))
        crawler = Crawler(remote=remote, archive=archive, own=OwnRecord(reader), clock=self._clock, pause_seconds=PAUSE_SECONDS)
        done = await crawler.sync(Scope(services=services), since=self._clock.now() - self._settings.since_ms)
        if done.cut_short:
            log.warning("history_sync_cut_short", cause=done.cut_short, read=done.read)
        else:
            log.info("history_synced", listed=done.listed, read=done.read, gone=done.gone, calls=done.calls)
        return done


def _means(teams: Mapping[str, Figures], read: Callable[[Figures], Times]) -> dict[str, float]:
    return {team: read(each).mean / 1000 for team, each in teams.items() if read(each).count}
