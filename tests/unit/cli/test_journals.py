from __future__ import annotations

from pathlib import Path

import click
import pytest

from router.cli.journals import (
    Progress,
    Range,
    counted,
    file_entries,
    open_file,
    parse_time,
    read_range,
    store_entries,
    store_incidents,
)
from router.clock import SystemClock
from router.model.journal import AlertReceived
from router.store.memory import MemoryStore
from tests.support.journals import MINUTE, START, alert, incident, journal, write_slice

DAY = 86_400_000


class Ticking(SystemClock):
    """A second passes at each look."""

    seconds = 0.0

    def monotonic(self) -> float:
        self.seconds += 1
        return self.seconds


def test_ranges() -> None:
    now = 100 * DAY
    assert read_range(None, None, None, now=now, default="7d") == Range(since=93 * DAY, until=now)
    assert read_range("1d", None, None, now=now, default="7d") == Range(since=99 * DAY, until=now)
    assert read_range(None, "1970-01-02", "1970-01-03T00:00+00:00", now=now, default="7d") == Range(since=DAY, until=2 * DAY)
    assert read_range(None, None, None, now=now, default=None).since == 0
    assert read_range("1d", None, None, now=now, default=None).since == 99 * DAY
    assert parse_time("1970-01-01T01:00+01:00", "--from") == 0


@pytest.mark.parametrize(
    ("since", "from_", "to", "message"),
    [
        ("1d", "1970-01-02", None, "give one of them"),
        ("soon", None, None, "expected a duration"),
        (None, "yesterday", None, "expected a time such as"),
        (None, "1970-01-03", "1970-01-02", "begins after it ends"),
    ],
)
def test_wrong_ranges(since: str | None, from_: str | None, to: str | None, message: str) -> None:
    with pytest.raises(click.UsageError, match=message):
        read_range(since, from_, to, now=DAY, default="7d")


async def test_a_store_is_read_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.cli.journals.CHUNK", 2)
    store = MemoryStore(clock=SystemClock())
    await store.open()
    store.subscribe(lambda _: None)
    for minute in range(7):
        await store.append(START + minute * MINUTE, [alert(f"s{minute}")])
    span = Range(since=START + MINUTE, until=START + 6 * MINUTE)
    found = list(store_entries(store.reader(), span))
    assert [entry.fact.alert.service for entry in found if isinstance(entry.fact, AlertReceived)] == [
        f"s{minute}" for minute in range(1, 6)
    ]


class Record:
    """Incidents by number, as a reader lists them."""

    def __init__(self, numbers: list[int]) -> None:
        self.rows = [incident(number, number, None) for number in numbers]

    def incidents(self, *, before_number: int | None = None, limit: int = 100) -> list[object]:
        rows = [row for row in self.rows if before_number is None or row.number < before_number]
        return rows[::-1][:limit]


@pytest.mark.parametrize("numbers", [[], [1], [1, 2, 3, 4, 5, 6, 7], [40, 41, 45, 50, 90], list(range(1, 60, 3))])
@pytest.mark.parametrize("since", [0, 1, 5, 41, 44, 1000])
@pytest.mark.parametrize("chunk", [1, 3, 500])
def test_incidents_are_found_from_a_time_on(
    numbers: list[int], since: int, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("router.cli.journals.INCIDENTS_CHUNK", chunk)
    found = store_incidents(Record(numbers), START + since * MINUTE)  # type: ignore[arg-type]
    assert [row.number for row in found if row.number >= since] == [number for number in numbers if number >= since]


def test_a_file_is_cut_to_the_range_and_the_last_time_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    entries = journal(*[(minute, alert(f"s{minute}")) for minute in range(5)])
    write_slice(path, entries)
    seen = [0]
    with open_file(str(path)) as (opened, size):
        assert size == path.stat().st_size
        span = Range(since=entries[1].at, until=entries[4].at)
        assert list(counted(file_entries(opened, str(path), span), seen)) == entries[1:4]
    assert seen == [entries[3].at]


def test_progress_says_how_long_it_will_take(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(Ticking(), lambda: 0.25, shown=True)
    progress.advance(1_000)
    progress.advance(1_000)
    progress.finish()
    assert "1,000 entries, 25%, 3s left" in capsys.readouterr().err
    unknown = Progress(Ticking(), lambda: None, unit="changes", shown=True)
    unknown.advance(5)
    assert capsys.readouterr().err.endswith("5 changes")
    silent = Progress(Ticking(), lambda: 0.5)
    silent.advance(5)
    silent.finish()
    assert capsys.readouterr().err == ""
