"""Rules that wait for an absence, against the journal: paged exactly when nothing came for that long, over when it comes."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from router.model.alert import Alert
from router.model.decision import Action, Decision, Reason
from router.model.journal import AlertReceived, Restarted
from router.model.ruleset import AbsentFor
from router.rules.compiling import ruleset_from_texts
from tests.simulation.hearts import SERVICE

if TYPE_CHECKING:
    from tests.simulation.world import World

LATE_MS = 1_000
_RULES = {"Beat": "beat", "Pulse": "pulse", "Watchdog": "watchdog"}


class Gap(msgspec.Struct):
    """Nothing was there from then until then (0: to the end)."""

    begins: int
    ends: int = 0


def check_heard(world: World, decisions: list[Decision]) -> None:
    """Each expected reporter."""
    if not world.plan.has("heartbeats"):
        return
    tables = world.disk.tables
    waits = _waits(world)
    heard: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    names: dict[tuple[str, str], tuple[str, str]] = {}  # reporters by group
    for _, entry in sorted(tables.journal.items()):
        if isinstance(entry.fact, AlertReceived) and entry.fact.alert.service == SERVICE:
            alert = entry.fact.alert
            heard[_reporter(alert)].append((entry.at, "came" if alert.kind == "event" else alert.status))
    for decision in decisions:
        entry = tables.journal.get(decision.alert_seq)
        if decision.rule in waits and entry is not None and isinstance(entry.fact, AlertReceived):
            names[decision.rule, decision.group] = _reporter(entry.fact.alert)
    absent = defaultdict(list)
    for decision in decisions:
        if decision.action is Action.OPEN and decision.reason is Reason.ABSENT and (decision.rule, decision.group) in names:
            absent[names[decision.rule, decision.group]].append(decision)
    expected_until = max((at for times in heard.values() for at, _ in times), default=0)
    for reporter, times in heard.items():
        _check_reporter(world, reporter, waits[reporter[0]], _gaps(times), absent[reporter], expected_until)


def _waits(world: World) -> dict[str, int]:
    """How long each rule waits: the same in every version that has it."""
    return {
        rule.id: rule.when.for_ms
        for _, texts in world.disk.tables.rulesets.values()
        for rule in ruleset_from_texts(texts).rules
        if isinstance(rule.when, AbsentFor)
    }


def _reporter(alert: Alert) -> tuple[str, str]:
    return _RULES[alert.name], alert.labels["instance"] if alert.name == "Pulse" else ""


def _gaps(times: list[tuple[int, str]]) -> list[Gap]:
    gaps: list[Gap] = []
    is_there = False
    for at, what in times:
        if what == "resolved" and not is_there:
            continue  # the end of something that nobody had heard of
        if not is_there and gaps:
            gaps[-1].ends = at
        is_there = what == "firing"
        if not is_there:
            gaps.append(Gap(at))
    return gaps


def _check_reporter(
    world: World, reporter: tuple[str, str], wait_ms: int, gaps: list[Gap], absent: list[Decision], expected_until: int
) -> None:
    incidents = {incident.dedup_key: incident for incident in world.disk.tables.incidents.values()}
    due = [(gap, _due_at(world, gap.begins + wait_ms)) for gap in gaps]
    for decision in absent:
        missed = [(gap, at) for gap, at in due if gap.begins < decision.at <= (gap.ends or decision.at)]
        if missed and decision.at < missed[-1][1]:
            world.violate(f"{reporter} was missed {missed[-1][1] - decision.at} ms too early: {decision}")
        if not missed and decision.at > min((gap.begins for gap in gaps), default=0):
            world.violate(f"{reporter} was missed although it was there: {decision}")
    for gap, at in due:
        if not gap.ends or gap.ends > expected_until:
            continue
        opened = [decision for decision in absent if gap.begins < decision.at <= gap.ends]
        if at + LATE_MS < gap.ends and not any(decision.at <= at + LATE_MS for decision in opened):
            world.violate(f"nothing came from {reporter} from {gap.begins} to {gap.ends}, it was due at {at}: {opened}")
        for decision in opened:
            incident = incidents[decision.dedup_key]
            if not incident.closed_at or incident.closed_at > gap.ends:
                world.violate(f"{reporter} was heard again at {gap.ends}, its incident is open till {incident.closed_at}")


def _due_at(world: World, due_at: int) -> int:
    """When it is missed, given the restarts: what came due while the router was away waits for a grace."""
    for _, entry in sorted(world.disk.tables.journal.items()):
        if isinstance(entry.fact, Restarted) and entry.fact.down_since < due_at <= entry.at:
            due_at = entry.at + entry.fact.grace_ms
    return due_at
