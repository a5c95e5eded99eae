"""The points are measured on what they say: the right rules match, every counted group pages."""

from __future__ import annotations

from router.engine.core import Engine
from tests.benchmarks import workload
from tests.benchmarks.growth import NOW, SECTIONS, _alert, _drive, _rules, _table
from tests.benchmarks.soak import Load, render
from tests.support.engine import ruleset


def test_every_alert_finds_the_rule_of_its_route() -> None:
    engine = Engine(ruleset(*_rules(100, "infix")), now=NOW)
    used, entries = _drive(engine, (_alert(number, workload.service(number, 1, "infix")) for number in range(100)))
    assert (entries, engine.active_alerts, engine.groups) == (100, 100, 100)
    assert used > 0


def test_a_table_has_a_line_for_every_size() -> None:
    table = _table(SECTIONS["startup"], [(10, {"seconds": 1.25, "store_mb": 2.0}), (1_000, {"seconds": 3.0, "store_mb": 4.0})])
    assert table.splitlines()[2:] == ["| 10 | 1.2 | 2.0 |", "| 1,000 | 3.0 | 4.0 |"]


def test_what_a_soak_sends_fires_for_its_time_and_is_over() -> None:
    load = Load(1, 1_000)
    first = load._next(0.0)
    assert len({alert["labels"]["instance"] for alert in first}) == 25
    later = load._next(30.0)
    assert [alert["labels"] for alert in later[25:]] == [alert["labels"] for alert in first]
    assert {alert["endsAt"] for alert in later[25:]} == {workload.timestamp(30.0)}


def test_a_soak_is_told_in_parts() -> None:
    sample = {"alerts_per_second": 1, "memory_mb": 2, "store_mb": 3, "descriptors": 4, "cpu_us_per_alert": 5}
    told = render([sample | {"minute": minute} for minute in range(1, 13)])
    assert told.splitlines()[2] == "| 1 to 2 | 1 | 2 | 3 | 4 | 5 |"
    assert len(told.splitlines()) == 8
