"""Schedules, silences, maintenance and inhibitions as files write them."""

from __future__ import annotations

from datetime import date

import pytest

from router.model.pattern import Pattern
from router.model.ruleset import CloseEpisode, KeepEpisode, ReopenIfFiring
from router.model.schedule import Schedule, Times
from router.rules.compiling import compile_ruleset, ruleset_from_texts, ruleset_texts
from router.rules.muting import listed
from tests.support.rule_texts import SCALE, TEAMS, compile_texts, found_in

FILE = """\
schedules:
  business-hours: {zone: Europe/Berlin, weekdays: mon-fri, hours: "09:00-17:00", holidays: 2026-12-24..2026-12-26}
  nights: {zone: UTC, hours: ["22:00-06:00"], also: [{dates: 2026-12-24, days: "-1", months: dec}]}
silences:
  - {id: deploy, match: {service: db}, from: 2026-11-20T10:00:00Z, until: 2026-11-20T12:00:00+01:00, reason: upgrade}
maintenance:
  - {id: patching, during: [nights], match: {labels: {env: dev}}}
  - {id: move, from: 2026-11-20T10:00:00Z, until: 2026-11-20T11:00:00Z, reason: new building}
inhibitions:
  - {id: node, source: {name: NodeDown}, target: {name: "!NodeDown"}, equal: [cluster, node]}
rules:
  - {id: a, during: business-hours, except: [nights], on_resolved_in_pagerduty: keep}
"""
BERLIN = Schedule(
    "business-hours",
    "Europe/Berlin",
    (Times(weekdays=frozenset(range(5)), hours=((540, 1020),)),),
    ((date(2026, 12, 24), date(2026, 12, 26)),),
)


def test_a_file_of_everything() -> None:
    ruleset, diagnostics = compile_texts(FILE.replace("2026-11-20T12:00:00+01:00", "2026-11-20T12:00:00+00:00"))
    assert diagnostics == []
    assert ruleset is not None
    (rule,) = ruleset.rules
    assert rule.during == (BERLIN,)
    (nights,) = rule.outside
    christmas = date(2026, 12, 24)
    assert nights.times == (
        Times(hours=((1320, 360),)),
        Times(dates=((christmas, christmas),), days=((-1, -1),), months=frozenset({12})),
    )
    (silence,) = ruleset.silences
    assert (silence.id, silence.until - silence.starts_at, silence.reason) == ("deploy", 7_200_000, "upgrade")
    patching, move = ruleset.maintenance
    assert (patching.schedules, patching.until) == ((nights,), 0)
    assert (move.schedules, move.until - move.starts_at, move.reason) == ((), 3_600_000, "new building")
    (inhibition,) = ruleset.inhibitions
    assert inhibition.equal == ("cluster", "node")
    assert inhibition.target.names == (Pattern.parse("!NodeDown"),)
    assert isinstance(rule.on_resolved_in_pagerduty, KeepEpisode)


def test_the_forms_of_what_a_resolution_in_pagerduty_does() -> None:
    ruleset, _ = compile_texts(
        "rules:\n  - {id: a, match: {service: x}, on_resolved_in_pagerduty: {reopen_if_firing_after: 1h}}\n  - {id: b}\n"
    )
    assert ruleset is not None
    assert [rule.on_resolved_in_pagerduty for rule in ruleset.rules] == [ReopenIfFiring(after_ms=3_600_000), CloseEpisode()]


def test_a_stored_rule_set_mutes_as_before() -> None:
    files = [("a.yaml", FILE)]
    ruleset, _ = compile_ruleset(files, teams=TEAMS, default_team="platform", scale=SCALE)
    again = ruleset_from_texts(ruleset_texts(files, teams=TEAMS, default_team="platform", scale=SCALE))
    assert ruleset is not None
    assert again.version == ruleset.version
    assert (again.maintenance, again.inhibitions, again.silences) == (
        ruleset.maintenance,
        ruleset.inhibitions,
        ruleset.silences,
    )


