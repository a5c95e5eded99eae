"""Playbooks for the engine: facts at times go in, what it says comes out as lines of text.

``World`` drives one engine as the processor does. Before every step it also restores a twin from the state rows committed so
far and holds it to the same transition: so every playbook shows that a restart at any point is invisible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from router.engine.core import Engine
from router.model.alert import Alert
from router.model.event import Event
from router.model.incident import Incident
from router.model.journal import AlertReceived, Entry, Fact, Restarted
from router.model.pattern import Pattern
from router.model.quantity import parse_duration
from router.model.ruleset import ChannelPolicy, Match, Rule, RuleSet, Team
from router.model.severity import BY_WORD, Severity
from router.model.transition import StateKind, StateRow, Transition, completed

START = 1_795_000_000_000
"""Playbooks begin here; ``"5m"`` in a step is five minutes later."""


def at(offset: str) -> int:
    """The time that long after the start."""
    return START + parse_duration(offset)


def fire(service: str = "api", name: str = "Down", severity: str = "error", print_: str = "", **more: Any) -> AlertReceived:
    """A firing alert; ``print_`` tells apart alerts of equal service and name, ``labels`` and the like as in Alert."""
    alert = Alert(
        source=more.pop("source", "prometheus"),
        fingerprint=f"{service}/{name}/{print_}",
        service=service,
        name=name,
        severity=BY_WORD[severity],
        **more,
    )
    return AlertReceived(alert=alert)


def event(service: str = "api", name: str = "Down", severity: str = "error", print_: str = "", **more: Any) -> AlertReceived:
    """The same from a source that reports occurrences."""
    return fire(service, name, severity, print_, kind="event", **more)


def resolved(fact: AlertReceived, resolved_by: str = "source") -> AlertReceived:
    """The end of that alert."""
    return AlertReceived(alert=msgspec.structs.replace(fact.alert, status="resolved", resolved_by=resolved_by))


def services(*written: str) -> Match:
    """A match on services alone."""
    return Match(services=tuple(Pattern.parse(text) for text in written))


def teams(*given: Team) -> dict[str, Team]:
    """The given teams, with ``platform`` (owner of all) and ``payments`` (owner of ``pay-*``) if they are not among them."""
    usual = {
        "platform": Team(name="platform", routing_key="env:PLATFORM", services=(Pattern("*"),)),
        "payments": Team(name="payments", routing_key="env:PAYMENTS", services=(Pattern("pay-*"),), fallback="platform"),
    }
    return usual | {team.name: team for team in given}


def ruleset(
    *rules: Rule,
    version: str = "v1",
    given: Iterable[Team] = (),
    channels: Iterable[ChannelPolicy | str] = (),
    by_severity: dict[Severity, tuple[str, ...]] | None = None,
) -> RuleSet:
    """These rules over the usual teams."""
    policies = [ChannelPolicy(name=each) if isinstance(each, str) else each for each in channels]
    return RuleSet(
        version=version,
        rules=rules,
        teams=teams(*given),
        default_team="platform",
        channels={policy.name: policy for policy in policies},
        severity_channels=by_severity or {},
    )


def counted(engine: Engine) -> list[object]:
    """All that limits and windows have counted and not forgotten."""
    state = engine._state
    windows = {group.id: group.window.times for group in state.groups.values() if group.window is not None}
    return [
        {key: row for key, (_, row) in state.limits.items()},
        {key: row.window for key, row in state.shared.items()},
        windows,
    ]


class World:
    """An engine, the rows committed so far, and everything it has said."""

    def __init__(self, *rules: Rule, given: Iterable[Team] = (), start: RuleSet | None = None) -> None:
        """Nothing is active, time stands at the start."""
        first = start or ruleset(*rules, given=given)
        self.rulesets = {first.version: first}
        self.engine = Engine(first, now=START)
        self.rows: dict[tuple[StateKind, int], bytes] = {}
        self.incidents: dict[int, Incident] = {}
        self.events: list[Event] = []
        self.last = Transition(decisions=[], events=[], incidents=[], changes=[])
        self.seq = 0

    def state(self) -> list[StateRow]:
        """The rows a store would hand back."""
        return [StateRow(kind, row_id, body) for (kind, row_id), body in sorted(self.rows.items())]

    def step(self, offset: str, *facts: Fact) -> list[str]:
        """Hand these facts in at that time, let time pass to it, and answer what was said."""
        when = at(offset)
        entries = []
        for fact in facts:
            self.seq += 1
            entries.append(Entry(seq=self.seq, at=when, fact=fact))
        return self.take(entries, when)

    def take(self, entries: list[Entry], until: int) -> list[str]:
        """One call of the engine, its twin beside it."""
        twin = Engine(self.engine.ruleset)
        twin.restore(self.state(), now=self.engine.now)
        assert twin.next_due() == self.engine.next_due()
        assert counted(twin) == counted(self.engine), "what is counted is in the rows, and nothing that is forgotten is"
        transition = self.engine.handle(entries, until=until, rulesets=self.rulesets)
        assert twin.handle(entries, until=until, rulesets=self.rulesets) == transition
        for gauge in ("now", "active_alerts", "open_incidents", "groups", "timers"):
            assert getattr(twin, gauge) == getattr(self.engine, gauge), gauge
        alerts = {entry.seq: entry.fact.alert for entry in entries if isinstance(entry.fact, AlertReceived)}
        self._keep(transition, alerts.__getitem__)
        return self.said()

    def _keep(self, transition: Transition, alert_of: Callable[[int], Alert]) -> None:
        keys = [(row.kind, row.id) for row in transition.changes]
        assert len(keys) == len(set(keys)), "a row is written at most once per step"
        numbers = [incident.number for incident in transition.incidents]
        assert len(numbers) == len(set(numbers)), "an incident is written at most once per step"
        for row in (completed(change, alert_of) for change in transition.changes):
            if row.body is None:
                self.rows.pop((row.kind, row.id), None)
            else:
                self.rows[row.kind, row.id] = row.body
        for incident in transition.incidents:
            self.incidents[incident.number] = incident
        self.events += transition.events
        self.last = transition

    def said(self) -> list[str]:
        """The last transition as lines: ``action reason (cause)``, then ``> action team severity``."""
        lines = [
            f"{decision.action} {decision.reason}" + (f" ({decision.cause})" if decision.cause else "")
            for decision in self.last.decisions
        ]
        for event_ in self.last.events:
            word = f" {event_.severity.word}" if event_.action == "trigger" else ""
            lines.append(f"> {'update' if event_.is_update else event_.action} {event_.to}{word}")
        return lines

    def restart(self, offset: str, *, down_since: str, grace: str = "0s") -> list[str]:
        """A new engine from the rows, and the journal's word of it."""
        fresh = Engine(self.engine.ruleset)
        fresh.restore(self.state(), now=self.engine.now)
        self.engine = fresh
        return self.step(offset, Restarted(down_since=at(down_since), grace_ms=parse_duration(grace)))

    def play(self, *script: tuple[str, list[Fact], list[str]]) -> None:
        """Steps of (time, facts, what must be said)."""
        for offset, facts, expected in script:
            assert self.step(offset, *facts) == expected, f"at {offset}"

    def kinds(self) -> dict[str, int]:
        """How many rows of each kind are kept, without the numbers' own."""
        found: dict[str, int] = {}
        for kind, row_id in self.rows:
            if (kind, row_id) != ("counter", 1):
                found[kind] = found.get(kind, 0) + 1
        return found
