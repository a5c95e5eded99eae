"""A naive model of what triggers count, from the journal and the decisions alone: windows, and how long something fired."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from router.model.decision import Action, Decision, Reason
from router.model.journal import AlertReceived, Restarted, RulesChanged
from router.model.quantity import parse_duration
from router.rules.compiling import ruleset_from_texts
from tests.simulation.rulebook import FLAPS

if TYPE_CHECKING:
    from tests.simulation.world import World

_CAUSE = re.compile(r"(\d+) of (\d+) in (\w+)")
_CHANGES = re.compile(r"(\d+) of (\d+) changes in (\w+)")
_COUNTED = "burst"
"""The rule that counts plain occurrences per group; the other forms have models of their own in the property tests."""


def check_triggers(world: World, decisions: list[Decision]) -> None:
    """All models."""
    _check_absences(world, decisions)
    _check_windows(world, decisions)
    _check_firing_for(world, decisions)
    _check_flapping(world, decisions)


def _check_absences(world: World, decisions: list[Decision]) -> None:
    """What came due while the router was away waits for a grace: it may only be that nobody could tell us more."""
    for entry in world.disk.tables.journal.values():
        if not isinstance(entry.fact, Restarted):
            continue
        for decision in decisions:
            if entry.fact.down_since < decision.at < entry.at and decision.reason in {
                Reason.WENT_QUIET,
                Reason.FIRED_LONG_ENOUGH,
            }:
                world.violate(f"decided in the time it was away, {entry.fact.down_since} to {entry.at}: {decision}")


def _occurrences(world: World) -> dict[int, bool]:
    """By sequence: whether it is an occurrence, that is an event or a transition to firing."""
    firing: set[tuple[str, str]] = set()
    found: dict[int, bool] = {}
    for seq, entry in sorted(world.disk.tables.journal.items()):
        if seq in world.watch.given_seqs and isinstance(entry.fact, AlertReceived):
            alert = entry.fact.alert
            is_firing = alert.status == "firing"
            found[seq] = is_firing and (alert.kind == "event" or alert.identity not in firing)
            (firing.add if is_firing else firing.discard)(alert.identity)
    return found


def _check_windows(world: World, decisions: list[Decision]) -> None:
    """Every "k of n in d" is recounted: occurrences in (t - d, t] since the group last opened.

    What fires already when the rule first sees it (it is new, or was edited) occurs there at that moment.
    """
    occurs = _occurrences(world)
    members: dict[str, set[tuple[str, str]]] = {}
    times: dict[str, list[int]] = {}
    muted_at: dict[str, int] = {}
    changed_at = -(10**15)
    counting = {version: _how_it_counts(texts) for version, (_, texts) in world.disk.tables.rulesets.items()}
    version = decisions[0].ruleset
    for decision in decisions:
        if decision.ruleset != version:
            # A reload that leaves the rule as it is leaves its counts as they are.
            changed_at = changed_at if counting[decision.ruleset] == counting[version] else decision.at
            version = decision.ruleset
            if counting[version] is None:
                members.clear()
        joined = _has_joined(world, decision, members)
        if decision.rule == _COUNTED and decision.action is Action.SUPPRESS:
            muted_at[decision.group] = decision.at  # it has counted to the end already, and opens by that once it may
        if decision.rule != _COUNTED or decision.reason not in {Reason.COUNT_NOT_REACHED, Reason.COUNT_REACHED}:
            continue
        found = _CAUSE.fullmatch(_figures(decision))
        assert found is not None, decision
        counted, needed, within_ms = int(found[1]), int(found[2]), parse_duration(found[3])
        window = times.setdefault(decision.group, [])
        if occurs.get(decision.alert_seq) or joined:
            window.append(decision.at)
        expected = sum(decision.at - within_ms < at <= decision.at for at in window)
        is_known = decision.at - max(changed_at, muted_at.get(decision.group, changed_at)) > within_ms
        if is_known and decision.alert_seq and ", after " not in decision.cause and counted != expected:
            world.violate(f"counted {decision.cause} at {decision.at}, the journal says {expected}: {decision}")
        if (decision.action is Action.OPEN) is not (counted >= needed):
            world.violate(f"{decision.cause} led to {decision.action}: {decision}")
        if decision.action is Action.OPEN:
            window.clear()


def _has_joined(world: World, decision: Decision, members: dict[str, set[tuple[str, str]]]) -> bool:
    """Whether this decision puts its alert into a group of the counting rule; keeps ``members`` true."""
    entry = world.disk.tables.journal.get(decision.alert_seq)
    if entry is None or not isinstance(entry.fact, AlertReceived):
        return False
    alert = entry.fact.alert
    if alert.status == "resolved":
        for inside in members.values():
            inside.discard(alert.identity)
        return False
    if decision.rule != _COUNTED:
        return False
    inside = members.setdefault(decision.group, set())
    is_new = alert.identity not in inside
    inside.add(alert.identity)
    return is_new


def _how_it_counts(texts: bytes) -> object:
    """What a version's counting rule says; None: it has none."""
    return next(
        (msgspec.structs.replace(rule, span=None) for rule in ruleset_from_texts(texts).rules if rule.id == _COUNTED), None
    )


