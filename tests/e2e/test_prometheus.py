"""Debian's Prometheus with alerting rules, this daemon as its Alertmanager: from a figure it scrapes to a person's page."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest
import yaml

from tests.support.daemon import Daemon, eventually, free_port, off_loop
from tests.support.programs import find_program, started

pytestmark = pytest.mark.timeout(120)

RULES = """
rules:
  - id: from-prometheus
    match: {service: "payment-*", source: prometheus}
    summary: "{{ name }} at {{ service }} on {{ labels.instance_name }}"
"""
ALERTING_RULES = {
    "groups": [
        {
            "name": "checkout",
            "rules": [
                {
                    "alert": "CardErrors",
                    "expr": "checkout_failing > 0",
                    "labels": {"severity": "critical", "service": "payment-api"},
                    "annotations": {"summary": "{{ $value }} cards a second are declined"},
                }
            ],
        }
    ]
}


class Target:
    """What Prometheus scrapes: one gauge per instance that the test sets."""

    def __init__(self) -> None:
        self.failing: dict[str, float] = {"one": 0.0}
        target = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                lines = [f'checkout_failing{{instance_name="{name}"}} {value}\n' for name, value in target.failing.items()]
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write("".join(lines).encode())

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextlib.contextmanager
def prometheus(folder: Path, target: Target, daemon: Daemon) -> Iterator[Any]:
    """Scrapes and evaluates every second, resends every other; knows the daemon as its only Alertmanager."""
    folder.mkdir()
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": ["alerts.yaml"],
        "scrape_configs": [{"job_name": "checkout", "static_configs": [{"targets": [f"127.0.0.1:{target.port}"]}]}],
        "alerting": {"alertmanagers": [{"api_version": "v2", "static_configs": [{"targets": [f"127.0.0.1:{daemon.port}"]}]}]},
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    (folder / "alerts.yaml").write_text(yaml.safe_dump(ALERTING_RULES))
    port = free_port()
    command = [
        find_program("/usr/bin/prometheus", "prometheus"),
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--rules.alert.resend-delay=2s",
    ]
    with started(command, folder, f"http://127.0.0.1:{port}/-/ready") as process:
        yield process


def received(daemon: Daemon, result: str) -> float:
    """How many alerts of this result the daemon counted."""
    return daemon.metric("alert_router_alerts_received_total", source="prometheus", result=result)


def incidents(pagerduty: Any) -> list[tuple[str, str, str, str]]:
    return [(found.service, found.title, found.severity, found.status) for found in pagerduty.sandbox.incidents()]


async def test_an_alert_of_prometheus_opens_one_incident_and_its_end_resolves_it(make_daemon, pagerduty, tmp_path) -> None:
    daemon = await off_loop(make_daemon, RULES)
    with Target() as target, contextlib.ExitStack() as stack:
        await off_loop(stack.enter_context, prometheus(tmp_path / "prometheus", target, daemon))
        target.failing["one"] = 3.0
        firing = ("payments", "CardErrors at payment-api on one", "critical", "triggered")
        await eventually(lambda: incidents(pagerduty) == [firing], seconds=30, what="one incident at the team that owns it")

        # It goes on firing: resends are recognised, nothing is journalled, sent or paged a second time.
        _, before = await off_loop(daemon.get, "/v1/stats")
        resent = await off_loop(received, daemon, "resent")
        await eventually(lambda: received(daemon, "resent") >= resent + 3, seconds=30, what="Prometheus resends")
        _, after = await off_loop(daemon.get, "/v1/stats")
        assert after["store"]["journal_entries"] == before["store"]["journal_entries"]
        assert await off_loop(received, daemon, "new") == 1
        assert incidents(pagerduty) == [firing]
        assert len(pagerduty.sandbox.pages()) == 1
        assert len(pagerduty.sandbox.requests(face="events")) == 1

        # What Prometheus said reaches the person who is woken.
        sent = json.loads(pagerduty.sandbox.requests(face="events")[0].body)
        assert sent["payload"]["source"], sent
        assert "/graph?g0.expr=checkout_failing" in json.dumps(sent)
        assert "3 cards a second are declined" in json.dumps(sent)

        target.failing["one"] = 0.0
        await eventually(lambda: [found[3] for found in incidents(pagerduty)] == ["resolved"], seconds=30, what="resolved")
        assert len(pagerduty.sandbox.pages()) == 1

        # The same problem again is a new episode, with a dedup key of its own.
        target.failing["one"] = 1.0
        await eventually(lambda: [found[3] for found in incidents(pagerduty)] == ["resolved", "triggered"], seconds=30)
        first, second = pagerduty.sandbox.incidents()
        assert first.dedup_keys != second.dedup_keys


async def test_an_alert_expires_by_its_end_when_prometheus_is_gone(make_daemon, pagerduty, tmp_path) -> None:
    daemon = await off_loop(make_daemon, RULES)
    with Target() as target:
        target.failing = {"one": 1.0, "two": 1.0}
        with contextlib.ExitStack() as stack:
            process = await off_loop(stack.enter_context, prometheus(tmp_path / "prometheus", target, daemon))
            await eventually(lambda: [found[3] for found in incidents(pagerduty)] == ["triggered"], seconds=30)
            await eventually(lambda: received(daemon, "new") == 2, seconds=30, what="both alerts, one group")
            process.kill()
        await eventually(lambda: [found[3] for found in incidents(pagerduty)] == ["resolved"], seconds=30, what="expired")
    _, listed = await off_loop(daemon.get, "/v1/alerts?journal=true")
    ended = [item["alert"]["resolved_by"] for item in listed["items"] if item["alert"].get("status") == "resolved"]
    assert ended == ["expiry", "expiry"]
    assert len(pagerduty.sandbox.pages()) == 1
