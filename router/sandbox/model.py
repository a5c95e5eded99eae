"""The things PagerDuty keeps (services, integrations, alerts, incidents, log entries) and the world holding them.

Only data and look-ups; what happens to them is in ``transitions``. Times are integer milliseconds UTC.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from router.sandbox.ids import IdFactory
from router.sandbox.ledger import Ledger
from router.sandbox.switches import Switches

Urgency = Literal["high", "low"]
Status = Literal["triggered", "acknowledged", "resolved"]

ALERTS_PER_INCIDENT = 1_000
NOTES_PER_INCIDENT = 2_000


class Agent(msgspec.Struct, frozen=True):
    """Who did something: a user, a service (by its timeouts) or an inbound integration."""

    kind: Literal["user", "service", "inbound_integration"]
    id: str
    name: str


class User(msgspec.Struct, kw_only=True):
    """Somebody who can be on call and can act."""

    id: str
    name: str
    email: str
    created_at: int


class Level(msgspec.Struct, kw_only=True):
    """One step of an escalation policy."""

    id: str
    user_ids: list[str]


class Policy(msgspec.Struct, kw_only=True):
    """Who is told first and who next. ``staffed`` off means that nobody is on call."""

    id: str
    name: str
    levels: list[Level]
    delay_ms: int
    loops: int
    staffed: bool = True


class Service(msgspec.Struct, kw_only=True):
    """What is affected; holds what decides about a page."""

    id: str
    name: str
    policy_id: str
    created_at: int
    urgency: Literal["severity", "high", "low"] = "severity"
    disabled: bool = False
    suppressed: bool = False
    alert_grouping: bool = False
    auto_resolve_ms: int = 0
    acknowledgement_timeout_ms: int = 0
    maintenance: list[tuple[int, int]] = []
    open_incidents: int = 0
    last_incident_at: int | None = None

    def in_maintenance(self, now: int) -> bool:
        """Whether a maintenance window covers this moment."""
        return any(start <= now < end for start, end in self.maintenance)


class Integration(msgspec.Struct, kw_only=True):
    """A routing key: of one service, or of an orchestration, which chooses the service by content."""

    id: str
    key: str
    name: str
    service_id: str = ""
    route_field: str = ""
    routes: dict[str, str] = {}  # payload member's value -> service id

    @property
    def is_orchestration(self) -> bool:
        """Whether the service is chosen by content."""
        return not self.service_id


class LogEntry(msgspec.Struct, kw_only=True):
    """One line of an incident's story."""

    id: str
    type: str  # without the suffix _log_entry
    at: int
    agent: Agent | None
    incident_id: str
    summary: str
    channel: dict[str, Any] = {}
    user_ids: list[str] = []


class Note(msgspec.Struct, kw_only=True):
    """What somebody wrote on an incident."""

    id: str
    user_id: str
    content: str
    created_at: int
    updated_at: int


class Alert(msgspec.Struct, kw_only=True):
    """One episode under one dedup key of one integration."""

    id: str
    integration_id: str
    routing_key: str
    dedup_key: str
    summary: str
    severity: str
    created_at: int
    service_id: str = ""
    incident_id: str = ""
    status: Literal["triggered", "resolved"] = "triggered"
    suppressed: bool = False
    triggers: int = 1
    resolved_at: int | None = None
    details: Any = None
    contexts: list[dict[str, Any]] = []
    source: str = ""
    client: str = ""
    client_url: str = ""


