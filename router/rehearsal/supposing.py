"""What would be decided about an alert that nobody sent: the rules tried one by one, then the engine's own answer.

The engine is restored from the store's state, if there is one, and brought to the time in question; nothing is written
anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from router.engine.core import Engine
from router.engine.tried import Tried, walk
from router.model.alert import Alert
from router.model.decision import Action, Decision
from router.model.event import Event
from router.model.journal import AlertReceived, Entry
from router.model.ruleset import RuleSet
from router.model.transition import StateRow

LOOK_AHEAD_MS = 24 * 3_600_000
"""How far ahead it is looked for the page of an alert that is only held for now."""

MOST_TIMERS = 100_000
"""Timers that may fire on the way; with more nothing is said of later."""

_SEQ = 2**60
"""Of the alert that nobody sent: above every sequence of a journal."""


class Supposition(msgspec.Struct, frozen=True, kw_only=True):
    """The answer. ``later`` is the first page for what is held now, if it goes on and nothing else comes."""

    at: int
    alert: Alert
    tried: tuple[Tried, ...]
    decisions: tuple[Decision, ...]
    events: tuple[Event, ...]
    later: Decision | None = None


def suppose(ruleset: RuleSet, alert: Alert, *, at: int, state: Iterable[StateRow] = (), state_at: int = 0) -> Supposition:
    """What these rules decide about this alert at that time (ms UTC), with this state as of ``state_at``.

    A time before ``state_at`` is answered with the state as it was then known last, which may know more than it should.
    """
    engine = Engine(ruleset, now=min(at, state_at) or at)
    rows = list(state)
    if rows:
        engine.restore(rows, now=min(at, state_at))
    engine.handle([], until=at, rulesets={})
    transition = engine.handle([Entry(seq=_SEQ, at=at, fact=AlertReceived(alert=alert))], until=at, rulesets={})
    own = [decision for decision in transition.decisions if decision.alert_seq == _SEQ] or transition.decisions
    keys = {decision.dedup_key for decision in own if decision.dedup_key}
    return Supposition(
        at=at,
        alert=alert,
        tried=tuple(walk(ruleset, alert)),
        decisions=tuple(own),
        events=tuple(event for event in transition.events if event.alert_seq == _SEQ or event.dedup_key in keys),
        later=_look_ahead(engine, own, at),
    )


def _look_ahead(engine: Engine, decisions: Iterable[Decision], at: int) -> Decision | None:
    held = {(decision.rule, decision.group) for decision in decisions if decision.action in (Action.HOLD, Action.SUPPRESS)}
    if not held:
        return None
    for _ in range(MOST_TIMERS):
        due = engine.next_due()
        if due is None or due > at + LOOK_AHEAD_MS:
            return None
        for decision in engine.handle([], until=due, rulesets={}).decisions:
            if decision.action is Action.OPEN and (decision.rule, decision.group) in held:
                return decision
    return None
