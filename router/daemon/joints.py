"""Small joints between rooms that do not know each other: dead letters to facts, settings to each room's own values."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol, assert_never, get_args

import msgspec

from router.api.auth import Token
from router.clock import Clock
from router.config.secrets import Secrets
from router.config.settings import PagerDutySettings, Settings
from router.daemon.troubles import Trouble, Troubles
from router.dispatch.dead import fact_of
from router.dispatch.settings import Pacing
from router.dispatch.settings import Settings as DispatchSettings
from router.dispatch.worker import Dispatcher
from router.engine.core import Engine
from router.errors import RouterError, StoreError
from router.ingest.sources import SourceSettings
from router.model.channel import ChannelSettings, Discord, Hook, LongTail, Mail, SlackBot, SlackHook, Teams
from router.model.delivery import Delivery
from router.model.event import ACTIONS, INCIDENTS_REFERENCE, PAGERDUTY
from router.model.journal import Fact, SilenceChanged
from router.model.ownership import Ownership
from router.model.page import AuditEntry, Followed
from router.model.ruleset import Team
from router.model.transition import StateKind, StateRow
from router.model.webhook import Webhook
from router.model.wish import Order
from router.store.base import Reader
from router.telemetry.logs import logger

CHUNK = 10_000
DEEDS_IN_FLIGHT = 2

log = logger("daemon")


class Journal(Protocol):
    """The store, as this module needs it."""

    async def append(self, at: int, facts: Sequence[Fact], *, reserved: bool = False) -> object:
        """Make these facts durable; ``reserved`` ones even when the disk is nearly full."""
        ...


def subject_of(delivery: Delivery) -> str:
    """What the router's own trouble about it is called: the team, or for what pages nobody where it was to go."""
    return delivery.team or delivery.routing_key


class AuditedJournal(Journal, Protocol):
    """The same, and the record of who did what."""

    async def follow(self, step: Followed) -> None:
        """Make it durable."""
        ...


class DeadLetterOffice:
    """Fits ``dispatch.protocols.Failures``: journals what was given up, then raises the router's own alert."""

    def __init__(
        self, *, journal: Journal, troubles: Troubles, clock: Clock, knows: Callable[[str], bool] = lambda _channel: True
    ) -> None:
        """Parts as wired. ``knows``: whether there is a channel of that name (still)."""
        self._journal = journal
        self._troubles = troubles
        self._clock = clock
        self._knows = knows

    async def failed(self, deliveries: Sequence[Delivery]) -> None:
        """Returns when the failures are in the journal; the engine pages the fallback from there.

        What pages nobody (a notification, and the like) has no fallback: that its channel fails is a trouble of our own, once.
        That somebody has removed the channel is none: what waited for it is a dead letter, and nobody is woken for that.
        """
        pages = [fact_of(delivery) for delivery in deliveries if delivery.team]
        if pages:
            await self._journal.append(self._clock.now(), pages, reserved=True)
        for delivery in deliveries:
            if not delivery.team and not self._knows(delivery.channel):
                continue
            if delivery.channel == ACTIONS:
                await self._tell_of_deed(delivery)
                continue
            to = f"team {delivery.team}" if delivery.team else delivery.routing_key
            summary = f"a {delivery.action} for {to} could not be delivered: {delivery.reason}"
            only_tells = not delivery.team and delivery.channel != PAGERDUTY
            trouble = Trouble.CHANNEL_FAILED if only_tells else Trouble.DEAD_LETTER
            if self._troubles.is_firing(Trouble.CHANNEL_OUT if only_tells else Trouble.TEAM_OUT, subject=subject_of(delivery)):
                continue  # somebody was told that nothing gets through, and why
            await self._troubles.fire(trouble, summary, subject=subject_of(delivery))

    async def _tell_of_deed(self, delivery: Delivery) -> None:
        """What a rule wanted done: that nobody else is called is as bad as a lost page, a note that is lacking is not."""
        calls_somebody = msgspec.json.decode(delivery.body, type=Order).verb in {"escalate", "reassign", "responders"}
        trouble = Trouble.DEAD_LETTER if calls_somebody else Trouble.DEED_FAILED
        summary = f"what rule {delivery.rule} wants done in PagerDuty could not be done: {delivery.reason}"
        await self._troubles.fire(trouble, summary, subject=subject_of(delivery))


