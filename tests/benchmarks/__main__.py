"""``make bench``: runs the race and writes a JSON line per run and the table into docs/benchmarks/.

``python -m tests.benchmarks [--runs N] [--minutes N] [--only SECTION …] [--folder DIR] [--out DIR]``. The two take turns (A B,
B A, …), on a fresh store each time; the faults, which mostly wait, run side by side. Every section has its first run before any
has its second, and the page is written after each: a race that is stopped, or out of time, has told all it knows.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from tests.benchmarks.faults import FAULTS
from tests.benchmarks.generator import Order
from tests.benchmarks.processes import ROOT, python_module
from tests.benchmarks.raceplot import draw_race
from tests.benchmarks.servers import CONTENDERS, Bench, Contender, Task
from tests.benchmarks.table import ROWS, render, verdict
from tests.benchmarks.workload import Kind

GENERATOR_SECONDS = 400


def load(bench: Bench, core: int | None = None, **order: Any) -> dict[str, Any]:
    """Run the generator against this bench, on a core of its own if told so."""
    given = Order(
        run=f"r{time.monotonic_ns() // 1_000_000 % 10**8}",
        port=bench.port,
        sink_port=bench.sink_port,
        pid=bench.server.pid,
        routes=bench.task.routes,
        kind=bench.task.kind,
        **order,
    )
    pinned = [] if core is None else ["taskset", "-c", str(core)]
    command = [*pinned, *python_module("tests.benchmarks.generator", msgspec.json.encode(given).decode())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=GENERATOR_SECONDS, cwd=ROOT, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    result: dict[str, Any] = json.loads(done.stdout)
    return result


Section = Callable[[Contender, Path], dict[str, Any]]


def _section(task: Task, *, server_core: int | None = None, settle_seconds: float = 0.0, **order: Any) -> Section:
    def run(contender: Contender, folder: Path) -> dict[str, Any]:
        bench = Bench(contender, task, folder, server_core=server_core)
        try:
            result = load(bench, None if server_core is None else 1 - server_core, **order)
            if settle_seconds:
                time.sleep(settle_seconds)
                result["memory_mb"] = bench.server.memory_mb()
        finally:
            bench.stop()
        return result

    return run


def _rules(kind: Kind) -> Section:
    return _section(Task(routes=10_000, kind=kind), mode="ingest", count=2_000, rounds=1)


SECTIONS: dict[str, Section] = {
    "accept-64": _section(Task(), mode="ingest", count=20_000),
    "one-core": _section(Task(), server_core=0, mode="ingest", count=20_000),
    "accept-1": _section(Task(), mode="ingest", count=20_000, batch=1),
    "dispatch": _section(Task(dispatch=True), mode="ingest", count=5_000, drain_seconds=3),
    "rules-prefix": _rules("prefix"),
    "rules-suffix": _rules("suffix"),
    "rules-infix": _rules("infix"),
    "rate-200": _section(Task(dispatch=True), mode="rate", rate=200, count=2_400, batch=1, connections=16),
    "rate-1000": _section(Task(dispatch=True), mode="rate", rate=1_000, count=10_000, batch=1, connections=16),
    "storm": _section(Task(dispatch=True), mode="storm", count=20_000),
    "memory-own-groups": _section(Task(), settle_seconds=10, mode="ingest", count=100_000, batch=500, connections=4, rounds=1),
    "memory-400-groups": _section(
        Task(own_groups=False), settle_seconds=10, mode="ingest", count=100_000, batch=500, connections=4, rounds=1
    ),
}


class Race:
    """Collects results and writes each down at once, so that an interrupted race has told what it knows."""

    def __init__(self, folder: Path, lines: Path) -> None:
        self._folder = folder
        self._lines = lines
        self._lock = threading.Lock()
        self.results: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        self.failures = 0

    def run(self, name: str, section: Section, contender: Contender, number: int) -> None:
        """One run; a failure is reported and counted, and the race goes on."""
        began = time.monotonic()
        try:
            result = section(contender, self._folder / f"{name}-{contender}-{number}")
        except Exception:  # noqa: BLE001 - the race goes on
            self.failures += 1
            print(f"FAILED {name} {contender} run {number}\n{traceback.format_exc()}", flush=True)
            return
        with self._lock:
            self.results[name, contender].append(result)
            with self._lines.open("a") as lines:
                line = {"section": name, "contender": contender, "run": number, "load": os.getloadavg()[0], **result}
                lines.write(json.dumps(line) + "\n")
        figures = {key: round(value, 3) if isinstance(value, float) else value for key, value in result.items()}
        print(f"{name:18} {contender:13} {time.monotonic() - began:6.1f}s  {json.dumps(figures)}", flush=True)

    def side_by_side(self, name: str, number: int) -> None:
        """A fault for both at once: they mostly wait."""
        threads = [
            threading.Thread(target=self.run, args=(name, FAULTS[name], contender, number), name=f"{name}-{contender}")
            for contender in CONTENDERS
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _machine() -> str:
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), ""
    )
    version = subprocess.run(["prometheus-alertmanager", "--version"], capture_output=True, text=True, check=False)
    said = (version.stdout + version.stderr).splitlines()
    return (
        f"{os.cpu_count()} cores ({model or platform.machine()}), {platform.system()} {platform.release()}, "
        f"CPython {platform.python_version()}; {said[0].split(' (')[0] if said else 'alertmanager of unknown version'}"
    )


def _write_page(path: Path, race: Race, lines: Path) -> None:
    """Everything but the prose, which begins with the page's first second-level heading and stays."""
    _, heading, prose = (path.read_text() if path.exists() else "").partition("\n## ")
    counts = [len(runs) for runs in race.results.values()]
    fewest, most = min(counts, default=0), max(counts, default=0)
    runs = "one run" if most == 1 else f"{most} runs" if fewest == most else f"{fewest} to {most} runs"
    path.write_text(
        "# Against Alertmanager\n\n"
        "Written by `make bench`: one race, one machine, the same work for both, taking turns; medians (least to most) of "
        f"{runs}. Ratios are router over Alertmanager. Wall-clock figures of a machine drift, ratios of one race do not. "
        "The router writes every accepted alert to disk before it answers; Alertmanager keeps them in memory. Rows of faults "
        "show what happened, against what is right. A 429 is sent again a second later.\n\n"
        f"{datetime.now(UTC):%Y-%m-%d}, {_machine()}.\n\n{_picture(path, race)}{render(race.results)}\n"
        f"{_summary(race)} `floor` and `aim` are set in `tests/benchmarks/table.py`; every run: `{lines.name}`.\n"
        f"{heading}{prose}"
    )


