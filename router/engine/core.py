"""The engine's face: journal entries and the passing of time in, a transition out.

Every entry is taken at its effective time, ``max(entry.at, now)``; every timer due by then fires before it, each at its own
time. What is decided does not depend on how entries are cut into calls, nor on a restart between two of them. An engine whose
transition could not be committed is thrown away and restored from the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

from router.engine.episodes import Episodes
from router.engine.page import change
from router.engine.policy import Policy, Ready
from router.engine.rows import Group, Window
from router.engine.snapshot import restore
from router.engine.state import GROUP, STORM, State
from router.engine.storms import Storms
from router.engine.trigger import OPEN_AT_ONCE, OPEN_UNROUTED, Verdict, add, judge_count, judge_firing, prune
from router.errors import InvariantError
from router.model.alert import Alert
from router.model.decision import Action, Reason
from router.model.journal import AlertReceived, ChangeReceived, DeliveryFailed, Entry, Restarted, RulesChanged
from router.model.ruleset import AtOnce, Count, FiringFor, RuleSet
from router.model.transition import ActiveAlert, StateRow, Transition

NO_GROUPS = b'"groups":[]}'
"""How the row of an alert ends that belongs to no group: a rule drops it, or pages no one."""

EVENTS_KEPT = 10_000
"""Event alerts a group remembers; above it the oldest is forgotten and its resolve finds nothing open."""


class Engine:
    """Decides. Synchronous; one caller at a time."""

    def __init__(self, ruleset: RuleSet, *, now: int = 0) -> None:
        """Begin with these rules and nothing active; ``now`` in ms UTC."""
        self._begin(State(Policy(ruleset), now))

    def _begin(self, state: State) -> None:
        self._state = state
        self._storms = Storms(state)
        self._episodes = Episodes(state, self._storms)

    @property
    def now(self) -> int:
        """How far time has passed, in ms UTC; never goes back."""
        return self._state.now

    @property
    def ruleset(self) -> RuleSet:
        """The rules in force."""
        return self._state.policy.ruleset

    @property
    def active_alerts(self) -> int:
        """How many alerts fire, with those a rule drops."""
        return len(self._state.alerts)

    @property
    def open_incidents(self) -> int:
        """How many episodes and storms are open."""
        return len(self._state.episodes) + len(self._state.storms)

    @property
    def groups(self) -> int:
        """How many groups hold something."""
        return len(self._state.groups)

    @property
    def timers(self) -> int:
        """How many timers are set."""
        return self._state.timers

    def restore(self, state: Iterable[StateRow], *, now: int) -> None:
        """Forget everything and become what these rows say; InvariantError if they contradict one another."""
        fresh = State(self._state.policy, now)
        restore(fresh, state)
        self._begin(fresh)

    def next_due(self) -> int | None:
        """When the next timer is due, in ms UTC; None if none is set."""
        timer = self._state.next_timer()
        return None if timer is None else timer[0]

    def handle(self, entries: Sequence[Entry], *, until: int, rulesets: Mapping[str, RuleSet]) -> Transition:
        """Decide these entries in order, with every timer due before each, and at the end every timer due by ``until``.

        ``rulesets`` holds every version a RulesChanged entry names; InvariantError if one is missing.
        """
        state = self._state
        for entry in entries:
            fact = entry.fact
            match fact:
                case AlertReceived():
                    self._pass_time(entry.at)
                    self._receive(fact.alert, entry.seq)
                case Restarted():
                    self._restart(fact, entry.at)
                case RulesChanged():
                    self._pass_time(entry.at)
                    self._change_rules(fact, rulesets)
                case DeliveryFailed():
                    self._pass_time(entry.at)
                    self._fall_back(fact)
                case ChangeReceived():
                    self._pass_time(entry.at)
                    self._pass_on(fact, entry.seq)
                case _:
                    assert_never(fact)
        self._pass_time(until)
        return state.flush()

    # Alerts.

    def _receive(self, alert: Alert, seq: int) -> None:
        state = self._state
        row_id = state.row_id(alert)
        before = None if row_id is None else state.active(row_id)
        if alert.status == "firing":
            occurred = before is None or alert.kind == "event"
            self._fire(alert, seq, seq if row_id is None else row_id, before, occurred=occurred)
        elif row_id is None or before is None:
            state.decide(Action.NONE, Reason.NOTHING_OPEN, seq)
        else:
            state.drop_alert(row_id, before.alert)
            for group_id in before.groups:
                self._leave(state.groups[group_id], before.alert, row_id, seq)
            if not before.groups:
                state.decide(Action.NONE, Reason.NOTHING_OPEN, seq)

    def _fire(self, alert: Alert, seq: int, row_id: int, before: ActiveAlert | None, *, occurred: bool) -> None:
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
            state.put_alert(row_id, alert, tuple(groups))
        elif before is not None:
            state.drop_alert(row_id, alert)
        for group_id in left:
            self._leave(state.groups[group_id], alert, row_id, seq)
        if not is_stateful:
            self._forget_oldest_events(groups)

    def _match(self, alert: Alert, seq: int, row_id: int, kept: tuple[int, ...], *, occurred: bool) -> list[int]:
        """Put it into the group of every rule that concerns it; answers their ids."""
        state = self._state
        groups: list[int] = []
        for ready in state.policy.find(alert):
            if ready.drop:
                state.decide(Action.DROP, Reason.DROPPED_BY_RULE, seq, ready.id, cause=ready.drop)
            elif not ready.rule.page:
                state.decide(Action.NONE, Reason.NO_TEAM, seq, ready.id)
            else:
                group = (kept and self._kept_under_old_names(ready, kept)) or state.group_of(ready, alert)
                joined = group.id not in kept
                if joined:
                    state.join(group, row_id, stateful=alert.kind == "stateful")
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
        if occurred:
            group.last_at = state.now
            state.touch(group)
        if group.episode is not None:
            if occurred:
                group.not_before = 0
            self._episodes.go_on(ready, group, alert, row_id, seq, occurred=occurred, joined=joined)
            return
        if alert.severity > group.worst:
            group.worst = int(alert.severity)
            state.touch(group)
        verdict = self._judge(ready, group, alert, occurred=occurred)
        if verdict.opens:
            self._episodes.open(ready, group, alert, row_id, seq, verdict)
        else:
            state.decide(Action.HOLD, verdict.reason, seq, ready.id, state.digest_of(group), cause=verdict.cause)

    def _judge(self, ready: Ready, group: Group, alert: Alert, *, occurred: bool) -> Verdict:
        state = self._state
        when = ready.rule.when
        match when:
            case AtOnce():
                return OPEN_UNROUTED if ready is state.policy.default else OPEN_AT_ONCE
            case FiringFor():
                return judge_firing(ready, when, group, state.now)
            case Count():
                return self._count(ready, when, group, alert, occurred=occurred)
            case _:
                assert_never(when)

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
        prune(window, when, state.now)
        if occurred:
            add(window, when, state.now, "" if ready.distinct is None else ready.distinct(alert))
        verdict = judge_count(ready, when, window)
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
        episode = group.episode
        group_digest = state.digest_of(group)
        if episode is None:
            state.decide(Action.NONE, Reason.NOTHING_OPEN, seq, group.rule, group_digest)
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

    # Time.

    def _pass_time(self, until: int) -> None:
        """Fire every timer due by then, each at its own time."""
        state = self._state
        until = max(until, state.now)
        while (timer := state.next_timer()) is not None and timer[0] <= until:
            due, kind, owner = timer
            state.now = max(state.now, due)
            state.pop_timer()
            if kind == GROUP:
                self._fire_timer(state.groups[owner])
            elif kind == STORM:
                self._storms.tell(state.storms[owner], 0)
            else:
                state.settle_shared(owner)
        state.now = until

    def _fire_timer(self, group: Group) -> None:
        state = self._state
        now = state.now
        episode = group.episode
        ready = state.policy.rule(group.rule)
        group.not_before = 0
        if episode is not None:
            if episode.quiet_ms > 0 and not group.firing and group.last_at + episode.quiet_ms <= now:
                self._forget_events(group)
                self._episodes.close(group, Reason.WENT_QUIET, 0)
            else:
                self._episodes.flush(group)
        elif ready is None:
            self._decide_anew(group)
            return
        elif isinstance(ready.rule.when, Count):
            group.window = None
            self._forget_events(group)
            state.touch(group)
        else:
            row_id, alert = self._episodes.spokesman(group)
            self._episodes.open(ready, group, alert, row_id, 0, self._judge(ready, group, alert, occurred=False))
        state.settle(group)

    def _forget_events(self, group: Group) -> None:
        """Event alerts say no more than that something occurred; once that is past they are nothing to wait for."""
        if len(group.members) > group.firing:
            for row_id in list(group.members):
                if self._state.active(row_id).alert.kind == "event":
                    self._forget_event(group, row_id)

    def _restart(self, fact: Restarted, at: int) -> None:
        """What came due while we were away is put off: it may only be our own absence that looks like silence."""
        state = self._state
        self._pass_time(min(fact.down_since, at))
        state.now = max(state.now, at)
        moved_to = state.now + fact.grace_ms
        missed = []
        while (timer := state.next_timer()) is not None and timer[0] <= state.now:
            state.pop_timer()
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
                state.settle_shared(owner)

    # Rules and deliveries.

    def _change_rules(self, fact: RulesChanged, rulesets: Mapping[str, RuleSet]) -> None:
        """Other rules, the same state. What fires and belongs to nothing that is open or held is looked at anew."""
        state = self._state
        ruleset = rulesets.get(fact.version)
        if ruleset is None:
            raise InvariantError(f"the journal names rule set {fact.version}, which was not handed over")
        if fact.version == state.policy.version:
            return
        state.adopt(Policy(ruleset))
        for row_id, body in list(state.alerts.items()):
            if body.endswith(NO_GROUPS):
                active = state.active(row_id)
                if any(ready.rule.page and not ready.drop for ready in state.policy.find(active.alert)):
                    self._fire(active.alert, row_id, row_id, active, occurred=False)

    def _decide_anew(self, group: Group) -> None:
        """The rule that held these alerts is gone, and nobody has been told of them: the other rules decide."""
        state = self._state
        group.window = None
        for row_id in list(group.members):
            active = state.active(row_id)
            state.leave(group, row_id, stateful=active.alert.kind == "stateful")
            others = tuple([group_id for group_id in active.groups if group_id != group.id])
            self._fire(active.alert, row_id, row_id, ActiveAlert(alert=active.alert, groups=others), occurred=False)
        state.settle(group)

    def _pass_on(self, fact: ChangeReceived, seq: int) -> None:
        """A change event for the team that owns the service; it touches nothing here."""
        state = self._state
        event = change(fact, state.policy.owner(fact.service), state.now, seq)
        state.events.append(event)
        state.decide(Action.NONE, Reason.CHANGE_PASSED_ON, seq, teams=(event.team,))

    def _fall_back(self, fact: DeliveryFailed) -> None:
        """Page the fallback of a team that could not be told, if the episode is open and it was not paged yet."""
        state = self._state
        group = state.episodes.get(fact.dedup_key)
        storm = state.storm_keys.get(fact.dedup_key)
        teams = state.policy.ruleset.teams
        team = teams.get(fact.team)
        fallback = None if team is None else team.fallback
        if group is not None and group.episode is not None:
            paged = group.episode.pages
        elif storm is not None:
            paged = storm.row.pages
        else:
            paged = ()
        if fact.action != "trigger" or fact.is_update:
            cause = f"{'an update' if fact.action == 'trigger' else fact.action} needs no fallback"
        elif not paged:
            cause = "the episode is over"
        elif fallback is None or fallback not in teams:
            cause = f"team {fact.team} has no fallback"
        elif any(fallback == page[0] for page in paged):
            cause = f"fallback {fallback} is paged already"
        else:
            cause = f"team {fact.team}: {fact.reason}"
            if group is not None:
                self._episodes.page_fallback(group, fallback, cause)
            else:
                assert storm is not None
                self._storms.page_fallback(storm, fallback, cause)
            return
        state.decide(
            Action.NONE,
            Reason.NO_FALLBACK,
            0,
            "" if group is None else group.rule,
            "" if group is None else state.digest_of(group),
            fact.dedup_key,
            f"{cause} ({fact.reason})",
            (fact.team,),
        )
