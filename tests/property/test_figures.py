"""The figures against plain SQL over the same incidents: two definitions of docs/reference/figures.md that share no code."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.history.base import Record
from router.history.figures import DIMENSIONS, Figures, Terms, Times, count
from router.history.objectives import Objective, judge

MINUTE = 60_000
START = 1_760_000_000_000 // 86_400_000 * 86_400_000
SINCE, UNTIL = START + 12 * 3_600_000, START + 60 * 3_600_000
NOW = START + 80 * 3_600_000

COLUMNS = (
    *("number", "created_at", "service", "team", "rule", "urgency", "priority", "kind", "status", "ending"),
    *("acknowledged_at", "resolved_at", "reopened", "escalated", "alerts", "alerted_at"),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Record]:
    minutes = draw(st.lists(st.integers(0, 72 * 60), max_size=25))
    return [draw(record(number, START + minute * MINUTE)) for number, minute in enumerate(sorted(minutes), 1)]


@st.composite
def record(draw: st.DrawFn, number: int, created_at: int) -> Record:
    some = st.integers(0, 90).map(lambda minutes: minutes * MINUTE)
    ending: Any = draw(st.sampled_from(["", "person", "itself", "merged"]))
    acknowledged = draw(st.booleans())
    status: Any = "resolved" if ending else "acknowledged" if acknowledged else "triggered"
    return Record(
        number=number, pagerduty_id=f"Q{number}", title="t", created_at=created_at,
        service=draw(st.sampled_from(["a", "b", ""])), team=draw(st.sampled_from(["x", ""])),
        rule=draw(st.sampled_from(["r", "s", ""])), urgency=draw(st.sampled_from(["high", "low", ""])),
        priority=draw(st.sampled_from(["P1", ""])), kind=draw(st.sampled_from(["k", "l", ""])), status=status, ending=ending,
        acknowledged_at=created_at + draw(some) if acknowledged else 0, resolved_at=created_at + draw(some) if ending else 0,
        reopened=draw(st.integers(0, 2)), escalated=draw(st.integers(0, 2)), alerts=draw(st.integers(0, 5)),
        alerted_at=created_at - draw(some) if draw(st.booleans()) else 0,
    )  # fmt: skip


TIMES = """
WITH lengths AS (SELECT {length} AS length FROM counted WHERE {counts}),
ranked AS (SELECT length, row_number() OVER (ORDER BY length) AS rank, count(*) OVER () AS number FROM lengths)
SELECT count(*), coalesce(avg(length), 0.0),
  coalesce(min(CASE WHEN rank * 100 >= 50 * number THEN length END), 0),
  coalesce(min(CASE WHEN rank * 100 >= 90 * number THEN length END), 0),
  coalesce(min(CASE WHEN rank * 100 >= 95 * number THEN length END), 0),
  coalesce(max(length), 0) FROM ranked
"""

COUNTS = """
SELECT count(*), (SELECT count(*) FROM chosen WHERE ending = 'merged'),
  coalesce(sum(status <> 'resolved'), 0), coalesce(sum(acknowledged_at > 0), 0),
  coalesce(sum(status = 'resolved' AND acknowledged_at = 0), 0),
  coalesce(sum(escalated > 0), 0), coalesce(sum(reopened > 0), 0),
  coalesce(sum(kind <> '' AND EXISTS (
    SELECT 1 FROM incidents AS earlier WHERE earlier.kind = counted.kind AND earlier.ending <> 'merged'
    AND earlier.resolved_at > 0 AND earlier.number < counted.number
    AND earlier.resolved_at BETWEEN counted.created_at - :refired AND counted.created_at)), 0),
  coalesce(sum(ending = 'itself' AND acknowledged_at = 0 AND resolved_at - created_at <= :self), 0),
  coalesce(sum(urgency <> 'low' AND (strftime('%H:%M', created_at / 1000, 'unixepoch') >= '22:00'
    OR strftime('%H:%M', created_at / 1000, 'unixepoch') < '06:30')), 0),
  coalesce(sum(alerts), 0) FROM counted
