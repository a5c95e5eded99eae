"""A past for an account that is new: resolved incidents with logs, notes and alerts, all from one seed.

So that a crawl of years can be tried without waiting for years. Must never do: page anybody or send a webhook about them.
"""

from __future__ import annotations

import random
from typing import Annotated

import msgspec
from msgspec import Meta

from router.sandbox.model import Agent, Alert, Incident, LogEntry, Note, Service, World

MAX_INCIDENTS = 500_000
_PROBLEMS = (
    ("CardError", "payment-api", "error rate {n} % over 5 minutes"),
    ("ConnectionPoolExhausted", "checkout-db", "{n} connections waiting on db-{n}"),
    ("DiskAlmostFull", "warehouse-{m}", "/var is {n} % full on host-{n}"),
    ("CertificateExpires", "edge", "certificate of shop.example.test expires in {m} days"),
    ("HighLatency", "search", "p99 latency {n}0 ms"),
    ("KafkaConsumerLag", "orders", "lag {n}000 on partition {m}"),
    ("NodeNotReady", "cluster", "node worker-{n} not ready"),
    ("BackupFailed", "billing", "nightly backup failed with exit code {m}"),
)
_FIXES = (
    "Restarted the connection pool, errors stopped",
    "Rolled back release {n}",
    "Grew the volume by 50 GB and rotated the logs",
    "Renewed the certificate by hand; the cron job had no permission",
    "False alarm, threshold too tight. Call me: +49 170 1234567 or ada@example.test",
    "Failed over to the replica",
    "Scaled consumers from {m} to {n}",
)


class PastSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much past, and when: ``since`` <= creation < ``until``, ms UTC."""

    incidents: Annotated[int, Meta(ge=1, le=MAX_INCIDENTS)]
    since: Annotated[int, Meta(ge=0)]
    until: Annotated[int, Meta(ge=1)]
    seed: int = 0


def make_past(world: World, spec: PastSpec) -> list[str]:
    """Add it, oldest first; the ids. ``ValueError`` if it would not fit into what the account keeps."""
    if not spec.since < spec.until:
        raise ValueError("since has to be before until")
    if len(world.resolved_order) + spec.incidents > world.switches.kept_resolved_incidents:
        raise ValueError(f"switch kept_resolved_incidents keeps {world.switches.kept_resolved_incidents} only")
    chance = random.Random(f"past-{spec.seed}")  # noqa: S311 - repeatable on purpose
    length = spec.until - spec.since
    times = sorted(spec.since + chance.randrange(length) for _ in range(spec.incidents))
    services, users = list(world.services.values()), list(world.users.values())
    made = []
    for at in times:
        people = [Agent("user", user.id, user.name) for user in users]
        made.append(_make(world, chance, at, chance.choice(services), people))
    return made


def _make(world: World, chance: random.Random, at: int, service: Service, people: list[Agent]) -> str:
    name, component, text = chance.choice(_PROBLEMS)
    numbers = {"n": chance.randrange(10, 99), "m": chance.randrange(2, 9)}
    world.last_number += 1
    incident = Incident(
        id=world.ids.resource("Q"),
        number=world.last_number,
        title=f"{name}: {text.format(**numbers)}",
        service_id=service.id,
        policy_id=service.policy_id,
        created_at=at,
        updated_at=at,
        urgency="low" if chance.random() < 0.2 else "high",  # noqa: PLR2004
        last_status_change_at=at,
        status="resolved",
        priority=chance.choice((None, None, "P1", "P2", "P3")),
    )
    tool = Agent("inbound_integration", world.ids.resource("P"), "Events API V2")
    end = _tell(world, chance, incident, tool, people)
    key = f"{name.lower()}/{chance.getrandbits(8):016x}/{at:x}-{incident.number:x}"
    for index in range(chance.choice((1, 1, 1, 2, 4))):
        alert = Alert(
            id=world.ids.resource("Q"), integration_id="", routing_key="", dedup_key=key if not index else f"{key}{index}",
            summary=incident.title, severity="error", created_at=at, service_id=service.id, incident_id=incident.id,
            status="resolved", resolved_at=end,
            details={"service": component.format(**numbers), "name": name, "instance": f"host-{numbers['n']}", "runbook": name},
        )  # fmt: skip
        world.alerts[alert.id] = alert
        incident.alert_ids.append(alert.id)
    world.incidents[incident.id] = incident
    world.incidents_by_number[incident.number] = incident
    world.resolved_order[incident.id] = None
    return incident.id


def _tell(world: World, chance: random.Random, incident: Incident, tool: Agent, people: list[Agent]) -> int:
    """What happened to it, up to its last resolution; when that was."""
    at = incident.created_at
    somebody = chance.choice(people)

    def log(kind: str, agent: Agent | None, summary: str, note: str = "") -> None:
        channel = {"type": "note", "summary": note} if note else {"type": "auto"}
        entry = LogEntry(
            id=world.ids.resource("R"), type=kind, at=at, agent=agent, incident_id=incident.id, summary=summary, channel=channel
        )
        incident.log_entries.append(entry)

    log("trigger", tool, "Triggered")
    log("assign", None, "Assigned")
    log("notify", None, f"Notified {somebody.name}")
    fate = chance.random()
    resolver = somebody
    if fate < 0.3:  # noqa: PLR2004 - over by itself before anybody came
        at += chance.randrange(30_000, 600_000)
        resolver = tool
    else:
        if fate < 0.4:  # noqa: PLR2004
            at += 900_000
            log("escalate", None, "Escalated to level 2")
        at += chance.randrange(20_000, 1_200_000)
        log("acknowledge", somebody, f"Acknowledged by {somebody.name}")
        at += chance.randrange(60_000, 14_400_000)
        if fate < 0.5:  # noqa: PLR2004
            log("resolve", somebody, "Resolved")
            at += chance.randrange(60_000, 600_000)
            log("trigger", somebody, f"Reopened by {somebody.name}")
            at += chance.randrange(60_000, 3_600_000)
    log("resolve", resolver, "Resolved")
    if resolver is somebody and chance.random() < 0.6:  # noqa: PLR2004
        fix = chance.choice(_FIXES).format(n=chance.randrange(10, 99), m=chance.randrange(2, 9))
        content = f"Resolution Note: {fix}"
        incident.notes.append(
            Note(id=world.ids.resource("P"), user_id=somebody.id, content=content, created_at=at, updated_at=at)
        )
        log("annotate", somebody, content[:100], content)
    incident.resolved_at = incident.updated_at = incident.last_status_change_at = at
    incident.last_status_change_by = resolver
    return at
