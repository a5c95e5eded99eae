"""Takes journalled entries to decisions: next batch, ``engine.handle``, one commit, hand the deliveries on.

Keeps these invariants: an entry is decided once, in sequence order; nothing is sent before its commit is durable; timers
never run past an entry that was accepted before them, so that a replay of the journal decides alike. Must never do:
decide anything itself, or talk to the wire.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from router.clock import Clock
from router.errors import LeaseLost, StoreError
from router.model.decision import Action, Decision, Reason
from router.model.delivery import Delivery, Priority
from router.model.event import Event
from router.model.journal import AlertReceived, Entry
from router.model.ruleset import RuleSet
from router.model.severity import Severity
from router.model.transition import Transition
from router.store.base import Commit
from router.telemetry.logs import logger
from router.telemetry.metrics import Metrics

MAX_BATCH = 256
"""Entries per step: about 5 ms of engine work, so that the doors stay quick under load."""

_RETRY_SECONDS = 1.0
_TRIGGER_PRIORITY = {
    Severity.CRITICAL: Priority.CRITICAL,
    Severity.ERROR: Priority.ERROR,
    Severity.WARNING: Priority.WARNING,
    Severity.INFO: Priority.INFO,
}

log = logger("processor")


class Decider(Protocol):
    """The engine, as the processor needs it."""

    @property
    def now(self) -> int:
        """How far the engine's time has passed, in ms UTC; never goes back, whatever the wall clock does."""
        ...

    @property
    def ruleset(self) -> RuleSet:
        """The rules in force."""
        ...

    def handle(self, entries: Sequence[Entry], *, until: int, rulesets: Mapping[str, RuleSet]) -> Transition:
        """Decide these entries and every timer due."""
        ...

    def next_due(self) -> int | None:
        """When the next timer is due, in ms UTC."""
        ...


class Ledger(Protocol):
    """The store, as the processor needs it."""

    def oldest_pending_at(self) -> int | None:
        """The time of the oldest entry accepted and not yet handed over."""
        ...

    async def commit(self, commit: Commit) -> None:
        """Make one step durable."""
        ...


def priority_of(event: Event) -> Priority:
    """Triggers by severity first, then resolves, then updates and acknowledgements, then changes."""
    if event.action == "change":
        return Priority.CHANGE
    if event.action == "resolve":
        return Priority.RESOLVE
    is_later = event.is_update or event.action in {"acknowledge", "act"}
    return Priority.UPDATE if is_later else _TRIGGER_PRIORITY[event.severity]


def undecidable(entry: Entry, ruleset: RuleSet, cause: str) -> Transition:
    """What becomes of an entry on which the engine fails: recorded, and a problem is paged plainly to the default team.

    The engine knows nothing of such a page, so a person closes it; its summary says so.
    """
    decision = Decision(at=entry.at, action=Action.NONE, reason=Reason.UNDECIDABLE, alert_seq=entry.seq, cause=cause[:200])
    fact = entry.fact
    if not isinstance(fact, AlertReceived) or fact.alert.status != "firing":
        return Transition(decisions=[decision], events=[], incidents=[], changes=[])
    alert, team = fact.alert, ruleset.teams[ruleset.default_team]
    event = Event(
        team=team.name,
        routing_key=team.routing_key,
        dedup_key=f"undecidable/{alert.fingerprint}/{entry.at}-{entry.seq}",
        action="trigger",
        at=entry.at,
        severity=alert.severity,
        summary=f"{alert.service}: {alert.name or alert.summary} (alert-router failed on this alert; close it by hand)",
        source=alert.service,
        details={"labels": alert.labels, "summary": alert.summary, "alert": entry.seq},
        alert_seq=entry.seq,
    )
    opened = msgspec.structs.replace(decision, action=Action.OPEN, dedup_key=event.dedup_key, teams=(team.name,))
    return Transition(decisions=[opened], events=[event], incidents=[], changes=[])


