"""Alerts come and go: each is put into the group of every rule that concerns it, which opens, goes on, or holds.

Keeps these invariants: every alert ends in at least one decision; an alert stays where an episode is open; what belongs to
no group any more is forgotten. Must never do: let time pass, or fire a timer.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import assert_never

from router.engine.absence import Absences
from router.engine.episodes import Episodes
from router.engine.mutes import Mutes
from router.engine.notes import Notes
from router.engine.policy import Ready
from router.engine.rows import Group, Window
from router.engine.state import State
from router.engine.trigger import OPEN_AT_ONCE, OPEN_UNROUTED, Verdict, add, judge_count, judge_firing, judge_flapping, prune
from router.model.alert import Alert
from router.model.decision import Action, Reason
from router.model.ruleset import AbsentFor, AtOnce, Count, FiringFor, Flapping
from router.model.transition import ActiveAlert

EVENTS_KEPT = 10_000
"""Event alerts a group remembers; above it the oldest is forgotten and its resolve finds nothing open."""


class Arrivals:
    """What an alert does to the state."""

    def __init__(self, state: State, episodes: Episodes, mutes: Mutes, absences: Absences, notes: Notes) -> None:
        """Work on this state."""
        self._notes = notes
        self._absences = absences
        self._state = state
        self._mutes = mutes
        self._episodes = episodes

    def receive(self, alert: Alert, seq: int) -> None:
        """A journalled alert: new, changed, once more, or over."""
        state = self._state
        row_id = state.row_id(alert)
        before = None if row_id is None else state.active(row_id)
        if alert.status == "firing":
            occurred = before is None or alert.kind == "event"
            self.fire(alert, seq, seq if row_id is None else row_id, before, occurred=occurred)
        elif row_id is None or before is None:
            state.decide(Action.NONE, Reason.NOTHING_OPEN, seq)
        else:
            state.drop_alert(row_id, before.alert)
            for group_id in before.groups:
                self._leave(state.groups[group_id], before.alert, row_id, seq)
            if not before.groups:
                state.decide(Action.NONE, Reason.NOTHING_OPEN, seq)

    def fire(self, alert: Alert, seq: int, row_id: int, before: ActiveAlert | None, *, occurred: bool) -> None:
        """New, changed, or once more: matched anew, put where it belongs now, taken from where it does not."""
        state = self._state
        is_stateful = alert.kind == "stateful"
        kept: tuple[int, ...] = ()
        if before is not None:
            kept = before.groups
            if before.alert.kind != alert.kind:
                for group_id in kept:
                    state.groups[group_id].firing += 1 if is_stateful else -1
        groups = self._match(alert, seq, row_id, kept, occurred=occurred)
        left: tuple[int, ...] = ()
        if kept:
            groups += self._stay(
                alert, seq, row_id, [group_id for group_id in kept if group_id not in groups], occurred=occurred
            )
            left = tuple([group_id for group_id in kept if group_id not in groups])
        if groups or is_stateful:
            state.put_alert(row_id, alert, tuple(groups), is_new=before is None)
        elif before is not None:
            state.drop_alert(row_id, alert)
        for group_id in left:
            self._leave(state.groups[group_id], alert, row_id, seq)
        if not is_stateful:
            self._forget_oldest_events(groups)

    def _match(self, alert: Alert, seq: int, row_id: int, kept: tuple[int, ...], *, occurred: bool) -> list[int]:
        """Put it into the group of every rule that concerns it; answers their ids."""
        state = self._state
        is_stateful = alert.kind == "stateful"
        groups: list[int] = []
        for ready in state.policy.find(alert):
            if ready.drop:
                state.decide(Action.DROP, Reason.DROPPED_BY_RULE, seq, ready.id, cause=ready.drop)
            elif not ready.tells:
                state.decide(Action.NONE, Reason.NO_TEAM, seq, ready.id)
            elif ready.absent and not is_stateful:
                group = state.group_of(ready, alert)
                self._absences.hear(ready, group, alert, seq)
                state.settle(group)
            else:
                group = (kept and self._kept_under_old_names(ready, kept)) or state.group_of(ready, alert)
                joined = group.id not in kept
                if joined:
                    state.join(group, row_id, stateful=is_stateful)
                groups.append(group.id)
                self._stage(ready, group, alert, row_id, seq, occurred=occurred, joined=joined)
                state.settle(group)
        return groups

    def _stay(self, alert: Alert, seq: int, row_id: int, unmatched: list[int], *, occurred: bool) -> list[int]:
        """It stays where an episode is open whose rule was removed: that it does not match says nothing there."""
        state = self._state
        stays = []
        for group_id in unmatched:
            group = state.groups[group_id]
            if group.episode is not None and state.policy.rule(group.rule) is None:
                stays.append(group_id)
                if occurred:
                    group.last_at = state.now
                self._episodes.go_on(None, group, alert, row_id, seq, occurred=occurred, joined=False)
                state.settle(group)
        return stays

    def _kept_under_old_names(self, ready: Ready, kept: tuple[int, ...]) -> Group | None:
        """An open episode of this rule that was grouped by other fields before the rule was edited goes on."""
        for group_id in kept:
            group = self._state.groups[group_id]
            if group.rule == ready.id and group.names != ready.rule.group_by and group.episode is not None:
                return group
        return None

    def _stage(self, ready: Ready, group: Group, alert: Alert, row_id: int, seq: int, *, occurred: bool, joined: bool) -> None:
        """One alert in one of its groups: open, go on, or hold."""
        state = self._state
        occurred = occurred or joined
        if ready.absent:
            self._absences.hear(ready, group, alert, seq)
            return
        if occurred:
            group.last_at = state.now
            state.touch(group)
        if group.episode is not None:
            if occurred:
                group.not_before = 0
            self._episodes.go_on(ready, group, alert, row_id, seq, occurred=occurred, joined=joined)
            return
        if group.handled:
            if not occurred and alert.severity <= group.worst:
                state.decide(Action.SUPPRESS, Reason.HANDLED_BY_PERSON, seq, ready.id, state.digest_of(group))
                return
            group.handled = 0
        if alert.severity > group.worst:
            group.worst = int(alert.severity)
            state.touch(group)
        if group.muted is not None:
            self._go_on_muted(ready, group, alert, row_id, seq, occurred=occurred)
            return
        self._open_or_hold(ready, group, alert, row_id, seq, self.judge(ready, group, alert, occurred=occurred))

    def _open_or_hold(  # noqa: PLR0917 -- called for every alert; keywords would cost more than the call
        self, ready: Ready, group: Group, alert: Alert, row_id: int, seq: int, verdict: Verdict
    ) -> None:
        state = self._state
        if not verdict.opens:
            state.decide(Action.HOLD, verdict.reason, seq, ready.id, state.digest_of(group), cause=verdict.cause)
            if ready.otherwise:
                self._notes.open(ready, group, alert, row_id, seq, verdict.cause)
            return
        mute = self._mutes.of(ready, alert) if self._mutes.concern(ready) else None
        if mute is None:
            self._episodes.open(ready, group, alert, row_id, seq, verdict)
            return
        self._mutes.keep_back(ready, group, mute, verdict, seq)
        if ready.otherwise and mute.reason is Reason.OUTSIDE_SCHEDULE:
            self._notes.open(ready, group, alert, row_id, seq, mute.words)

    def _go_on_muted(self, ready: Ready, group: Group, alert: Alert, row_id: int, seq: int, *, occurred: bool) -> None:
        """One more alert of a muted group: muted like the others, or free, and then the group opens for it."""
        state = self._state
        mute = self._mutes.of(ready, alert)
        if mute is not None:
            self._mutes.join(group, mute, seq, occurred=occurred)
            if ready.otherwise and mute.reason is Reason.OUTSIDE_SCHEDULE:
                self._notes.open(ready, group, alert, row_id, seq, mute.words)
            return
        muted = group.muted
        assert muted is not None
        verdict = self._mutes.release(group)
        group.worst = int(alert.severity)
        self._episodes.open(ready, group, alert, row_id, seq, verdict)
        muted.until = state.now  # the others, in their turn
        state.mute(group, muted)

    def judge(self, ready: Ready, group: Group, alert: Alert, *, occurred: bool) -> Verdict:
        """May the group open now; an occurrence is counted first."""
        state = self._state
        when = ready.rule.when
        match when:
            case AtOnce():
                return OPEN_UNROUTED if ready is state.policy.default else OPEN_AT_ONCE
            case FiringFor():
                return judge_firing(ready, when, group, state.now)
            case Count():
                return self._count(ready, when, group, alert, occurred=occurred)
            case Flapping():
                return self._flap(ready, when, group, changed=occurred)
            case AbsentFor():
                return Verdict(opens=True, reason=Reason.ABSENT, cause=ready.within)
            case _:
                assert_never(when)

    def _flap(self, ready: Ready, when: Flapping, group: Group, *, changed: bool) -> Verdict:
        if not changed:
            times = () if group.window is None else group.window.times
            counted = len(times) - bisect_right(times, self._state.now - when.within_ms)
            cause = f"{counted} of {when.changes} changes in {ready.within}"
            return Verdict(opens=False, reason=Reason.NOT_FLAPPING, cause=cause)
        if group.window is None:
            group.window = Window(times=[])
        return judge_flapping(ready, when, group.window, self._state.now)

    def _count(self, ready: Ready, when: Count, group: Group, alert: Alert, *, occurred: bool) -> Verdict:
        """Reaching the count takes what was counted, also what other groups added to a window shared by ``per``."""
        state = self._state
        shared_id = 0
        if ready.per is None:
            if group.window is None:
                group.window = Window(times=[])
            window = group.window
        else:
            shared_id, window = state.shared_window(ready, ready.per(alert))
        if prune(window, when, state.now) and not shared_id:
            state.touch(group)
        if occurred:
            add(window, when, state.now, "" if ready.distinct is None else ready.distinct(alert))
        if when.firing_for_ms:
            state.touch(group)  # its timer follows from what is left in the window
        verdict = judge_count(ready, when, window, state.now - group.first_at if group.members else 0)
        if shared_id:
            if verdict.opens:
                window.times.clear()
                window.values.clear()
            state.settle_shared(shared_id)
        return verdict

    def _leave(self, group: Group, alert: Alert, row_id: int, seq: int) -> None:
        """The alert has resolved as far as this group is concerned."""
        state = self._state
        state.leave(group, row_id, stateful=alert.kind == "stateful")
        ready = state.policy.rule(group.rule)
        if ready is not None and isinstance(ready.rule.when, Flapping) and self._leave_flapping(ready, group, alert, seq):
            state.settle(group)
            return
        episode = group.episode
        group_digest = state.digest_of(group)
        if episode is None:
            cause = ""
            if group.muted is not None and not group.members:
                cause = f"it was muted: {group.muted.words}"
                state.mute(group, None)
            state.decide(Action.NONE, Reason.NOTHING_OPEN, seq, group.rule, group_digest, cause=cause)
        elif group.members:
            left = len(group.members)
            cause = f"{left} alert{'' if left == 1 else 's'} left"
            state.decide(Action.UPDATE, Reason.STILL_FIRING, seq, group.rule, group_digest, episode.key, cause)
        elif episode.quiet_ms == 0:
            self._episodes.close(group, Reason.ALL_RESOLVED, seq)
        elif episode.quiet_ms < 0:
            state.decide(Action.NONE, Reason.NEVER_RESOLVES, seq, group.rule, group_digest, episode.key)
        else:
            state.decide(Action.UPDATE, Reason.WAITING_FOR_QUIET, seq, group.rule, group_digest, episode.key)
        state.settle(group)

    def _leave_flapping(self, ready: Ready, group: Group, alert: Alert, seq: int) -> bool:
        """A resolve is a change too. Answers whether that is all there is to say."""
        state = self._state
        group.last_at = state.now
        state.touch(group)
        if group.episode is not None or group.handled or group.muted is not None:
            return False
        verdict = self.judge(ready, group, alert, occurred=True)
        mute = self._mutes.of(ready, alert) if verdict.opens and self._mutes.concern(ready) else None
        if mute is not None:
            group.window = None  # nothing fires that could be paged when the mute ends
            state.decide(Action.SUPPRESS, mute.reason, seq, ready.id, state.digest_of(group), cause=mute.words)
        elif verdict.opens:
            self._episodes.open(ready, group, alert, 0, seq, verdict)
        else:
            state.decide(Action.HOLD, verdict.reason, seq, ready.id, state.digest_of(group), cause=verdict.cause)
        return True

    def _forget_oldest_events(self, groups: Sequence[int]) -> None:
        """Keep the bound on event alerts that nobody resolves."""
        for group_id in groups:
            group = self._state.groups[group_id]
            if len(group.members) - group.firing > EVENTS_KEPT:
                members = group.members
                self._forget_event(group, next(m for m in members if self._state.active(m).alert.kind == "event"))

    def _forget_event(self, group: Group, row_id: int) -> None:
        """The group remembers this event alert no longer; its row goes with its last group."""
        state = self._state
        active = state.active(row_id)
        state.leave(group, row_id, stateful=False)
        groups = tuple([group_id for group_id in active.groups if group_id != group.id])
        if groups:
            state.put_alert(row_id, active.alert, groups)
        else:
            state.drop_alert(row_id, active.alert)

    def forget_events(self, group: Group) -> None:
        """Event alerts say no more than that something occurred; once that is past they are nothing to wait for."""
        if len(group.members) > group.firing:
            for row_id in list(group.members):
                if self._state.active(row_id).alert.kind == "event":
                    self._forget_event(group, row_id)

    def decide_anew(self, group: Group) -> None:
        """The rule that held these alerts is gone, and nobody has been told of them: the other rules decide."""
        state = self._state
        group.window = None
        group.expected = None
        if group.noted is not None:
            self._notes.close(group, Reason.ALL_RESOLVED)
        if group.muted is not None:
            state.mute(group, None)
        for row_id in list(group.members):
            active = state.active(row_id)
            state.leave(group, row_id, stateful=active.alert.kind == "stateful")
            others = tuple([group_id for group_id in active.groups if group_id != group.id])
            self.fire(active.alert, row_id, row_id, ActiveAlert(alert=active.alert, groups=others), occurred=False)
        state.settle(group)