"""

KEYS = {name: f"CASE {name} WHEN '' THEN 'none' ELSE {name} END" for name in DIMENSIONS}
KEYS["hour"] = "strftime('%H', created_at / 1000, 'unixepoch')"


class Oracle:
    """Plain SQL."""

    def __init__(self, records: list[Record], terms: Terms) -> None:
        self.connection = sqlite3.connect(":memory:")
        self.connection.execute(f"CREATE TABLE incidents ({', '.join(COLUMNS)})")
        rows = [[getattr(one, name) for name in COLUMNS] for one in records]
        self.connection.executemany(f"INSERT INTO incidents VALUES ({', '.join('?' * len(COLUMNS))})", rows)
        self.terms = terms

    def figures(self, condition: str = "1", value: str = "") -> Figures:
        parameters = {
            "since": SINCE, "until": UNTIL, "value": value, "refired": self.terms.refired_ms, "self": self.terms.self_resolved_ms,
        }  # fmt: skip
        chosen = f"chosen AS (SELECT * FROM incidents WHERE created_at >= :since AND created_at < :until AND {condition})"
        counted = "counted AS (SELECT * FROM chosen WHERE ending <> 'merged')"
        ask = lambda text: self.connection.execute(text, parameters).fetchone()  # noqa: E731
        counts = ask(f"WITH {chosen}, {counted} {COUNTS}")
        lengths = []
        for length, counts_if in (
            ("acknowledged_at - created_at", "acknowledged_at > 0"),
            ("resolved_at - created_at", "status = 'resolved'"),
            ("created_at - alerted_at", "alerted_at > 0"),
        ):
            text = TIMES.format(length=length, counts=counts_if).replace("WITH", f"WITH {chosen}, {counted},", 1)
            number, mean, p50, p90, p95, longest = ask(text)
            lengths.append(Times(count=number, mean=mean, p50=p50, p90=p90, p95=p95, longest=longest))
        names = (
            *("incidents", "merged", "open", "acknowledged", "never_acknowledged", "escalated", "reopened", "refired"),
            *("self_resolved", "night_pages", "alerts"),
        )
        plain = dict(zip(names, counts, strict=True))
        return Figures(**plain, to_acknowledge=lengths[0], to_resolve=lengths[1], to_page=lengths[2])

    def groups(self, name: str) -> dict[str, Figures]:
        text = f"SELECT DISTINCT {KEYS[name]} FROM incidents WHERE created_at >= ? AND created_at < ?"
        keys = [key for (key,) in self.connection.execute(text, (SINCE, UNTIL))]
        return {key: self.figures(f"{KEYS[name]} = :value", key) for key in keys}


@given(records=histories(), refired=st.integers(0, 240), self_resolved=st.integers(0, 60))
def test_every_figure_is_what_plain_sql_says(records: list[Record], refired: int, self_resolved: int) -> None:
    terms = Terms(night_to=6 * 60 + 30, refired_ms=refired * MINUTE, self_resolved_ms=self_resolved * MINUTE)
    oracle = Oracle(records, terms)
    found = count(records, since=SINCE, until=UNTIL, terms=terms)
    assert found.total == oracle.figures()
    for name in DIMENSIONS:
        assert found.by[name] == oracle.groups(name)


OBJECTIVE = """
SELECT coalesce(sum(took <= :limit AND ended), 0), coalesce(sum(took > :limit), 0), coalesce(sum(took <= :limit AND NOT ended), 0)
FROM (SELECT CASE WHEN ended_at > 0 THEN ended_at ELSE :now END - created_at AS took, ended_at > 0 AS ended FROM (
  SELECT created_at, CASE WHEN :acknowledge AND acknowledged_at > 0 THEN acknowledged_at ELSE resolved_at END AS ended_at
  FROM incidents WHERE ending <> 'merged' AND priority = 'P1'))
"""


@pytest.mark.parametrize("acknowledge", [True, False])
@given(records=histories(), minutes=st.integers(1, 80 * 60))
def test_objectives_are_met_and_breached_as_plain_sql_says(acknowledge: bool, records: list[Record], minutes: int) -> None:
    limit = minutes * MINUTE
    objective = Objective(
        name="P1",
        priorities=("P1",),
        acknowledge_within_ms=limit if acknowledge else 0,
        resolve_within_ms=0 if acknowledge else limit,
    )
    parameters = {"limit": limit, "now": NOW, "acknowledge": acknowledge}
    met, breached, pending = Oracle(records, Terms()).connection.execute(OBJECTIVE, parameters).fetchone()
    (found,) = judge(records, [objective], now=NOW)
    assert (found.met, found.breached, found.pending) == (met, breached, pending)
    assert len(found.breaches) == min(100, breached)
