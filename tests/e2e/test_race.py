"""The race against Alertmanager still starts, sends, counts and ends: both contenders, with a hundred alerts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.__main__ import load
from tests.benchmarks.servers import CONTENDERS, Bench, Contender, Task


@pytest.mark.parametrize("contender", CONTENDERS)
def test_every_alert_of_a_small_storm_is_paged(contender: Contender, tmp_path: Path) -> None:
    bench = Bench(contender, Task(dispatch=True), tmp_path / "bench")
    try:
        result = load(bench, mode="storm", count=100)
        assert (result["arrived"], result["second_incidents"]) == (100, 0)
        assert result["page_p99_ms"] > 0
        assert result["cpu_per_100k"] > 0
    finally:
        bench.stop()


@pytest.mark.parametrize("contender", CONTENDERS)
def test_nothing_is_sent_where_nothing_shall_be(contender: Contender, tmp_path: Path) -> None:
    bench = Bench(contender, Task(), tmp_path / "bench")
    try:
        result = load(bench, mode="ingest", count=100)
        assert result["new_per_second"] > 0
        assert result["resend_per_second"] > 0
        assert bench.tokens_arrived() == 0
    finally:
        bench.stop()
