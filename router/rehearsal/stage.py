"""The one engine in virtual time, with a PagerDuty that takes, refuses or stalls. Everything that happens is written down.

Drives the engine as the processor does: timers fire at their own time, state rows are kept as a store keeps them, and a
restart goes through them. A resend that changes nothing never reaches the engine, as no door would journal it.
"""

from __future__ import annotations

from typing import Literal, assert_never

import msgspec

from router.engine.core import Engine
from router.model.alert import Alert
from router.model.decision import Decision
from router.model.event import Event
from router.model.journal import AlertReceived, DeliveryFailed, Entry, Fact, IncidentChanged, Restarted, RulesChanged
from router.model.ruleset import RuleSet
from router.model.transition import StateKind, StateRow, completed
from router.rehearsal.script import Answers, Behaviour, Ending, Handled, Refuses, Stalls

RESTART_GRACE_MS = 2 * 60_000
"""What the daemon gives its sources after a restart before their silence counts."""

RETRY_FOR_MS = 24 * 3_600_000
"""After so long without an answer a page is given up, unless the configuration says otherwise."""

MOST_STEPS = 1_000_000
"""Timers and failures one wait may lead to; more is a rule set that keeps itself awake."""

Fate = Literal["sent", "refused", "waiting", "given up"]


class Arrived(msgspec.Struct, frozen=True, kw_only=True):
    """An alert came in. ``is_news``: False for a resend, which changes nothing and is decided nowhere."""

    at: int
    alert: Alert
    is_news: bool = True


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """The engine took a decision."""

    at: int
    decision: Decision


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """PagerDuty was told, or would not listen."""

    at: int
    event: Event
    fate: Fate


class Noted(msgspec.Struct, frozen=True, kw_only=True):
    """Something else happened: a restart, other rules."""

    at: int
    text: str


Happening = Arrived | Decided | Told | Noted


