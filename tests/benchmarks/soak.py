"""An hour at a steady rate: whether memory, descriptors and the cost of an alert stay what they were.

``python -m tests.benchmarks.soak [--minutes N] [--rate N] [--out DIR]``. Alerts come at ``--rate`` a second, half of them firing for
the first time, half of them over; each fires for 30 s, in 2,000 groups. History is kept within 256 MiB, so what is older is deleted all the
while. Writes a JSON line per minute, ``soak.md`` and its plots.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop

from tests.benchmarks import workload
from tests.benchmarks.plot import trace
from tests.benchmarks.processes import ROOT, Process, free_port, python_module
from tests.benchmarks.servers import ROUTING_KEY, Task, write_router_files

FIRES_SECONDS = 30
BATCH = 50
SERVICES = 50
PLOTS = {"memory_mb": "memory MB", "store_mb": "store MB", "cpu_us_per_alert": "CPU us an alert"}


def _configure(folder: Path, port: int, sink_port: int) -> Path:
    """The race's configuration, with grouping as people have it and little room for history."""
    path = write_router_files(folder, Task(dispatch=True, own_groups=False), port=port, sink_port=sink_port)
    config = json.loads(path.read_text())
    config["store"] = {"url": config["store"], "retention": {"age": "1h", "size": "256MiB"}}
    path.write_text(json.dumps(config))
    rules = [{"id": "everything", "group_by": ["service", "name"]}]
    (folder / "rules.yaml").write_text(json.dumps({"rules": rules}))
    return path


class Load:
    """Posts batches at their times over one connection; ``late`` is how far it is behind, in seconds."""

    def __init__(self, port: int, rate: float) -> None:
        self._port = port
        self._rate = rate
        self._firing: deque[tuple[float, list[dict[str, Any]]]] = deque()
        self._number = 0
        self.sent = 0
        self.late = 0.0

    def _next(self, now: float) -> list[dict[str, Any]]:
        """Half a batch that begins, and half of one whose time is over."""
        begin = []
        for _ in range(BATCH // 2):
            self._number += 1
            name = workload.service(self._number % SERVICES, 0)
            begin.append(
                {
                    "labels": {
                        "alertname": f"HighErrorRate{self._number // SERVICES % workload.NAMES:02d}",
                        "service": name,
                        "severity": workload.severity(self._number),
                        "instance": f"host-{self._number}:9100",
                    },
                    "annotations": {"summary": f"{name} error rate above 5% on instance"},
                    "startsAt": workload.timestamp(now),
                    "endsAt": workload.timestamp(now + 300),
                }
            )
        self._firing.append((now, begin))
        over: list[dict[str, Any]] = []
        if self._firing[0][0] <= now - FIRES_SECONDS:
            over = [alert | {"endsAt": workload.timestamp(now)} for alert in self._firing.popleft()[1]]
        return begin + over

    async def run(self, seconds: float) -> None:
        """At the rate, until the time is over; any answer but 200 ends it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        loop = asyncio.get_running_loop()
        begin, number = loop.time(), 0
        while (due := begin + number * BATCH / self._rate) < begin + seconds:
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
            self.late = loop.time() - due
            alerts = self._next(time.time())
            body = json.dumps(alerts).encode()
            head = (
                f"POST /api/v2/alerts HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
            )
            writer.write(head.encode() + b"\r\n\r\n" + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            if not answer.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(answer.decode())
            length = next(int(line[15:]) for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(length)
            self.sent += len(alerts)
            number += 1
        writer.close()


def _look(router: Process, folder: Path) -> dict[str, float]:
    return {
        "memory_mb": router.memory_mb(),
        "descriptors": len(list(Path(f"/proc/{router.pid}/fd").iterdir())),
        "store_mb": sum(file.stat().st_size for file in folder.glob("router.db*")) / 2**20,
    }


async def _soak(minutes: int, rate: float, folder: Path, lines: Path) -> list[dict[str, Any]]:
    port, sink_port = free_port(), free_port()
    config = _configure(folder, port, sink_port)
    sink = Process(
        python_module("tests.benchmarks.sink", sink_port), name="sink", folder=folder, port=sink_port, ready="/_stats"
    )
    router = Process(
        python_module("router", "run", "--config", config),
        name="router",
        folder=folder,
        port=port,
        ready="/-/ready",
        environment={"BENCH_ROUTING_KEY": ROUTING_KEY},
    )
    load, samples = Load(port, rate), []
    try:
        async with asyncio.TaskGroup() as tasks:
            loading = tasks.create_task(load.run(minutes * 60), name="load")
            cpu, sent = router.cpu_seconds(), 0
            for minute in range(1, minutes + 1):
                await asyncio.wait((loading,), timeout=60)
                used, now_sent = router.cpu_seconds() - cpu, load.sent - sent
                cpu, sent = cpu + used, load.sent
                sample = {
                    "minute": minute,
                    "alerts_per_second": now_sent / 60,
                    "late_seconds": load.late,
                    "cpu_us_per_alert": used / max(1, now_sent) * 1e6,
                    **_look(router, folder),
                }
                samples.append(sample)
                with lines.open("a") as file:
                    file.write(json.dumps(sample) + "\n")
                print(json.dumps({key: round(value, 2) for key, value in sample.items()}), flush=True)
    finally:
        router.stop()
        sink.stop()
    return samples


def render(samples: list[dict[str, Any]]) -> str:
    """Medians of the sixths of the time, the first of them left out: it is still filling up."""
    size = max(1, len(samples) // 6)
    parts = [samples[start : start + size] for start in range(0, len(samples), size)]
    figures = ("alerts_per_second", "memory_mb", "store_mb", "descriptors", "cpu_us_per_alert")
    out = ["| minutes | alerts/s | memory MB | store MB | descriptors | CPU us an alert |", "|---|---:|---:|---:|---:|---:|"]
    for part in parts:
        middle = [statistics.median(sample[figure] for sample in part) for figure in figures]
        out.append(f"| {part[0]['minute']} to {part[-1]['minute']} | {' | '.join(f'{value:,.0f}' for value in middle)} |")
    return "\n".join(out) + "\n"


def main() -> int:
    """Exit status 1 if more memory was needed at the end than in the second sixth, by more than a twentieth."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--rate", type=float, default=1_000, help="alerts a second (default 1000)")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/benchmarks")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    lines = given.out / "soak.jsonl"
    lines.write_text("")
    with tempfile.TemporaryDirectory(prefix="alert-router-soak-") as folder:
        samples = uvloop.run(_soak(given.minutes, given.rate, Path(folder), lines))
    (given.out / "soak.md").write_text(
        f"# Steady for {given.minutes} minutes\n\nWritten by `python -m tests.benchmarks.soak` on {datetime.now(UTC):%Y-%m-%d}: "
        f"{given.rate:,.0f} alerts a second, half of them new, half over, each firing for {FIRES_SECONDS} s; history within 256 MiB. "
        f"Medians; every minute: `soak.jsonl`.\n\n{render(samples)}\n"
        + "".join(f"![{words} over the minutes](soak-{figure}.svg)\n" for figure, words in PLOTS.items())
    )
    for figure, words in PLOTS.items():
        drawn = trace([sample[figure] for sample in samples], x="minute", y=words)
        (given.out / f"soak-{figure}.svg").write_text(drawn)
    print(render(samples))
    size = max(1, len(samples) // 6)
    early = statistics.median(sample["memory_mb"] for sample in samples[size : 2 * size] or samples)
    late = statistics.median(sample["memory_mb"] for sample in samples[-size:])
    return 1 if late > early * 1.05 else 0


if __name__ == "__main__":
    sys.exit(main())
