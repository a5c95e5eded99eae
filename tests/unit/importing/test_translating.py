from __future__ import annotations

from pathlib import Path

import pytest

from router.importing.translating import translate_alertmanager
from tests.support.importing import Ours

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
FULL = """
global: {resolve_timeout: 7m, pagerduty_url: https://events.eu.pagerduty.com/v2/enqueue, smtp_from: a@b.c}
templates: [x.tmpl]
novelty: 1
route:
  receiver: Pager
  group_by: [alertname, service, "cluster"]
  group_wait: 30s
  routes:
    - receiver: Night
      matchers: ['severity=~"critical|page"']
      group_by: ["..."]
      group_wait: 10s
      mute_time_intervals: [holidays]
      active_time_intervals: [nights]
      continue: true
    - {receiver: Mail, match: {team: x}, continue: true}
    - {receiver: Mail, match: {team: y}}
    - {receiver: Pager, match: {name: z}, mute_time_intervals: [unknown]}
receivers:
  - {name: Pager, pagerduty_configs: [{routing_key: KEY, severity: warning}, {routing_key: KEY, severity: warning}]}
  - {name: Night, pagerduty_configs: [{routing_key: KEY, severity: error}]}
  - {name: Mail, email_configs: [{to: x}]}
inhibit_rules:
  - {source_match: {alertname: NodeDown}, target_match_re: {job: .+}, equal: [node, service, severity]}
  - {source_match: {a: b}, source_match_re: {a: c}}
time_intervals:
  - {name: nights, time_intervals: [{times: [{start_time: "20:00", end_time: "24:00"}]}, {weekdays: [sunday], location: Europe/Berlin}]}
  - {name: holidays, time_intervals: [{months: [december]}]}
"""


def test_everything_at_once() -> None:
    imported = translate_alertmanager(FULL, "am.yml")
    assert imported.mistakes == []
    rules = imported.files["rules/alertmanager.yaml"]
    for said in (
        '  # line 28\n  nights: {zone: UTC, hours: "20:00-24:00"}\n',
        "  nights-2: {zone: Europe/Berlin, weekdays: sun}\n",
        """  # line 10, route.routes[0]: receiver Night
  - id: night
    match:
      labels: {severity: [critical, page]}
    page: night
    group_by: [fingerprint]
    as_severity: error
    during: [nights, nights-2]
    except: holidays
    continue: true
""",
        'drop: "goes to Mail (email), which tells nobody here"',
        "    page: [pager, pager-2]\n    group_by: [name, labels.service, cluster]\n    as_severity: warning\n",
        "    equal: [node, labels.service, labels.severity]\n",
        'labels: {job: "?*"}',
    ):
        assert said in rules, rules
    config = imported.files["config.yaml"]
    for said in (
        "default_team: pager\n",
        'resolve_timeout: "7m"',
        "events_url: https://events.eu.pagerduty.com",
        "env:PD_KEY_PAGER_2",
    ):
        assert said in config
    assert "KEY}" not in config + rules
    text = "\n".join(note.written("am.yml") for note in imported.notes)
    for said in (
        "am.yml:2: lost: global.smtp_from",
        "am.yml:3: lost: templates[0]: named templates, as in x.tmpl",
        "am.yml:4: lost: novelty",
        "am.yml:8: differs: route.group_wait: a page goes out at once, and alerts that follow join the incident; to wait first",
        "(so in 2 routes)",
        "am.yml:17: lost: route.routes[1]: 'Mail' tells nobody, and the routes after it are tried: no rule",
        "am.yml:19: error: route.routes[3].mute_time_intervals: there is no interval 'unknown'",
        "am.yml:26: differs: inhibit_rules[1]: no alert can meet these matchers",
    ):
        assert said in text, text
    assert [(origin.rule, origin.receiver, origin.teams) for origin in imported.rules] == [
        ("night", "Night", ["night"]),
        ("mail", "Mail", []),
        ("pager", "Pager", ["pager", "pager-2"]),
        ("pager-2", "Pager", ["pager", "pager-2"]),
    ]


def test_what_only_mail_routes_took_pages_nobody() -> None:
    ours = Ours((SAMPLES / "alertmanager-karma-mock-config.yml").read_text())
    assert ours.receivers({"a": "b"}) == []
    assert ours.ruleset.rules[-1].drop
    two = """
route: {receiver: P, routes: [{receiver: M, match: {a: b}, continue: true}, {receiver: P, match: {c: d}}]}
receivers: [{name: P, pagerduty_configs: [{routing_key: x, severity: error}]}, {name: M}]
"""
    both = Ours(two)
    assert both.ruleset.rules[-1].id == "nobody"
    assert [both.receivers(labels) for labels in ({"a": "b"}, {"a": "b", "c": "d"}, {"e": "f"})] == [[], ["P"], ["P"]]


def test_the_default_team_is_the_root_receivers_or_the_first() -> None:
    text = "route: {receiver: M, routes: [{receiver: P, match: {a: b}}]}\nreceivers: [{name: M}, {name: P, pagerduty_configs: [{routing_key: x, severity: error}]}]"
    imported = translate_alertmanager(text, "am.yml")
    assert "default_team: p\n" in imported.files["config.yaml"]
    assert any("who shall get" in note.text for note in imported.notes)


@pytest.mark.parametrize("text", ["a: &x [*x]\n", "{", "- 1\nx", "a: 1\na: 2"])
def test_what_cannot_be_read_is_a_mistake_with_its_line(text: str) -> None:
    imported = translate_alertmanager(text, "am.yml")
    assert imported.files == {}
    assert imported.mistakes[0].span.line >= 1


def test_without_a_root_there_is_nothing_but_notes() -> None:
    imported = translate_alertmanager("receivers: []\n", "am.yml")
    assert imported.files == {}
    assert [note.kind for note in imported.notes] == ["error"]
