"""The whole sandbox as one synchronous object: requests in, answers out, the time always given.

A simulation in virtual time calls ``receive`` and ``advance`` and asks ``next_due`` when to come back; the server
does the same with the machine's clock. It never reads a clock, a socket or a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

from router.sandbox import actions, transitions
from router.sandbox.answer import Answer, Behaviour
from router.sandbox.events import EventsFace
from router.sandbox.faults import Fault, FaultPlan
from router.sandbox.journal import Entry, Journal
from router.sandbox.ledger import Page, PageReason
from router.sandbox.model import Agent, Incident, Policy, Service
from router.sandbox.past import PastSpec, make_past
from router.sandbox.provision import add_service, build_world
from router.sandbox.rest import RestFace
from router.sandbox.rest_render import PRIORITIES
from router.sandbox.settings import ServiceSpec, Settings
from router.sandbox.switches import Switches, changed
from router.sandbox.views import IncidentView, view
from router.sandbox.webhook_body import EVENT_TYPES
from router.sandbox.webhooks import MAX_SENDING, Delivery, Outcome, Subscription, WebhookBook

MAX_SNOOZE_MINUTES = 10_080


class Refused(ValueError):
    """A person's action that cannot be done now; the message says why."""


class ServiceChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What shall be different about the service of that name from now on; ``None`` leaves a thing as it is."""

    name: str
    on_call: bool | None = None
    disabled: bool | None = None
    suppressed: bool | None = None
    alert_grouping: bool | None = None
    maintenance_ms: int | None = None  # a window of this length from now; 0 ends it


class Sandbox:
    """A PagerDuty account of the own machine, at a time that the caller tells."""

    def __init__(
        self,
        switches: Switches | None = None,
        services: Iterable[ServiceSpec] | Mapping[str, str] = (),
        seed: int = 0,
        *,
        settings: Settings | None = None,
        now: int = 0,
    ) -> None:
        if settings is None:
            specs = (
                [ServiceSpec(name=name, keys=(key,)) for name, key in services.items()]
                if isinstance(services, Mapping)
                else services
            )
            settings = Settings(services=tuple(specs), seed=seed)
        if switches is not None:
            settings = msgspec.structs.replace(settings, switches=switches)
        self.settings = settings
        self.generation = 0  # how often it was started, so that late answers of an earlier life are recognised
        self._start(now)

    def _start(self, now: int) -> None:
        settings = self.settings
        self._world = build_world(settings, now)
        self._faults = FaultPlan(settings.seed)
        self._journal = Journal(settings.switches.journal_max_entries, settings.switches.journal_max_bytes)
        self._book = WebhookBook(self._world)
        self._events = EventsFace(self._world, self._faults)
        scheme = "https" if settings.tls_certificate else "http"
        self._rest = RestFace(self._world, self._faults, self._book, settings.tokens, scheme)
        self._now = now
        self.generation += 1

    # what the wire brings

    def receive(self, method: str, path: str, headers: Mapping[str, str], body: bytes, now: int) -> Answer:
        """Answer one request of either face; ``path`` may carry a query."""
        self.advance(now)
        bare, _, query = path.partition("?")
        lowered = {name.lower(): value for name, value in headers.items()}
        face = "events" if bare == "/v2" or bare.startswith("/v2/") else "rest"
        entry = self._journal.open(at=self._now, face=face, method=method, path=bare, headers=lowered, body=body)
        if face == "events":
            answer = self._events.receive(entry, lowered, self._now)
        else:
            answer = self._rest.receive(entry, query, lowered, self._now)
        entry.status = answer.status
        entry.behaviour = answer.behaviour.value
        entry.answer = answer.body
        return answer

    def receive_event(self, path: str, headers: Mapping[str, str], body: bytes, now: int) -> Answer:
        """A POST to the Events API."""
        return self.receive("POST", path, headers, body, now)

    def connect(self, now: int) -> Behaviour:
        """What becomes of a new connection: answered, or reset at once."""
        fault = self._faults.pick(max(now, self._now), "any", connecting=True)
        return Behaviour.ANSWER if fault is None else Behaviour.RESET_BEFORE

    # time

    def advance(self, now: int) -> None:
        """Do everything that is due until now, each at its own time; time never goes back."""
        while (due := self._next_own()) is not None and due <= now:
            self._now = max(self._now, due)
            if due == self._events.next_due():
                self._events.process_next()
            else:
                _, incident = self._world.pop_timer()
                if incident is not None:
                    transitions.run_timers(self._world, incident, due)
        self._now = max(self._now, now)

    def _next_own(self) -> int | None:
        times = (self._events.next_due(), self._world.next_timer())
        return min((at for at in times if at is not None), default=None)

    def next_due(self) -> int | None:
        """When ``advance`` or ``webhooks_due`` has something to do next, or nothing."""
        times = (self._next_own(), self._book.next_due())
        return min((at for at in times if at is not None), default=None)

    # webhooks

    def subscribe(self, url: str, events: list[str] | None = None, *, service: str = "") -> Subscription:
        """A webhook subscription without REST: to every event type, of every service, unless named."""
        found = self._world.service_named(service).id if service else ""
        kind = "service_reference" if service else "account_reference"
        names = sorted(EVENT_TYPES) if events is None else events
        return self._book.subscribe(url=url, events=names, filter_type=kind, filter_id=found)

    def webhooks_due(self, now: int, limit: int = MAX_SENDING) -> list[Delivery]:
        """Take the webhooks to send now; each must be answered with ``webhook_answered``."""
        self.advance(now)
        return self._book.due(self._now, limit)

    def webhook_answered(self, delivery_id: int, outcome: Outcome, now: int) -> None:
        """Say how sending went: the status, or ``timeout``, ``unreachable``, ``tls``."""
        self.advance(now)
        self._book.answered(delivery_id, outcome, self._now)

    def webhooks(self) -> list[Delivery]:
        """The newest webhooks that were made, oldest first, with all their attempts."""
        return list(self._book.records)

    def disable_webhooks(self, subscription_id: str, now: int, milliseconds: int) -> None:
        """A gap: what is owed to the subscription is lost, and so is what happens until the end."""
        self.advance(now)
        self._book.disable(self._book.subscriptions[subscription_id], self._now + milliseconds)

    # what tests read

    @property
    def switches(self) -> Switches:
        """The switches in force."""
        return self._world.switches

    @property
    def pending(self) -> int:
        """Events accepted and not yet processed."""
        return self._events.pending

    def incidents(self, status: Literal["open", "resolved", "any"] = "any") -> list[IncidentView]:
        """Incidents in the order of their numbers."""
        world = self._world
        return [
            view(world, incident)
            for incident in world.incidents.values()
            if status == "any" or incident.is_open == (status == "open")
        ]

    def newest_resolved(self, count: int) -> list[IncidentView]:
        """The incidents that were resolved last, newest first."""
        world = self._world
        found: list[IncidentView] = []
        for incident_id in reversed(world.resolved_order):
            if len(found) >= count:
                break
            found.append(view(world, world.incidents[incident_id]))
        return found

    def pages(
        self, *, reason: PageReason | None = None, service: str | None = None, incident_id: str | None = None
    ) -> list[Page]:
        """Who would have been notified, oldest first."""
        return self._world.ledger.pages(reason=reason, service=service, incident_id=incident_id)

    def newest_pages(self, count: int) -> list[Page]:
        """The last pages, newest first."""
        return self._world.ledger.newest(count)

    def requests(self, *, face: str | None = None, routing_key: str | None = None, dedup_key: str | None = None) -> list[Entry]:
        """The request journal, oldest first."""
        return self._journal.entries(face=face, routing_key=routing_key, dedup_key=dedup_key)

    def suppressed(self) -> list[str]:
        """Dedup keys of open alerts that page nobody."""
        return [alert.dedup_key for alert in self._world.open_alerts.values() if alert.suppressed]

    def change_events(self) -> list[dict[str, Any]]:
        """Change events as they were processed."""
        return list(self._world.change_events)

    def counts(self) -> dict[str, int]:
        """How much there is and how much the bounds have pushed out."""
        world = self._world
        return {
            "open_incidents": len(world.open_incidents),
            "incidents": world.last_number,
            "incidents_dropped": world.incidents_dropped,
            "open_alerts": len(world.open_alerts),
            "pages": world.ledger.recorded,
            "pages_dropped": world.ledger.dropped,
            "requests": self._journal.recorded,
            "requests_dropped": self._journal.dropped,
            "pending_events": self._events.pending,
        }

    # steering

    def reset(self, now: int) -> None:
        """Back to the first moment: nothing received, no faults, switches and services as provisioned."""
        self._start(now)

    def set_switches(self, changes: dict[str, Any]) -> Switches:
        """Change some switches from now on; the bounds of the journal and ledger apply from the next reset."""
        switches = changed(self._world.switches, changes)
        self._world.switches = switches
        return switches

    def add_fault(self, fault: Fault, now: int) -> None:
        """Put a fault into force."""
        self._faults.install(fault, max(now, self._now))

    def clear_faults(self) -> None:
        """No faults any more."""
        self._faults.clear()

    def faults(self) -> list[dict[str, Any]]:
        """The faults in force and how often each has struck."""
        return [msgspec.to_builtins(installed) for installed in self._faults.installed]

    def add_service(self, spec: ServiceSpec, now: int) -> None:
        """One more service."""
        self.advance(now)
        add_service(self._world, spec, self._now)

    def add_past(self, spec: PastSpec) -> list[str]:
        """Resolved incidents of the past, for crawls; their ids. ``ValueError`` if that cannot be."""
        return make_past(self._world, spec)

    def set_service(self, change: ServiceChange, now: int) -> None:
        """Change what decides about a service's pages; unknown names raise ``KeyError``."""
        self.advance(now)
        service = self._world.service_named(change.name)
        if change.on_call is not None:
            self.policy_of(service).staffed = change.on_call
        for name in ("disabled", "suppressed", "alert_grouping"):
            if (value := getattr(change, name)) is not None:
                setattr(service, name, value)
        if change.maintenance_ms is not None:
            until = self._now + change.maintenance_ms
            service.maintenance = [(self._now, until)] if change.maintenance_ms else []

    def services(self) -> list[dict[str, Any]]:
        """Every service with its keys and its state."""
        world = self._world
        keys: dict[str, list[str]] = {}
        for integration in world.integrations.values():
            keys.setdefault(integration.service_id, []).append(integration.key)
        return [
            {
                **msgspec.to_builtins(service),
                "keys": keys.get(service.id, []),
                "on_call": [world.users[user_id].name for user_id in world.on_call(service.policy_id)],
            }
            for service in world.services.values()
        ]

    def users(self) -> list[dict[str, Any]]:
        """Everybody who can be on call."""
        return [msgspec.to_builtins(user) for user in self._world.users.values()]

    def policy_of(self, service: Service) -> Policy:
        """The escalation policy of a service."""
        return self._world.policies[service.policy_id]

    # what a person does

    def acknowledge(self, incident_id: str, now: int, *, user: str = "") -> IncidentView:
        """Somebody says: I am on it."""
        incident, agent = self._act(incident_id, now, user)
        transitions.acknowledge(self._world, incident, self._now, agent)
        return view(self._world, incident)

    def resolve(self, incident_id: str, now: int, *, user: str = "", note: str = "") -> IncidentView:
        """Somebody says: it is over."""
        incident, agent = self._act(incident_id, now, user)
        transitions.resolve(self._world, incident, self._now, agent, note=note)
        return view(self._world, incident)

    def annotate(self, incident_id: str, now: int, *, content: str, user: str = "") -> IncidentView:
        """Somebody writes something down."""
        incident, agent = self._act(incident_id, now, user)
        transitions.annotate(self._world, incident, self._now, agent, content)
        return view(self._world, incident)

    def reassign(self, incident_id: str, now: int, *, to: str, user: str = "") -> IncidentView:
        """Somebody gives it to the user with that email."""
        incident, agent = self._act(incident_id, now, user)
        target = self._world.user_by_email(to)
        if target is None:
            raise Refused(f"nobody has the address {to}")
        transitions.reassign(self._world, incident, [target.id], self._now, agent)
        return view(self._world, incident)

    def escalate(self, incident_id: str, now: int, *, user: str = "", level: str = "", policy: str = "") -> IncidentView:
        """Somebody asks the next level, or a given one, or another escalation policy (by name)."""
        incident, agent = self._act(incident_id, now, user)
        if policy:
            found = next((one for one in self._world.policies.values() if one.name == policy), None)
            if found is None or not self._world.on_call(found.id):
                raise Refused(f"there is no escalation policy {policy!r} with somebody on call")
            transitions.delegate(self._world, incident, found.id, self._now, agent)
            return view(self._world, incident)
        if incident.urgency == "low":
            raise Refused("an incident of low urgency cannot be escalated")
        wanted = int(level) if level else incident.level + 1
        if not 1 <= wanted <= len(self._world.policies[incident.policy_id].levels):
            raise Refused("there is no further level" if not level else f"there is no level {level}")
        transitions.escalate(self._world, incident, wanted, self._now, agent)
        return view(self._world, incident)

    def reopen(self, incident_id: str, now: int, *, user: str = "") -> IncidentView:
        """Somebody says: it is not over after all."""
        incident, agent = self._act(incident_id, now, user, wants_open=False)
        transitions.reopen(self._world, incident, self._now, agent)
        return view(self._world, incident)

    def snooze(self, incident_id: str, now: int, *, minutes: str, user: str = "") -> IncidentView:
        """Somebody wants it quiet for so long."""
        incident, agent = self._act(incident_id, now, user)
        if not (minutes.isascii() and minutes.isdigit()) or not 1 <= int(minutes) <= MAX_SNOOZE_MINUTES:
            raise Refused(f"snoozing takes 1 to {MAX_SNOOZE_MINUTES} minutes")
        transitions.snooze(self._world, incident, self._now + int(minutes) * 60_000, self._now, agent)
        return view(self._world, incident)

    def request_responders(self, incident_id: str, now: int, *, to: str, message: str, user: str = "") -> IncidentView:
        """Somebody asks the user with that email to help."""
        incident, agent = self._act(incident_id, now, user)
        target = self._world.user_by_email(to)
        if target is None or not message:
            raise Refused(f"nobody has the address {to}" if target is None else "say what help is needed")
        actions.request_responders(self._world, incident, [target.id], message=message, now=self._now, agent=agent)
        return view(self._world, incident)

    def respond(self, incident_id: str, now: int, *, answer: Literal["join", "decline"], user: str = "") -> IncidentView:
        """Somebody who was asked to help answers."""
        incident, agent = self._act(incident_id, now, user)
        if not actions.answer_request(self._world, incident, agent.id, joins=answer == "join", now=self._now, agent=agent):
            raise Refused(f"nobody asked {agent.name} to help")
        return view(self._world, incident)

    def publish_status(self, incident_id: str, now: int, *, message: str, user: str = "") -> IncidentView:
        """Somebody tells the subscribers how it stands."""
        incident, agent = self._act(incident_id, now, user)
        actions.publish_status(self._world, incident, message, self._now, agent)
        return view(self._world, incident)

    def prioritise(self, incident_id: str, now: int, *, priority: str, user: str = "") -> IncidentView:
        """Somebody says how much it matters."""
        incident, agent = self._act(incident_id, now, user)
        if priority not in PRIORITIES:
            raise Refused(f"priorities are {', '.join(PRIORITIES)}")
        actions.set_priority(self._world, incident, priority, self._now, agent)
        return view(self._world, incident)

    def merge(self, incident_id: str, now: int, *, into: str, user: str = "") -> IncidentView:
        """Somebody says that it is the same as another, by that one's number; the other one's picture."""
        incident, agent = self._act(incident_id, now, user)
        target = self._world.incidents_by_number.get(int(into) if into.isdigit() else 0)
        if target is None or target is incident or not target.is_open:
            raise Refused(f"there is no other open incident #{into}")
        if not actions.merge(self._world, target, [incident], self._now, agent):
            raise Refused("an incident holds 1000 alerts at most")
        return view(self._world, target)

    def policies(self) -> list[str]:
        """The names of the escalation policies."""
        return [policy.name for policy in self._world.policies.values()]

    def _act(self, incident_id: str, now: int, email: str, *, wants_open: bool = True) -> tuple[Incident, Agent]:
        self.advance(now)
        incident = self._world.incidents.get(incident_id)
        if incident is None:
            raise Refused(f"there is no incident {incident_id}")
        if incident.is_open != wants_open:
            raise Refused("the incident is resolved already" if wants_open else "the incident is open")
        user = self._world.user_by_email(email) if email else next(iter(self._world.users.values()), None)
        if user is None:
            raise Refused(f"nobody has the address {email}" if email else "there are no users")
        return incident, Agent("user", user.id, user.name)
