"""Starting and stopping what is measured, asking it over HTTP, and reading what it used from ``/proc``."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
START_SECONDS = 60.0
ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def ask(port: int, method: str, path: str, body: Any = None, *, timeout: float = 120) -> tuple[int, bytes]:
    """One request to loopback: status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        payload = json.dumps(body) if isinstance(body, dict | list) else body
        connection.request(method, path, body=payload, headers={"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


class Process:
    """A server under measurement, with its log in ``folder``."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        name: str,
        folder: Path,
        port: int,
        ready: str,
        core: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start it, on one core if told so, and wait until ``ready`` answers 200."""
        self.port = port
        self.log = folder / f"{name}.log"
        pinned = ["taskset", "-c", str(core)] if core is not None else []
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*pinned, *command],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=ROOT,
                env={**os.environ, **(environment or {})},
            )
        self.pid = self._process.pid
        self._await(ready)

    def _await(self, path: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                if ask(self.port, "GET", path, timeout=2)[0] == http.HTTPStatus.OK:
                    return
            except OSError:
                pass
            time.sleep(0.02)
        self.stop(signal.SIGKILL)
        raise RuntimeError(f"{self.log.stem} did not start; the end of its log:\n{self.log.read_text()[-3000:]}")

    def stop(self, number: int = signal.SIGTERM, *, timeout: float = 60) -> float:
        """Send the signal and wait; how many seconds it took to end."""
        started = time.monotonic()
        if self._process.poll() is None:
            self._process.send_signal(number)
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        return time.monotonic() - started

    def cpu_seconds(self) -> float:
        """User and system time used so far, children included."""
        return cpu_seconds(self.pid)

    def memory_mb(self) -> float:
        """Resident memory now, children included."""
        return memory_mb(self.pid)


def python_module(module: str, *arguments: object) -> list[str]:
    """A command that runs a module of this checkout with this interpreter."""
    return [sys.executable, "-m", module, *map(str, arguments)]


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its children, those that ended included."""
    return sum(_own_cpu_seconds(each) for each in _family(pid))


def memory_mb(pid: int) -> float:
    """Resident memory of a process and its children."""
    kilobytes = 0
    for each in _family(pid):
        for line in Path(f"/proc/{each}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                kilobytes += int(line.split()[1])
    return kilobytes / 1024


def stolen_seconds() -> float:
    """Time the hypervisor gave to others: a run with much of it is worth nothing."""
    return int(Path("/proc/stat").read_text().split(maxsplit=9)[8]) / TICKS_PER_SECOND


def _own_cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(field) for field in fields[11:15]) / TICKS_PER_SECOND


def _family(pid: int) -> list[int]:
    family = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            family += _family(int(child))
    return family