class Desk:
    """Journals what people do here, and keeps who it was; the engine takes it up from the journal."""

    def __init__(self, *, journal: AuditedJournal, clock: Clock) -> None:
        """Parts as wired."""
        self._journal = journal
        self._clock = clock

    async def silence(self, fact: SilenceChanged, who: str) -> None:
        """Somebody added or ended a silence."""
        silence = fact.silence
        what = "ended a silence" if silence is None else "silenced"
        text = fact.id if silence is None else f"{fact.id}: {silence.reason}"
        await self.record([fact], [AuditEntry(at=self._clock.now(), who=fact.by or who, through="api", what=what, text=text)])

    async def record(self, facts: Sequence[Fact], entries: Sequence[AuditEntry]) -> None:
        """Returns when it is durable; a StoreError or Overloaded: nothing was changed."""
        await self._journal.append(self._clock.now(), facts)
        try:
            await self._journal.follow(Followed(audit=tuple(entries)))
        except StoreError as error:  # it is done, and the journal says by whom
            log.warning("audit_not_kept", what=[entry.what for entry in entries[:1]], count=len(entries), cause=str(error))


class Hands:
    """Fits ``api.reading.Deliveries``: a person's wish, to the dispatcher."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        """Whose deliveries they are."""
        self._dispatcher = dispatcher

    async def retry(self, delivery_id: int) -> bool:
        """Try it now; False if that cannot be."""
        return await self._dispatcher.retry(delivery_id) == "done"

    async def drop(self, delivery_id: int, reason: str) -> bool:
        """Give it up; False if that cannot be."""
        is_dropped = await self._dispatcher.drop(delivery_id) == "done"
        if is_dropped:
            log.warning("delivery_dropped", delivery_id=delivery_id, reason=reason)
        return is_dropped


class Rebuilding:
    """Makes the engine again what the store says, after it failed half-way through a step."""

    def __init__(self, engine: Engine, reader: Reader) -> None:
        """Parts as wired."""
        self._engine = engine
        self._reader = reader

    async def rebuild(self, now: int) -> None:
        """``now``: the engine's time at the last commit, in ms UTC."""
        self._engine.restore(await asyncio.to_thread(self._read), now=now)

    def _read(self) -> list[StateRow]:
        rows: list[StateRow] = []
        for kind in get_args(StateKind):
            after_id = 0
            while chunk := self._reader.state(kind, after_id=after_id, limit=CHUNK):
                rows += chunk
                after_id = chunk[-1].id
        return rows


def is_made_by_rest(reference: str) -> bool:
    """Whether a team's reference names the service in which its incidents are made, instead of a routing key."""
    return reference.startswith(INCIDENTS_REFERENCE)


class KeyRing:
    """Resolves routing key references with the secrets and teams now in force; both are swapped on reload."""

    def __init__(self, secrets: Secrets, teams: Mapping[str, Team] = MappingProxyType({})) -> None:
        """Begin with these."""
        self.secrets = secrets
        self.teams = teams

    def teams_with_key(self, keys: Iterable[str]) -> set[str]:
        """Teams whose routing key is one of these; a reference that cannot be read now is none."""
        wanted, found = set(keys), set()
        for name, team in self.teams.items():
            if is_made_by_rest(team.routing_key):
                continue
            try:
                if self.resolve(team.routing_key) in wanted:
                    found.add(name)
            except RouterError:
                continue
        return found

    def teams_with_service(self, service: str) -> set[str]:
        """Teams whose incidents are made in this service of PagerDuty's."""
        begin = f"{INCIDENTS_REFERENCE}{service}/"
        return {name for name, team in self.teams.items() if team.routing_key.startswith(begin)}

    def teams_by_orchestration(self) -> set[str]:
        """Teams whose key is an orchestration's: those begin with R."""
        found = set()
        for name, team in self.teams.items():
            try:
                if not is_made_by_rest(team.routing_key) and self.resolve(team.routing_key).startswith("R"):
                    found.add(name)
            except RouterError:
                continue
        return found

    def references_by_team(self) -> dict[str, str]:
        """By which way each team is paged now."""
        return {name: team.routing_key for name, team in self.teams.items()}

    def references(self) -> set[str]:
        """The ways by which teams are paged now."""
        return {team.routing_key for team in self.teams.values()}

    def resolve(self, reference: str) -> str:
        """The routing key; SecretUnavailable names the reference if it cannot be read."""
        return self.secrets.resolve(reference).reveal()


