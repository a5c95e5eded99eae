"""Reload: build everything that can fail first, then swap. A bad file changes nothing and tells someone.

The rule set is swapped by a journal entry, so that it takes force between two alerts, at a place the replay knows; counts,
holds, timers and open incidents go on. What only a restart can change is named in the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from router.clock import Clock
from router.config.settings import Settings
from router.daemon.loading import Loaded, RulesBroken, load
from router.daemon.troubles import Trouble, Troubles
from router.errors import ConfigError, Diagnostic, Overloaded, StoreError
from router.model.channel import Redaction
from router.model.incident import Orphan
from router.model.journal import RulesChanged
from router.model.ruleset import RuleSet
from router.store.base import Store
from router.telemetry.logs import logger
from router.telemetry.metrics import Metrics

MAX_MISTAKES_LOGGED = 20
MAX_INCIDENTS_LOGGED = 20
RESTART_SETTINGS = ("listen", "store", "pagerduty", "limits", "log")
"""Settings that a reload leaves as they were."""

log = logger("daemon")


class Rulesets(Protocol):
    """Where the processor finds the rule set that an entry names."""

    rulesets: dict[str, RuleSet]


class Reloader:
    """One reload at a time; ``current`` is what is in force."""

    def __init__(
        self,
        *,
        config_path: Path,
        environ: Mapping[str, str],
        current: Settings,
        version: str,
        store: Store,
        processor: Rulesets,
        troubles: Troubles,
        clock: Clock,
        metrics: Metrics,
        orphans: Callable[[RuleSet], Sequence[Orphan]],
        find_obstacles: Callable[[Settings], list[str]],
        apply: Callable[[Settings], Awaitable[None]],
    ) -> None:
        """``version``: of the rule set that the journal names last, empty if it names none.

        ``orphans``: what a rule set would leave open. ``find_obstacles`` (called in a thread) says what would keep settings
        that are good in themselves from being applied.

        ``apply`` puts the settings that can change into force; it must not fail.
        """
        self.current = current
        self.succeeded = True
        self.loaded_at = clock.now()
        self.restart_needed: list[str] = []
        self._started_with = current
        self._config_path = config_path
        self._environ = environ
        self.version = version
        self._store = store
        self._processor = processor
        self._troubles = troubles
        self._clock = clock
        self._metrics = metrics
        self._orphans = orphans
        self._find_obstacles = find_obstacles
        self._apply = apply
        self._one_at_a_time = asyncio.Lock()

    def begin_with(self, version: str) -> None:
        """The journal names this rule set last; a start has put it there."""
        self.version = version

    async def reload(self) -> list[str]:
        """Every mistake that kept it from happening; empty: the new files are in force."""
        async with self._one_at_a_time:
            try:
                loaded, obstacles = await asyncio.to_thread(self._load, self.current)
                if obstacles:
                    return await self._refuse(obstacles)
                await self.put_in_force(loaded)
            except (ConfigError, RulesBroken) as error:
                return await self._refuse([str(found) for found in error.diagnostics if found.level == "error"])
            except (StoreError, Overloaded) as error:
                log.warning("reload_failed", cause=str(error))
                self._finish(succeeded=False)
                return [f"the new rules cannot be journalled now: {error}"]
            self._finish(succeeded=True)
            await say_outages(self._troubles, self.current)
            await self._troubles.clear(Trouble.RELOAD_FAILED)
            await self._troubles.clear(Trouble.RULES_BROKEN_AT_START)
            return []

    def _load(self, current: Settings) -> tuple[Loaded, list[str]]:
        # What is out may stay out: rules are not kept from changing for it. Nothing goes out by a reload.
        out = {outage.subject for outage in current.outages}
        loaded = load(self._config_path, environ=self._environ, previous=current.secrets, may_be_out=out.__contains__)
        return loaded, self._find_obstacles(loaded.settings)

    async def put_in_force(self, loaded: Loaded) -> None:
        """Keep the texts, journal the change, then swap the rest; StoreError or Overloaded: nothing was changed."""
        log_warnings(loaded.warnings)
        ruleset = loaded.ruleset
        if ruleset.version != self.version:
            for orphan in self._orphans(ruleset):
                log.warning(
                    "rule_leaves_open",
                    rule=orphan.rule,
                    count=len(orphan.incidents),
                    incidents=orphan.incidents[:MAX_INCIDENTS_LOGGED],
                    teams=orphan.teams,
                    hint="give it to a rule with renamed_from or `incidents adopt`, or `incidents close --rule`",
                )
            await self._store.save_ruleset(ruleset.version, self._clock.now(), loaded.texts)
            self._processor.rulesets[ruleset.version] = ruleset
            await self._store.append(self._clock.now(), [RulesChanged(version=ruleset.version)], reserved=True)
            self.version = ruleset.version
            log.info("rules_changed", version=ruleset.version, rules=len(ruleset.rules))
        started_with = self._started_with
        self.restart_needed = [each for each in RESTART_SETTINGS if _fixed(loaded.settings, each) != _fixed(started_with, each)]
        if self.restart_needed:
            log.warning("restart_needed", settings=self.restart_needed)
        self.current = loaded.settings
        await self._apply(loaded.settings)

    async def _refuse(self, mistakes: list[str]) -> list[str]:
        log.error("reload_failed", mistakes=mistakes[:MAX_MISTAKES_LOGGED], count=len(mistakes))
        self._finish(succeeded=False)
        counted = "1 mistake keeps" if len(mistakes) == 1 else f"{len(mistakes)} mistakes keep"
        summary = f"{counted} the rules from being reloaded, the last good ones stay: {mistakes[0]}"
        await self._troubles.fire(Trouble.RELOAD_FAILED, summary)
        return mistakes

    def _finish(self, *, succeeded: bool) -> None:
        self.succeeded = succeeded
        if succeeded:
            self.loaded_at = self._clock.now()
        self._metrics.reloads.labels("success" if succeeded else "failure").inc()


def _fixed(settings: Settings, name: str) -> object:
    """What of a setting only a restart changes. Redaction is by the latest; webhook secrets too, once there are any."""
    if name != "pagerduty":
        return getattr(settings, name)
    secrets = ("any",) if settings.pagerduty.webhook_secrets else ()
    return msgspec.structs.replace(settings.pagerduty, webhook_secrets=secrets, redaction=Redaction())


async def say_outages(troubles: Troubles, settings: Settings) -> None:
    """Each channel and team that is out is a trouble until it is back; who follows pages says when that cannot be."""
    channels: dict[str, str] = {}
    teams: dict[str, str] = {}
    for outage in settings.outages:
        name = outage.subject
        if outage.kind == "channel":
            channels[name] = f"{name} is told nothing, for its secret cannot be used: {outage.diagnostic}"
        elif outage.kind == "team":
            stand_in = f"team {name} cannot be paged, and team {settings.teams[name].fallback} is in its place"
            teams[name] = f"{stand_in}, for its secret cannot be used: {outage.diagnostic}"
    await troubles.settle(Trouble.CHANNEL_OUT, channels)
    await troubles.settle(Trouble.TEAM_OUT, teams)


def log_warnings(warnings: tuple[Diagnostic, ...]) -> None:
    """What is doubtful and does not stop us."""
    for warning in warnings[:MAX_MISTAKES_LOGGED]:
        log.warning("config_doubtful", code=warning.code, place=str(warning.span), message=warning.message, hint=warning.hint)
