"""The daemon in the test's own process and loop: for tests that look inside or replace its clock."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import random
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from router.clock import Clock, SystemClock
from router.config.settings import TcpAddress
from router.daemon.app import Daemon
from router.daemon.starting import load_first
from router.daemon.systemd import Notifier
from router.telemetry.logs import Redactor
from tests.support.daemon import free_port
from tests.support.parts import ENVIRON, RULES, write_files


class Running:
    """A daemon and its door; call the blocking methods off the loop."""

    def __init__(self, daemon: Daemon, port: int, redactor: Redactor) -> None:
        """Plain attributes."""
        self.daemon = daemon
        self.port = port
        self.redactor = redactor

    def request(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and decoded body (JSON if it is)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            payload = None if body is None else json.dumps(body)
            connection.request(method, path, payload, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        with contextlib.suppress(ValueError):
            return answer.status, json.loads(text)
        return answer.status, text

    def get(self, path: str) -> tuple[int, Any]:
        """GET."""
        return self.request("GET", path)

    def post_alerts(self, *alerts: dict[str, Any]) -> int:
        """Through the Alertmanager door; the status."""
        return self.request("POST", "/api/v2/alerts", list(alerts))[0]


def make_daemon(
    config_path: Path,
    *,
    environ: Mapping[str, str] = ENVIRON,
    clock: Clock | None = None,
    notifier: Notifier | None = None,
    redactor: Redactor | None = None,
) -> Daemon:
    """Not started; NoRules and ConfigError as ``alert-router run`` meets them."""
    return Daemon(
        config_path=config_path,
        first=load_first(config_path, environ),
        environ=dict(environ),
        clock=clock or SystemClock(),
        chance=random.Random(1),
        notifier=notifier or Notifier({}, process_id=0),
        redactor=redactor or Redactor(),
    )


@contextlib.asynccontextmanager
async def running_daemon(
    folder: Path,
    events_url: str,
    *,
    rules: str = RULES,
    environ: Mapping[str, str] = ENVIRON,
    clock: Clock | None = None,
    notifier: Notifier | None = None,
    write: bool = True,
    **changes: Any,
) -> AsyncIterator[Running]:
    """Started and ready; stopped cleanly at the end. ``write`` False: the files are there already."""
    port = free_port()
    path = folder / "config.yaml"
    if write:
        path = write_files(folder, events_url, rules, listen=f"127.0.0.1:{port}", **changes)
    else:
        (port,) = [address.port for address in load_first(path, environ).settings.listen if isinstance(address, TcpAddress)]
    redactor = Redactor()
    daemon = make_daemon(path, environ=environ, clock=clock, notifier=notifier, redactor=redactor)
    running = Running(daemon, port, redactor)
    task = asyncio.get_running_loop().create_task(daemon.run())
    try:
        while not task.done():
            with contextlib.suppress(OSError):
                if (await asyncio.to_thread(running.get, "/-/healthy"))[0] == 200:
                    break
            await asyncio.sleep(0.01)
        if task.done():
            await task
        yield running
    finally:
        daemon.stop()
        await task
