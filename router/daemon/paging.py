"""Joins the rooms that follow a page: the REST client, the follower, the troubles, the reader that looks back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

from router.clock import Clock
from router.config.secrets import SecretUnavailable
from router.config.settings import PagerDutySettings, Settings
from router.daemon.joints import KeyRing
from router.daemon.observing import DeliveryCounts
from router.daemon.troubles import Trouble, Troubles
from router.errors import RemoteRefused
from router.incidents.actions import Actions
from router.incidents.follower import Follower
from router.incidents.orders import Guard, Orders
from router.incidents.reconcile import Reconciler
from router.incidents.rhythm import HEARING, POLLING, Rhythm
from router.incidents.strays import Strays
from router.model.delivery import Delivery, Outcome
from router.model.event import Event
from router.pagerduty.incidents import IncidentsClient
from router.pagerduty.rest import RestClient
from router.store.base import Reader, Store
from router.telemetry.metrics import GaugeValues, Metrics
from router.wire.transport import Limits, open_transport

MAX_ANSWER_BYTES = 16 * 1024 * 1024
"""Of a REST answer: a hundred alerts with all their details fit."""

Value = TypeVar("Value")


class Looker:
    """Fits ``incidents.protocols.Ask``: questions to the store in a thread, over a reader of its own."""

    def __init__(self, reader: Reader) -> None:
        """Takes the reader over."""
        self._reader = reader

    async def __call__(self, question: Callable[[Reader], Value]) -> Value:
        """The answer; StoreError if the store does not answer."""
        return await asyncio.to_thread(question, self._reader)

    def close(self) -> None:
        """Let go of the reader."""
        self._reader.close()


class PageBell:
    """Fits ``incidents.protocols.Bell``: the router's own alerts."""

    def __init__(self, troubles: Troubles) -> None:
        """Where they are raised."""
        self._troubles = troubles

    async def not_confirmed(self, team: str, summary: str) -> None:
        """A page of this team reached nobody."""
        await self._troubles.fire(Trouble.PAGE_NOT_CONFIRMED, summary, subject=team)

    async def confirmed(self, team: str) -> None:
        """A page of this team did."""
        await self._troubles.clear(Trouble.PAGE_NOT_CONFIRMED, subject=team)

    async def blind(self, summary: str) -> None:
        """Pages cannot be followed now."""
        await self._troubles.fire(Trouble.PAGES_NOT_FOLLOWED, summary)

    async def sees(self) -> None:
        """They can."""
        await self._troubles.clear(Trouble.PAGES_NOT_FOLLOWED)

    async def strays(self, summary: str) -> None:
        """PagerDuty has incidents of ours that we do not know."""
        await self._troubles.fire(Trouble.STRAY_INCIDENTS, summary)

    async def no_strays(self) -> None:
        """It has none."""
        await self._troubles.clear(Trouble.STRAY_INCIDENTS)


@dataclass(frozen=True, kw_only=True)
class Paging:
    """What follows pages. ``client`` and ``maker`` None: no token is configured."""

    follower: Follower
    actions: Actions
    reconciler: Reconciler
    strays: Strays
    client: RestClient | None
    maker: RestClient | None
    looker: Looker
    orders: Orders
    incidents: IncidentsClient
    guard: Guard

    def figures(self) -> GaugeValues:
        """What is followed, and what is not known here."""
        return {**self.follower.figures(), **self.strays.figures()}

    async def aclose(self) -> None:
        """Let go of connections and the reader."""
        for client in (self.client, self.maker):
            if client is not None:
                await client.aclose()
        self.looker.close()


def join_paging(
    *,
    settings: Settings,
    store: Store,
    keys: KeyRing,
    troubles: Troubles,
    counts: DeliveryCounts,
    clock: Clock,
    metrics: Metrics,
    resend: Callable[[Delivery], Awaitable[Outcome]],
    encode: Callable[[Event], bytes],
    rhythm: Rhythm | None = None,
) -> Paging:
    """The parts that follow pages, as configured: by webhooks if there are secrets for them, else by asking."""
    pagerduty = settings.pagerduty
    rest = _open_rest(pagerduty, keys, clock)
    # Pages that are made by REST have a line of their own: none waits behind what is asked or noted.
    maker = _open_rest(pagerduty, keys, clock)
    looker = Looker(store.reader())
    hears = bool(pagerduty.webhook_secrets)
    bell = PageBell(troubles)
    follower = Follower(
        remote=rest,
        journal=store,
        notebook=store,
        ask=looker,
        bell=bell,
        clock=clock,
        metrics=metrics,
        rhythm=rhythm or (HEARING if hears else POLLING),
        confirm_within_ms=pagerduty.confirm_within_ms,
        teams_with_key=keys.teams_with_key,
        teams_with_service=keys.teams_with_service,
        reads_log=not hears,
    )
    counts.follow = follower.delivered
    strays = Strays(
        remote=rest, register=follower.register, ways=keys, ask=looker, notebook=store, bell=bell, encode=encode, send=resend,
        clock=clock,
    )  # fmt: skip
    endpoint = urlsplit(pagerduty.api_url).netloc
    return Paging(
        follower=follower,
        actions=Actions(follower=follower, hand=rest, ask=looker, clock=clock),
        reconciler=Reconciler(
            follower=follower,
            ask=looker,
            resend=resend,
            references=keys.references,
            strays=strays,
            clock=clock,
        ),
        strays=strays,
        client=rest,
        maker=maker,
        looker=looker,
        orders=Orders(follower=follower, hand=rest, ask=looker, clock=clock, endpoint=endpoint),
        incidents=IncidentsClient(maker=maker, clock=clock, endpoint=endpoint),
        guard=Guard(follower=follower, ask=looker),
    )


def _open_rest(pagerduty: PagerDutySettings, keys: KeyRing, clock: Clock) -> RestClient | None:
    """A client of the REST API; None without a token."""
    if not pagerduty.api_token:
        return None
    seconds = pagerduty.timeout_ms / 1000
    return RestClient(
        url=pagerduty.api_url,
        transport=open_transport(
            pagerduty.api_url,
            trust_env=pagerduty.use_environment_proxy,
            limits=Limits(connections=4, total_seconds=seconds, max_body=MAX_ANSWER_BYTES),
        ),
        token=lambda: _token(keys, pagerduty.api_token),
        sender=pagerduty.sender,
        clock=clock,
        timeout_seconds=seconds,
    )


def _token(keys: KeyRing, reference: str) -> str:
    """Looked up for each call; RemoteRefused if it cannot be used, so that nobody waits for what no retry brings."""
    try:
        return keys.resolve(reference)
    except SecretUnavailable as error:
        raise RemoteRefused(f"the token in pagerduty.api_token cannot be used: {error}") from error