class Owners:
    """Who owns a service by the rules in force, for those who look in from outside."""

    def __init__(self, engine: Engine) -> None:
        """Whose rules they are."""
        self._engine = engine
        self._version = ""
        self._ownership = Ownership({})

    def owner_of(self, service: str) -> str:
        """The team; the default team for what nobody owns."""
        ruleset = self._engine.ruleset
        if ruleset.version != self._version:
            self._version, self._ownership = ruleset.version, Ownership(ruleset.teams)
        return self._ownership.owner(service) or ruleset.default_team


def ingest_sources(settings: Settings) -> dict[str, SourceSettings]:
    """The configured sources as ``ingest`` wants them, inbound keys resolved."""
    return {
        source.name: SourceSettings(
            name=source.name,
            kind=source.kind,
            service_labels=source.service_labels,
            name_label=source.name_label,
            severity_label=source.severity_label,
            resolve_timeout_ms=source.resolve_timeout_ms,
            resend_grace_ms=source.resend_grace_ms,
            keys=tuple(settings.secrets.resolve(key).reveal() for key in source.keys),
            shadows={settings.secrets.resolve(key).reveal(): reference for key, reference in source.shadows.items()},
            webhook=_reveal(source.webhook, settings.secrets),
        )
        for source in settings.sources.values()
    }


def _reveal(webhook: Webhook | None, secrets: Secrets) -> Webhook | None:
    """The same with the secret itself in its credentials, where the settings hold the reference."""
    if webhook is None or webhook.credentials is None:
        return webhook
    text = secrets.resolve(webhook.credentials.secret).reveal()
    return msgspec.structs.replace(webhook, credentials=msgspec.structs.replace(webhook.credentials, secret=text))


def api_tokens(settings: Settings) -> list[Token]:
    """The configured tokens, resolved."""
    return [
        Token(name=token.name, secret=settings.secrets.resolve(token.token).reveal(), scopes=token.scopes)
        for token in settings.tokens
    ]


def webhook_secrets(settings: Settings) -> list[str]:
    """The secrets of PagerDuty's webhooks, resolved."""
    return [settings.secrets.resolve(reference).reveal() for reference in settings.pagerduty.webhook_secrets]


def dispatch_settings(pagerduty: PagerDutySettings, channels: Mapping[str, Pacing] | None = None) -> DispatchSettings:
    """Pace and patience as configured, those of channels by their names; everything else by default."""
    rate = pagerduty.rate
    # What rules do in PagerDuty goes at the pace of its client, one call after another: more at once would only keep room
    # from the channels.
    deeds = Pacing(calls=0, retry_max_age_ms=pagerduty.retry_for_ms, in_flight=DEEDS_IN_FLIGHT)
    others = {ACTIONS: deeds, **(channels or {})}
    if rate is None:
        return DispatchSettings(calls=0, retry_max_age_ms=pagerduty.retry_for_ms, channels=others)
    return DispatchSettings(calls=rate.calls, window_ms=rate.per_ms, retry_max_age_ms=pagerduty.retry_for_ms, channels=others)


def known_secrets(settings: Settings) -> Iterable[str]:
    """Every secret's text, for the redaction of the log and of what leaves."""
    return [secret.reveal() for secret in settings.secrets.known(known_references(settings))]


def known_references(settings: Settings) -> list[str]:
    """Every secret's reference: the only place they are listed together."""
    references = [team.routing_key for team in settings.teams.values() if not is_made_by_rest(team.routing_key)]
    references += [token.token for token in settings.tokens]
    references += [reference for reference in (settings.pagerduty.api_token, *settings.pagerduty.webhook_secrets) if reference]
    references += [key for source in settings.sources.values() for key in (*source.keys, *source.shadows.values())]
    webhooks = [source.webhook for source in settings.sources.values() if source.webhook is not None]
    references += [webhook.credentials.secret for webhook in webhooks if webhook.credentials is not None]
    references += [reference for channel in settings.channels.values() for reference in references_of(channel)]
    return references


def references_of(channel: ChannelSettings) -> list[str]:
    """A channel's secrets; an address without a secret in it, as a webhook may have, is none."""
    match channel:
        case SlackHook() | Discord() | Teams() | LongTail():
            return [channel.url]
        case SlackBot():
            return [channel.token]
        case Mail():
            return [channel.password] if channel.password else []
        case Hook():
            urls = [] if channel.url.startswith("config:") else [channel.url]
            return [*urls, *channel.secret_headers.values(), *([channel.signing_secret] if channel.signing_secret else [])]
        case _:
            assert_never(channel)