class Incident(msgspec.Struct, kw_only=True):
    """What somebody is paged for; its timers are the four times ending in ``s_at`` that lie ahead."""

    id: str
    number: int
    title: str
    service_id: str
    policy_id: str
    created_at: int
    updated_at: int
    urgency: Urgency
    last_status_change_at: int
    last_status_change_by: Agent | None = None
    status: Status = "triggered"
    incident_key: str | None = None
    details: str = ""
    client: str = ""
    client_url: str = ""
    alert_ids: list[str] = []
    assignee_ids: list[str] = []
    assigned_at: int = 0
    assigned_via: Literal["escalation_policy", "direct_assignment"] = "escalation_policy"
    level: int = 1
    loops_done: int = 0
    acknowledgements: list[tuple[int, Agent]] = []
    resolved_at: int | None = None
    reopened_at: int | None = None
    resolve_reason: dict[str, Any] | None = None
    log_entries: list[LogEntry] = []
    log_entries_dropped: int = 0
    notes: list[Note] = []
    priority: str | None = None
    responders: list[dict[str, Any]] = []
    responder_requests: list[dict[str, Any]] = []  # as they were asked: who, whom, what
    conference_bridge: dict[str, str] | None = None
    escalates_at: int | None = None
    unacknowledges_at: int | None = None
    resolves_at: int | None = None

    @property
    def is_open(self) -> bool:
        """Triggered or acknowledged."""
        return self.status != "resolved"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Something a webhook may tell about; made at the moment it happens."""

    kind: str  # incident.triggered, incident.annotated ...
    at: int
    agent: Agent | None
    incident: Incident | None = None
    service: Service | None = None
    extra: dict[str, Any] = {}


class World:
    """Everything one account holds, with its look-ups, timers, ids and chance; every change is announced."""

    def __init__(self, switches: Switches, seed: int) -> None:
        self.switches = switches
        self.ids = IdFactory(seed)
        self.chance = random.Random(f"chance-{seed}")  # noqa: S311 - repeatable on purpose, guards nothing
        self.ledger = Ledger(switches.kept_pages)
        self.users: dict[str, User] = {}
        self.policies: dict[str, Policy] = {}
        self.services: dict[str, Service] = {}
        self.integrations: dict[str, Integration] = {}  # by routing key
        self.incidents: dict[str, Incident] = {}
        self.incidents_by_number: dict[int, Incident] = {}
        self.open_incidents: dict[str, Incident] = {}  # insertion order is order of opening
        self.alerts: dict[str, Alert] = {}
        self.open_alerts: dict[tuple[str, str], Alert] = {}  # (routing key, dedup key)
        self.resolved_order: dict[str, None] = {}  # insertion order is order of resolving
        self.change_events: deque[dict[str, Any]] = deque(maxlen=switches.kept_change_events)
        self.abilities: tuple[str, ...] = ()
        self.incidents_dropped = 0
        self.last_number = 0
        self.history: dict[str, deque[Incident]] = {}  # past states, while reads lag behind
        self.listener: Callable[[Change], None] | None = None
        self._timers: list[tuple[int, int, str]] = []
        self._timers_set = 0

    def service_named(self, name: str) -> Service:
        """The service of that name; unknown names raise ``KeyError``."""
        for service in self.services.values():
            if service.name == name:
                return service
        raise KeyError(f"no service named {name!r}")

    def user_by_email(self, email: str) -> User | None:
        """The user with that address, whatever its case."""
        return next((user for user in self.users.values() if user.email.lower() == email.lower()), None)

    def on_call(self, policy_id: str, level: int = 1) -> list[str]:
        """Ids of the users that the policy's level would tell; empty when nobody is on call."""
        policy = self.policies[policy_id]
        if not policy.staffed or not 0 < level <= len(policy.levels):
            return []
        return list(policy.levels[level - 1].user_ids)

    def alerts_of(self, incident: Incident) -> list[Alert]:
        """The alerts inside an incident, oldest first."""
        return [self.alerts[alert_id] for alert_id in incident.alert_ids if alert_id in self.alerts]

    def announce(self, change: Change) -> None:
        """Tell whoever sends webhooks."""
        if self.listener is not None:
            self.listener(change)

    def remember(self, incident: Incident) -> None:
        """Keep the incident as it is now, if lists shall lag behind."""
        delay = self.switches.rest_read_delay_ms
        if not delay:
            return
        states = self.history.setdefault(incident.id, deque())
        states.append(
            msgspec.structs.replace(
                incident,
                alert_ids=list(incident.alert_ids),
                assignee_ids=list(incident.assignee_ids),
                log_entries=[],
                notes=[],
            )
        )
        while len(states) > 1 and states[1].updated_at <= incident.updated_at - delay:
            states.popleft()

    def listed(self, now: int) -> list[Incident]:
        """Incidents as a list shows them: with the delay of the switch, those not yet shown left out."""
        delay = self.switches.rest_read_delay_ms
        if not delay:
            return list(self.incidents.values())
        found = []
        for incident in self.incidents.values():
            states = self.history.get(incident.id, (incident,))
            past = [state for state in states if state.updated_at <= now - delay]
            if past:
                found.append(past[-1])
        return found

    def wake_at(self, at: int, incident_id: str) -> None:
        """Look at that incident's timers then; a stale wake-up finds nothing due and does nothing."""
        self._timers_set += 1
        heapq.heappush(self._timers, (at, self._timers_set, incident_id))

    def next_timer(self) -> int | None:
        """When the earliest wake-up is due."""
        return self._timers[0][0] if self._timers else None

    def pop_timer(self) -> tuple[int, Incident | None]:
        """The earliest wake-up."""
        at, _, incident_id = heapq.heappop(self._timers)
        return at, self.open_incidents.get(incident_id)

    def forget_oldest(self) -> None:
        """Keep the number of resolved incidents inside its bound."""
        while len(self.resolved_order) > self.switches.kept_resolved_incidents:
            incident_id = next(iter(self.resolved_order))
            del self.resolved_order[incident_id]
            incident = self.incidents.pop(incident_id)
            del self.incidents_by_number[incident.number]
            self.history.pop(incident_id, None)
            for alert_id in incident.alert_ids:
                self.alerts.pop(alert_id, None)
            self.incidents_dropped += 1
