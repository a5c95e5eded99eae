"""When a group may open: the rule's ``when`` applied to what the group holds. Pure planners over plain values.

Invariants: a window holds fewer occurrences than the rule counts, because reaching the count opens the episode and empties it;
so the rule's own ``count`` bounds its memory. A resolve takes nothing out of a window.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from typing import NamedTuple, assert_never

from router.engine.policy import Ready
from router.engine.rows import Episode, Group, Window
from router.model.decision import Reason
from router.model.quantity import format_duration
from router.model.ruleset import AbsentFor, AfterQuiet, AtOnce, Count, FiringFor, Flapping, When


class Verdict(NamedTuple):
    """May it open, why (not), and the figures."""

    opens: bool
    reason: Reason
    cause: str = ""
    counted: int = 1
    first_at: int = 0


OPEN_AT_ONCE = Verdict(opens=True, reason=Reason.AT_ONCE)
OPEN_UNROUTED = Verdict(opens=True, reason=Reason.NO_RULE_MATCHED)
OPEN_AFTER_RESOLVE = Verdict(opens=True, reason=Reason.FIRES_AFTER_RESOLVE)


def prune(window: Window, when: Count, at: int) -> bool:
    """Forget what is not in (at - within, at], and what was counted in another way before the rule was edited.

    True: there was something, so the window's row is to be written, or a restart would remember what this one forgot.
    """
    times = window.times
    before = len(times)
    if bool(window.values) is (when.distinct is None) and times:
        times.clear()
        window.values.clear()
    stale = bisect_right(times, at - when.within_ms)
    if stale:
        del times[:stale]
        del window.values[:stale]
    return len(times) < before


def add(window: Window, when: Count, at: int, value: str) -> None:
    """One more occurrence. With ``distinct`` a value counts once, at its newest time, and an empty one not at all."""
    if when.distinct is not None:
        if not value:
            return
        if value in window.values:
            place = window.values.index(value)
            del window.values[place]
            del window.times[place]
        window.values.append(value)
    window.times.append(at)


def judge_count(ready: Ready, when: Count, window: Window, fired_ms: int) -> Verdict:
    """Has the pruned window reached the count, and has the group been firing for long enough."""
    count = len(window.times)
    cause = f"{count} of {when.count} in {ready.within}"
    if count >= when.count and fired_ms < when.firing_for_ms:
        del window.times[: count - when.count]
        del window.values[: count - when.count]
        cause += f", {format_duration(fired_ms // 1000 * 1000)} of {format_duration(when.firing_for_ms)}"
        return Verdict(opens=False, reason=Reason.NOT_FIRING_LONG_ENOUGH, cause=cause, counted=count)
    if count >= when.count:
        return Verdict(opens=True, reason=Reason.COUNT_REACHED, cause=cause, counted=count, first_at=window.times[0])
    return Verdict(opens=False, reason=Reason.COUNT_NOT_REACHED, cause=cause, counted=count)


def judge_flapping(ready: Ready, when: Flapping, window: Window, at: int) -> Verdict:
    """One more change; are they enough."""
    times = window.times
    window.values.clear()  # of a count that stood here before the rule was edited
    del times[: bisect_right(times, at - when.within_ms)]
    times.append(at)
    count = len(times)
    cause = f"{count} of {when.changes} changes in {ready.within}"
    if count >= when.changes:
        return Verdict(opens=True, reason=Reason.FLAPPING, cause=cause, counted=count, first_at=times[0])
    return Verdict(opens=False, reason=Reason.NOT_FLAPPING, cause=cause, counted=count)


def judge_firing(ready: Ready, when: FiringFor, group: Group, at: int) -> Verdict:
    """Has it fired for long enough. The timer asks again."""
    so_far_ms = at - group.first_at
    if so_far_ms >= when.for_ms and group.not_before <= at:
        return Verdict(opens=True, reason=Reason.FIRED_LONG_ENOUGH, cause=ready.within)
    return _not_long_enough(so_far_ms // 1000, ready.within)


@lru_cache(1024)  # a burst begins within few seconds
def _not_long_enough(seconds: int, within: str) -> Verdict:
    # Whole seconds are what people read; below one second the exact figure would only be noise.
    cause = f"{format_duration(seconds * 1000)} of {within}"
    return Verdict(opens=False, reason=Reason.NOT_FIRING_LONG_ENOUGH, cause=cause)


def due_of(group: Group, ready: Ready | None, now: int, spacing_ms: int) -> int:
    """When this group's timer fires next, 0 for never. Follows from the state and the rules alone, so it survives both."""
    if group.episode is not None:
        due = _due_of_episode(group, group.episode, spacing_ms)
    elif group.handled:
        due = max(group.handled, 0)
    elif ready is None:
        return now  # its rule is gone: what it holds is decided anew
    elif group.muted is not None:
        due = _sooner(group.muted.until, quiet_due(group, ready))
    else:
        due = _due_of_when(group, ready.rule.when, now)
    return max(due, group.not_before) if due else 0


def quiet_due(group: Group, ready: Ready) -> int:
    """When what a mute holds back is over because nothing occurs, 0 for never: what is absent is not over because of that."""
    resolve = ready.rule.resolve
    if ready.absent or group.firing or not isinstance(resolve, AfterQuiet):
        return 0
    return group.last_at + resolve.quiet_ms


def _due_of_episode(group: Group, episode: Episode, spacing_ms: int) -> int:
    due = 0
    if episode.quiet_ms > 0 and (episode.flaps or not group.firing):
        due = group.last_at + episode.quiet_ms
    if episode.worst > episode.severity:
        due = _sooner(due, episode.told_at + spacing_ms)
    muted = group.muted
    if muted is not None:
        due = _sooner(due, muted.until)
    if episode.step < len(episode.steps) and not episode.acknowledged_at and not (muted is not None and muted.holds_step):
        due = _sooner(due, step_due(episode))
    return due


def step_due(episode: Episode) -> int:
    """When its next escalation is due, if nobody acknowledges."""
    return episode.waits_from + episode.steps[episode.step][0]


def _due_of_when(group: Group, when: When, now: int) -> int:
    match when:
        case AtOnce():
            return now if group.members else 0
        case AbsentFor(for_ms=for_ms):
            return 0 if group.firing or group.expected is None else group.last_at + for_ms
        case Flapping(within_ms=within_ms):
            return group.last_at + within_ms if group.window is not None and group.window.times else 0
        case Count(count=count, within_ms=within_ms, firing_for_ms=firing_for_ms):
            if firing_for_ms and group.members and group.window is not None and len(group.window.times) >= count:
                fired = group.first_at + firing_for_ms
                if fired > now:
                    return min(fired, group.last_at + within_ms)
            # Then no occurrence counts any more, and events without an episode are forgotten.
            if (group.window is not None and group.window.times) or len(group.members) > group.firing:
                return group.last_at + within_ms
            return 0
        case FiringFor(for_ms=for_ms):
            return group.first_at + for_ms if group.members else 0
        case _:
            assert_never(when)


def _sooner(one: int, other: int) -> int:
    """The earlier of two times; 0 is none."""
    return min(one, other) if one and other else one or other
