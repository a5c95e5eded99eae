"""Drills by schedule: a marked test alert through the real rules and key of a team, followed to PagerDuty and back.

Keeps these invariants: one drill of a team at a time; a drill's alert is always resolved, also after a crash in its midst; a
drill that fails says at which step and is a trouble of the router's own until one succeeds. Must never do: touch any alert but
its own.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

from router.clock import Clock
from router.daemon.troubles import SOURCE, Trouble, Troubles
from router.errors import Overloaded, StoreError
from router.incidents.protocols import Ask
from router.incidents.register import last_of
from router.model.alert import Alert
from router.model.decision import Action, Decision
from router.model.drill import LABEL, NAME, Drill, due_after
from router.model.journal import AlertReceived, Entry, Fact
from router.model.page import AuditEntry, Followed, Page
from router.model.quantity import format_duration
from router.model.transition import ActiveAlert, StateRow
from router.store.base import Reader
from router.telemetry.logs import logger

LATE_MS = 3_600_000
"""A drill that is due for longer (we were away) is left out: its hour was chosen by people."""

DRILLED = "drilled"

log = logger("daemon")


class Stage(StrEnum):
    """What a drill waits for."""

    CONFIRMED = "PagerDuty to show the incident"
    RESOLVED = "PagerDuty to show it as resolved"


class Running(msgspec.Struct, kw_only=True):
    """A drill under way."""

    drill: Drill
    alert: Alert
    seq: int
    began_at: int
    stage: Stage = Stage.CONFIRMED
    stage_at: int
    confirmed_ms: int = 0


class Keeper(Protocol):
    """The store, as this module needs it."""

    async def append(self, at: int, facts: Sequence[Fact], *, reserved: bool = False) -> Sequence[Entry]:
        """Make these facts durable."""
        ...

    async def follow(self, step: Followed) -> None:
        """Durable as a whole."""
        ...


class Drills:
    """One per daemon; ``tick`` now and then."""

    def __init__(
        self,
        drills: Mapping[str, Drill],
        *,
        keeper: Keeper,
        ask: Ask,
        troubles: Troubles,
        clock: Clock,
        chance: random.Random,
    ) -> None:
        """Nothing is due yet; ``recover`` tells what a life before has left."""
        self._keeper = keeper
        self._ask = ask
        self._troubles = troubles
        self._clock = clock
        self._chance = chance
        self._left: list[Alert] = []
        self._running: dict[str, Running] = {}
        self._proven_at: dict[str, int] = {}
        self._took_ms: dict[str, int] = {}
        self._has_looked = False
        self._due: dict[str, int] = {}
        self._drills: Mapping[str, Drill] = {}
        self.configure(drills)

    def configure(self, drills: Mapping[str, Drill]) -> None:
        """After a reload; what runs goes on."""
        now = self._clock.now()
        self._due = {
            team: self._due[team] if self._drills.get(team) == drill else due_after(drill, now)
            for team, drill in drills.items()
        }
        self._drills = drills

    def recover(self, state: Iterable[StateRow]) -> None:
        """Alerts of drills that a crash left firing; the first tick ends them."""
        decoder = msgspec.json.Decoder(ActiveAlert)
        for row in state:
            if row.kind == "alert" and row.body is not None and f'"{LABEL}"'.encode() in row.body:
                alert = decoder.decode(row.body).alert
                if alert.source == SOURCE and alert.name == NAME:
                    self._left.append(alert)

    def figures(self) -> dict[str, float | dict[str, float]]:
        """When a drill of each team last succeeded, and how long its page took."""
        return {
            "drill_proven_timestamp_seconds": {team: at / 1000 for team, at in self._proven_at.items()},
            "drill_confirmed_seconds": {team: took / 1000 for team, took in self._took_ms.items()},
        }

    async def tick(self) -> None:
        """Begin what is due, go on with what runs. What the store cannot take now is tried at the next tick."""
        try:
            if not self._has_looked:
                found = await self._ask(lambda reader: last_of(reader, DRILLED))
                self._proven_at = {team: row.entry.at for team, row in found.items()} | self._proven_at
                self._has_looked = True
            while self._left:
                await self._end(self._left[-1])
                self._left.pop()
            for team, running in list(self._running.items()):
                await self._go_on(team, running)
            await self._begin_due()
        except (StoreError, Overloaded) as error:
            log.warning("drill_delayed", cause=str(error))

    async def _begin_due(self) -> None:
        now = self._clock.now()
        for team, drill in self._drills.items():
            due = self._due[team]
            if due > now or team in self._running:
                continue
            self._due[team] = due_after(drill, now)
            if now - due > LATE_MS:
                log.warning("drill_left_out", team=team, late_seconds=(now - due) // 1000)
                continue
            mark = f"{self._chance.getrandbits(32):08x}"
            alert = Alert(
                source=SOURCE,
                fingerprint=f"drill-{mark}",
                service=drill.service,
                name=NAME,
                severity=drill.severity,
                labels={LABEL: mark, "alertname": NAME, "service": drill.service},
                summary=f"TEST: drill {mark} of team {team}, nothing is wrong",
                starts_at=now,
            )
            (entry, *_) = await self._keeper.append(now, [AlertReceived(alert=alert)])
            self._running[team] = Running(drill=drill, alert=alert, seq=entry.seq, began_at=now, stage_at=now)
            log.info("drill_began", team=team, mark=mark)

    async def _go_on(self, team: str, running: Running) -> None:
        now = self._clock.now()
        page, decisions = await self._ask(lambda reader: page_of(reader, running.seq, team))
        if running.stage is Stage.CONFIRMED and page is not None and page.pagerduty_id:
            running.confirmed_ms = max(0, page.confirmed_at - running.began_at)
            await self._end(running.alert)
            running.stage, running.stage_at = Stage.RESOLVED, now
        elif running.stage is Stage.RESOLVED and page is not None and page.status == "resolved":
            await self._succeed(team, running, page, now)
        elif now - running.stage_at > running.drill.within_ms:
            await self._fail(team, running, decisions)

    async def _succeed(self, team: str, running: Running, page: Page, now: int) -> None:
        took = format_duration(running.confirmed_ms // 100 * 100)
        text = f"in PagerDuty after {took}, over after {format_duration((now - running.began_at) // 1000 * 1000)}"
        entry = AuditEntry(
            at=now,
            who="alert-router",
            through="router",
            what=DRILLED,
            incident=page.incident,
            team=team,
            pagerduty_id=page.pagerduty_id,
            text=text,
        )
        await self._keeper.follow(Followed(audit=(entry,)))
        del self._running[team]
        self._proven_at[team], self._took_ms[team] = now, running.confirmed_ms
        log.info("drill_succeeded", team=team, confirmed_seconds=running.confirmed_ms / 1000)
        await self._troubles.clear(Trouble.DRILL_FAILED, subject=team)

    async def _fail(self, team: str, running: Running, decisions: Sequence[Decision]) -> None:
        if running.stage is Stage.CONFIRMED:
            await self._end(running.alert)
        del self._running[team]
        within = format_duration(running.drill.within_ms)
        summary = f"the drill of team {team} failed: waited {within} for {running.stage.value}{_why_not(decisions, team)}"
        await self._troubles.fire(Trouble.DRILL_FAILED, summary, subject=team)

    async def _end(self, alert: Alert) -> None:
        over = msgspec.structs.replace(alert, status="resolved", resolved_by="source")
        await self._keeper.append(self._clock.now(), [AlertReceived(alert=over)], reserved=True)


def page_of(reader: Reader, seq: int, team: str) -> tuple[Page | None, list[Decision]]:
    """The team's page about the alert of this entry, as far as PagerDuty said anything, and what was decided."""
    decisions = [row.decision for row in reader.decisions(alert_seq=seq)]
    for decision in decisions:
        incident = reader.incident(decision.dedup_key) if decision.dedup_key else None
        for page in [] if incident is None else reader.pages(incident=incident.number):
            if page.team == team:
                return page, decisions
    return None, decisions


def _why_not(decisions: Sequence[Decision], team: str) -> str:
    """What a person looks at first."""
    opened = [decision for decision in decisions if decision.action is Action.OPEN]
    if not decisions:
        return "; its alert is not decided yet"
    if not opened:
        last = decisions[-1]
        cause = f" ({last.cause})" if last.cause else ""
        return f"; its alert was decided as {last.action.value}: {last.reason.value}{cause}"
    if not any(team in decision.teams for decision in opened):
        paged = " and ".join(opened[0].teams) or "nobody"
        return f"; rule {opened[0].rule or 'default'} paged {paged} instead"
    return "; `alert-router deliveries` and `alert-router incidents` say how far its page got"
