from __future__ import annotations

from tests.support.stories import play_steps

DOWN = "alert: {service: api, name: Down}"
PAGE = "expect: {page: platform}"


def test_an_expectation_speaks_of_what_happened_since_the_one_before() -> None:
    assert play_steps(f"{DOWN}, {PAGE}", "at: 1m, expect: {no_page: true}").passed
    result = play_steps(f"{DOWN}, {PAGE}", f"at: 1m, {PAGE}", "at: 2m, expect: {open: 7}")
    assert [miss.key for miss in result.misses] == ["page"]


def test_expectations_with_nothing_between_them_speak_of_the_same() -> None:
    assert play_steps(DOWN, PAGE, "expect: {reason: at_once}", PAGE).passed
    assert play_steps("at: 1m, expect: {no_page: true}", f"{DOWN}", "expect: {open: 1}", PAGE).passed
    assert not play_steps(DOWN, PAGE, "restart: true", PAGE).passed
    assert not play_steps(DOWN, PAGE, "wait: 1s", PAGE).passed


def test_a_test_stops_at_the_first_step_that_fails() -> None:
    result = play_steps("expect: {open: 1}", f"at: 1m, {DOWN}")
    assert not result.passed
    assert result.happenings == ()


def test_within_a_step_things_happen_before_they_are_expected() -> None:
    assert play_steps(
        f"restart: true, {DOWN}, resolve: {{service: api, name: Down}}, expect: {{page: platform, open: 0}}"
    ).passed
