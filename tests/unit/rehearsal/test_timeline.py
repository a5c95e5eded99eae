from __future__ import annotations

from router.rehearsal.script import START
from router.rehearsal.timeline import LINES, render, tell
from tests.support.stories import play_steps


def test_it_reads_as_what_came_what_was_decided_and_who_was_told() -> None:
    result = play_steps(
        'alert: {service: api, name: Down, labels: {env: prod}, summary: "a\\tb"}',
        "wait: 90s, alert: {service: api, name: Down, labels: {env: prod}, severity: critical}",
        "wait: 1m, restart: true",
        "pagerduty: refuses platform",
        "resolve: {service: api, name: Down}, expect: {no_resolve: true}",
    )
    assert result.passed, result.misses
    assert render(tell(result.happenings, START), "| ") == [
        "|    0s  alert api Down error {env: prod}",
        "|          open: at_once by rule rest",
        '|          > page to platform, error: "api: Down - a·b"',
        "| 1m30s  alert api Down critical {env: prod}",
        "|          update: severity_rose (error to critical) by rule rest",
        '|          > update to platform, critical: "api: Down"',
        "| 2m30s  the router restarted",
        "|        PagerDuty refuses what is told to platform from here on",
        "|        resolve api Down {env: prod}",
        "|          close: all_resolved by rule rest",
        "|          > resolve to platform: REFUSED",
        "|          none: no_fallback (resolve needs no fallback (PagerDuty refused it (400)))",
    ]


def test_a_long_one_shows_its_end() -> None:
    result = play_steps("alert: {service: 'dev-{n}', times: 50}, expect: {open: 1}")
    lines = render(tell(result.happenings, START))
    assert lines[0] == "… 40 earlier lines"
    assert len(lines) == LINES + 1
