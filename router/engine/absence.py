"""Rules that page when nothing arrives: each expected reporter is a group that stays when it holds no alert.

Definitions. A stateful alert is present as long as it fires, since its source goes on resending it; the absence begins when the
last one has resolved or expired. An event is present for an instant. A rule without ``per`` expects something from when it was
loaded; with ``per`` it expects each value from when it was first seen, at most EXPECTED of them.
"""

from __future__ import annotations

from router.engine.episodes import Episodes
from router.engine.policy import Ready
from router.engine.rows import Group, Heard
from router.engine.state import State
from router.model.alert import Alert
from router.model.decision import Action, Reason
from router.model.ruleset import AbsentFor

EXPECTED = 10_000
"""Reporters a rule expects; what is seen above it is not missed when it goes."""


class Absences:
    """Expects reporters, and hears of them."""

    def __init__(self, state: State, episodes: Episodes) -> None:
        """Work on this state."""
        self._state = state
        self._episodes = episodes

    def arm(self) -> None:
        """From now on the rules in force expect something, as far as they do not already."""
        state = self._state
        for ready in state.policy.rules:
            if not isinstance(ready.rule.when, AbsentFor) or ready.rule.group_by:
                continue
            group = state.group_named(ready, ())
            if group.expected is None:
                service = ready.match.services[0] if len(ready.match.services) == 1 else None
                named = service.text if service is not None and service.kind == "exact" and not service.negated else ready.id
                name = ready.match.names[0].text if len(ready.match.names) == 1 else ""
                group.expected = Heard(service=named, name=name)
                group.last_at = state.now
                state.touch(group)
            state.settle(group)

    def hear(self, ready: Ready, group: Group, alert: Alert, seq: int) -> None:
        """Something has arrived."""
        state = self._state
        group.handled = 0
        group.last_at = state.now
        group.not_before = 0  # a restart's grace was for what it has just said
        expected = group.expected
        if expected is None and len(state.tables[ready.table_key]) > EXPECTED:
            cause = f"not expected again: {EXPECTED} others are"
            state.decide(Action.NONE, Reason.HEARD, seq, ready.id, state.digest_of(group), cause=cause)
            return
        if expected is None or (expected.service, expected.name) != (alert.service, alert.name):
            group.expected = Heard(service=alert.service, name=alert.name)
        state.touch(group)
        if group.muted is not None:
            state.mute(group, None)
        if group.episode is not None:
            self._episodes.close(group, Reason.HEARD_AGAIN, seq)
        else:
            state.decide(Action.NONE, Reason.HEARD, seq, ready.id, state.digest_of(group))
