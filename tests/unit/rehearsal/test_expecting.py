from __future__ import annotations

import pytest

from router.rehearsal.expecting import contains, is_like
from tests.support.stories import RULES, play_steps

DOWN = "alert: {service: api, name: Down}"
PAY = "alert: {service: pay-api, name: Down, severity: critical}"
CARD = "alert: {service: pay-api, name: CardError}"
STORM = RULES.replace("{id: rest}", "{id: rest, limit: {incidents: 1, per: 1h}}")
MANY = "alert: {service: 'api-{n}', name: Down, times: 3}"


@pytest.mark.parametrize(
    ("steps", "expected", "found"),
    [
        ([DOWN, "expect: {no_page: true}"], "no page", "page to platform (error)"),
        (["expect: {page: platform}"], "a page to platform", "no page"),
        ([DOWN, "expect: {page: payments}"], "a page to payments", "page to platform (error)"),
        ([DOWN, PAY, "expect: {page: payments}"], "a page to payments and nobody else",
         "pages to platform (error), payments (critical)"),
        ([DOWN, "alert: {service: api-2}", "expect: {page: platform}"], "one page to platform",
         "pages to platform (error) 2 times"),
        ([DOWN, "expect: {pages: 2}"], "2 pages", "page to platform (error)"),
        ([DOWN, "expect: {page: platform, severity: critical}"], "severity critical", "error"),
        ([DOWN, "expect: {page: platform, summary: 'db: *'}"], 'a summary like "db: *"', '"api: Down"'),
        ([DOWN, "expect: {page: platform, details: {rule: other}}"], 'details.rule like "other"', '"rest"'),
        ([DOWN, "expect: {page: platform, details: {count: 5}}"], 'details.count like "5"', '"1"'),
        ([DOWN, "expect: {pages: 1, details: {runbook: x}}"], 'details.runbook like "x"', "no such detail"),
        ([DOWN, "expect: {page: platform, rule: noise}"], "a page to platform by rule noise", "no page"),
        ([DOWN, "expect: {resolve: platform}"], "a resolve to platform", "no resolve"),
        ([DOWN, "resolve: {service: api}", "expect: {no_resolve: true}"], "no resolve", "resolve to platform"),
        ([DOWN, "expect: {update: platform}"], "an update to platform", "none"),
        ([CARD, "expect: {held: 2 of 3}"], 'an alert held with "2 of 3"', '"1 of 3 in 5m"'),
        ([DOWN, "expect: {held: 2 of 3}"], 'an alert held with "2 of 3"', "none held; open at_once"),
        (["expect: {dropped: never}"], 'an alert dropped with "never"', "none dropped; no decision"),
        (["expect: {suppressed: silence}"], 'an alert suppressed with "silence"', "none suppressed; no decision"),
        ([DOWN, DOWN, DOWN, "expect: {reason: went_quiet}"], "a decision with the reason went_quiet",
         "open at_once, update already_open 2 times"),
        ([DOWN, "expect: {open: 2}"], "2 open incidents", "1"),
        ([DOWN, "expect: {storm: platform}"], "a storm digest to platform", "none"),
        ([DOWN, "expect: {holds: 2}"], "a storm digest that holds 2", "no storm digest"),
        ([MANY, "expect: {holds: 5}"], "a storm digest that holds 5", "1"),
        ([MANY, "expect: {no_page: true}"], "no page", "pages to platform (error) 2 times"),
    ],
)  # fmt: skip
def test_what_fails_says_what_was_expected_and_what_was_found(steps: list[str], expected: str, found: str) -> None:
    (miss,) = play_steps(*steps, rules=STORM if MANY in steps else RULES).misses
    assert (miss.expected, miss.found) == (expected, found)
    assert str(miss).startswith(f"a.test.yaml:{4 + len(steps)}:")
    assert str(miss).endswith(f": expected {expected}, found {found}")


@pytest.mark.parametrize(
    "steps",
    [
        [PAY, "expect: {page: payments, severity: critical, summary: 'pay-api: *', details: {rule: rest, count: '1'}}"],
        [DOWN, PAY, "expect: {page: [payments, platform], pages: 2}"],
        ["alert: {service: dev-1}", "expect: {no_page: true, dropped: never pages, rule: noise}"],
        [DOWN, "resolve: {service: api}", "expect: {resolve: platform, reason: [at_once, all_resolved]}"],
        [DOWN, "wait: 2m, alert: {service: api, name: Down, severity: critical}",
         "expect: {update: platform, severity: critical, reason: severity_rose}"],
        [MANY, "expect: {page: platform, storm: platform, holds: 1}", "wait: 2m", "expect: {update: platform, holds: 2}"],
        [MANY, "expect: {storm: platform, summary: 'Storm: 1 incident*'}"],
    ],
)  # fmt: skip
def test_what_holds(steps: list[str]) -> None:
    assert play_steps(*steps, rules=STORM if MANY in steps else RULES).misses == ()


