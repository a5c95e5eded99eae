from __future__ import annotations

import pytest

from router.daemon.app import RESTART_GRACE_MS as DAEMONS_GRACE_MS
from router.rehearsal.running import play
from router.rehearsal.stage import RESTART_GRACE_MS, Told
from router.rehearsal.timeline import render, tell
from tests.support.stories import RULES, play_steps, read_story, rules_of

CARD = "alert: {service: pay-api, name: CardError}"
DOWN = "alert: {service: api, name: Down, source: prometheus}"


def told(result: object) -> list[str]:
    return [
        f"{each.event.action} {each.event.team} {each.fate}"
        for each in result.happenings  # type: ignore[attr-defined]
        if isinstance(each, Told)
    ]


def test_the_grace_after_a_restart_is_the_daemons() -> None:
    assert RESTART_GRACE_MS == DAEMONS_GRACE_MS


def test_a_resend_changes_nothing_and_an_event_is_an_occurrence() -> None:
    result = play_steps(DOWN, DOWN, f"{DOWN}, expect: {{page: platform, open: 1}}", "expect: {pages: 1}")
    assert result.passed
    assert [line.text for line in tell(result.happenings, 0) if "resend" in line.text] == [
        "alert api Down error  (a resend: nothing new)"
    ] * 2
    assert play_steps(CARD, CARD, f"{CARD}, expect: {{page: payments}}").passed


def test_resolve_ends_every_alert_that_fits_what_was_written() -> None:
    one = "{service: api, name: Down, source: prometheus, labels: {i: a}}"
    both = f"alert: [{one}, {one.replace('i: a', 'i: b')}]"
    end = "resolve: {service: api, name: Down, source: prometheus"
    assert play_steps(both, f"{end}}}, expect: {{resolve: platform, open: 0}}").passed
    assert play_steps(both, f"{end}, labels: {{i: a}}}}, expect: {{no_resolve: true, reason: still_firing, open: 1}}").passed
    keyed = "alert: {service: api, key: k, source: prometheus}"
    assert play_steps(keyed, "resolve: {service: api, key: k, source: prometheus}, expect: {resolve: platform}").passed
    assert play_steps("resolve: {service: api}, expect: {reason: nothing_open}").passed


def test_a_restart_is_invisible_also_when_it_takes_a_while() -> None:
    assert play_steps(CARD, CARD, "restart: true", CARD, "expect: {page: payments, summary: 'pay-api: CardError*'}").passed
    late = play_steps(
        CARD, CARD, CARD, "at: 10m, restart: 10m", "at: 21m59s, expect: {page: payments, no_resolve: true}",
        "at: 22m, expect: {resolve: payments}",
    )  # fmt: skip
    assert late.passed, late.misses


def test_other_rules_come_into_force() -> None:
    fewer = RULES.replace("count: 3", "count: 2")
    result = play_steps(CARD, "reload: b.yaml", f"{CARD}, expect: {{page: payments}}", reloaded=fewer)
    assert result.passed
    assert any("the rules of b.yaml came into force" in line for line in render(tell(result.happenings, 0)))


def test_what_pagerduty_refuses_goes_to_the_fallback() -> None:
    result = play_steps(
        "pagerduty: refuses payments",
        "alert: {service: pay-api, name: Down}, expect: {page: platform, reason: fallback}",
    )
    assert result.passed, result.misses
    assert told(result) == ["trigger payments refused", "trigger platform sent"]
    alone = play_steps("pagerduty: refuses platform", f"{DOWN}, expect: {{no_page: true, reason: no_fallback}}")
    assert alone.passed, alone.misses
    again = play_steps("pagerduty: refuses platform", "pagerduty: answers", f"{DOWN}, expect: {{page: platform}}")
    assert again.passed


def test_what_pagerduty_does_not_answer_waits_and_is_given_up_after_a_day() -> None:
    waits = play_steps(
        "pagerduty: stalls",
        "alert: {service: pay-api, name: Down}",
        "at: 23h, expect: {no_page: true, open: 1}",
        "pagerduty: answers, expect: {page: payments}",
    )
    assert waits.passed, waits.misses
    lost = play_steps("pagerduty: stalls", "alert: {service: pay-api, name: Down}", "at: 25h, expect: {reason: fallback}")
    assert lost.passed, lost.misses
    assert told(lost) == ["trigger payments waiting", "trigger payments given up", "trigger platform waiting"]


def test_rules_that_keep_themselves_awake_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.rehearsal.stage.MOST_STEPS", 1)
    file = read_story("tests: [{name: a, steps: [{alert: {service: pay-api, name: AError}}, {at: 1d, expect: {open: 0}}]}]\n")
    with pytest.raises(RuntimeError, match="more than 1 timers"):
        play(file.scripts[0], rules_of(file), load=lambda _: rules_of(file))


def test_people_acknowledge_and_resolve_in_pagerduty() -> None:
    result = play_steps(
        DOWN,
        "pagerduty: acknowledged platform, expect: {reason: acknowledged, open: 1}",
        "pagerduty: unacknowledged platform, expect: {reason: unacknowledged}",
        "pagerduty: resolved payments, expect: {open: 1, no_resolve: true}",
        "pagerduty: resolved platform, expect: {reason: resolved_in_pagerduty, open: 0}",
    )
    assert result.passed, result.misses
