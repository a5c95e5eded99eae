"""History in the daemon: the chore that fetches what is new from PagerDuty, through the client that follows pages.

Must never do: hold up a page. Calls queue one by one behind the client's own lock, with a pause between incidents, and whatever
fails is logged and tried again with the next run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from router.clock import Clock
from router.config.history import HistorySettings
from router.errors import RemoteRefused, StoreError
from router.history.base import Scope, Synced
from router.history.crawler import Crawler
from router.history.own import OwnRecord
from router.history.sqlite.archive import InUse, SqliteArchive
from router.pagerduty.past import PastReader
from router.pagerduty.rest import RestClient
from router.store.base import Reader
from router.telemetry.logs import logger

PAUSE_SECONDS = 0.2
"""Before each incident: those who follow pages get their calls in between."""

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
        synced: Iterable[Callable[[], None]] = (),
    ) -> None:
        """``synced``: called in a thread after each crawl that brought something, while the file may be read."""
        self._settings = settings
        self._client = client
        self._open_reader = open_reader
        self._clock = clock
        self._synced = tuple(synced)

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
        for listener in self._synced if done.read or done.gone else ():
            await asyncio.to_thread(listener)
        return done

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
