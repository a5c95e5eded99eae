"""Joins what the rooms report to the metrics: the dispatcher's observer, and the gauges read at scrape time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import router
from router.daemon.joints import subject_of
from router.dispatch.snapshot import Snapshot
from router.model.delivery import Delivery, DeliveryState, Outcome
from router.model.incident import Orphan
from router.model.ruleset import RuleSet
from router.store.base import Usage
from router.telemetry.logs import logger
from router.telemetry.metrics import GaugeValues, Metrics

log = logger("dispatch")


class DeliveryCounts:
    """Counts what the dispatcher reports; called on its hot path, so label children are kept."""

    def __init__(self, metrics: Metrics) -> None:
        """Nothing was sent yet. ``proven``: whose deliveries were accepted since it was last emptied, teams and channels."""
        self._metrics = metrics
        self._attempts: dict[tuple[str, type[Outcome]], Callable[[], None]] = {}
        self._ends: dict[tuple[str, str, DeliveryState], Callable[[], None]] = {}
        self.proven: set[str] = set()
        self.follow: Callable[[Delivery], None] | None = None  # set once; told of what PagerDuty took

    def attempted(self, delivery: Delivery, outcome: Outcome, _took_ms: int) -> None:
        """A call ended."""
        key = (delivery.channel, type(outcome))
        if (count := self._attempts.get(key)) is None:
            count = self._metrics.delivery_attempts.labels(delivery.channel, type(outcome).__name__.lower()).inc
            self._attempts[key] = count
        count()

    def delivered(self, delivery: Delivery) -> None:
        """It was accepted."""
        self.proven.add(subject_of(delivery))
        if self.follow is not None and delivery.team:
            self.follow(delivery)
        self._finish(delivery, DeliveryState.DELIVERED)
        self._metrics.delivery_seconds.observe(max(0, delivery.finished_at - delivery.created_at) / 1000)

    def retried(self, _delivery: Delivery) -> None:
        """It will be tried again."""

    def dead(self, delivery: Delivery) -> None:
        """It was given up."""
        self._finish(delivery, DeliveryState.DEAD)

    def cancelled(self, delivery: Delivery) -> None:
        """It will not be sent."""
        self._finish(delivery, DeliveryState.CANCELLED)

    def breaker_changed(self, endpoint: str, state: str) -> None:
        """The breaker of an endpoint changed."""
        log.warning("breaker_changed", endpoint=endpoint, state=state)

    def _finish(self, delivery: Delivery, state: DeliveryState) -> None:
        key = (delivery.channel, delivery.team, state)
        if (count := self._ends.get(key)) is None:
            count = self._ends[key] = self._metrics.deliveries.labels(delivery.channel, delivery.team, state.value).inc
        count()


class EngineFigures(Protocol):
    """The engine's gauges."""

    @property
    def active_alerts(self) -> int:
        """Alerts that fire."""
        ...

    @property
    def open_incidents(self) -> int:
        """Incidents that are open."""
        ...

    def orphans(self) -> Sequence[Orphan]:
        """What rules that are not in force have left open."""
        ...

    @property
    def timers(self) -> int:
        """Timers set."""
        ...

    @property
    def ruleset(self) -> RuleSet:
        """Rules in force."""
        ...


def read_gauges(
    *,
    engine: EngineFigures,
    undecided: Callable[[], int],
    outbox: Callable[[], Snapshot],
    usage: Callable[[], Usage],
    bodies_held: Callable[[], int],
    followed: Callable[[], GaugeValues],
    remembered: Callable[[], GaugeValues],
    reloaded: Callable[[], tuple[bool, int]],
    out: Callable[[], Sequence[str]],
) -> GaugeValues:
    """All gauges now. ``reloaded``: whether the newest reload succeeded, and when the rules in force were loaded (ms).

    ``out``: channels and teams whose secret cannot be used.
    """
    waiting, store = outbox(), usage()
    succeeded, loaded_at = reloaded()
    return {
        "outbox_deliveries": waiting.waiting,
        "outbox_oldest_seconds": waiting.oldest_age_ms / 1000,
        "dead_letters": waiting.dead,
        "breaker_open": {endpoint: float(state != "closed") for endpoint, state in waiting.breakers.items()},
        "undecided_entries": undecided(),
        "active_alerts": engine.active_alerts,
        "open_incidents": engine.open_incidents,
        "orphaned_incidents": sum(len(orphan.incidents) for orphan in engine.orphans()),
        "timers": engine.timers,
        "request_bodies_bytes": bodies_held(),
        "store_bytes": store.bytes_used,
        "store_free_bytes": store.bytes_free,
        "store_log_bytes": store.bytes_log,
        "store_refusing": float(bool(store.refusing)),
        "rules": len(engine.ruleset.rules),
        "ruleset_info": {engine.ruleset.version: 1.0},
        "build_info": {router.__version__: 1.0},
        **followed(),
        **remembered(),
        "secret_unusable": dict.fromkeys(out(), 1.0),
        "last_reload_success": float(succeeded),
        "last_reload_timestamp_seconds": loaded_at / 1000,
    }
