"""The engine's face: journal entries and the passing of time in, a transition out.

Every entry is taken at its effective time, ``max(entry.at, now)``; every timer due by then fires before it, each at its own
time. What is decided does not depend on how entries are cut into calls, nor on a restart between two of them. An engine whose
transition could not be committed is thrown away and restored from the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

from router.engine.answers import Answers
from router.engine.arrivals import Arrivals
from router.engine.episodes import Episodes
from router.engine.page import change
from router.engine.policy import Policy
from router.engine.rows import Group
from router.engine.snapshot import restore
from router.engine.state import GROUP, STORM, State
from router.engine.storms import Storms
from router.engine.trigger import OPEN_AFTER_RESOLVE
from router.errors import InvariantError
from router.model.decision import Action, Reason
from router.model.journal import AlertReceived, ChangeReceived, DeliveryFailed, Entry, IncidentChanged, Restarted, RulesChanged
from router.model.ruleset import Count, RuleSet
from router.model.transition import StateRow, Transition

NO_GROUPS = b'"groups":[]}'
"""How the row of an alert ends that belongs to no group: a rule drops it, or pages no one."""


class Engine:
    """Decides. Synchronous; one caller at a time."""

    def __init__(self, ruleset: RuleSet, *, now: int = 0) -> None:
        """Begin with these rules and nothing active; ``now`` in ms UTC."""
        self._begin(State(Policy(ruleset), now))

    def _begin(self, state: State) -> None:
        self._state = state
        self._storms = Storms(state)
        self._episodes = Episodes(state, self._storms)
        self._arrivals = Arrivals(state, self._episodes)
        self._answers = Answers(state, self._storms, self._episodes, self._arrivals)

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
                    self._arrivals.receive(fact.alert, entry.seq)
                case Restarted():
                    self._restart(fact, entry.at)
                case RulesChanged():
                    self._pass_time(entry.at)
                    self._change_rules(fact, rulesets)
                case DeliveryFailed():
                    self._pass_time(entry.at)
                    self._answers.fall_back(fact)
                case IncidentChanged():
                    self._pass_time(entry.at)
                    self._answers.change_incident(fact)
                case ChangeReceived():
                    self._pass_time(entry.at)
                    self._pass_on(fact, entry.seq)
                case _:
                    assert_never(fact)
        self._pass_time(until)
        return state.flush()

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
                self._arrivals.forget_events(group)
                self._episodes.close(group, Reason.WENT_QUIET, 0)
            else:
                self._episodes.flush(group)
        elif ready is None:
            self._arrivals.decide_anew(group)
            return
        elif group.handled:
            group.handled = 0
            row_id, alert = self._episodes.spokesman(group)
            self._episodes.open(ready, group, alert, row_id, 0, OPEN_AFTER_RESOLVE)
        elif isinstance(ready.rule.when, Count):
            group.window = None
            self._arrivals.forget_events(group)
            state.touch(group)
        else:
            row_id, alert = self._episodes.spokesman(group)
            self._episodes.open(ready, group, alert, row_id, 0, self._arrivals.judge(ready, group, alert, occurred=False))
        state.settle(group)

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
                    self._arrivals.fire(active.alert, row_id, row_id, active, occurred=False)

    def _pass_on(self, fact: ChangeReceived, seq: int) -> None:
        """A change event for the team that owns the service; it touches nothing here."""
        state = self._state
        event = change(fact, state.policy.owner(fact.service), state.now, seq)
        state.events.append(event)
        state.decide(Action.NONE, Reason.CHANGE_PASSED_ON, seq, teams=(event.team,))