class Processor:
    """One per daemon. ``offer`` is the store's listener; ``run`` decides until ``stop``."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        engine: Decider,
        encode: Callable[[Event], bytes],
        deliver: Callable[[Sequence[Delivery]], None],
        clock: Clock,
        metrics: Metrics,
        cursor: int,
        next_delivery_id: int,
        rebuild: Callable[[int], Awaitable[None]],
        decided_at: int = 0,
    ) -> None:
        """Begin behind ``cursor``; ``deliver`` is called only with what is durable.

        ``rebuild`` makes the engine again what the store's last commit says, after it failed half-way; it is given the time of
        that commit, ``decided_at`` at first.
        """
        self._rebuild = rebuild
        self._decided_at = decided_at
        self._ledger = ledger
        self._engine = engine
        self._encode = encode
        self._deliver = deliver
        self._clock = clock
        self._metrics = metrics
        self._cursor = cursor
        self._next_delivery_id = next_delivery_id
        self._waiting: deque[Entry] = deque()
        self._wake = asyncio.Event()
        metrics.before_render(self.report)
        self._stopping = False
        self._decided: Counter[tuple[str, Action, Reason]] = Counter()
        self._sent: Counter[tuple[str, str, str]] = Counter()
        self.rulesets: dict[str, RuleSet] = {}

    @property
    def undecided(self) -> int:
        """Entries handed over and not yet decided."""
        return len(self._waiting)

    def offer(self, entries: Sequence[Entry]) -> None:
        """Take durable entries, in order. Bounded by the store: it refuses to append above its bound of undecided entries."""
        self._waiting.extend(entries)
        self._wake.set()

    def stop(self) -> None:
        """Decide what is waiting, then let ``run`` return."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Until stopped: one batch, one commit, over and over."""
        while True:
            batch = self._take()
            until = self._timers_until(batch)
            due = self._engine.next_due()
            if not batch and (due is None or due > until):
                if self._stopping:
                    return
                await self._pause(due)
                continue
            await self._step(batch, until)

    def _take(self) -> list[Entry]:
        waiting = self._waiting
        if len(waiting) <= MAX_BATCH:
            batch = list(waiting)
            waiting.clear()
        else:
            batch = [waiting.popleft() for _ in range(MAX_BATCH)]
        return batch

    def _timers_until(self, batch: Sequence[Entry]) -> int:
        """How far timers may run: up to now, but never past an entry that was accepted before them."""
        if self._waiting:
            return batch[-1].at
        pending_at = self._ledger.oldest_pending_at()
        now = self._clock.now()
        return now if pending_at is None else min(now, pending_at - 1)

    async def _pause(self, due: int | None) -> None:
        self._wake.clear()
        if self._waiting or self._stopping:
            return
        seconds = None if due is None else min(60.0, max(0.001, (due - self._clock.now()) / 1000))
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _step(self, batch: Sequence[Entry], until: int) -> None:
        try:
            transition = self._engine.handle(batch, until=until, rulesets=self.rulesets)
        except Exception as error:
            if not batch:
                raise  # a timer: nothing could be left out
            log.critical("engine_failed", cause=repr(error), exc_info=error, entries=len(batch))
            await self._step_singly(batch)
            return
        await self._conclude(batch, transition)

    async def _step_singly(self, batch: Sequence[Entry]) -> None:
        """One entry that the engine cannot decide (a mistake of ours) must not keep those around it from being decided."""
        await self._rebuild(self._decided_at)
        for entry in batch:
            try:
                transition = self._engine.handle((entry,), until=entry.at, rulesets=self.rulesets)
            except Exception as error:  # noqa: BLE001  # whatever it is, somebody is told and the next entry is decided
                log.critical("entry_undecidable", seq=entry.seq, cause=repr(error))
                await self._rebuild(self._decided_at)
                transition = undecidable(entry, self._engine.ruleset, repr(error))
            await self._conclude((entry,), transition)

    async def _conclude(self, batch: Sequence[Entry], transition: Transition) -> None:
        deliveries = [self._delivery(event) for event in transition.events]
        if batch:
            self._cursor = batch[-1].seq
        await self._commit(
            Commit(
                cursor=self._cursor,
                decided_at=self._engine.now,
                decisions=transition.decisions,
                incidents=transition.incidents,
                changes=transition.changes,
                deliveries=deliveries,
            )
        )
        self._decided_at = self._engine.now
        if deliveries:
            self._deliver(deliveries)
        self._count(transition)

    async def _commit(self, commit: Commit) -> None:
        """Until it is durable. The transition is a value: trying again writes exactly the same."""
        started = self._clock.monotonic()
        while True:
            try:
                await self._ledger.commit(commit)
            except LeaseLost:
                raise
            except StoreError as error:
                self._metrics.commit_failures.inc()
                log.warning("commit_failed", cause=str(error), cursor=commit.cursor, retry_seconds=_RETRY_SECONDS)
                await self._clock.sleep(_RETRY_SECONDS)
            else:
                self._metrics.commit_seconds.observe(self._clock.monotonic() - started)
                return

    def _delivery(self, event: Event) -> Delivery:
        delivery_id = self._next_delivery_id
        self._next_delivery_id += 1
        return Delivery(
            id=delivery_id,
            channel=event.channel,
            team=event.team,
            routing_key=event.routing_key,
            dedup_key=event.dedup_key,
            action=event.action,
            priority=priority_of(event),
            created_at=event.at,
            next_attempt_at=event.at,
            body=self._encode(event),
            alert_seq=event.alert_seq,
            rule=event.rule,
            is_escalation=event.is_escalation,
        )

    def _count(self, transition: Transition) -> None:
        """Only remembered here: a labelled counter costs as much as a decision, so they are moved when somebody scrapes."""
        decided, sent = self._decided, self._sent
        for decision in transition.decisions:
            decided[decision.rule, decision.action, decision.reason] += 1
        for event in transition.events:
            if event.team:  # else nobody's page: a notification, or what only passes through
                sent[event.channel, event.team, event.action] += 1

    def report(self) -> None:
        """Move what was counted into the metrics."""
        decided, self._decided = self._decided, Counter()
        sent, self._sent = self._sent, Counter()
        for (rule, action, reason), count in decided.items():
            self._metrics.decisions.labels(action.value, reason.value).inc(count)
            if rule:
                self._metrics.rule_decisions.labels(rule, action.value).inc(count)
        for labels, count in sent.items():
            self._metrics.pages.labels(*labels).inc(count)
