from __future__ import annotations

from pathlib import Path

import structlog

from router.daemon.observing import DeliveryCounts
from router.model.delivery import Accepted, Rejected, Throttled, Unavailable
from router.telemetry.metrics import GAUGES, Metrics
from tests.support.daemon import alert, eventually, off_loop
from tests.support.running import running_daemon
from tests.support.stores import START, delivery


def value(metrics: Metrics, name: str, **labels: str) -> float:
    metrics.prepare()
    return metrics.registry.get_sample_value(f"alert_router_{name}", labels) or 0.0


def test_calls_and_ends_are_counted_by_closed_words() -> None:
    metrics = Metrics()
    counts = DeliveryCounts(metrics)
    followed = []
    counts.follow = followed.append
    one = delivery(1)
    one.finished_at = START + 250
    for outcome in (Accepted(), Rejected(cause="x", status=400), Throttled(), Unavailable(cause="y")):
        counts.attempted(one, outcome, 5)
    counts.retried(one)
    counts.delivered(one)
    counts.dead(delivery(2, team="search"))
    counts.cancelled(delivery(3))
    for word in ("accepted", "rejected", "throttled", "unavailable"):
        assert value(metrics, "delivery_attempts_total", channel="pagerduty", outcome=word) == 1
    assert value(metrics, "deliveries_total", channel="pagerduty", team="payments", state="delivered") == 1
    assert value(metrics, "deliveries_total", channel="pagerduty", team="search", state="dead") == 1
    assert value(metrics, "deliveries_total", channel="pagerduty", team="payments", state="cancelled") == 1
    assert value(metrics, "delivery_seconds_sum") == 0.25
    assert counts.proven == {"payments"}
    assert followed == [one]


def test_what_pages_nobody_is_counted_by_its_channel_and_not_followed() -> None:
    metrics = Metrics()
    counts = DeliveryCounts(metrics)
    followed = []
    counts.follow = followed.append
    told = delivery(1, channel="ops-chat", team="", routing_key="channel:ops-chat")
    counts.attempted(told, Accepted(receipt="17.5"), 5)
    counts.delivered(told)
    assert value(metrics, "delivery_attempts_total", channel="ops-chat", outcome="accepted") == 1
    assert value(metrics, "deliveries_total", channel="ops-chat", team="", state="delivered") == 1
    assert counts.proven == {"channel:ops-chat"}
    assert followed == []


def test_a_clock_that_went_back_makes_no_negative_time() -> None:
    metrics = Metrics()
    one = delivery(1)
    one.finished_at = START - 5_000
    DeliveryCounts(metrics).delivered(one)
    assert value(metrics, "delivery_seconds_sum") == 0


def test_a_breaker_is_worth_a_line() -> None:
    with structlog.testing.capture_logs() as lines:
        DeliveryCounts(Metrics()).breaker_changed("events.pagerduty.com", "open")
    assert [(line["event"], line["endpoint"], line["state"]) for line in lines] == [
        ("breaker_changed", "events.pagerduty.com", "open")
    ]


async def test_every_gauge_has_a_figure_in_a_running_daemon(tmp_path: Path, pagerduty) -> None:
    async with running_daemon(tmp_path, pagerduty.url) as daemon:
        assert await off_loop(daemon.post_alerts, alert()) == 200
        await eventually(lambda: len(pagerduty.sandbox.incidents()) == 1)
        text = (await off_loop(daemon.get, "/metrics"))[1]
        for name in GAUGES:
            assert f"\n# TYPE alert_router_{name} gauge\n" in text, name
        figures = {line.split(" ")[0]: line.split(" ")[-1] for line in text.splitlines() if not line.startswith("#")}
        assert figures["alert_router_active_alerts"] == "1.0"
        assert figures["alert_router_open_incidents"] == "1.0"
        assert figures["alert_router_rules"] == "1.0"
        assert figures["alert_router_last_reload_success"] == "1.0"
        assert figures["alert_router_store_refusing"] == "0.0"
        assert float(figures["alert_router_store_free_bytes"]) > 0
