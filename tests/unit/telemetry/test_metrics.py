"""Metrics: declared once, rendered with the gauges of their owners."""

from router.telemetry.metrics import GAUGES, Metrics


def test_gauges_come_from_their_owner_at_scrape_time() -> None:
    metrics = Metrics()
    depth = {"value": 3.0}
    metrics.read_gauges(lambda: {"outbox_deliveries": depth["value"], "breaker_open": {"events.pagerduty.com": 1.0}})
    metrics.decisions.labels("open", "at_once").inc(2)
    text = metrics.render().decode()
    assert "alert_router_outbox_deliveries 3.0" in text
    assert 'alert_router_breaker_open{endpoint="events.pagerduty.com"} 1.0' in text
    assert 'alert_router_decisions_total{action="open",reason="at_once"} 2.0' in text
    depth["value"] = 4.0
    assert "alert_router_outbox_deliveries 4.0" in metrics.render().decode()


def test_two_in_one_process_do_not_collide() -> None:
    first, second = Metrics(), Metrics()
    first.retired_entries.inc()
    assert "alert_router_retired_entries_total 1.0" in first.render().decode()
    assert "alert_router_retired_entries_total 0.0" in second.render().decode()


def test_gauge_labels_are_declared() -> None:
    assert {label for _, label in GAUGES.values()} == {"", "endpoint", "objective", "of", "team", "version"}
