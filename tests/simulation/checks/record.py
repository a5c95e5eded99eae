"""The record at the end: journal, decisions, incidents and deliveries, against PagerDuty's account and a replay."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from router.engine.core import Engine
from router.model.decision import Action, Decision, Reason
from router.model.delivery import Delivery, DeliveryState, Rejected
from router.model.event import PAGERDUTY
from router.model.journal import AlertReceived, ChangeReceived, DeliveryFailed
from router.model.quantity import parse_duration
from router.pagerduty.events_v2 import encode
from router.rules.compiling import ruleset_from_texts
from tests.simulation.checks.followed import check_followed
from tests.simulation.checks.heard import check_heard
from tests.simulation.checks.lost import check_lost, find_lost
from tests.simulation.checks.orphaned import check_orphaned
from tests.simulation.checks.silenced import check_silenced
from tests.simulation.checks.told import check_told
from tests.simulation.checks.triggers import check_triggers
from tests.simulation.rulebook import KEYS

if TYPE_CHECKING:
    from tests.simulation.world import World

_PAGES_MORE = {Reason.FALLBACK, Reason.ESCALATED, Reason.SEVERITY_ROSE}
"""Reasons to page another team about what is open: under the same key, so this opens nothing of ours."""


def check_record(world: World) -> None:
    """All of it."""
    tables = world.disk.tables
    decisions = [decision for _, decision in sorted(tables.decisions.items())]
    _check_every_alert_is_decided(world, decisions)
    _check_keys(world, decisions)
    _check_teams(world, decisions)
    _check_pages(world, decisions)
    _check_replay(world, decisions)
    check_triggers(world, decisions)
    check_followed(world, decisions)
    check_told(world, decisions)
    check_silenced(world, decisions)
    check_orphaned(world, decisions)
    check_lost(world)
    check_heard(world, decisions)


def _check_every_alert_is_decided(world: World, decisions: list[Decision]) -> None:
    journal, given = world.disk.tables.journal, world.watch.given_seqs
    decided = {decision.alert_seq for decision in decisions}
    for seq, entry in journal.items():
        if isinstance(entry.fact, AlertReceived | ChangeReceived) and seq in given and seq not in decided:
            world.violate(f"entry {seq} has no decision: {entry.fact}")
    for uid, seq in world.watch.acknowledged.items():
        if seq not in journal:
            world.violate(f"{uid} was acknowledged as entry {seq}, which is gone")
        elif seq not in decided:
            world.violate(f"{uid} was acknowledged as entry {seq}, which was never decided")
    for decision in decisions:
        if decision.reason is Reason.UNDECIDABLE:
            world.violate(f"the engine failed: {decision}")
    if world.disk.tables.cursor != max(journal):
        world.violate(f"the cursor stands at {world.disk.tables.cursor}, the journal ends at {max(journal)}")


def _check_keys(world: World, decisions: list[Decision]) -> None:
    """OPEN decisions and incidents, one to one; no key twice; everything is closed."""
    opened = Counter(
        decision.dedup_key for decision in decisions if decision.action is Action.OPEN and decision.reason not in _PAGES_MORE
    )
    if again := [key for key, count in opened.items() if count > 1]:
        world.violate(f"opened more than once under one key: {again}")
    # What a channel was told of while it was held goes on under that key when it opens, or ends without.
    noted = {decision.dedup_key for decision in decisions if decision.reason is Reason.OTHERWISE}
    opened |= Counter(dict.fromkeys(noted, 1))
    incidents = Counter(incident.dedup_key for incident in world.disk.tables.incidents.values())
    if opened != incidents:
        world.violate(f"openings and incidents differ: {(opened - incidents) + (incidents - opened)}")
    closed = Counter(decision.dedup_key for decision in decisions if decision.action is Action.CLOSE)
    if opened != closed:
        world.violate(f"openings and closings differ: {(opened - closed) + (closed - opened)}")


def _check_teams(world: World, decisions: list[Decision]) -> None:
    """What is open stays with the teams that have it: only a fallback or a step of an escalation pages another one."""
    having: dict[str, set[str]] = {}
    for decision in decisions:
        if decision.action is not Action.OPEN:
            continue
        known = having.setdefault(decision.dedup_key, set())
        if known and not known.issuperset(decision.teams) and decision.reason not in {Reason.FALLBACK, Reason.ESCALATED}:
            world.violate(f"{sorted(known)} had it, and others were paged: {decision}")
        known.update(decision.teams)


def _check_pages(world: World, decisions: list[Decision]) -> None:
    """Every page due is in PagerDuty's ledger once; nothing else is."""
    tables = world.disk.tables
    first: dict[tuple[str, str], Delivery] = {}
    for _, delivery in sorted(tables.deliveries.items()):
        if delivery.action == "trigger" and delivery.channel == PAGERDUTY:
            first.setdefault((delivery.team, delivery.dedup_key), delivery)
        if delivery.state is DeliveryState.PENDING:
            world.violate(f"delivery {delivery.id} is left in the outbox")
    opened = Counter(
        (posted.routing_key, posted.dedup_key) for posted in world.sandbox.requests(face="events") if posted.effect == "opened"
    )
    due: set[tuple[str, str]] = set()
    for decision in decisions:
        if decision.action is not Action.OPEN:
            continue
        for team in decision.teams:
            page = (team, decision.dedup_key)
            if page not in first and _is_held(world, decision, team):
                continue
            due.add((KEYS[team], decision.dedup_key))
            _check_page(world, decision, team, first.get(page), opened[KEYS[team], decision.dedup_key])
    if extra := set(opened) - due:
        world.violate(f"PagerDuty opened what nobody decided: {sorted(extra)}")
    told = Counter(
        (page.service, page.user_id, key) for page in world.sandbox.pages(reason="triggered") for key in page.dedup_keys
    )
    for (team, _, key), count in told.items():
        if count != opened[KEYS[team], key]:
            world.violate(f"{count} pages to one person for {opened[KEYS[team], key]} incidents {key}")
    if len({(team, key) for team, _, key in told}) != len(opened):
        world.violate("an incident was opened and nobody was told")


