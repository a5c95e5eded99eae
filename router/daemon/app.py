"""The daemon's life: start, run in one tree of tasks, stop in reverse order with each step bounded in time.

Start: open the store, restore engine and register, take up what was undecided and undelivered, open the doors, say ready.
Stop: close the doors, decide what was accepted, give deliveries in flight their grace, close the store.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import MutableMapping
from pathlib import Path

import msgspec

from router.clock import Clock
from router.config.settings import Settings
from router.daemon.chores import Chores
from router.daemon.clerk import OURSELVES, Clerk
from router.daemon.history import HistoryKeeper
from router.daemon.joints import api_tokens, dispatch_settings, ingest_sources, known_secrets
from router.daemon.logwatch import LogWatch
from router.daemon.observing import read_gauges
from router.daemon.reload import Reloader, log_warnings, say_outages
from router.daemon.serving import Doorway
from router.daemon.starting import FirstLoad, Rules, choose
from router.daemon.systemd import Notifier
from router.daemon.telling import pacings
from router.daemon.troubles import Trouble
from router.daemon.watch import watch
from router.daemon.wiring import wire
from router.errors import Overloaded, RemoteError, StoreError
from router.model.journal import Fact, Restarted, RulesChanged
from router.store.base import Reader, Recovered
from router.store.settings import StoreSettings
from router.store.sqlite.driver import SqliteStore
from router.telemetry.logs import Redactor, logger
from router.telemetry.metrics import GaugeValues, Metrics

EXPIRY_SECONDS = 1.0
CHECKPOINT_SECONDS = 5.0
LOOK_SECONDS = 5.0
RETIRE_SECONDS = 15.0
DRILL_SECONDS = 2.0
RECONCILE_SECONDS = 3600.0
RECONCILE_FIRST_SECONDS = 60.0
CLOCK_JUMP_MS = 5_000
RESTART_GRACE_MS = 2 * 60_000
"""One resend cycle of Prometheus: what went quiet while we were away has this long to speak up."""

log = logger("daemon")


class Daemon:
    """One process's worth. ``run`` returns when a stop was asked for and finished."""

    def __init__(
        self,
        *,
        config_path: Path,
        first: FirstLoad,
        environ: MutableMapping[str, str],
        clock: Clock,
        chance: random.Random,
        notifier: Notifier,
        redactor: Redactor,
    ) -> None:
        """Nothing is opened before ``run``."""
        self._config_path = config_path
        self._first = first
        self._environ = environ
        self._clock = clock
        self._chance = chance
        self._notifier = notifier
        self._redactor = redactor
        self._metrics = Metrics()
        self._stopping = asyncio.Event()
        self._reload_wanted = asyncio.Event()
        self._clock_offset_ms = self._offset()

    def stop(self) -> None:
        """Ask for a clean stop; a second time changes nothing."""
        self._stopping.set()

    def reload(self) -> None:
        """Ask for a reload (SIGHUP); many at once are one."""
        self._reload_wanted.set()

    async def run(self) -> None:
        """StoreUnusable, NoRules or OSError (cannot listen) when it cannot begin; otherwise until stopped."""
        settings = self._first.settings
        self._redactor.learn(known_secrets(settings))
        self._store = SqliteStore(
            settings.store.path,
            clock=self._clock,
            settings=StoreSettings(max_pending=settings.limits.max_pending, min_free_bytes=settings.store.min_free_bytes),
        )
        recovered = await self._store.open()
        reader = self._store.reader()
        self._clerk = Clerk(self._store, self._clock)
        try:
            await self._run_on(recovered, reader, settings)
        finally:
            reader.close()
            await self._store.close()
        log.info("stopped")

    async def _run_on(self, recovered: Recovered, reader: Reader, settings: Settings) -> None:
        rules = choose(self._first, recovered, reader)
        self._parts = parts = wire(
            settings=settings,
            before=rules.before,
            in_force=rules.in_force,
            store=self._store,
            reader=reader,
            recovered=recovered,
            clock=self._clock,
            chance=self._chance,
            metrics=self._metrics,
        )
        parts.processor.rulesets |= rules.known
        self._doorway = Doorway(
            settings=settings,
            parts=parts,
            store=self._store,
            reload=lambda: self._reloader.reload(),  # noqa: PLW0108 - made below
            restart_needed=lambda: self._reloader.restart_needed,
            metrics=self._metrics,
            clock=self._clock,
            environ=self._environ,
        )
        self._reloader = Reloader(
            config_path=self._config_path,
            environ=self._environ,
            current=settings,
            version=rules.journalled,
            store=self._store,
            processor=parts.processor,
            troubles=parts.troubles,
            clock=self._clock,
            metrics=self._metrics,
            orphans=parts.engine.orphans,
            find_obstacles=self._doorway.find_obstacles,
            apply=self._apply,
        )
        self._history = self._keep_history(settings)
        self._log_watch = LogWatch(settings.store.path, usage=self._store.usage, troubles=parts.troubles)
        self._metrics.read_gauges(self._gauges)
        try:
            async with asyncio.TaskGroup() as tasks:
                dispatching = tasks.create_task(parts.dispatcher.run(), name="dispatcher")
                # First the restart is journalled, then timers run: what came due while we were away has its grace.
                await self._begin(recovered, rules)
                processing = tasks.create_task(parts.processor.run(), name="processor")
                following = tasks.create_task(parts.paging.follower.run(), name="follower")
                chores = self._start_chores()
                helpers = [
                    tasks.create_task(self._watch_files(), name="watch"),
                    tasks.create_task(self._reconcile_first(), name="reconcile"),
                    tasks.create_task(self._reload_when_asked(), name="reload"),
                    tasks.create_task(self._feed_watchdog(), name="watchdog"),
                    tasks.create_task(self._history.look(), name="history"),
                ]
                await self._doorway.open(tasks)
                await self._clerk.note(OURSELVES, "started", f"rules {rules.in_force.version} in force", through="router")
                self._notifier.ready(f"{len(parts.engine.ruleset.rules)} rules, listening on {self._doorway.addresses}")
                log.info(
                    "started",
                    listening=self._doorway.addresses,
                    rules=len(rules.in_force.rules),
                    version=rules.in_force.version,
                )
                await self._stopping.wait()
                await self._clerk.note(OURSELVES, "stopping", through="router")
                await self._end(chores, helpers, following, processing, dispatching)
        finally:
            await parts.aclose()

    def _keep_history(self, settings: Settings) -> HistoryKeeper:
        client = self._parts.paging.client
        return HistoryKeeper(
            settings=settings.history,
            client=client,
            open_reader=self._store.reader,
            clock=self._clock,
            rules=settings.rules,
            base=self._config_path.resolve().parent,
            recollection=self._parts.recollection,
        )

    async def _begin(self, recovered: Recovered, rules: Rules) -> None:
        """Journal that we are back, and under which rules."""
        now = self._clock.now()
        facts: list[Fact] = []
        if recovered.last_seen_at:
            facts.append(Restarted(down_since=recovered.last_seen_at, grace_ms=RESTART_GRACE_MS))
        loaded = self._first.loaded
        try:
            if loaded is not None:
                log_warnings(loaded.warnings)
                await self._store.save_ruleset(rules.in_force.version, now, loaded.texts)
            if rules.journalled != rules.in_force.version:
                facts.append(RulesChanged(version=rules.in_force.version))
            await self._store.append(now, facts, reserved=True)
            self._reloader.begin_with(rules.in_force.version)
        except (StoreError, Overloaded) as error:
            # Full: page what is held under the rules of last time. The rules change with the next reload or restart.
            log.warning("start_not_journalled", cause=str(error))
        if self._first.broken is not None:
            summary = f"the rule files are broken, the rules of last time are in force: {self._first.broken.diagnostics[0]}"
            await self._parts.troubles.fire(Trouble.RULES_BROKEN_AT_START, summary)
        else:
            await self._parts.troubles.clear(Trouble.RULES_BROKEN_AT_START)
            await self._parts.troubles.clear(Trouble.RELOAD_FAILED)
        await say_outages(self._parts.troubles, self._first.settings)

    async def _end(
        self,
        chores: Chores,
        helpers: list[asyncio.Task[None]],
        following: asyncio.Task[None],
        processing: asyncio.Task[None],
        dispatching: asyncio.Task[None],
    ) -> None:
        """The doors get a fifth of the time, deciding two fifths, deliveries the rest."""
        seconds = self._reloader.current.shutdown_timeout_ms / 1000
        self._notifier.stopping()
        log.info("stopping", seconds=seconds)
        chores.stop()
        for helper in helpers:
            helper.cancel()
        await self._doorway.close(seconds / 5)
        self._parts.paging.follower.stop()
        await self._bounded(following, seconds / 10, "following")
        self._parts.processor.stop()
        await self._bounded(processing, seconds * 2 / 5, "deciding")
        await self._parts.dispatcher.stop(seconds * 2 / 5)
        await dispatching
        try:
            await self._parts.intake.checkpoint()
        except StoreError as error:
            log.warning("checkpoint_failed", cause=str(error))

    async def _bounded(self, task: asyncio.Task[None], seconds: float, step: str) -> None:
        _, late = await asyncio.wait((task,), timeout=seconds)
        if late:
            log.warning("stop_step_cut_short", step=step, seconds=seconds)
            task.cancel()

    # helpers

    def _start_chores(self) -> Chores:
        chores = Chores()
        chores.every(EXPIRY_SECONDS, "expire", self._expire)
        chores.every(CHECKPOINT_SECONDS, "checkpoint", self._parts.intake.checkpoint)
        chores.every(LOOK_SECONDS, "look", self._look)
        chores.every(RETIRE_SECONDS, "retire", self._retire)
        chores.every(DRILL_SECONDS, "drill", self._parts.drills.tick)
        chores.every(RECONCILE_SECONDS, "reconcile", self._reconcile)
        if self._history.seconds:
            chores.every(self._history.seconds, "history", self._history.sync)
        chores.start()
        return chores

    async def _expire(self) -> None:
        try:
            await self._parts.intake.expire()
        except (StoreError, Overloaded) as error:
            log.warning("expiry_not_journalled", cause=str(error))

    async def _look(self) -> None:
        """At the disk, the clock, and what was proven to work again."""
        troubles = self._parts.troubles
        refusing = self._store.usage().refusing
        if refusing:
            await troubles.fire(Trouble.STORE_REFUSES, f"new alerts are refused: {refusing}")
        else:
            await troubles.clear(Trouble.STORE_REFUSES)
        await self._log_watch.look()
        jump_ms = self._offset() - self._clock_offset_ms
        self._clock_offset_ms += jump_ms
        if abs(jump_ms) > CLOCK_JUMP_MS:
            await troubles.fire(
                Trouble.CLOCK_JUMPED, f"the clock jumped by {jump_ms / 1000:.0f} s; windows and timers are off by that"
            )
        else:
            await troubles.clear(Trouble.CLOCK_JUMPED)
        proven, self._parts.counts.proven = self._parts.counts.proven, set()
        for subject in sorted(proven):
            await troubles.clear(Trouble.DEAD_LETTER, subject=subject)
            await troubles.clear(Trouble.DEED_FAILED, subject=subject)
            await troubles.clear(Trouble.CHANNEL_FAILED, subject=subject)
        await troubles.retry()

    async def _retire(self) -> None:
        store = self._reloader.current.store
        gone = await self._store.retire(
            before_at=self._clock.now() - store.retention_age_ms, max_bytes=store.retention_size_bytes
        )
        self._metrics.retired_entries.inc(gone)

    async def _reconcile(self) -> None:
        """With PagerDuty; what cannot be asked now is asked in an hour."""
        try:
            dry_run = not self._reloader.current.pagerduty.mends
            for finding in await self._parts.paging.reconciler.run(dry_run=dry_run):
                log.info("reconciled", **msgspec.to_builtins(finding))
        except (RemoteError, StoreError, Overloaded) as error:
            log.warning("not_reconciled", cause=str(error))

    async def _reconcile_first(self) -> None:
        await self._clock.sleep(RECONCILE_FIRST_SECONDS)
        await self._reconcile()

    async def _watch_files(self) -> None:
        async def changed() -> None:
            self._reload_wanted.set()

        if self._reloader.current.watch:
            await watch(lambda: [self._config_path, *self._reloader.current.rules], changed, self._clock)

    async def _reload_when_asked(self) -> None:
        while True:
            await self._reload_wanted.wait()
            self._reload_wanted.clear()
            self._notifier.reloading()
            mistakes = await self._reloader.reload()
            outcome = f"refused: {mistakes[0]}" if mistakes else f"rules {self._reloader.version} in force"
            await self._clerk.note(OURSELVES, "reloaded", f"after a signal or a change of a file: {outcome}", through="router")
            self._notifier.status("the rules are broken, the last good ones stay" if mistakes else self._say_reloaded())

    def _say_reloaded(self) -> str:
        waiting = self._reloader.restart_needed
        return f"reloaded; a restart is needed for {', '.join(waiting)}" if waiting else "reloaded"

    async def _feed_watchdog(self) -> None:
        """Only while the loop turns: a loop that hangs is what the watchdog is for."""
        seconds = self._notifier.watchdog_seconds
        while seconds is not None:
            self._notifier.alive()
            await self._clock.sleep(seconds)

    async def _apply(self, settings: Settings) -> None:
        parts = self._parts
        self._redactor.learn(known_secrets(settings))
        parts.drills.configure(settings.drills)
        parts.keys.secrets, parts.keys.teams = settings.secrets, settings.teams
        parts.intake.reconfigure(ingest_sources(settings).values(), settings.scale)
        retired = parts.telling.change(settings)
        parts.channels.others = parts.telling.others
        parts.paging.follower.configure(settings.pagerduty.confirm_within_ms)
        # What else is about PagerDuty is read at start only.
        parts.dispatcher.configure(dispatch_settings(self._first.settings.pagerduty, pacings(settings)))
        await self._doorway.reconfigure(settings, api_tokens(settings))
        for channel in retired:
            await channel.aclose()

    def _gauges(self) -> GaugeValues:
        return read_gauges(
            engine=self._parts.engine,
            undecided=lambda: self._parts.processor.undecided,
            outbox=self._parts.dispatcher.snapshot,
            usage=self._store.usage,
            bodies_held=lambda: self._doorway.bodies_held,
            followed=lambda: {**self._parts.paging.figures(), **self._parts.drills.figures()},
            remembered=self._history.figures,
            reloaded=lambda: (self._reloader.succeeded, self._reloader.loaded_at),
            out=lambda: [outage.subject for outage in self._reloader.current.outages],
        )

    def _offset(self) -> int:
        return self._clock.now() - int(self._clock.monotonic() * 1000)
