"""Plays a script on a stage: step by step, and after each what was expected is held against what happened.

An expectation speaks of everything since the expectation before it (or the beginning). Expectations with nothing between them,
no step and no time, speak of the same.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from router.model.ruleset import RuleSet
from router.rehearsal.expecting import Miss, find_misses
from router.rehearsal.script import Script, Step
from router.rehearsal.stage import RETRY_FOR_MS, Happening, Stage

Load = Callable[[tuple[str, ...]], RuleSet]
"""The rule set these paths, as written in the test, make."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """How a test went. ``happenings`` is all that happened up to the step that failed, or to the end."""

    script: Script
    misses: tuple[Miss, ...]
    happenings: tuple[Happening, ...]

    @property
    def passed(self) -> bool:
        """Whether everything was as expected."""
        return not self.misses


def play(script: Script, ruleset: RuleSet, *, load: Load, retry_for_ms: int = RETRY_FOR_MS) -> Result:
    """Play it on a stage of its own; stops at the first step whose expectation does not hold."""
    stage = Stage(ruleset, start_at=script.start_at, retry_for_ms=retry_for_ms)
    mark = 0
    fresh = True  # whether something may have happened since the expectation before
    since = 0
    for step in script.steps:
        at = script.start_at + step.after_ms
        if at > stage.now or step.expect is None or _does_something(step):
            fresh = True
        stage.pass_time(at)
        _act(stage, step, load)
        if step.expect is None:
            continue
        if fresh:
            mark, since, fresh = since, len(stage.happenings), False
        misses = find_misses(step.expect, stage.happenings[mark:], stage.open_incidents)
        if misses:
            return Result(script=script, misses=tuple(misses), happenings=tuple(stage.happenings))
    return Result(script=script, misses=(), happenings=tuple(stage.happenings))


def _does_something(step: Step) -> bool:
    return bool(step.alerts or step.endings or step.reload or step.pagerduty or step.restart_ms is not None)


def _act(stage: Stage, step: Step, load: Load) -> None:
    if step.restart_ms is not None:
        stage.restart(step.restart_ms)
    if step.reload:
        stage.reload(load(step.reload), " and ".join(step.reload))
    if step.pagerduty is not None:
        stage.behave(step.pagerduty)
    for alert in step.alerts:
        stage.receive(alert)
    for ending in step.endings:
        stage.end(ending)
