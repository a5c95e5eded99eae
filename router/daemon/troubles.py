"""The router's own troubles, raised as alerts of service ``alert-router`` through the same rules as everybody's.

A trouble fires until it is cleared and is journalled once for each, by the room that the store keeps for us when it refuses
everybody else's alerts. What cannot be journalled even so is kept and tried again, in order: a trouble that was cleared
meanwhile must not be left firing. Without a rule for them they go to the default team.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

from router.clock import Clock
from router.errors import Overloaded, StoreError
from router.model.alert import Alert
from router.model.journal import AlertReceived, Entry, Fact
from router.model.severity import Severity
from router.model.transition import ActiveAlert, StateRow
from router.telemetry.logs import logger
from router.telemetry.metrics import Metrics

SOURCE = "alert-router"
MAX_WAITING = 1000
"""Troubles that wait for the journal to take them; beyond it the oldest is only logged."""
TELL_AGAIN_SECONDS = 600.0
"""A trouble that lasts is found again every few seconds; the log, on a disk that may be the trouble, is told so seldom."""

log = logger("daemon")


class Trouble(StrEnum):
    """The closed set of what the router says about itself."""

    DEAD_LETTER = "DeadLetter"
    RELOAD_FAILED = "ReloadFailed"
    RULES_BROKEN_AT_START = "RulesBrokenAtStart"
    STORE_REFUSES = "StoreRefuses"
    CLOCK_JUMPED = "ClockJumped"
    SECRET_CHANGED = "SecretChanged"  # noqa: S105  # the name of a trouble
    PAGE_NOT_CONFIRMED = "PageNotConfirmed"
    PAGES_NOT_FOLLOWED = "PagesNotFollowed"
    WEBHOOKS_REFUSED = "WebhooksRefused"
    DRILL_FAILED = "DrillFailed"
    DEED_FAILED = "DeedFailed"
    CHANNEL_FAILED = "ChannelFailed"
    STRAY_INCIDENTS = "StrayIncidents"
    STORE_LOG_GROWS = "StoreLogGrows"
    CHANNEL_OUT = "ChannelOut"
    TEAM_OUT = "TeamOut"


SEVERITIES = {
    Trouble.DEAD_LETTER: Severity.CRITICAL,
    Trouble.RELOAD_FAILED: Severity.ERROR,
    Trouble.RULES_BROKEN_AT_START: Severity.CRITICAL,
    Trouble.STORE_REFUSES: Severity.CRITICAL,
    Trouble.CLOCK_JUMPED: Severity.WARNING,
    Trouble.SECRET_CHANGED: Severity.WARNING,
    Trouble.PAGE_NOT_CONFIRMED: Severity.CRITICAL,
    Trouble.PAGES_NOT_FOLLOWED: Severity.WARNING,
    Trouble.WEBHOOKS_REFUSED: Severity.WARNING,
    Trouble.DRILL_FAILED: Severity.ERROR,
    Trouble.DEED_FAILED: Severity.WARNING,
    Trouble.CHANNEL_FAILED: Severity.WARNING,  # what only tells wakes nobody when it cannot
    Trouble.STRAY_INCIDENTS: Severity.WARNING,
    Trouble.STORE_LOG_GROWS: Severity.WARNING,
    Trouble.CHANNEL_OUT: Severity.WARNING,
    Trouble.TEAM_OUT: Severity.CRITICAL,
}


class Journal(Protocol):
    """The store, as this module needs it."""

    async def append(self, at: int, facts: Sequence[Fact], *, reserved: bool = False) -> object:
        """Make these facts durable; ``reserved`` ones even when the disk is nearly full."""
        ...


class Troubles:
    """Raises and clears; the same trouble (name and subject) is raised once until it is cleared."""

    def __init__(self, *, journal: Journal, clock: Clock, metrics: Metrics) -> None:
        """Nothing is wrong yet."""
        self._journal = journal
        self._clock = clock
        self._metrics = metrics
        self._firing: dict[tuple[Trouble, str], Alert] = {}
        self._told_at: dict[tuple[Trouble, str], float] = {}
        self._waiting: deque[Alert] = deque(maxlen=MAX_WAITING)
        self._one_at_a_time = asyncio.Lock()

    def recover(self, state: Iterable[StateRow], undecided: Iterable[Entry] = ()) -> None:
        """Take over what was firing before a restart, decided or just journalled, so that it can be cleared."""
        decoder = msgspec.json.Decoder(ActiveAlert)
        marker = f'"{SOURCE}"'.encode()
        for row in state:
            if row.kind != "alert" or row.body is None or marker not in row.body:
                continue
            self._take_over(decoder.decode(row.body).alert)
        for entry in undecided:
            if isinstance(entry.fact, AlertReceived):
                self._take_over(entry.fact.alert)

    def _take_over(self, alert: Alert) -> None:
        if alert.source != SOURCE or alert.name not in set(map(str, Trouble)):
            return
        key = (Trouble(alert.name), alert.labels.get("subject", ""))
        if alert.status == "resolved":
            self._firing.pop(key, None)
        else:
            self._firing[key] = alert

    async def fire(self, trouble: Trouble, summary: str, *, subject: str = "") -> None:
        """Something is wrong; ``subject`` tells two of the same kind apart (a team, an endpoint)."""
        if (trouble, subject) in self._firing:
            self._tell_again(trouble, subject, summary)
            return
        log.error("trouble_raised", trouble=trouble.value, summary=summary, subject=subject)
        self._told_at[(trouble, subject)] = self._clock.monotonic()
        labels = {"alertname": trouble.value, "service": SOURCE} | ({"subject": subject} if subject else {})
        alert = Alert(
            source=SOURCE,
            fingerprint=hashlib.blake2b(f"{trouble.value}\0{subject}".encode(), digest_size=8).hexdigest(),
            service=SOURCE,
            name=trouble.value,
            severity=SEVERITIES[trouble],
            labels=labels,
            summary=summary,
            starts_at=self._clock.now(),
        )
        self._firing[(trouble, subject)] = alert
        self._metrics.troubles.labels(trouble.value).inc()
        await self._journal_alert(alert)

    def _tell_again(self, trouble: Trouble, subject: str, summary: str) -> None:
        now, told_at = self._clock.monotonic(), self._told_at.get((trouble, subject))
        if told_at is None or now - told_at >= TELL_AGAIN_SECONDS:
            log.error("trouble_lasts", trouble=trouble.value, summary=summary, subject=subject)
            self._told_at[(trouble, subject)] = now

    async def clear(self, trouble: Trouble, *, subject: str = "") -> None:
        """It is right again."""
        alert = self._firing.pop((trouble, subject), None)
        self._told_at.pop((trouble, subject), None)
        if alert is not None:
            log.info("trouble_cleared", trouble=trouble.value, subject=subject)
            resolved = Alert(
                source=alert.source,
                fingerprint=alert.fingerprint,
                service=alert.service,
                name=alert.name,
                severity=alert.severity,
                status="resolved",
                labels=alert.labels,
                summary=alert.summary,
                starts_at=alert.starts_at,
                resolved_by="source",
            )
            await self._journal_alert(resolved)

    async def settle(self, trouble: Trouble, summaries: Mapping[str, str]) -> None:
        """Wrong now are these, by subject, and no others of this kind."""
        for subject in sorted(subject for kind, subject in self._firing if kind is trouble and subject not in summaries):
            await self.clear(trouble, subject=subject)
        for subject, summary in summaries.items():
            await self.fire(trouble, summary, subject=subject)

    def is_firing(self, trouble: Trouble, *, subject: str = "") -> bool:
        """Whether this was said and is not over."""
        return (trouble, subject) in self._firing

    async def retry(self) -> None:
        """Journal what waits, oldest first; what cannot be journalled now waits on."""
        async with self._one_at_a_time:
            while self._waiting:
                alert = self._waiting[0]
                try:
                    await self._journal.append(self._clock.now(), [AlertReceived(alert=alert)], reserved=True)
                except (StoreError, Overloaded) as error:
                    log.warning("trouble_not_journalled", trouble=alert.name, cause=str(error), waiting=len(self._waiting))
                    return
                if self._waiting and self._waiting[0] is alert:
                    self._waiting.popleft()

    def firing(self) -> list[str]:
        """What is wrong now, for ``/-/ready`` and ``/v1/stats``."""
        return [f"{trouble.value}: {alert.summary}" for (trouble, _), alert in self._firing.items()]

    async def _journal_alert(self, alert: Alert) -> None:
        self._waiting.append(alert)
        await self.retry()
