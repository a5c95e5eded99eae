"""The passing of time: every timer that is due fires at its own time, in order, and does what its owner is due for.

Keeps these invariants: time never goes back; what a restart missed is put off by its grace, never skipped; a timer that fires
leaves its owner's next one later than it, or at the same instant only for another purpose.
"""

from __future__ import annotations

from router.engine.arrivals import Arrivals
from router.engine.episodes import Episodes
from router.engine.mutes import Look, Mutes
from router.engine.notes import Notes
from router.engine.notices import Notices
from router.engine.policy import Ready
from router.engine.rows import Group
from router.engine.state import UPDATE_SPACING_MS, State
from router.engine.storms import Storms
from router.engine.timers import DIGEST, GROUP, SHARED, SILENCE, STORM
from router.engine.trigger import OPEN_AFTER_RESOLVE, Verdict, quiet_due, step_due
from router.model.decision import Reason
from router.model.journal import Restarted
from router.model.ruleset import Count, Flapping


class Due:
    """What timers do."""

    def __init__(
        self,
        state: State,
        *,
        storms: Storms,
        episodes: Episodes,
        arrivals: Arrivals,
        mutes: Mutes,
        notices: Notices,
        notes: Notes,
    ) -> None:
        """Work on this state."""
        self._notices = notices
        self._notes = notes
        self._state = state
        self._storms = storms
        self._episodes = episodes
        self._arrivals = arrivals
        self._mutes = mutes

    def pass_time(self, until: int) -> None:
        """Fire every timer due by then, each at its own time."""
        state = self._state
        until = max(until, state.now)
        if state.timers.earliest() > until:
            state.now = until
            return
        while (timer := state.timers.next()) is not None and timer[0] <= until:
            due, kind, owner = timer
            state.now = max(state.now, due)
            state.timers.pop()
            if kind == GROUP:
                self._fire(state.groups[owner])
            elif kind == STORM:
                self._storms.tell(state.storms[owner], 0)
            else:
                self._end(kind, owner)
        state.now = until

    def restart(self, fact: Restarted, at: int) -> None:
        """What came due while we were away is put off: it may only be our own absence that looks like silence."""
        state = self._state
        self.pass_time(min(fact.down_since, at))
        state.now = max(state.now, at)
        moved_to = state.now + fact.grace_ms
        missed = []
        while (timer := state.timers.next()) is not None and timer[0] <= state.now:
            state.timers.pop()
            missed.append(timer)
        for _, kind, owner in missed:
            if kind == GROUP:
                group = state.groups[owner]
                group.not_before = moved_to
                state.touch(group)
                state.settle(group)
            elif kind == STORM:
                state.storms[owner].row.not_before = moved_to
                state.touch_storm(state.storms[owner])
            else:
                self._end(kind, owner)

    def _end(self, kind: int, owner: int) -> None:
        if kind == SHARED:
            self._state.settle_shared(owner)
        elif kind == DIGEST:
            self._notices.send(owner)
        else:
            assert kind == SILENCE
            self._mutes.expire(owner)

    def _fire(self, group: Group) -> None:
        state = self._state
        ready = state.policy.rule(group.rule)
        group.not_before = 0
        if group.noted is not None and state.is_bare(group):
            counts = ready is not None and isinstance(ready.rule.when, Count | Flapping)
            self._notes.close(group, Reason.WENT_QUIET if counts else Reason.ALL_RESOLVED)
        elif group.episode is not None:
            self._go_on(ready, group)
        elif group.handled:
            group.handled = 0
            if ready is not None:
                self._open(ready, group, OPEN_AFTER_RESOLVE)
        elif ready is None:
            self._arrivals.decide_anew(group)
            return
        elif group.muted is not None:
            self._look_again(ready, group)
        elif isinstance(ready.rule.when, Count | Flapping) and not self._has_fired(group, ready.rule.when):
            group.window = None
            self._arrivals.forget_events(group)
            state.touch(group)
        else:
            alert = self._episodes.spokesman(group)[1]
            verdict = self._arrivals.judge(ready, group, alert, occurred=False)
            if verdict.opens:
                self._open(ready, group, verdict)
        state.settle(group)

    def _go_on(self, ready: Ready | None, group: Group) -> None:
        """Of an open episode: its quiet is over, a mute of one of its alerts has ended, an update may be told."""
        now = self._state.now
        episode, muted = group.episode, group.muted
        assert episode is not None
        if episode.quiet_ms > 0 and (episode.flaps or not group.firing) and group.last_at + episode.quiet_ms <= now:
            self._arrivals.forget_events(group)
            self._episodes.close(group, Reason.STABLE if episode.flaps else Reason.WENT_QUIET, 0)
            return
        if muted is not None and 0 < muted.until <= now:
            self._look_at_worse(ready, group)
        if episode.worst > episode.severity and episode.told_at + UPDATE_SPACING_MS <= now:
            self._episodes.flush(group)
        if episode.step < len(episode.steps) and not episode.acknowledged_at and step_due(episode) <= now:
            self._escalate(ready, group)

    def _escalate(self, ready: Ready | None, group: Group) -> None:
        """The next step, unless all that fires is muted: then at the end of that."""
        if group.muted is not None and group.muted.holds_step:
            return
        if self._mutes.active or (ready is not None and ready.scheduled):
            look = self._mutes.look(ready, group)
            if look.alert is None and look.muted is not None:
                self._mutes.hold_step(group, look)
                return
        self._episodes.escalate(group)

    def _has_fired(self, group: Group, when: Count | Flapping) -> bool:
        """A count that also has to fire on: whether that time has come."""
        if isinstance(when, Flapping) or not when.firing_for_ms or group.window is None or not group.members:
            return False
        return len(group.window.times) >= when.count and group.first_at + when.firing_for_ms <= self._state.now

    def _open(self, ready: Ready, group: Group, verdict: Verdict) -> None:
        """Open it now, unless all of its alerts are muted."""
        if not self._mutes.concern(ready):
            row_id, alert = self._episodes.spokesman(group)
            self._episodes.open(ready, group, alert, row_id, 0, verdict)
            return
        look = self._mutes.look(ready, group)
        if look.alert is None:
            assert look.muted is not None
            self._mutes.keep_back(ready, group, look.muted, verdict, 0)
            self._mutes.still(group, look)
            self._note(ready, group, look)
            return
        group.worst = int(look.alert.severity)
        self._episodes.open(ready, group, look.alert, look.row_id, 0, verdict)
        self._mutes.watch(group, look)

    def _note(self, ready: Ready, group: Group, look: Look) -> None:
        """It may not open: if that is for its rule's schedule, who is to be told then is told."""
        if ready.otherwise and look.muted is not None and look.muted.reason is Reason.OUTSIDE_SCHEDULE:
            row_id, alert = self._episodes.spokesman(group)
            self._notes.open(ready, group, alert, row_id, 0, look.muted.words)

    def _look_again(self, ready: Ready, group: Group) -> None:
        """A mute has ended, or what it held back has gone quiet."""
        if 0 < quiet_due(group, ready) <= self._state.now:
            self._state.mute(group, None)  # first: a silence may end with what it mutes
            self._arrivals.forget_events(group)
            return
        look = self._mutes.look(ready, group)
        if look.alert is None:
            self._mutes.still(group, look)
            self._note(ready, group, look)
            return
        verdict = self._mutes.release(group)
        group.worst = int(look.alert.severity)
        self._episodes.open(ready, group, look.alert, look.row_id, 0, verdict)
        self._mutes.watch(group, look)

    def _look_at_worse(self, ready: Ready | None, group: Group) -> None:
        """An open episode becomes worse by an alert whose mute has ended."""
        episode = group.episode
        assert episode is not None
        look = self._mutes.look(ready, group)
        if look.alert is not None and look.alert.severity > episode.worst:
            self._episodes.go_on(ready, group, look.alert, look.row_id, 0, occurred=False, joined=False)
        muted = group.muted
        assert muted is not None
        muted.holds_step = muted.holds_step and look.alert is None and look.muted is not None
        if look.muted is not None and (look.kept > episode.worst or muted.holds_step):
            self._mutes.still(group, look)
        else:
            self._state.mute(group, None)
