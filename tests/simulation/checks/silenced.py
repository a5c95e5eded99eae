"""Silences, against the journal alone: nobody is paged under one, and what outlasts one is paged as soon as it ends."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from router.model.alert import Alert
from router.model.decision import Action, Decision, Reason
from router.model.journal import AlertReceived, IncidentChanged, Restarted, RulesChanged, SilenceChanged
from router.model.ruleset import AfterQuiet
from router.rules.compiling import ruleset_from_texts
from tests.simulation.silencers import Wanted

if TYPE_CHECKING:
    from tests.simulation.world import World

LATE_MS = 1_000
_NOT_OPENINGS = {Reason.FALLBACK, Reason.ESCALATED, Reason.SEVERITY_ROSE, Reason.BROKE_THROUGH}


class Span(msgspec.Struct):
    """A silence in force. ``begins`` to ``certain``: beyond doubt; after ``over`` surely not; between them this model cannot tell."""

    wanted: Wanted
    begins: int
    until: int
    certain: int
    over: int

    def holds(self, alert: Alert) -> bool:
        """Whether it is about this alert."""
        return alert.service == self.wanted.service and self.wanted.name in {"", alert.name}


def check_silenced(world: World, decisions: list[Decision]) -> None:
    """All of it."""
    if not world.plan.has("silences"):
        return
    spans = _find_spans(world)
    _check_nobody_paged(world, decisions, spans)
    _check_paged_afterwards(world, decisions, spans)
    if left := [silence for (kind, _), silence in world.disk.tables.state.items() if kind == "silence"]:
        world.violate(f"silences are left when everything they mute has resolved: {left}")


def _find_spans(world: World) -> list[Span]:
    """When which silence was in force, from who asked for what and what fired."""
    spans: list[Span] = []
    current: dict[str, Span] = {}
    firing: dict[tuple[str, str], Alert] = {}
    events: set[str] = set()  # services that events came from: how long one of those lasts is the rules' business
    for _, entry in sorted(world.disk.tables.journal.items()):
        fact = entry.fact
        if isinstance(fact, SilenceChanged):
            if fact.id in current:
                span = current.pop(fact.id)
                span.certain, span.over = min(span.certain, entry.at), min(span.over, entry.at)
            if fact.silence is not None:
                (service,), name = fact.silence.match.services, next(iter(fact.silence.match.names), "")
                wanted = Wanted(fact.id, service, name, fact.silence.until_resolved)
                until = fact.silence.until
                span = Span(wanted, entry.at, until, until, until)
                if wanted.until_resolved and not any(map(span.holds, firing.values())):
                    span.certain = entry.at
                current[fact.id] = span
                spans.append(span)
        elif isinstance(fact, AlertReceived):
            alert = fact.alert
            was = firing.pop(alert.identity, None)
            if alert.status == "firing":
                if alert.kind == "event":
                    events.add(alert.service)
                else:
                    firing[alert.identity] = alert
            elif was is not None:
                _end_resolved(current, was, firing, events, entry.at)
    return spans


def _end_resolved(
    current: dict[str, Span], was: Alert, firing: dict[tuple[str, str], Alert], events: set[str], at: int
) -> None:
    """Those that last until it has resolved end with the last of it."""
    for span in current.values():
        if span.wanted.until_resolved and span.holds(was) and not any(map(span.holds, firing.values())):
            span.certain = min(span.certain, at)
            if was.service not in events:
                span.over = min(span.over, at)


def _check_nobody_paged(world: World, decisions: list[Decision], spans: list[Span]) -> None:
    """Nothing of a silenced service opens, where all of a group is of that service (and of that name)."""
    tables = world.disk.tables
    rules = {
        version: {rule.id: rule for rule in ruleset_from_texts(texts).rules} for version, (_, texts) in tables.rulesets.items()
    }
    incidents = {incident.dedup_key: incident for incident in tables.incidents.values()}
    for decision in decisions:
        incident = incidents.get(decision.dedup_key)
        if decision.action is not Action.OPEN or decision.reason in _NOT_OPENINGS or incident is None or incident.holds:
            continue
        rule = rules[decision.ruleset].get(decision.rule)
        fields = ("service", "name") if rule is None else rule.group_by
        for span in spans:
            wanted = span.wanted
            is_about = wanted.service == incident.service and "service" in fields
            is_about = is_about and (not wanted.name or (wanted.name == incident.name and "name" in fields))
            if is_about and span.begins < decision.at < span.certain:
                world.violate(f"paged under silence {wanted}, in force from {span.begins} to {span.certain}: {decision}")


def _check_paged_afterwards(world: World, decisions: list[Decision], spans: list[Span]) -> None:
    """What a silence held back and still fires when it ends is paged then."""
    tables = world.disk.tables
    journal = sorted(tables.journal.items())
    rules = {
        version: {rule.id: rule for rule in ruleset_from_texts(texts).rules} for version, (_, texts) in tables.rulesets.items()
    }
    ends = defaultdict(list)
    disturbed: list[tuple[int, int]] = []
    for _, entry in journal:
        if isinstance(entry.fact, AlertReceived) and entry.fact.alert.status == "resolved":
            ends[entry.fact.alert.identity].append(entry.at)
        elif isinstance(entry.fact, Restarted):
            disturbed.append((entry.fact.down_since, entry.at + entry.fact.grace_ms))
        elif isinstance(entry.fact, RulesChanged | IncidentChanged):
            disturbed.append((entry.at, entry.at))
    by_group = defaultdict(list)
    for decision in decisions:
        if decision.group:
            by_group[decision.rule, decision.group].append(decision)
    for decision in decisions:
        entry = tables.journal.get(decision.alert_seq)
        if decision.reason is not Reason.SILENCED or entry is None or not isinstance(entry.fact, AlertReceived):
            continue
        alert = entry.fact.alert
        rule = rules[decision.ruleset].get(decision.rule)
        mine = [span for span in spans if span.holds(alert)]
        free_at = _free_at(mine, decision.at)
        fires_until = min((at for at in ends[alert.identity] if at >= decision.at), default=tables.decided_at)
        if (
            alert.kind == "event"
            or (rule is not None and isinstance(rule.resolve, AfterQuiet))
            or decision.dedup_key  # open already: this one would only have made it worse
            or free_at + LATE_MS >= min(fires_until, tables.decided_at)
            or any(begins <= free_at + 2 * LATE_MS and decision.at <= ends_at for begins, ends_at in disturbed)
        ):
            continue
        about = by_group[decision.rule, decision.group]
        if not any(
            decision.at <= other.at <= free_at + LATE_MS and (other.action is Action.OPEN or other.episode or other.dedup_key)
            for other in about
        ):
            world.violate(f"silenced until {free_at}, fires until {fires_until}, and nobody was paged: {decision}")


def _free_at(spans: list[Span], at: int) -> int:
    """The first instant from then at which surely none of these is in force."""
    moved = True
    while moved:
        moved = False
        for span in spans:
            if span.begins <= at < span.over:
                at, moved = span.over, True
    return at