def _is_held(world: World, decision: Decision, team: str) -> bool:
    """Whether a storm digest that was open then and was told to the team holds it."""
    if decision.reason not in {Reason.LIMIT_EXCEEDED, Reason.BROKE_THROUGH}:
        return False
    return any(
        incident.holds and team in incident.teams and incident.opened_at <= decision.at <= incident.closed_at
        for incident in world.disk.tables.incidents.values()
    )


def _check_page(world: World, decision: Decision, team: str, trigger: Delivery | None, opened: int) -> None:
    key = decision.dedup_key
    if trigger is None:
        world.violate(f"{decision.reason} opened {key} for {team}, and no event says so")
        return
    again = world.people.resolved[key]  # what a person has resolved, an update of ours opens again
    match trigger.state:
        case DeliveryState.DELIVERED:
            allowed = range(0 if (team, key) in find_lost(world) else 1, 2 + again)
        case DeliveryState.CANCELLED if trigger.reason == "resolved_before_sent":
            allowed = range(1)
            if trigger.attempts:
                world.violate(f"{key} was attempted and cancelled as if nobody could have been told")
        case DeliveryState.DEAD:
            allowed = range(2 + again)
            _check_death(world, trigger)
            _check_fallback(world, trigger)
        case _:
            allowed = range(2 + again)
    if opened not in allowed:
        world.violate(f"{key} was opened {opened} times at {team}, its trigger is {trigger.state} {trigger.reason}")


def _check_death(world: World, trigger: Delivery) -> None:
    """Given up is only what was refused for good, or not taken for as long as was configured."""
    outcome = trigger.last_attempts[-1].outcome
    age_ms = trigger.finished_at - trigger.created_at + world.stepped_ahead_seconds * 1000
    if not isinstance(outcome, Rejected) and age_ms <= parse_duration(world.plan.retry_for):
        world.violate(f"delivery {trigger.id} was given up after {age_ms} ms: {trigger.reason}")


def _check_fallback(world: World, trigger: Delivery) -> None:
    tables = world.disk.tables
    told = [
        entry.fact
        for entry in tables.journal.values()
        if isinstance(entry.fact, DeliveryFailed) and entry.fact.delivery_id == trigger.id
    ]
    if not told:
        world.violate(f"delivery {trigger.id} is dead and the journal does not know")
    followed = [
        decision
        for decision in tables.decisions.values()
        if decision.dedup_key == trigger.dedup_key and decision.reason in {Reason.FALLBACK, Reason.NO_FALLBACK}
    ]
    if not followed:
        world.violate(f"delivery {trigger.id} is dead and nobody else was paged, nor does a decision say why")
    for decision in followed:  # only the default team has none; one that is gone by then has that
        if "has no fallback" in decision.cause and decision.teams != ("platform",):
            world.violate(f"delivery {trigger.id} is dead and nobody else was paged: {decision}")


def _check_replay(world: World, decisions: list[Decision]) -> None:
    """The journal through a fresh engine, in one go and without restarts: the same decisions and events, bit for bit."""
    tables = world.disk.tables
    rulesets = {
        version: msgspec.structs.replace(ruleset_from_texts(texts), version=version)
        for version, (_, texts) in tables.rulesets.items()
    }
    journal = [entry for seq, entry in sorted(tables.journal.items()) if seq in world.watch.given_seqs]
    engine = Engine(rulesets[decisions[0].ruleset], now=0)
    replayed = engine.handle(journal, until=tables.decided_at, rulesets=rulesets)
    for place, (recorded, again) in enumerate(zip(decisions, replayed.decisions, strict=False)):
        if recorded != again:
            world.violate(f"replay differs at decision {place}: recorded {recorded}, replayed {again}")
            return
    if len(decisions) != len(replayed.decisions):
        world.violate(f"{len(decisions)} decisions were recorded, a replay takes {len(replayed.decisions)}")
    sent = [
        (delivery.team, delivery.action, delivery.body if delivery.channel == PAGERDUTY else b"")
        for _, delivery in sorted(tables.deliveries.items())
    ]
    said = [(event.team, event.action, encode(event) if event.channel == PAGERDUTY else b"") for event in replayed.events]
    for place, (recorded_event, event) in enumerate(zip(sent, said, strict=False)):
        if recorded_event != event and _without_past(recorded_event) != event:
            world.violate(f"replay decides alike and says something else at event {place}: {recorded_event}, replayed {event}")
            return
    if len(sent) != len(said):
        world.violate(f"{len(sent)} events were sent, a replay says {len(said)}")


def _without_past(sent: tuple[str, str, bytes]) -> tuple[str, str, bytes]:
    """Links to what solved it before come from PagerDuty's history, not from the journal; no rule here has links of its own."""
    team, action, body = sent
    if not body:
        return sent
    content = msgspec.json.decode(body)
    content.pop("links", None)
    return team, action, msgspec.json.encode(content)