class Stage:
    """One engine and all that has happened to it."""

    def __init__(self, ruleset: RuleSet, *, start_at: int, retry_for_ms: int = RETRY_FOR_MS) -> None:
        """Nothing is active at ``start_at`` (ms UTC)."""
        self.happenings: list[Happening] = []
        self._engine = Engine(ruleset, now=start_at)
        self._rulesets = {ruleset.version: ruleset}
        self._rows: dict[tuple[StateKind, int], bytes] = {}
        self._known: dict[tuple[str, str], Alert] = {}
        self._retry_for_ms = retry_for_ms
        self._refused: set[str] = set()
        self._stalls = False
        self._waiting: list[tuple[int, Event]] = []
        self._told: dict[tuple[str, str], None] = {}  # (team, dedup key) of what PagerDuty has, in order
        self._seq = 0
        self._delivery_id = 0
        self.now = start_at

    @property
    def open_incidents(self) -> int:
        """How many episodes and storms are open."""
        return self._engine.open_incidents

    def pass_time(self, until: int) -> None:
        """Everything due by then happens, each at its own time."""
        for _ in range(MOST_STEPS):
            due = self._engine.next_due()
            given_up = self._waiting[0][0] if self._waiting else None
            times = [time for time in (due, given_up) if time is not None and time <= until]
            if not times:
                break
            moment = max(self.now, min(times))
            if given_up is not None and given_up <= moment and (due is None or due > moment):
                self._give_up(moment)
            else:
                self._handle([], moment)
        else:
            raise RuntimeError(f"the rules set more than {MOST_STEPS:,} timers in one wait")
        self.now = max(self.now, until)
        self._handle([], self.now)

    def receive(self, alert: Alert) -> None:
        """The alert arrives now."""
        known = self._known.get(alert.identity)
        is_news = not (alert.kind == "stateful" and known == alert)
        self.happenings.append(Arrived(at=self.now, alert=alert, is_news=is_news))
        if alert.status == "firing":
            self._known[alert.identity] = alert
        else:
            self._known.pop(alert.identity, None)
        if is_news:
            self._take(AlertReceived(alert=alert))

    def end(self, ending: Ending) -> None:
        """Every alert given before that is meant resolves now; without one the resolve arrives as it was written."""
        meant = [alert for alert in self._known.values() if _is_meant(ending, alert)]
        for alert in meant or [ending.pattern]:
            self.receive(msgspec.structs.replace(alert, status="resolved", resolved_by="source"))

    def restart(self, away_ms: int) -> None:
        """The router stops now and comes back from its own state rows that much later."""
        down_since = self.now
        engine = Engine(self._engine.ruleset)
        rows = [StateRow(kind, row_id, body) for (kind, row_id), body in sorted(self._rows.items())]
        engine.restore(rows, now=self._engine.now)
        self._engine = engine
        self.now += away_ms
        self.happenings.append(Noted(at=self.now, text="the router restarted"))
        self._take(Restarted(down_since=down_since, grace_ms=RESTART_GRACE_MS))

    def reload(self, ruleset: RuleSet, name: str) -> None:
        """Other rules are in force from now on."""
        self.happenings.append(Noted(at=self.now, text=f"the rules of {name} came into force"))
        self._rulesets[ruleset.version] = ruleset
        self._take(RulesChanged(version=ruleset.version))

    def behave(self, behaviour: Behaviour) -> None:
        """PagerDuty is like this from now on."""
        match behaviour:
            case Refuses(team):
                self._refused.add(team)
                self.happenings.append(Noted(at=self.now, text=f"PagerDuty refuses what is told to {team} from here on"))
            case Stalls():
                self._stalls = True
                self.happenings.append(Noted(at=self.now, text="PagerDuty gives no answer from here on"))
            case Answers():
                self._stalls = False
                self._refused.clear()
                self.happenings.append(Noted(at=self.now, text="PagerDuty takes everything from here on"))
                waiting, self._waiting = self._waiting, []
                for _, event in waiting:
                    self.happenings.append(Told(at=self.now, event=event, fate="sent"))
                    self._remember(event)
            case Handled(status, team):
                self.happenings.append(Noted(at=self.now, text=f"somebody {status} what {team} has open in PagerDuty"))
                for key in [key for told, key in self._told if told == team]:
                    self._take(IncidentChanged(dedup_key=key, status=status, who="somebody", team=team, changed_at=self.now))
            case _:
                assert_never(behaviour)

    def _take(self, fact: Fact) -> None:
        self._seq += 1
        self._handle([Entry(seq=self._seq, at=self.now, fact=fact)], self.now)

    def _handle(self, entries: list[Entry], until: int) -> None:
        """One call of the engine, and of what PagerDuty refuses the failure at once."""
        transition = self._engine.handle(entries, until=until, rulesets=self._rulesets)
        alerts = {entry.seq: entry.fact.alert for entry in entries if isinstance(entry.fact, AlertReceived)}
        for row in (completed(change, alerts.__getitem__) for change in transition.changes):
            if row.body is None:
                self._rows.pop((row.kind, row.id), None)
            else:
                self._rows[row.kind, row.id] = row.body
        self.now = max(self.now, self._engine.now)
        self.happenings += [Decided(at=decision.at, decision=decision) for decision in transition.decisions]
        refused: list[Event] = []
        for event in transition.events:
            fate: Fate = "sent"
            if not event.team:
                pass  # only pages can be refused here
            elif self._stalls:
                fate = "waiting"
                self._waiting.append((event.at + self._retry_for_ms, event))
            elif event.team in self._refused:
                fate = "refused"
                refused.append(event)
            self.happenings.append(Told(at=event.at, event=event, fate=fate))
            if fate == "sent":
                self._remember(event)
        for event in refused:
            self._fail(event, "PagerDuty refused it (400)", 400)

    def _remember(self, event: Event) -> None:
        """What PagerDuty has open."""
        if event.action == "trigger":
            self._told[event.team, event.dedup_key] = None
        elif event.action == "resolve":
            self._told.pop((event.team, event.dedup_key), None)

    def _give_up(self, moment: int) -> None:
        self.now = max(self.now, moment)
        _, event = self._waiting.pop(0)
        self.happenings.append(Told(at=self.now, event=event, fate="given up"))
        self._fail(event, "no answer for too long", 0)

    def _fail(self, event: Event, reason: str, status: int) -> None:
        self._delivery_id += 1
        self._take(
            DeliveryFailed(
                delivery_id=self._delivery_id,
                team=event.team,
                dedup_key=event.dedup_key,
                action=event.action,
                reason=reason,
                status=status,
                is_update=event.is_update,
            )
        )


def _is_meant(ending: Ending, alert: Alert) -> bool:
    pattern = ending.pattern
    if ending.key:
        return alert.identity == pattern.identity
    return (
        alert.source == pattern.source
        and alert.service == pattern.service
        and (not pattern.name or alert.name == pattern.name)
        and pattern.labels.items() <= alert.labels.items()
    )