def test_schedules_are_shared_by_all_files_and_stand_once() -> None:
    assert found_in("schedules: {s: {zone: UTC, weekdays: sat}}\nrules: []", "rules: [{id: a, during: s}]") == []
    text = "schedules: {s: {zone: UTC, weekdays: sat}}\nrules: []"
    assert found_in(text, text) == [("duplicate-id", "b.yaml:1:13")]


def test_a_schedule_with_mistakes_is_not_unknown_too() -> None:
    text = "schedules:\n  s: {zone: Mars, weekdays: sat}\n  t: {zone: UTC, hours: 25}\nrules:\n  - {id: a, during: [s, t]}\n"
    assert [code for code, _ in found_in(text)] == ["unknown-zone", "bad-hours"]


MATCH = "match: {service: db}"
BAD = {
    "nothing in a schedule": ("schedules: {s: {zone: UTC}}", "empty-schedule"),
    "nothing in also": ("schedules: {s: {zone: UTC, weekdays: sat, also: [{}]}}", "empty-schedule"),
    "no zone": ("schedules: {s: {weekdays: sat}}", "missing-key"),
    "bad weekday": ("schedules: {s: {zone: UTC, weekdays: [sat, sunn]}}", "bad-weekday"),
    "silence without end": (f"silences: [{{id: s, {MATCH}, reason: x}}]", "missing-key"),
    "silence without reason": (f"silences: [{{id: s, {MATCH}, until: 2026-11-20T10:00:00Z}}]", "missing-key"),
    "silence of no time": (
        f"silences: [{{id: s, {MATCH}, from: 2026-11-20T10:00:00Z, until: 2026-11-20T10:00:00Z, reason: x}}]",
        "ends-before-it-begins",
    ),
    "silence twice": (
        (
            f"silences: [{{id: s, {MATCH}, until: 2096-11-20T10:00:00Z, reason: x}}, "
            f"{{id: s, {MATCH}, until: 2096-11-20T10:00:00Z, reason: x}}]"
        ),
        "duplicate-id",
    ),
    "maintenance at no time": ("maintenance: [{id: m}]", "missing-key"),
    "maintenance without end": ("maintenance: [{id: m, from: 2026-11-20T10:00:00Z}]", "missing-key"),
    "maintenance both ways": (
        (
            "schedules: {s: {zone: UTC, weekdays: sat}}\n"
            "maintenance: [{id: m, during: s, from: 2026-11-20T10:00:00Z, until: 2026-11-20T11:00:00Z}]"
        ),
        "maintenance-twice",
    ),
    "maintenance backwards": (
        "maintenance: [{id: m, from: 2026-11-20T11:00:00Z, until: 2026-11-20T10:00:00Z}]",
        "ends-before-it-begins",
    ),
    "maintenance of an unknown schedule": ("maintenance: [{id: m, during: s}]", "unknown-schedule"),
    "inhibition of everything (warning)": ("inhibitions: [{id: i, source: {}, target: {name: a}}]", "always-true"),
    "inhibition with a field twice": (
        "inhibitions: [{id: i, source: {name: b}, target: {name: a}, equal: [x, x]}]",
        "field-twice",
    ),
    "over (warning)": (f"silences: [{{id: s, {MATCH}, until: 2020-11-20T10:00:00Z, reason: x}}]", "past-silence"),
    "maintenance over (warning)": (
        "maintenance: [{id: m, from: 2020-11-20T10:00:00Z, until: 2020-11-20T11:00:00Z}]",
        "past-maintenance",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_refused(name: str) -> None:
    text, code = BAD[name]
    ruleset, diagnostics = compile_ruleset(
        [("a.yaml", f"{text}\nrules: []\n")], teams=TEAMS, default_team="platform", scale=SCALE, now=1_795_000_000_000
    )
    assert [found.code for found in diagnostics] == [code]
    assert (ruleset is not None) is name.endswith("(warning)")
    assert diagnostics[0].path


def test_one_or_several() -> None:
    assert listed("a") == ["a"]
    assert listed(["a", "b"]) == ["a", "b"]
