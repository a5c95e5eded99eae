"""History at size: ``python -m tests.benchmarks.history [INCIDENTS] [--json]``. What the figures in docs/benchmarks/history.md are from.

Makes an archive of so many incidents over two years, then measures the crawl's own cost (against the sandbox, in process), search,
figures and the report, each in the same process as a command would, cold and warm. Never asserts: machines differ.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from router.history.periods import Period, count_all, month_of, objectives_of, records_of, terms_of
from router.history.recollection import Recollection
from router.history.rendering import FORMS, render
from router.history.report import build_month
from router.history.searching import search
from router.history.sqlite.reader import SqliteHistory
from tests.support.past import PastWorld, history_settings
from tests.support.past_load import fill

QUERIES = (
    "connection pool restarted", "carderror host-17", "error", "service", "host", "timeout retry upstream", "certificate by hand",
    "thresold too tigt", "conection pool exhuasted", "zebra unicorn", '"errors stopped at once"', "payment-api",
    "restarted the connection pool, errors stopped at once kernel",
)  # fmt: skip
ROUNDS = 20
CRAWLED = 1_000


def took(call: Callable[[], Any]) -> tuple[float, Any]:
    """Milliseconds, and what came out."""
    began = time.perf_counter()
    value = call()
    return (time.perf_counter() - began) * 1000, value


def cpu(call: Callable[[], Any]) -> float:
    """Milliseconds of processor time, the median of a few rounds: what a machine that has other things to do cannot blur."""
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        call()
        found.append((time.process_time() - began) * 1000)
    return statistics.median(found)


def measure(path: Path, incidents: int) -> dict[str, Any]:
    """All figures, in ms."""
    since, until = month_of("2024-12", "UTC").since, month_of("2026-11", "UTC").until
    filled, _ = took(lambda: fill(path, incidents, since=since, until=until))
    settings = history_settings(path)
    opened, past = took(lambda: SqliteHistory(path))
    searches = {query: [took(lambda query=query: search(past, query))[0] for _ in range(ROUNDS)] for query in QUERIES}  # type: ignore[misc]
    times = [each for found in searches.values() for each in found]
    busy = [cpu(lambda query=query: search(past, query)) for query in QUERIES]  # type: ignore[misc]
    month = "2026-10"
    reported, report = took(lambda: build_month(past, month, settings=settings, rules=(), base=path.parent, now=until))
    rendered = {form: took(lambda form=form: render(report, form))[0] for form in FORMS}  # type: ignore[misc]
    whole = Period(since=since, until=until)
    counted, _ = took(
        lambda: count_all(
            records_of(past, whole), whole, terms=terms_of(settings), objectives=objectives_of(settings), now=until
        )
    )
    learnt, _ = took(lambda: Recollection().learn(past.records(since=since, until=until)))
    past.close()
    return {
        "incidents": incidents,
        "file_megabytes": round(path.stat().st_size / 1e6, 1),
        "write_one_incident_ms": round(filled / incidents, 3),
        "open_ms": round(opened, 2),
        "search_cold_slowest_ms": round(max(found[0] for found in searches.values()), 1),
        "search_median_ms": round(statistics.median(times), 1),
        "search_p99_ms": round(statistics.quantiles(times, n=100)[98], 1),
        "search_slowest_ms": round(max(times), 1),
        "search_slowest_cpu_ms": round(max(busy), 1),
        "report_of": report.statistics.total.incidents,
        "report_ms": round(reported, 1),
        "report_render_ms": {form: round(each, 1) for form, each in rendered.items()},
        "figures_of_all_ms": round(counted, 1),
        "links_learnt_ms": round(learnt, 1),
    }


async def crawl(folder: Path) -> dict[str, Any]:
    """What the router itself takes for each incident it fetches; PagerDuty's pace comes on top."""
    world = PastWorld(folder, incidents=CRAWLED)
    began = time.perf_counter()
    done = await world.sync()
    seconds = time.perf_counter() - began
    began = time.perf_counter()
    again = await world.sync()
    return {
        "crawled": done.read,
        "calls_per_incident": round(done.calls / done.read, 2),
        "crawl_one_incident_ms": round(seconds / done.read * 1000, 2),
        "nothing_new_calls": again.calls,
        "nothing_new_ms": round((time.perf_counter() - began) * 1000, 1),
    }


def main() -> None:
    """Print the figures."""
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder) / "history.db", numbers[0] if numbers else 100_000)
        found |= asyncio.run(crawl(Path(folder) / "crawl"))
    if "--json" in sys.argv:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:26} {value}")


if __name__ == "__main__":
    main()
