from __future__ import annotations

import pytest

from tests.support.stories import complaints, read_story


def test_offsets_restarts_and_starts_become_milliseconds() -> None:
    file = read_story(
        "start: 2026-03-29T00:00:00Z\n"
        "tests: [{name: a, start: '2026-03-29T03:00:00+02:00', steps: [{at: 1m30s, restart: 10m}, {restart: true, expect: "
        "{open: 0}}]}, {name: b, steps: [{expect: {open: 0}}]}]\n"
    )
    assert file.diagnostics == ()
    first, second = file.scripts
    assert first.start_at - second.start_at == 3_600_000
    assert [(step.after_ms, step.restart_ms) for step in first.steps] == [(90_000, 600_000), (690_000, 0)]


@pytest.mark.parametrize(
    ("step", "code", "message"),
    [
        ("at: 5", "bad-duration", "a duration needs a unit: 5s, 5m or 5h?"),
        ("at: soon", "bad-duration", "found 'soon'"),
        ("restart: false", "bad-restart", "leave the key out"),
        ("restart: 5", "bad-duration", "needs a unit"),
        ("alart: {service: a}", "unknown-key", 'did you mean "alert"?'),
        ("alert: {name: a}", "missing-key", 'the key "service" is missing'),
        ("alert: {service: a, times: 0}", "invalid-value", "at least 1"),
        ("alert: {service: a, kind: log}", "not-a-choice", "stateful"),
        ("expect: {pgae: platform}", "unknown-key", 'did you mean "page"?'),
    ],
)
def test_what_a_step_may_not_hold_is_named_with_its_place(step: str, code: str, message: str) -> None:
    found = complaints(f"tests:\n  - name: a\n    steps:\n      - {{{step}}}\n      - {{expect: {{open: 0}}}}\n")
    assert found[0][0] == code
    assert found[0][1].startswith("5:")
    assert message in found[0][2]


@pytest.mark.parametrize("start", ["noon", "2026-03-29T00:00:00", "5"])
def test_a_start_needs_a_zone(start: str) -> None:
    found = complaints(f"start: {start}\ntests: [{{name: a, steps: [{{expect: {{open: 0}}}}]}}]\n")
    assert [code for code, _, _ in found] == ["bad-start"]
