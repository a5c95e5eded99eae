"""The real daemon as a process, with a configuration of the test's own, and small helpers to talk to it.

Nothing is patched: the daemon reads its files, listens on a socket, writes its database, and pages the sandbox over HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.support.document import check_answer

KEYS = {"payments": "a1" * 16, "platform": "b2" * 16, "search": "c3" * 16}
START_SECONDS = 20.0
STOP_SECONDS = 20.0

DEFAULT_RULES = """
rules:
  - id: everything
    match: {service: "*"}
    group_by: [service, name, instance]
"""


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def config(events_url: str, **changes: Any) -> dict[str, Any]:
    """A small complete configuration; members of ``changes`` replace top-level keys."""
    return {
        "store": "sqlite:data/alert-router.db",
        "rules": ["rules/"],
        "default_team": "platform",
        "teams": {
            "payments": {"services": ["payment-*"], "pagerduty": {"routing_key": "env:KEY_PAYMENTS"}, "fallback": "platform"},
            "platform": {"services": ["*"], "pagerduty": {"routing_key": "env:KEY_PLATFORM"}},
        },
        "sources": {"prometheus": {"kind": "alertmanager"}},
        "pagerduty": {"events_url": events_url, "rate": "unlimited"},
    } | changes


class Daemon:
    """One daemon's folder and process; restarting keeps the folder."""

    def __init__(self, folder: Path, settings: dict[str, Any], rules: dict[str, str] | None = None) -> None:
        """Write the files; ``start`` runs them."""
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.connect: Callable[[], http.client.HTTPConnection] = self._connect
        self.command = [sys.executable, "-m", "router", "run", "--config", "config.yaml"]
        self.pass_fds: tuple[int, ...] = ()
        (folder / "rules").mkdir(parents=True, exist_ok=True)
        self.configure({"listen": f"127.0.0.1:{self.port}"} | settings)
        for name, text in (rules or {"everything.yaml": DEFAULT_RULES}).items():
            self.write_rules(text, name)
        self.environment = {name: value for name, value in os.environ.items() if name.isupper()} | {"PYTHONFAULTHANDLER": "1"}
        self.environment |= {f"KEY_{team.upper()}": key for team, key in KEYS.items()}

    def configure(self, settings: dict[str, Any]) -> None:
        """Replace the configuration file."""
        (self.folder / "config.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))

    def write_rules(self, text: str, name: str = "everything.yaml") -> None:
        """Replace one rule file, as an editor does: a new file renamed over the old."""
        new = self.folder / f"{name}.new"
        new.write_text(textwrap.dedent(text))
        new.replace(self.folder / "rules" / name)

    @property
    def log(self) -> str:
        """All it wrote."""
        return (self.folder / "daemon.log").read_text()

    def start(self, *, wait: bool = True) -> Daemon:
        """Run it; with ``wait``, until it says that it is ready."""
        with (self.folder / "daemon.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                pass_fds=self.pass_fds,
                env=self.environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        if wait:
            deadline = time.monotonic() + START_SECONDS
            while time.monotonic() < deadline:
                if self.process.poll() is not None:
                    raise AssertionError(f"the daemon ended with {self.process.returncode}:\n{self.log}")
                with contextlib.suppress(OSError):
                    if self.get("/-/ready")[0] == 200:
                        return self
                time.sleep(0.02)
            self.process.send_signal(signal.SIGABRT)  # where it hangs, by faulthandler
            self.process.wait()
            raise AssertionError(f"not ready in {START_SECONDS} s:\n{self.log}")
        return self

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)

    def send_signal(self, number: signal.Signals) -> None:
        """Any other signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and decoded body (JSON if it is), which are as the OpenAPI document says."""
        connection = self.connect()
        try:
            payload = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            connection.request(method, path, payload, {"Content-Type": "application/json"} | headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        check_answer(method, path, answer.status, answer.getheader("Content-Type", ""), text)
        with contextlib.suppress(ValueError):
            return answer.status, json.loads(text)
        return answer.status, text.decode()

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)

    def get(self, path: str) -> tuple[int, Any]:
        """GET."""
        return self.request("GET", path)

    def metric(self, name: str, **labels: str) -> float:
        """The sum of all samples of a metric that carry these labels."""
        _, text = self.get("/metrics")
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in text.splitlines()
            if line.partition("{")[0].partition(" ")[0] == name and all(pair in line for pair in wanted)
        )

    def post_alerts(self, *alerts: dict[str, Any]) -> int:
        """Through the Alertmanager door; the status."""
        return self.request("POST", "/api/v2/alerts", list(alerts))[0]

    def run_command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """``alert-router …`` in the daemon's folder."""
        return subprocess.run(
            [sys.executable, "-m", "router", *arguments],
            cwd=self.folder,
            env=self.environment | {"PYTHONPATH": str(Path(__file__).parents[2]), "ALERT_ROUTER_CONFIG": "config.yaml"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@contextlib.contextmanager
def running(folder: Path, settings: dict[str, Any], rules: dict[str, str] | None = None) -> Iterator[Daemon]:
    """A started daemon, killed at the end if it still runs."""
    daemon = Daemon(folder, settings, rules)
    try:
        yield daemon.start()
    finally:
        if daemon.process is not None and daemon.process.poll() is None:
            daemon.kill()


def alert(name: str = "CardError", service: str = "payment-api", severity: str = "error", **labels: str) -> dict[str, Any]:
    """One alert as Prometheus posts it; ``ends_in`` seconds from now as ``endsAt`` (negative: resolved)."""
    ends_in = float(labels.pop("ends_in", "600"))
    return {
        "labels": {"alertname": name, "service": service, "severity": severity} | labels,
        "annotations": {"summary": f"{name} at {service}"},
        "startsAt": _instant(-60),
        "endsAt": _instant(ends_in),
        "generatorURL": "http://prometheus.example.org:9090/graph?g0.expr=up",
    }


def _instant(seconds_from_now: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds_from_now))


async def off_loop(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """The sandbox lives on the test's loop, so whatever waits for the daemon waits in a thread."""
    return await asyncio.to_thread(function, *arguments, **named)


async def eventually(check: Callable[[], Any], *, seconds: float = 15.0, what: str = "") -> Any:
    """Wait until ``check`` gives something true; its value. The sandbox lives on this loop, so blocking calls go to threads."""
    deadline = time.monotonic() + seconds
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what or check}")
        await asyncio.sleep(0.02)
