"""Every metric of the router, declared in this one file; docs/reference/metrics.md has a line for each.

Names begin with ``alert_router_``, units are base units, label values are of closed sets (team, channel, rule, reason, state):
never a fingerprint, a dedup key, or text from an alert. A labelled counter costs about 2 µs, so the hot path counts once per
batch. Gauges are read from their owners when somebody scrapes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

_PREFIX = "alert_router_"
_LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)

GaugeValues = Mapping[str, float | Mapping[str, float]]
"""Gauge name without prefix -> its value, or label value -> value."""

GAUGES: dict[str, tuple[str, str]] = {
    # name: (help, label name or "")
    "outbox_deliveries": ("Deliveries decided and not yet accepted by PagerDuty.", ""),
    "outbox_oldest_seconds": ("Age of the oldest delivery in the outbox.", ""),
    "dead_letters": ("Deliveries given up and neither retried nor dropped by a person.", ""),
    "breaker_open": ("1 while the circuit breaker of this endpoint is not closed.", "endpoint"),
    "undecided_entries": ("Journal entries accepted and not yet decided.", ""),
    "pages_unconfirmed": ("Pages PagerDuty took and has shown no incident for yet.", ""),
    "pages_unacknowledged": ("Pages open in PagerDuty that nobody has acknowledged.", ""),
    "page_confirmed_timestamp_seconds": ("When a page of this team was last confirmed.", "team"),
    "request_bodies_bytes": ("Bytes of large request bodies that are not answered yet.", ""),
    "drill_proven_timestamp_seconds": ("When a scheduled drill of this team last succeeded.", "team"),
    "drill_confirmed_seconds": ("How long the page of this team's last scheduled drill took to be shown by PagerDuty.", "team"),
    "webhooks_waiting": ("Webhooks taken and not yet worked on.", ""),
    "history_incidents": ("Incidents in the history that was fetched from PagerDuty.", ""),
    "history_unread": ("Incidents of the history whose stories are still to be fetched.", ""),
    "history_synced_timestamp_seconds": ("Up to when PagerDuty's past was fetched.", ""),
    "history_team_incidents": ("PagerDuty's incidents of a team in the last 30 days.", "team"),
    "history_team_acknowledge_mean_seconds": ("Mean time to acknowledge of a team in the last 30 days.", "team"),
    "history_team_resolve_mean_seconds": ("Mean time to resolve of a team in the last 30 days.", "team"),
    "history_team_never_acknowledged": ("Of a team's incidents of the last 30 days, resolved without anybody.", "team"),
    "history_team_self_resolved": ("Of a team's incidents of the last 30 days, over by themselves at once.", "team"),
    "history_team_night_pages": ("Of a team's incidents of the last 30 days, at night.", "team"),
    "history_objective_share": ("Share of the last 30 days' incidents that met a service level objective.", "objective"),
    "active_alerts": ("Alerts that fire now.", ""),
    "open_incidents": ("Incidents that are open now.", ""),
    "stray_incidents": ("Incidents open in PagerDuty under keys of ours that the store does not know.", ""),
    "orphaned_incidents": ("Incidents that are open of rules no longer in force.", ""),
    "timers": ("Timers the engine waits for.", ""),
    "store_bytes": ("Size of the store.", ""),
    "store_free_bytes": ("Free space where the store is.", ""),
    "store_log_bytes": ("What the store's write-ahead log holds.", ""),
    "store_refusing": ("1 while new alerts are refused because the store cannot take them.", ""),
    "rules": ("Rules in force.", ""),
    "ruleset_info": ("1 for the version of the rule set in force.", "version"),
    "build_info": ("1 for the version of the program.", "version"),
    "secret_unusable": ("1 for a team, channel:NAME or pagerduty.api_token that is out: its secret cannot be used.", "of"),
    "last_reload_success": ("1 if the newest reload succeeded.", ""),
    "last_reload_timestamp_seconds": ("When the rule set in force was loaded.", ""),
}


class _Gauges:
    """A collector that asks the owners of the figures at scrape time."""

    def __init__(self, read: Callable[[], GaugeValues]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        for name, value in self._read().items():
            help_text, label = GAUGES[name]
            family = GaugeMetricFamily(_PREFIX + name, help_text, labels=[label] if label else None)
            if isinstance(value, Mapping):
                for label_value, figure in value.items():
                    family.add_metric([label_value], figure)
            else:
                family.add_metric([], value)
            yield family


class Metrics:
    """One per process part; its own registry, so that two daemons in one process (tests) do not collide."""

    def __init__(self) -> None:
        """Declare everything."""
        self.registry = CollectorRegistry()
        self._reports: list[Callable[[], None]] = []
        self.alerts_received = self._counter("alerts_received_total", "Alerts that came in.", ["source", "result"])
        self.journal_entries = self._counter("journal_entries_total", "Facts written to the journal.", ["fact"])
        self.decisions = self._counter("decisions_total", "Decisions taken.", ["action", "reason"])
        self.rule_decisions = self._counter("rule_decisions_total", "Decisions by rule.", ["rule", "action"])
        self.pages = self._counter("pages_total", "Events decided for a team or a channel.", ["channel", "team", "action"])
        self.deliveries = self._counter("deliveries_total", "Deliveries finished.", ["channel", "team", "state"])
        self.delivery_attempts = self._counter(
            "delivery_attempts_total", "Calls to PagerDuty and the channels.", ["channel", "outcome"]
        )
        self.delivery_seconds = self._histogram("delivery_seconds", "From decision to PagerDuty's 202.")
        self.commit_seconds = self._histogram("commit_seconds", "One step of the processor made durable.")
        self.commit_failures = self._counter("commit_failures_total", "Commits that failed and were tried again.", [])
        self.http_requests = self._counter("http_requests_total", "Requests answered.", ["door", "status"])
        self.reloads = self._counter("reloads_total", "Reloads tried.", ["result"])
        self.troubles = self._counter("troubles_total", "Troubles of the router raised as alerts.", ["name"])
        self.webhooks = self._counter("webhooks_total", "Webhooks of PagerDuty's that came in.", ["result"])
        self.pages_missed = self._counter("pages_missed_total", "Pages PagerDuty took and showed no incident for.", ["team"])
        self.confirm_seconds = self._histogram("confirm_seconds", "From PagerDuty's 202 to its incident, as far as we saw it.")
        self.retired_entries = self._counter("retired_entries_total", "Journal entries deleted by retention.", [])

    def _counter(self, name: str, help_text: str, labels: list[str]) -> Counter:
        return Counter(_PREFIX + name, help_text, labels, registry=self.registry)

    def _histogram(self, name: str, help_text: str) -> Histogram:
        return Histogram(_PREFIX + name, help_text, buckets=_LATENCY_BUCKETS, registry=self.registry)

    def read_gauges(self, read: Callable[[], GaugeValues]) -> None:
        """Register the function that gives the gauges' values; called once, by the daemon."""
        self.registry.register(_Gauges(read))

    def before_render(self, report: Callable[[], None]) -> None:
        """For those who count by themselves because a counter is too dear for them: ``prepare`` calls this."""
        self._reports.append(report)

    def prepare(self) -> None:
        """Have everybody hand in what they counted; on the event loop, just before ``render``."""
        for report in self._reports:
            report()

    def render(self) -> bytes:
        """The exposition text; 20,000 series take half a second, so call it in a thread."""
        return generate_latest(self.registry)


__all__ = ["GAUGES", "Counter", "Gauge", "GaugeValues", "Histogram", "Metrics"]
