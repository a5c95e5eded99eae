"""The engine's face: journal entries and the passing of time in, a transition out.

Every entry is taken at its effective time, ``max(entry.at, now)``; every timer due by then fires before it, each at its own
time. What is decided does not depend on how entries are cut into calls, nor on a restart between two of them. An engine whose
transition could not be committed is thrown away and restored from the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

from router.engine.absence import Absences
from router.engine.answers import Answers
from router.engine.arrivals import Arrivals
from router.engine.due import Due
from router.engine.episodes import Episodes
from router.engine.mutes import Mutes, Muting
from router.engine.notes import Notes
from router.engine.notices import Notices
from router.engine.orphans import Orphans
from router.engine.page import change, forward
from router.engine.policy import Policy
from router.engine.snapshot import restore
from router.engine.state import State
from router.engine.storms import Storms
from router.errors import InvariantError
from router.model.alert import Alert
from router.model.decision import Action, Reason
from router.model.incident import Orphan
from router.model.journal import (
    AlertReceived,
    ChangeReceived,
    DeliveryFailed,
    Entry,
    EpisodeClosed,
    EventForwarded,
    IncidentChanged,
    Restarted,
    RuleAdopted,
    RulesChanged,
    SilenceChanged,
)
from router.model.ruleset import RuleSet
from router.model.transition import StateRow, Transition

_Rarer = (
    RulesChanged
    | DeliveryFailed
    | IncidentChanged
    | ChangeReceived
    | EventForwarded
    | SilenceChanged
    | EpisodeClosed
    | RuleAdopted
)


class Engine:
    """Decides. Synchronous; one caller at a time."""

    def __init__(self, ruleset: RuleSet, *, now: int = 0) -> None:
        """Begin with these rules and nothing active; ``now`` in ms UTC."""
        self._begin(State(Policy(ruleset), now))

    def _begin(self, state: State) -> None:
        self._state = state
        notices = Notices(state)
        self._storms = Storms(state, notices)
        self._mutes = Mutes(state)
        self._episodes = Episodes(state, self._storms, self._mutes, notices)
        self._absences = Absences(state, self._episodes)
        notes = Notes(state, self._storms, self._mutes, notices)
        self._arrivals = Arrivals(state, self._episodes, self._mutes, self._absences, notes)
        if state.now:
            self._absences.arm()
        self._due = Due(
            state,
            storms=self._storms,
            episodes=self._episodes,
            arrivals=self._arrivals,
            mutes=self._mutes,
            notices=notices,
            notes=notes,
        )
        self._answers = Answers(state, self._storms, self._episodes, self._arrivals, notes)
        self._orphans = Orphans(state, self._arrivals)

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
        """How many episodes and storms are open, with what is only told of so far."""
        state = self._state
        return len(state.episodes) + len(state.noted) + len(state.storms)

    def orphans(self, ruleset: RuleSet | None = None) -> list[Orphan]:
        """What rules that are not in force have left open; with a rule set, what it would leave open."""
        return self._orphans.list_left_open(self._state.policy.ruleset if ruleset is None else ruleset)

    @property
    def groups(self) -> int:
        """How many groups hold something."""
        return len(self._state.groups)

    @property
    def timers(self) -> int:
        """How many timers are set."""
        return self._state.timers.count

    def muting(self, alert: Alert) -> Muting:
        """What keeps this alert from paging now; changes nothing."""
        return self._mutes.all_of(alert)

    def restore(self, state: Iterable[StateRow], *, now: int) -> None:
        """Forget everything and become what these rows say; InvariantError if they contradict one another."""
        fresh = State(self._state.policy, now)
        restore(fresh, state)
        self._begin(fresh)

    def next_due(self) -> int | None:
        """When the next timer is due, in ms UTC; None if none is set."""
        timer = self._state.timers.next()
        return None if timer is None else timer[0]

    def handle(self, entries: Sequence[Entry], *, until: int, rulesets: Mapping[str, RuleSet]) -> Transition:
        """Decide these entries in order, with every timer due before each, and at the end every timer due by ``until``.

        ``rulesets`` holds every version a RulesChanged entry names; InvariantError if one is missing.
        """
        state = self._state
        if not state.now and entries:
            state.now = entries[0].at
            self._absences.arm()
        for entry in entries:
            fact = entry.fact
            match fact:
                case AlertReceived():
                    self._due.pass_time(entry.at)
                    self._arrivals.receive(fact.alert, entry.seq)
                case Restarted():
                    self._due.restart(fact, entry.at)
                    self._absences.arm()
                case _:
                    self._due.pass_time(entry.at)
                    self._take(fact, entry.seq, rulesets)
        self._due.pass_time(until)
        return state.flush()

    def _take(self, fact: _Rarer, seq: int, rulesets: Mapping[str, RuleSet]) -> None:
        match fact:
            case RulesChanged():
                self._change_rules(fact, rulesets)
            case DeliveryFailed():
                self._answers.fall_back(fact)
            case IncidentChanged():
                self._answers.change_incident(fact)
            case ChangeReceived() | EventForwarded():
                self._pass_on(fact, seq)
            case SilenceChanged():
                self._mutes.change(fact)
            case EpisodeClosed():
                self._answers.close(fact)
            case RuleAdopted():
                self._orphans.adopt(fact)
            case _:
                assert_never(fact)

    # Rules and deliveries.

    def _change_rules(self, fact: RulesChanged, rulesets: Mapping[str, RuleSet]) -> None:
        """Other rules, the same state. What fires and belongs to nothing that is open or held is looked at anew."""
        state = self._state
        ruleset = rulesets.get(fact.version)
        if ruleset is None:
            raise InvariantError(f"the journal names rule set {fact.version}, which was not handed over")
        if fact.version != state.policy.version:
            self._adopt(Policy(ruleset))
        state.remember_rules()
        self._absences.arm()

    def _adopt(self, policy: Policy) -> None:
        state = self._state
        freed = self._orphans.rename(policy)
        state.adopt(policy)
        self._mutes.adopt()
        self._mutes.end()
        for group in list(state.groups.values()):
            if group.expected is not None and group.episode is None:
                ready = policy.rule(group.rule)
                if ready is not None and not (ready.absent and ready.rule.group_by == group.names):
                    self._arrivals.decide_anew(group)
        self._orphans.decide_anew(freed)
        for row_id in list(state.alerts):
            active = state.active(row_id)
            if not active.groups and any(ready.tells and not ready.drop for ready in state.policy.find(active.alert)):
                self._arrivals.fire(active.alert, row_id, row_id, active, occurred=False)

    def _pass_on(self, fact: ChangeReceived | EventForwarded, seq: int) -> None:
        """A change event for the team that owns the service, or an event in shadow as it came; it touches nothing here."""
        state = self._state
        if isinstance(fact, EventForwarded):
            state.events.append(forward(fact, state.now, seq))
            state.decide(Action.NONE, Reason.FORWARDED, seq, cause=f"{fact.action} through {fact.source}")
            return
        event = change(fact, state.policy.owner(fact.service), state.now, seq)
        state.events.append(event)
        state.decide(Action.NONE, Reason.CHANGE_PASSED_ON, seq, teams=(event.team,))
