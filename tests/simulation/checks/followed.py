"""What is known of pages at the end against PagerDuty's own account, and escalation against who had acknowledged when."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from router.model.decision import Action, Decision, Reason
from router.model.journal import IncidentChanged, Restarted
from router.rules.compiling import ruleset_from_texts

if TYPE_CHECKING:
    from tests.simulation.world import World

_LATE_MS = 1_000


def find_unfollowed(world: World) -> str:
    """What the record says of a page and PagerDuty does not; empty: nothing."""
    if world.plan.following == "not":
        return ""
    theirs = {incident.id: incident.status for incident in world.sandbox.incidents()}
    for page in world.disk.tables.pages.values():
        if page.pagerduty_id and theirs[page.pagerduty_id] != page.status:
            return f"page {page.dedup_key} of {page.team} is {page.status} here and {theirs[page.pagerduty_id]} in PagerDuty"
    waiting = [webhook.webhook_id for webhook, is_done in world.disk.tables.webhooks.values() if not is_done]
    if waiting:
        return f"{len(waiting)} webhooks were taken and never worked on: {waiting[:3]}"
    return ""


def check_followed(world: World, decisions: list[Decision]) -> None:
    """All of it."""
    if world.plan.following == "not":
        return
    _check_audit(world)
    _check_escalation(world, decisions)


def _check_audit(world: World) -> None:
    """What people did is in the audit record once, however often it was told."""
    noted = Counter((entry.pagerduty_id, entry.text) for entry in world.disk.tables.audit.values() if entry.what == "noted")
    made = {(incident.id, note) for incident in world.sandbox.incidents() for note in incident.notes}
    for note, count in noted.items():
        if note not in made:
            world.violate(f"nobody wrote the note {note}")
        elif count > 1:
            world.violate(f"the note {note} is in the audit record {count} times")
    resolved = Counter(entry.pagerduty_id for entry in world.disk.tables.audit.values() if entry.what == "acknowledged")
    for incident, count in resolved.items():
        if count > world.people.acknowledged[incident]:
            world.violate(
                f"{incident} was acknowledged {world.people.acknowledged[incident]} times, the audit record says {count}"
            )


def _check_escalation(world: World, decisions: list[Decision]) -> None:
    """Nobody else is paged while somebody has it; everybody whose turn has come is while nobody does."""
    told: dict[str, list[IncidentChanged]] = {}
    at: dict[str, list[int]] = {}
    for _, entry in sorted(world.disk.tables.journal.items()):
        if isinstance(entry.fact, IncidentChanged):
            told.setdefault(entry.fact.dedup_key, []).append(entry.fact)
            at.setdefault(entry.fact.dedup_key, []).append(entry.at)
    opened = {decision.dedup_key: decision for decision in reversed(decisions) if decision.action is Action.OPEN}
    for decision in decisions:
        if decision.reason is not Reason.ESCALATED:
            continue
        key = decision.dedup_key
        before = [fact for fact, when in zip(told.get(key, ()), at.get(key, ()), strict=True) if when < decision.at]
        if before and before[-1].status == "acknowledged":
            world.violate(f"escalated after {before[-1].who} had acknowledged: {decision}")
        if decision.at - opened[key].at < 60_000:
            world.violate(f"escalated {decision.at - opened[key].at} ms after the opening: {decision}")
    _check_nobody_is_forgotten(world, decisions, told)


def _check_nobody_is_forgotten(world: World, decisions: list[Decision], told: dict[str, list[IncidentChanged]]) -> None:
    escalated = Counter(decision.dedup_key for decision in decisions if decision.reason is Reason.ESCALATED)
    rules = {
        version: {rule.id: rule for rule in ruleset_from_texts(texts).rules}
        for version, (_, texts) in world.disk.tables.rulesets.items()
    }
    restarts = [entry.at for entry in world.disk.tables.journal.values() if isinstance(entry.fact, Restarted)]
    incidents = {incident.dedup_key: incident for incident in world.disk.tables.incidents.values()}
    silenced = {wanted.service for wanted in world.silencers.wanted.values()}  # which holds steps as well
    for decision in decisions:
        rule = rules[decision.ruleset].get(decision.rule)
        incident = incidents.get(decision.dedup_key)
        if (
            decision.action is not Action.OPEN
            or decision.reason in {Reason.FALLBACK, Reason.ESCALATED, Reason.LIMIT_EXCEEDED, Reason.BROKE_THROUGH}
            or rule is None
            or incident is None
            or not rule.escalate
            or decision.dedup_key in told
            or incident.service in silenced
        ):
            continue
        until = incident.closed_at or world.disk.tables.decided_at
        due_at = decision.at + rule.escalate[0].after_ms
        is_interrupted = any(decision.at <= restarted for restarted in restarts if restarted <= until)
        if due_at + _LATE_MS < until and not is_interrupted and not escalated[decision.dedup_key]:
            world.violate(f"nobody acknowledged for {until - decision.at} ms and nobody else was paged: {decision}")
