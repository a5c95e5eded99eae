"""The arithmetic of the race: what counts as lost, repeated, out of order, passed."""

from __future__ import annotations

import math
import os
import re
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.benchmarks import workload
from tests.benchmarks.pages import Pages, percentile
from tests.benchmarks.processes import ROOT, free_port, python_module
from tests.benchmarks.servers import ROUTING_KEY, Task, write_router_files
from tests.benchmarks.sink import Sink
from tests.benchmarks.table import ROWS, Row, render, verdict

MORE = Row("speed", "s", "f", "more", 1.2, 2.0)
LESS = Row("cost", "s", "f", "less", 0.6, 0.3)
NONE = Row("lost", "s", "f", "less", 0, 0, absolute=True)


def results(router: list[float], alertmanager: list[float]) -> dict[tuple[str, str], list[dict[str, float]]]:
    return {("s", "router"): [{"f": v} for v in router], ("s", "alertmanager"): [{"f": v} for v in alertmanager]}


@pytest.mark.parametrize(
    ("row", "router", "alertmanager", "expected"),
    [
        (MORE, [100, 210, 900], [100, 100, 100], "aim"),
        (MORE, [120, 120, 900], [100, 100, 1], "floor"),
        (MORE, [110], [100], "below"),
        (LESS, [30], [100], "aim"),
        (LESS, [60], [100], "floor"),
        (LESS, [61], [100], "below"),
        (NONE, [0, 0, 0], [40], "aim"),
        (NONE, [0, 0, 1], [40], "below"),  # once is enough
        (MORE, [100], [], ""),
    ],
)
def test_a_verdict_is_by_medians_and_for_faults_by_the_worst(
    row: Row, router: list[float], alertmanager: list[float], expected: str
) -> None:
    assert verdict(row, results(router, alertmanager)) == expected


def test_the_table_has_the_rows_that_were_run() -> None:
    ran = {
        ("storm", "router"): [{"last_page_seconds": 1.0}],
        ("storm", "alertmanager"): [{"last_page_seconds": 4.0}, {"last_page_seconds": 6.0}],
    }
    lines = render(ran).splitlines()
    assert len(lines) == 3
    assert lines[2] == "| storm: 20,000 pages, last one out, s | 1.00 | 5.00 (4.00 to 6.00) | 0.20 | 1 x | 0.3 x | aim |"


def test_every_floor_is_milder_than_its_aim() -> None:
    for row in ROWS:
        assert row.floor <= row.aim if row.better == "more" else row.floor >= row.aim, row.title


def test_pages_are_put_together_by_token() -> None:
    pages = Pages(
        [
            "10 uid_r_0 trigger 429 7",
            "20 uid_r_0 trigger 202 7",
            "30 uid_r_2 trigger 202 8",
            "40 uid_r_1 trigger 202 9",
            "50 uid_r_1 trigger 202 9",
            "60 uid_r_2 trigger 202 5",
            "70 uid_r_0 resolve 202 7",
        ]
    )
    assert pages.first == {"uid_r_0": 20, "uid_r_2": 30, "uid_r_1": 40}
    assert pages.repeated == 2
    assert pages.second_incidents == 1  # uid_r_2 under another key
    assert pages.resolved == {"uid_r_0"}
    assert pages.attempts["uid_r_0"] == [(10, 429), (20, 202)]


def test_order_counts_within_a_severity_only() -> None:
    def share(*numbers: int) -> float:
        return Pages([f"{at} uid_r_{number} trigger 202 {number}" for at, number in enumerate(numbers)]).share_out_of_order()

    assert share(0, 3, 6, 1, 4, 2) == 0
    assert share(3, 0) == 1
    assert share(0, 6, 3) == pytest.approx(1 / 3, abs=0.02)
    assert share(1) == 0


def test_the_sink_remembers_what_it_took_and_refuses_when_told() -> None:
    sink = Sink()
    body = b'{"dedup_key":"k1","event_action":"trigger","payload":{"custom_details":{"instance":"uid_r_5:9100"}}}'
    assert sink.take(body).startswith(b"HTTP/1.1 202 ")
    sink.control(b"/_mode", b'{"status": 429, "retry_after": 30, "for_seconds": 60}')
    refused = sink.take(body)
    assert refused.startswith(b"HTTP/1.1 429 ")
    assert b"Retry-After: 30\r\n" in refused
    lines = sink.control(b"/_dump", b"").split(b"\r\n\r\n")[1].decode().splitlines()
    assert [line.split()[1:4] for line in lines] == [["uid_r_5", "trigger", "202"], ["uid_r_5", "trigger", "429"]]


def test_percentile_of_nothing_is_no_number() -> None:
    assert percentile([3, 1, 2], 50) == 2
    assert percentile([1], 99) == 1
    assert math.isnan(percentile([], 50))


def test_the_router_is_configured_without_a_mistake(tmp_path: Path) -> None:
    config = write_router_files(tmp_path, Task(routes=20), port=free_port(), sink_port=free_port())
    checked = subprocess.run(
        python_module("router", "check", "--config", config),
        env=os.environ | {"BENCH_ROUTING_KEY": ROUTING_KEY},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "20 rules, 1 team: no mistakes" in checked.stdout


@pytest.mark.parametrize("kind", ["prefix", "suffix", "infix"])
def test_a_route_finds_its_own_services_only(kind: workload.Kind) -> None:
    services = {(route, workload.service(route, number, kind)) for route in (3, 43, 9_999) for number in range(60)}
    for route in (3, 43, 9_999):
        own = {name for of, name in services if of == route}
        assert {name for _, name in services if fnmatchcase(name, workload.glob(route, kind))} == own
        assert {name for _, name in services if re.fullmatch(workload.regex(route, kind), name)} == own
