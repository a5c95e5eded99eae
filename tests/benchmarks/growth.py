"""What an alert costs as things grow: rules, services, windows, active alerts, the journal.

``python -m tests.benchmarks.growth [--only SECTION …] [--out DIR]``. Each point is a process of its own. The engine's points are CPU
time, so that a busy machine spoils them little. Writes a JSON line a point, ``growth.md`` and a plot a section.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from router.clock import SystemClock
from router.engine.core import Engine
from router.model.alert import Alert
from router.model.journal import AlertReceived, Entry
from router.model.pattern import Pattern
from router.model.ruleset import Count, FiringFor, Match, Rule
from router.model.severity import Severity
from router.store.base import Commit
from router.store.sqlite.driver import SqliteStore
from tests.benchmarks import workload
from tests.benchmarks.__main__ import load
from tests.benchmarks.plot import draw
from tests.benchmarks.processes import ROOT, memory_mb, python_module
from tests.benchmarks.servers import Bench, Task
from tests.support.engine import ruleset
from tests.support.journals import busy_journal, write_slice

BATCH = 256
NOW = 1_795_000_000_000
MINUTE_MS = 60_000


# The engine alone.


def _rules(count: int, kind: workload.Kind) -> list[Rule]:
    return [
        Rule(
            id=f"route-{route:05d}",
            match=Match(services=(Pattern.parse(workload.glob(route, kind)),)),
            when=FiringFor(for_ms=10 * MINUTE_MS),
            group_by=("service", "name", "instance"),
        )
        for route in range(count)
    ]


def _alert(number: int, service: str, **more: Any) -> Alert:
    return Alert(
        source="prometheus",
        fingerprint=f"{number:016x}",
        service=service,
        name=f"HighErrorRate{number % workload.NAMES:02d}",
        severity=Severity.ERROR,
        labels={"instance": f"host-{number}", "cluster": "eu-west-1a", "job": "node"},
        summary="error rate above 5%",
        **more,
    )


def _drive(engine: Engine, alerts: Iterator[Alert], *, step_ms: int = 0) -> tuple[float, int]:
    """CPU seconds of the engine, without making the entries; how many there were."""
    used, seq, now = 0.0, 0, NOW
    while True:
        batch = []
        for alert in alerts:
            seq += 1
            now += step_ms
            batch.append(Entry(seq=seq, at=now, fact=AlertReceived(alert=alert)))
            if len(batch) == BATCH:
                break
        if not batch:
            return used, seq
        began = time.process_time()
        engine.handle(batch, until=now, rulesets={})
        used += time.process_time() - began


def rules(count: int, kind: workload.Kind = "prefix") -> dict[str, float]:
    """New alerts of 2,000 services, under ever more rules."""
    engine = Engine(ruleset(*_rules(count, kind)), now=NOW)
    alerts = (_alert(number, workload.service(number * 7919 % count, number % 50, kind)) for number in range(40_000))
    used, entries = _drive(engine, alerts)
    return {"us_per_alert": used / entries * 1e6}


def services(count: int) -> dict[str, float]:
    """10,000 rules; 100,000 alerts of ever more services, at last each of its own."""
    engine = Engine(ruleset(*_rules(10_000, "prefix")), now=NOW)
    alerts = (_alert(number, f"{workload.service(number % count % 10_000, 0)}-{number % count}") for number in range(100_000))
    used, entries = _drive(engine, alerts)
    return {"us_per_alert": used / entries * 1e6}


def windows(count: int) -> dict[str, float]:
    """A rule that counts three within five minutes, in ever more groups: four events each, so every group pages."""
    rule = Rule(id="counting", when=Count(count=3, within_ms=5 * MINUTE_MS), group_by=("service", "name", "instance"))
    engine = Engine(ruleset(rule), now=NOW)
    before = memory_mb(multiprocessing.current_process().pid or 0)
    alerts = (_alert(number % count, f"api-{number % count % 997}", kind="event") for number in range(4 * count))
    used, entries = _drive(engine, alerts)
    return {"us_per_alert": used / entries * 1e6, "memory_mb": memory_mb(multiprocessing.current_process().pid or 0) - before}


# The daemon.


def active(count: int) -> dict[str, float]:
    """Ever more alerts that fire, each in a group of its own; then all of them sent again."""
    folder = Path(tempfile.mkdtemp(prefix="alert-router-growth-"))
    bench = Bench("router", Task(), folder / "active")
    try:
        result = load(bench, mode="ingest", count=count, batch=500, connections=4)
    finally:
        bench.stop()
        shutil.rmtree(folder)
    return {
        "us_per_new_alert": result["new_cpu_per_100k"] * 10,
        "us_per_resend": result["resend_cpu_per_100k"] * 10,
        "memory_mb": result["memory_mb"],
    }


def startup(count: int) -> dict[str, float]:
    """A journal of ever more decided entries: how long until the daemon is ready."""
    folder = Path(tempfile.mkdtemp(prefix="alert-router-growth-"))
    bench = Bench("router", Task(), folder / "startup")
    try:
        bench.server.stop()
        asyncio.run(_fill(bench.folder / "router.db", count))
        began = time.monotonic()
        bench.start_server()
        seconds = time.monotonic() - began
        size = (bench.folder / "router.db").stat().st_size / 2**20
    finally:
        bench.stop()
        shutil.rmtree(folder)
    return {"seconds": seconds, "store_mb": size}


async def _fill(path: Path, count: int) -> None:
    store = SqliteStore(path, clock=SystemClock())
    recovered = await store.open()
    store.subscribe(lambda _: None)
    now, written = SystemClock().now(), 0
    while written < count:
        size = min(2_000, count - written)
        facts = [AlertReceived(alert=_alert(written + number, "payment-api", kind="event")) for number in range(size)]
        entries = await store.append(now, facts)
        written += size
        await store.commit(
            Commit(
                cursor=entries[-1].seq,
                decided_at=max(now, recovered.decided_at),
                decisions=[],
                incidents=[],
                changes=[],
                deliveries=[],
            )
        )
    await store.close()


def backtest(count: int) -> dict[str, float]:
    """The command over ever longer journals."""
    folder = Path(tempfile.mkdtemp(prefix="alert-router-growth-"))
    try:
        write_slice(folder / "journal.jsonl", busy_journal(count, seed=1))
        (folder / "rules.yaml").write_text(
            "rules: [{id: slow, match: {severity: warning}, when: {firing_for: 10m}}, {id: rest}]\n"
        )
        (folder / "config.yaml").write_text(
            "default_team: platform\nrules: [rules.yaml]\n"
            'teams: {platform: {services: ["*"], pagerduty: {routing_key: env:KEY}}}\n'
        )
        began = time.monotonic()
        arguments = ["backtest", "--rules", "rules.yaml", "--journal", "journal.jsonl", "--output", "json"]
        environment = {"PYTHONPATH": str(ROOT), "KEY": "0" * 32}
        peak = 0.0
        with (folder / "effect.json").open("wb") as effect:
            done = subprocess.Popen(python_module("router", *arguments), cwd=folder, stdout=effect, env=environment)
            while done.poll() is None:
                with contextlib.suppress(OSError, IndexError):  # gone meanwhile
                    peak = max(peak, memory_mb(done.pid))
                time.sleep(0.05)
        if json.loads((folder / "effect.json").read_text())["entries"] != count:
            raise RuntimeError("the backtest did not read all entries")
        seconds = time.monotonic() - began
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
    finally:
        shutil.rmtree(folder)
    return {"seconds": seconds, "cpu_seconds": used.ru_utime + used.ru_stime, "memory_mb": peak}


class Section(NamedTuple):
    """What grows, through which sizes, and which figure is drawn."""

    title: str
    grows: str
    measure: Callable[..., dict[str, float]]
    sizes: Sequence[int]
    drawn: str
    more: tuple[Any, ...] = ()


SECTIONS = {
    "rules-prefix": Section("Engine: rules, prefix globs", "rules", rules, (10, 100, 1_000, 10_000), "us_per_alert"),
    "rules-infix": Section("Engine: rules, infix globs", "rules", rules, (10, 100, 1_000, 10_000), "us_per_alert", ("infix",)),
    "services": Section(
        "Engine: distinct services, 10,000 rules", "services", services, (100, 1_000, 10_000, 100_000), "us_per_alert"
    ),
    "windows": Section("Engine: groups of a window rule", "groups", windows, (1_000, 10_000, 100_000), "us_per_alert"),
    "active": Section("Daemon: alerts that fire", "alerts", active, (10_000, 100_000, 1_000_000), "memory_mb"),
    "startup": Section("Daemon: journal at the start", "entries", startup, (1_000, 100_000, 1_000_000, 10_000_000), "seconds"),
    "backtest": Section("Command: backtest", "entries", backtest, (10_000, 100_000, 1_000_000), "seconds"),
}


def _table(section: Section, points: Sequence[tuple[int, dict[str, float]]]) -> str:
    figures = list(points[0][1])
    lines = [
        f"| {section.grows} | {' | '.join(figure.replace('_', ' ') for figure in figures)} |",
        "|---:" * (len(figures) + 1) + "|",
    ]
    for size, found in points:
        lines.append(f"| {size:,} | {' | '.join(f'{found[figure]:,.1f}' for figure in figures)} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Exit status 0: what is too slow the reader sees."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), default=list(SECTIONS), metavar="SECTION")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/benchmarks")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    lines = given.out / "growth.jsonl"
    known = [json.loads(line) for line in lines.read_text().splitlines()] if lines.exists() else []
    known = [point for point in known if point["section"] not in given.only]
    for name in given.only:
        section = SECTIONS[name]
        for size in section.sizes:
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                found = pool.submit(section.measure, size, *section.more).result()
            known.append({"section": name, "size": size, **found})
            print(
                json.dumps({key: round(value, 2) if isinstance(value, float) else value for key, value in known[-1].items()}),
                flush=True,
            )
    lines.write_text("".join(json.dumps(point) + "\n" for point in known))
    page = [
        "# What an alert costs as things grow",
        "",
        f"Written by `python -m tests.benchmarks.growth`, {datetime.now(UTC):%Y-%m-%d}. `us` is CPU time in microseconds.",
        "What each section does stands in `tests/benchmarks/growth.py`; the points: `growth.jsonl`.",
    ]
    for name, section in SECTIONS.items():
        points = [
            (point["size"], {key: value for key, value in point.items() if key not in {"section", "size"}})
            for point in known
            if point["section"] == name
        ]
        if points:
            drawn = [(size, found[section.drawn]) for size, found in points]
            (given.out / f"growth-{name}.svg").write_text(draw(drawn, x=section.grows, y=section.drawn.replace("_", " ")))
            page += ["", f"## {section.title}", "", _table(section, points), f"![{section.title}](growth-{name}.svg)"]
    (given.out / "growth.md").write_text("\n".join(page) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
