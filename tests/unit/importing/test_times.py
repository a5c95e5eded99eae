"""Imported intervals against Alertmanager's definition of them, instant by instant, written down here a second time."""

from __future__ import annotations

import calendar
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from router.importing.notes import Notes
from router.importing.times import Calendar, read_intervals
from router.importing.writing import block
from router.model.schedule import Schedule
from router.rules.findings import Findings, Names
from router.rules.muting import Calendar as Compiled
from router.rules.reading import read_file
from router.yamldoc import read
from tests.support.rule_texts import SCALE, TEAMS

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = tuple(name.lower() for name in calendar.month_name[1:])


def imported(text: str) -> tuple[Calendar, list[str]]:
    document = read(text, "am.yml")
    notes = Notes(document)
    return read_intervals(document.data, notes), [f"{note.line} {note.kind}: {note.text}" for note in notes.all()]


def compiled(found: Calendar, interval: str) -> tuple[Schedule, ...]:
    text = "\n".join(["rules: []", "schedules:", *block(found.schedules, 2)])
    file = read_file("a.yaml", text)
    findings = Findings(file.document, Names(teams=TEAMS, scale=SCALE))
    schedules = Compiled([(file, findings)]).find(found.of_interval[interval], (), findings)
    assert file.diagnostics + findings.diagnostics == []
    return schedules


def contains(intervals: list[dict[str, Any]], at: datetime) -> bool:
    """Alertmanager's definition: one of the intervals, of which every part that is given holds."""
    return any(_fits(each, at.astimezone(ZoneInfo(each.get("location", "UTC")))) for each in intervals)


def _fits(interval: dict[str, Any], at: datetime) -> bool:
    minute, length = at.hour * 60 + at.minute, calendar.monthrange(at.year, at.month)[1]

    def within(key: str, value: int, number: Any) -> bool:
        spans = [text.split(":") for text in interval.get(key, [])]
        return not spans or any(number(span[0]) <= value <= number(span[-1]) for span in spans)

    def clock(text: str) -> int:
        return int(text[:2]) * 60 + int(text[3:])

    times = interval.get("times", [])
    return (
        (not times or any(clock(each["start_time"]) <= minute < clock(each["end_time"]) for each in times))
        and within("weekdays", (at.weekday() + 1) % 7, lambda text: (DAYS.index(text) + 1) % 7)
        and within("days_of_month", at.day, lambda text: int(text) if int(text) > 0 else length + int(text) + 1)
        and within("months", at.month, lambda text: MONTHS.index(text) + 1 if text in MONTHS else int(text))
        and within("years", at.year, int)
    )


def generated(chance: random.Random) -> list[dict[str, Any]]:
    def spans(values: list[str]) -> list[str]:
        found = []
        for _ in range(chance.randint(1, 2)):
            first, last = sorted(chance.sample(range(len(values)), 2))
            found.append(chance.choice((values[first], f"{values[first]}:{values[last]}")))
        return found

    def interval() -> dict[str, Any]:
        start, end = sorted(chance.sample(range(24 * 60 + 1), 2))
        parts = {
            "times": [{"start_time": f"{start // 60:02}:{start % 60:02}", "end_time": f"{end // 60:02}:{end % 60:02}"}],
            "weekdays": spans(["sunday", *DAYS[:6]]),
            "days_of_month": chance.choice(
                (spans([str(day) for day in range(1, 32)]), ["-7:-1"], ["28:-1"], ["-1"], ["-31:-20"])
            ),
            "months": spans(list(MONTHS)) if chance.random() < 0.5 else spans([str(number) for number in range(1, 13)]),
            "years": spans(["2024", "2025", "2026", "2027", "2028"]),
        }
        zone = (
            {"location": chance.choice(("Europe/Berlin", "America/New_York", "Asia/Kathmandu"))}
            if chance.random() < 0.6
            else {}
        )
        return zone | {key: part for key, part in parts.items() if chance.random() < 0.4}

    return [interval() for _ in range(chance.randint(1, 3))]


@pytest.mark.parametrize("seed", range(20))
def test_an_interval_holds_when_alertmanager_says_so(seed: int) -> None:
    chance = random.Random(seed)
    intervals = generated(chance)
    found, notes = imported(yaml.safe_dump({"time_intervals": [{"name": "Some Times", "time_intervals": intervals}]}))
    assert notes == []
    schedules = compiled(found, "Some Times")
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    for minutes in sorted(chance.randrange(5 * 366 * 24 * 60) for _ in range(400)):
        at = begin + timedelta(minutes=minutes)
        said = any(schedule.contains(int(at.timestamp() * 1_000)) for schedule in schedules)
        assert said is contains(intervals, at), (intervals, at)


def test_intervals_become_schedules_with_their_names() -> None:
    found, notes = imported("""
mute_time_intervals:
  - name: Office Hours
    time_intervals:
      - {weekdays: ["monday:friday"], times: [{start_time: "09:00", end_time: "17:00"}], location: Europe/Berlin}
      - {days_of_month: ["-1", "1:3"], months: ["january", "3:5"], years: ["2026:2027"]}
  - name: Always
    time_intervals: [{}]
""")
    assert notes == []
    assert found.of_interval == {"Office Hours": ["office-hours", "office-hours-2"], "Always": ["always"]}
    assert found.schedules == {
        "office-hours": {"zone": "Europe/Berlin", "weekdays": "mon-fri", "hours": "09:00-17:00"},
        "office-hours-2": {
            "zone": "UTC",
            "days": ["-1", "1..3"],
            "months": ["jan", "mar-may"],
            "dates": "2026-01-01..2027-12-31",
        },
        "always": {"zone": "UTC", "weekdays": "mon-sun"},
    }
    assert found.lines["office-hours"] == 3
    assert compiled(found, "Always")[0].contains(0)


def test_what_cannot_be_read_is_noted() -> None:
    found, notes = imported("""
time_intervals:
  - time_intervals: []
  - {name: a, time_intervals: [{weekdays: [someday]}, {location: Mars/Olympus}, {years: [soon]}, {odd: [x]}]}
  - {name: a, time_intervals: [{}]}
  - {name: b}
""")
    assert found.of_interval == {"a": ["a"], "b": []}
    kinds = [note.split(":")[0] for note in notes]
    assert kinds == ["3 error", "4 error", "4 error", "4 error", "4 lost", "5 error", "6 error"]
