"""The way in: binds the sockets, builds the API from the parts, and answers what only the daemon knows."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from pathlib import Path
from typing import Any, assert_never

import msgspec

import router
from router.api.acting import Acting
from router.api.application import Api
from router.api.assembly import build_routes
from router.api.auth import Authenticator, Token, check_listening
from router.api.compatible import Compatible
from router.api.doors import Doors
from router.api.health import Health
from router.api.hooks import Hooks
from router.api.limits import ServerLimits
from router.api.orphaned import Orphaned
from router.api.reading import Reading, ReadingRoom
from router.api.recalling import PastRoom, Recalling
from router.api.server import ApiServer
from router.api.silences import Silences
from router.api.silencing import Silencing
from router.api.sockets import bind_tcp, bind_unix, take_handed_over
from router.api.tls import TlsFailed, TlsFiles, load_tls
from router.clock import Clock
from router.config.settings import Address, HandedOverSockets, Settings, TcpAddress, UnixAddress
from router.daemon.clerk import Clerk
from router.daemon.descriptors import affordable_connections
from router.daemon.hooks import WebhookDesk
from router.daemon.joints import Desk, Hands, Owners, api_tokens, webhook_secrets
from router.daemon.wiring import Parts
from router.history.sqlite.reader import SqliteHistory
from router.model.ruleset import Rule
from router.store.base import Store
from router.telemetry.logs import logger
from router.telemetry.metrics import Metrics

log = logger("daemon")


class CannotOpen(OSError):
    """The doors cannot be opened as configured; the message says why and what to do."""


class Doorway:
    """One per daemon: ``open`` once everything behind it runs, ``close`` first of all."""

    def __init__(
        self,
        *,
        settings: Settings,
        parts: Parts,
        store: Store,
        reload: Callable[[], Awaitable[Sequence[str]]],
        restart_needed: Callable[[], Sequence[str]],
        metrics: Metrics,
        clock: Clock,
        environ: MutableMapping[str, str],
    ) -> None:
        """Nothing is bound yet."""
        self._settings = settings
        self._parts = parts
        self._store = store
        self._environ = environ
        self._clock = clock
        self._webhook_secrets = webhook_secrets(settings)
        self._state = "starting"
        self._authenticator = Authenticator(api_tokens(settings))
        self._room = ReadingRoom(store.reader)
        self._scale = settings.scale
        who, desk = self._authenticator.name_of, Desk(journal=store, clock=clock)
        reading = Reading(room=self._room, deliveries=Hands(parts.dispatcher), rules=self._rules, stats=self._stats)
        api = Api(
            routes=build_routes(
                doors=Doors(parts.intake),
                hooks=Hooks(
                    WebhookDesk(
                        keeper=store,
                        follower=parts.paging.follower,
                        secrets=lambda: self._webhook_secrets,
                        troubles=parts.troubles,
                        clock=clock,
                        metrics=metrics,
                    )
                ),
                health=self._health(reload, restart_needed, metrics),
                reading=reading,
                recalling=self._recalling(reading),
                acting=Acting(
                    actions=parts.paging.actions,
                    reconcile=lambda dry_run: parts.paging.reconciler.run(dry_run=dry_run),
                    strays=parts.paging.strays,
                    who=who,
                ),
                compatible=Compatible(
                    room=self._room,
                    expiries=parts.register,
                    version=router.__version__,
                    started_at=clock.now(),
                    muting=parts.engine.muting,
                    teams=lambda: sorted(parts.engine.ruleset.teams),
                    owner_of=Owners(parts.engine).owner_of,
                ),
                silencing=Silencing(room=self._room, clock=clock, change=desk.silence, who=who),
                silences=self._silences(desk),
                orphaned=self._orphaned(desk),
            ),
            authenticator=self._authenticator,
            metrics=metrics,
            record=Clerk(store, clock).note,
        )
        self._server = _build_server(api, settings, clock)

    def _health(
        self, reload: Callable[[], Awaitable[Sequence[str]]], restart_needed: Callable[[], Sequence[str]], metrics: Metrics
    ) -> Health:
        return Health(
            not_ready=self._not_ready,
            reload=reload,
            restart_needed=restart_needed,
            prepare_metrics=metrics.prepare,
            render_metrics=metrics.render,
        )

    def _recalling(self, reading: Reading) -> Recalling:
        history = self._settings.history
        self._past = PastRoom(lambda: SqliteHistory(history.path))
        return Recalling(
            room=self._past,
            settings=history,
            clock=self._clock,
            rules=self._settings.rules,
            base=Path(self._settings.file).resolve().parent,
            own_stats=reading.stats,
        )

    def _silences(self, desk: Desk) -> Silences:
        engine = self._parts.engine
        return Silences(
            room=self._room,
            clock=self._clock,
            change=desk.silence,
            who=self._authenticator.name_of,
            ruleset=lambda: engine.ruleset,
            scale=lambda: self._scale,
        )

    def _orphaned(self, desk: Desk) -> Orphaned:
        engine = self._parts.engine
        return Orphaned(
            room=self._room,
            orphans=engine.orphans,
            rules=lambda: frozenset(rule.id for rule in engine.ruleset.rules),
            record=desk.record,
            who=self._authenticator.name_of,
            now=self._clock.now,
        )

    @property
    def addresses(self) -> list[str]:
        """Where it listens."""
        return self._server.addresses

    @property
    def bodies_held(self) -> int:
        """Bytes of large request bodies that are not answered yet."""
        return self._server.bodies_held

    async def open(self, tasks: asyncio.TaskGroup) -> None:
        """Bind and serve; OSError says what cannot be listened on. Others are only let in where tokens tell them apart."""
        unguarded = _unguarded(self._settings.listen, self._settings)
        if unguarded:
            raise CannotOpen("; ".join(unguarded))
        sockets = []
        for address in self._settings.listen:
            match address:
                case TcpAddress():
                    sockets += bind_tcp(address.host, address.port)
                case UnixAddress():
                    sockets.append(bind_unix(address.path))
                case HandedOverSockets():
                    taken = take_handed_over(self._environ, os.getpid())
                    if not taken:
                        raise CannotOpen("no sockets were handed over: start by a systemd .socket unit, or set `listen`")
                    sockets += taken
                case _:
                    assert_never(address)
        await self._server.start(sockets, tasks)
        self._state = ""

    async def close(self, grace_seconds: float) -> None:
        """No more requests; those that have arrived are finished within the grace."""
        self._state = "stopping"
        await self._server.stop(grace_seconds)
        await self._room.close()
        await self._past.close()

    def find_obstacles(self, settings: Settings) -> list[str]:
        """Why these settings cannot be put in force by a reload; empty if they can.

        Reads the certificate, so call it in a thread. The addresses are still those of the start.
        """
        obstacles = _unguarded(self._settings.listen, settings)
        if self._settings.tls is not None and settings.tls is not None:
            try:
                _load_tls(settings)
            except CannotOpen as error:
                obstacles.append(str(error))
        return obstacles

    async def reconfigure(self, settings: Settings, tokens: Iterable[Token]) -> None:
        """After a reload: tokens, and the certificate as it is now."""
        self._authenticator.reconfigure(tokens)
        self._scale = settings.scale
        self._webhook_secrets = webhook_secrets(settings)
        if settings.tls is not None and self._settings.tls is not None:
            try:
                context = _load_tls(settings)
                assert context is not None
                await self._server.reload_tls(context)
            except CannotOpen as error:  # it was good a moment ago
                log.warning("certificate_not_reloaded", cause=str(error))

    def _not_ready(self) -> Sequence[str]:
        refusing = self._store.usage().refusing
        return [reason for reason in (self._state, refusing) if reason]

    def _rules(self) -> Sequence[Any]:
        return [_show(rule) for rule in self._parts.engine.ruleset.rules]

    def _stats(self) -> dict[str, Any]:
        parts = self._parts
        ruleset = parts.engine.ruleset
        return {
            "version": router.__version__,
            "ruleset": {"version": ruleset.version, "rules": len(ruleset.rules), "teams": sorted(ruleset.teams)},
            "active_alerts": parts.engine.active_alerts,
            "open_incidents": parts.engine.open_incidents,
            "undecided_entries": parts.processor.undecided,
            "outbox": msgspec.to_builtins(parts.dispatcher.snapshot()),
            "store": msgspec.to_builtins(self._store.usage()),
            "troubles": parts.troubles.firing(),
        }


def _build_server(api: Api, settings: Settings, clock: Clock) -> ApiServer:
    limits = settings.limits
    return ApiServer(
        api=api,
        clock=clock,
        limits=ServerLimits(
            body_bytes=limits.body_bytes,
            bodies_bytes=limits.bodies_bytes,
            connections=affordable_connections(limits.connections),
            header_seconds=limits.header_timeout_ms / 1000,
            body_seconds=limits.body_timeout_ms / 1000,
        ),
        tls=_load_tls(settings),
    )


def _load_tls(settings: Settings) -> ssl.SSLContext | None:
    """The certificate as it is now; CannotOpen if it cannot be used, None if none is configured."""
    if settings.tls is None:
        return None
    files = TlsFiles(certificate=settings.tls.certificate, key=settings.tls.key, client_ca=settings.tls.client_ca)
    try:
        return load_tls(files)
    except TlsFailed as error:
        raise CannotOpen(str(error)) from error


def _unguarded(addresses: Iterable[Address], settings: Settings) -> list[str]:
    hosts = [address.host for address in addresses if isinstance(address, TcpAddress)]
    return check_listening(hosts, has_tokens=bool(settings.tokens))


def _show(rule: Rule) -> dict[str, Any]:
    """A rule as a listing shows it: what tells it apart, and where it stands."""
    return {
        "id": rule.id,
        "description": rule.description,
        "place": str(rule.span) if rule.span else "",
        "services": [str(pattern) for pattern in rule.match.services],
        "names": [str(pattern) for pattern in rule.match.names],
        "page": list(rule.page),
        "notify": list(rule.notify or ()),
        "drop": rule.drop,
        "group_by": list(rule.group_by),
        "guard": rule.standing.guard,
        "owners": list(rule.standing.owners),
    }