def test_many_teams_and_reasons_are_cut_short() -> None:
    (miss,) = play_steps(*[f"alert: {{service: a{n}, severity: {word}}}" for n, word in enumerate(["info", "warn", "p1"])],
                         "alert: {service: pay-1, severity: info}", "alert: {service: pay-1, severity: p1, name: x}",
                         "alert: {service: pay-1, severity: error, name: y}", "expect: {no_page: true}").misses  # fmt: skip
    assert miss.found.endswith("payments (critical) and 1 more")
    long = play_steps("alert: {service: a, name: " + "x" * 200 + "}", "expect: {page: platform, summary: no}")
    assert long.misses[0].found.endswith('…"')


def test_texts_match_by_star_and_causes_by_part() -> None:
    assert is_like("a [b] c", "a [b]*")
    assert not is_like("ab", "a")
    assert is_like("a\nb", "a*b")
    assert contains("2 of 3 in 5m", "of 3")
    assert contains("2 of 3 in 5m", "? of * 5m")
    assert not contains("2 of 3 in 5m", "of 4")


TOLD_HEAD = (
    "teams: {payments: pay-*, platform: '*'}\n"
    "channels: {chat: {}, mail: {digest: {every: 1h}}}\n"
    "severity_channels: {warning: mail}\n"
)
TOLD = """\
rules:
  - id: errors
    match: {service: pay-*, name: "*Error"}
    when: {count: 3, within: 5m}
    notify: chat
    page: owner
    otherwise: {notify: mail}
  - {id: talk, match: {service: dev-*}, page: [], notify: [chat, mail]}
  - {id: rest}
"""
DEV = "alert: {service: dev-1, name: Down, severity: warning}"


@pytest.mark.parametrize(
    "steps",
    [
        [DEV, "expect: {no_page: true, notify: chat, severity: warning, summary: 'dev-1: *'}",
         "at: 1h, expect: {digest: mail, holds: 1, summary: 'Digest: 1 opened*', no_page: true}",
         "at: 2h, resolve: {service: dev-1}, expect: {notify_resolve: chat, no_notify: true, no_resolve: true}"],
        [CARD, "expect: {no_page: true, held: 1 of 3, no_notify: true, reason: [otherwise, digested]}",
         "alert: {service: pay-api, name: CardError, times: 2, key: '{n}'}", "expect: {page: payments, notify: chat}"],
        ["alert: {service: api, name: Slow, severity: warning}", "expect: {no_page: true, no_notify: true, reason: digested}",
         "at: 10m, restart: 20m", "at: 2h, expect: {digest: mail, details: {since: '2026-01-05T09:00:00Z'}}"],
        [DOWN, "expect: {page: platform, no_notify: true}"],
    ],
)  # fmt: skip
def test_what_channels_are_told(steps: list[str]) -> None:
    result = play_steps(*steps, rules=TOLD, head=TOLD_HEAD)
    assert result.passed, result.misses


@pytest.mark.parametrize(
    ("steps", "expected", "found"),
    [
        ([DEV, "expect: {notify: [chat, mail]}"], "a notification to chat and to mail", "notification to chat (warning)"),
        ([DOWN, "expect: {notify: chat}"], "a notification to chat", "no notification"),
        ([DEV, "expect: {no_notify: true}"], "no notification", "notification to chat (warning)"),
        ([DEV, "expect: {notify: chat, severity: critical}"], "severity critical", "warning"),
        ([DEV, "expect: {digest: mail}"], "a digest to mail", "no digest"),
        ([DEV, "at: 1h, expect: {digest: mail, holds: 2}"], "a digest that holds 2", "1"),
        ([DEV, "expect: {notify_resolve: chat}"], "a resolve to chat", "no resolve"),
    ],
)
def test_what_channels_were_not_told(steps: list[str], expected: str, found: str) -> None:
    (miss,) = play_steps(*steps, rules=TOLD, head=TOLD_HEAD).misses
    assert (miss.expected, miss.found) == (expected, found)


ACTING = """
rules:
  - id: rest
    page: platform
    actions:
      opened: [{note: runbook}, {priority: P2}]
      acknowledged: [{status: on it}]
    escalate: [{after: 10m, level: 2}]
"""


@pytest.mark.parametrize(
    "steps",
    [
        [DOWN, "expect: {acted: note}"],
        [DOWN, "expect: {acted: priority P2, page: platform}"],
        [DOWN, "expect: {page: platform}", "at: 10m, expect: {acted: to level 2, no_page: true}"],
        [DOWN, "pagerduty: acknowledged platform", "expect: {acted: status}", "at: 20m, expect: {no_page: true}"],
    ],
)
def test_what_rules_do_in_pagerduty(steps: list[str]) -> None:
    result = play_steps(*steps, rules=ACTING)
    assert result.passed, result.misses


def test_what_rules_did_not_do_in_pagerduty() -> None:
    (miss,) = play_steps(DOWN, "at: 1m, expect: {acted: to level 2}", rules=ACTING).misses
    assert miss.expected == 'something done in PagerDuty with "to level 2"'
    assert miss.found == '"opened: note, priority P2"'
    (miss,) = play_steps(DOWN, "expect: {acted: note}").misses
    assert miss.found == "nothing; open at_once"