def _picture(path: Path, race: Race) -> str:
    """Draws it beside the page; answers the link to it."""
    drawn = draw_race(race.results)
    if not drawn:
        return ""
    path.with_suffix(".svg").write_text(drawn)
    return f"![each row on a scale of how many times as good it is]({path.stem}.svg)\n\n"


def _summary(race: Race) -> str:
    verdicts = [verdict(row, race.results) for row in ROWS if not math.isinf(row.floor)]
    said = {word: verdicts.count(word) for word in ("aim", "floor", "below")}
    failed = f", {race.failures} runs failed" if race.failures else ""
    return f"{said['aim']} rows reach their aim, {said['floor']} pass their floor, {said['below']} miss it{failed}."


def _run_both(race: Race, name: str, contenders: Sequence[Contender], number: int) -> None:
    if name in FAULTS and len(contenders) > 1:
        race.side_by_side(name, number)
        return
    for contender in contenders:
        race.run(name, SECTIONS[name] if name in SECTIONS else FAULTS[name], contender, number)


def main() -> int:
    """Exit status 1 if a run failed or a row is below its floor."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3, help="of each section and contender (default 3)")
    parser.add_argument("--minutes", type=float, default=33, help="begin no further run after so long (default 33)")
    parser.add_argument("--only", nargs="+", choices=[*SECTIONS, *FAULTS], default=[*SECTIONS, *FAULTS], metavar="SECTION")
    parser.add_argument("--against", choices=["alertmanager", "nobody"], default="alertmanager")
    parser.add_argument("--folder", type=Path, help="where the servers keep their files (default: a temporary folder)")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/benchmarks")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    lines = given.out / "alertmanager.jsonl"
    lines.write_text("")
    contenders = CONTENDERS if given.against == "alertmanager" else CONTENDERS[:1]
    with tempfile.TemporaryDirectory(prefix="alert-router-bench-", dir=given.folder) as folder:
        race = Race(Path(folder), lines)
        ends = time.monotonic() + given.minutes * 60
        for number in range(given.runs):
            for name in given.only:
                if time.monotonic() < ends:
                    _run_both(race, name, contenders[:: 1 if number % 2 == 0 else -1], number)
                    _write_page(given.out / "alertmanager.md", race, lines)
    print(render(race.results))
    below = [row.title for row in ROWS if verdict(row, race.results) == "below"]
    for title in below:
        print(f"below its floor: {title}")
    return 1 if below or race.failures else 0


if __name__ == "__main__":
    sys.exit(main())