def _check_firing_for(world: World, decisions: list[Decision]) -> None:
    """What opens because it fired long enough did fire so long without a break; what fires so long opens."""
    journal = world.disk.tables.journal
    members: dict[str, set[tuple[str, str]]] = {}
    since: dict[str, int] = {}
    under_it = {(decision.alert_seq, decision.at) for decision in decisions if decision.rule == "slow"}
    for decision in decisions:
        entry = journal.get(decision.alert_seq)
        alert = entry.fact.alert if entry is not None and isinstance(entry.fact, AlertReceived) else None
        if decision.rule != "slow":
            # Under other rules only, as when a reload looks at it anew: it went elsewhere.
            if alert is not None and (decision.alert_seq, decision.at) not in under_it:
                for inside in members.values():
                    inside.discard(alert.identity)
            continue
        group = decision.group
        inside = members.setdefault(group, set())
        match decision.reason:
            case Reason.NOT_FIRING_LONG_ENOUGH if alert is not None:
                if not inside:
                    since[group] = decision.at
                inside.add(alert.identity)
                needed_ms = parse_duration(decision.cause.partition(" of ")[2])
                late_ms = decision.at - since[group] - needed_ms
                if (
                    late_ms > 0
                    and not _was_away(world, decision.at)
                    and decision.at - _changed_at(decisions, decision) > needed_ms
                ):
                    world.violate(f"held although it fires for {late_ms} ms longer than needed: {decision}")
            case Reason.NOTHING_OPEN | Reason.STILL_FIRING | Reason.ALL_RESOLVED if alert is not None:
                inside.discard(alert.identity)
            case Reason.FIRED_LONG_ENOUGH if group in since:
                needed_ms = parse_duration(_figures(decision))
                if decision.at - since[group] < needed_ms and decision.at - _changed_at(decisions, decision) > needed_ms:
                    world.violate(f"opened after {decision.at - since[group]} ms: {decision}")


def _figures(decision: Decision) -> str:
    """What was counted, without the mute that kept it back."""
    return decision.cause.partition(", after ")[0]


def _check_flapping(world: World, decisions: list[Decision]) -> None:
    """Every "k of n changes in d" is recounted from the journal: how often its one alert began to fire or resolved."""
    rule = f"{FLAPS.lower()}py"
    firing: set[tuple[str, str]] = set()
    changed: list[int] = []
    for seq, entry in sorted(world.disk.tables.journal.items()):
        if seq in world.watch.given_seqs and isinstance(entry.fact, AlertReceived) and entry.fact.alert.name == FLAPS:
            alert = entry.fact.alert
            if (alert.status == "firing") is not (alert.identity in firing):
                changed.append(seq)
            (firing.add if alert.status == "firing" else firing.discard)(alert.identity)
    # By the first decision of this rule about it; before a reload it may have belonged elsewhere.
    of = {decision.alert_seq: decision.at for decision in reversed(decisions) if decision.rule == rule}
    opened_at = -(10**15)
    for decision in decisions:
        if decision.rule == rule and decision.action is Action.CLOSE:
            opened_at = decision.at  # what occurred while it was open counts no more
        if decision.rule != rule or decision.reason not in {Reason.FLAPPING, Reason.NOT_FLAPPING}:
            continue
        found = _CHANGES.fullmatch(_figures(decision))
        assert found is not None, decision
        counted, needed, within_ms = int(found[1]), int(found[2]), parse_duration(found[3])
        times = [of[seq] for seq in changed if seq in of and seq <= decision.alert_seq]
        most = sum(decision.at - within_ms < at <= decision.at for at in times)
        if (decision.action is Action.OPEN) is not (counted >= needed) and decision.reason is Reason.FLAPPING:
            world.violate(f"{decision.cause} led to {decision.action}: {decision}")
        since = max(opened_at, decision.at - within_ms)
        least = sum(since < at <= decision.at for at in times)
        if not least <= counted <= most and not _is_disturbed(world, decision, within_ms):
            world.violate(f"counted {decision.cause}, the journal has {least} to {most} changes: {decision}")
        if decision.action is Action.OPEN:
            opened_at = decision.at


def _is_disturbed(world: World, decision: Decision, within_ms: int) -> bool:
    """Whether other rules in its window, or what people did here, may have made it count otherwise."""
    since = decision.at - within_ms
    reloads = [entry.at for entry in world.disk.tables.journal.values() if isinstance(entry.fact, RulesChanged)]
    return bool(world.plan.on & {"silences", "orphans", "people"}) or any(since <= at <= decision.at for at in reloads)


def _changed_at(decisions: list[Decision], until: Decision) -> int:
    """When the rules in force at a decision were put in force, as far as decisions tell."""
    changed_at = -(10**15)
    for decision in decisions:
        if decision is until:
            break
        if decision.ruleset != until.ruleset:
            changed_at = decision.at
    return changed_at


def _was_away(world: World, at: int) -> bool:
    """Whether a restart's grace may have put timers off."""
    return any(
        isinstance(entry.fact, Restarted) and entry.at <= at <= entry.at + 2 * entry.fact.grace_ms
        for entry in world.disk.tables.journal.values()
    )
