"""Faults: killed after the 200, stopped in a burst, PagerDuty away for a minute, PagerDuty saying 429 with Retry-After."""

from __future__ import annotations

import http.client
import signal
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from tests.benchmarks import workload
from tests.benchmarks.pages import Pages
from tests.benchmarks.processes import ask
from tests.benchmarks.servers import Bench, Contender, Task

BURST = 1_000
OUTAGE_SECONDS = 60.0
OUTAGE_ALERTS = 300
RECOVERY_SECONDS = 90.0
RETRY_AFTER_SECONDS = 30
_EARLY_NS = (RETRY_AFTER_SECONDS - 0.5) * 1e9


def post(port: int, alerts: list[dict[str, Any]], *, batch: int = 64, gap_seconds: float = 0.0) -> dict[str, int]:
    """One request after another on one connection; token -> when it was sent. Anything but 200 is an error."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    sent: dict[str, int] = {}
    for start in range(0, len(alerts), batch):
        part = alerts[start : start + batch]
        now = time.monotonic_ns()
        sent |= {alert["labels"]["instance"].split(":")[0]: now for alert in part}
        connection.request("POST", "/api/v2/alerts", msgspec.json.encode(part), {"Content-Type": "application/json"})
        response = connection.getresponse()
        response.read()
        if response.status != http.HTTPStatus.OK:
            raise RuntimeError(f"answered {response.status}")
        time.sleep(gap_seconds)
    connection.close()
    return sent


def crash(contender: Contender, folder: Path, *, number: int) -> dict[str, Any]:
    """A burst is answered 200, then the signal; started again, nothing sent again for ten seconds, then all of it."""
    bench = Bench(contender, Task(dispatch=True), folder)
    try:
        alerts = workload.make_alerts(f"c{number}", BURST, routes=10, now=time.time())
        post(bench.port, alerts)
        stop_seconds = bench.server.stop(number)
        time.sleep(2)
        before = bench.tokens_arrived()
        bench.start_server()
        time.sleep(10)
        alone = bench.tokens_arrived()
        post(bench.port, alerts)
        time.sleep(10)
        pages = Pages.of(bench.sink_port)
        return {
            "accepted": BURST,
            "paged_before": before,
            "lost": BURST - alone,
            "lost_after_resend": BURST - len(pages.first),
            "repeated": pages.repeated,
            "second_incidents": pages.second_incidents,
            "stop_seconds": stop_seconds,
        }
    finally:
        bench.stop()


def outage(contender: Contender, folder: Path) -> dict[str, Any]:
    """PagerDuty cannot be reached for a minute, in which 300 alerts come in; then it is back."""
    bench = Bench(contender, Task(dispatch=True, repeat_seconds=1), folder)
    try:
        bench.stop_sink()
        began = time.monotonic()
        tried_before = _attempts(bench)
        sent = post(bench.port, workload.make_alerts("o", OUTAGE_ALERTS, routes=10, now=time.time()), batch=1, gap_seconds=0.05)
        cpu, settled = bench.server.cpu_seconds(), time.monotonic()
        time.sleep(max(0.0, OUTAGE_SECONDS - (time.monotonic() - began)))
        busy = (bench.server.cpu_seconds() - cpu) / (time.monotonic() - settled)
        tried = _attempts(bench) - tried_before
        bench.start_sink()
        back = time.monotonic_ns()
        while bench.tokens_arrived() < OUTAGE_ALERTS and time.monotonic_ns() - back < RECOVERY_SECONDS * 1e9:
            time.sleep(0.25)
        time.sleep(1)
        pages = Pages.of(bench.sink_port)
        return {
            "alerts": OUTAGE_ALERTS,
            "lost": len(set(sent) - set(pages.first)),
            "repeated": pages.repeated,
            "attempts_in_outage": tried,
            "cpu_share_in_outage": busy,
            "last_page_seconds": (max(pages.first.values(), default=back) - back) / 1e9,
            "out_of_order": pages.share_out_of_order(),
        }
    finally:
        bench.stop()


def throttled(contender: Contender, folder: Path) -> dict[str, Any]:
    """PagerDuty says 429 with Retry-After 30 for thirty seconds."""
    bench = Bench(contender, Task(dispatch=True, repeat_seconds=1), folder)
    try:
        mode = {"status": 429, "retry_after": RETRY_AFTER_SECONDS, "for_seconds": RETRY_AFTER_SECONDS}
        ask(bench.sink_port, "POST", "/_mode", mode)
        began = time.monotonic_ns()
        post(bench.port, workload.make_alerts("q", OUTAGE_ALERTS, routes=10, now=time.time()))
        while (
            bench.tokens_arrived() < OUTAGE_ALERTS
            and time.monotonic_ns() - began < (RETRY_AFTER_SECONDS + RECOVERY_SECONDS) * 1e9
        ):
            time.sleep(0.25)
        time.sleep(1)
        pages = Pages.of(bench.sink_port)
        early = 0
        for attempts in pages.attempts.values():
            for (at, status), (again_at, _) in pairwise(attempts):
                early += status == http.HTTPStatus.TOO_MANY_REQUESTS and again_at - at < _EARLY_NS
        return {
            "alerts": OUTAGE_ALERTS,
            "lost": OUTAGE_ALERTS - len(pages.first),
            "repeated": pages.repeated,
            "refused_calls": sum(
                status == http.HTTPStatus.TOO_MANY_REQUESTS for tries in pages.attempts.values() for _, status in tries
            ),
            "early_retries": early,
            "last_page_seconds": (max(pages.first.values(), default=began) - began) / 1e9,
            "out_of_order": pages.share_out_of_order(),
        }
    finally:
        bench.stop()


def _attempts(bench: Bench) -> int:
    """Calls to PagerDuty so far, by the server's own metrics: while it is away, nobody else can count them."""
    wanted = {
        "router": "alert_router_delivery_attempts_total",
        "alertmanager": "alertmanager_notification_requests_total",
    }[bench.contender]
    text = ask(bench.port, "GET", "/metrics")[1].decode()
    return int(sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(wanted)))


FAULTS = {
    "crash": lambda contender, folder: crash(contender, folder, number=signal.SIGKILL),
    "stop": lambda contender, folder: crash(contender, folder, number=signal.SIGTERM),
    "outage": outage,
    "throttled": throttled,
}
