"""The wiring: which part gets which. One long straight function on purpose: this is the drawing of the machine."""

from __future__ import annotations

import random
from dataclasses import dataclass

from router.clock import Clock
from router.config.settings import Settings
from router.daemon.channels import Channels, PagerDutyWay
from router.daemon.drills import Drills
from router.daemon.fetching import fetch
from router.daemon.joints import DeadLetterOffice, KeyRing, Rebuilding, dispatch_settings, ingest_sources
from router.daemon.observing import DeliveryCounts
from router.daemon.paging import Paging, join_paging
from router.daemon.telling import Telling, pacings
from router.daemon.troubles import Troubles
from router.dispatch.worker import Dispatcher
from router.engine.core import Engine
from router.history.recollection import Recollection
from router.ingest.intake import Intake
from router.ingest.register import Register
from router.model.delivery import DeliveryState
from router.model.event import ACTIONS
from router.model.ruleset import RuleSet
from router.pagerduty.client import EventsClient
from router.pagerduty.events_v2 import encode
from router.processor import Processor
from router.store.base import Reader, Recovered, Store
from router.telemetry.metrics import Metrics
from router.wire.origin import parse_origin
from router.wire.transport import open_poster

MAX_DEAD_COUNTED = 10_000


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Everything that runs, joined and not yet running."""

    engine: Engine
    register: Register
    intake: Intake
    processor: Processor
    dispatcher: Dispatcher
    client: EventsClient
    channels: Channels
    telling: Telling
    keys: KeyRing
    counts: DeliveryCounts
    troubles: Troubles
    paging: Paging
    drills: Drills
    recollection: Recollection

    async def aclose(self) -> None:
        """Let go of all connections."""
        await self.client.aclose()
        await self.telling.aclose()
        await self.paging.aclose()


def wire(
    *,
    settings: Settings,
    before: RuleSet,
    in_force: RuleSet,
    store: Store,
    reader: Reader,
    recovered: Recovered,
    clock: Clock,
    chance: random.Random,
    metrics: Metrics,
) -> Parts:
    """``before``: the rule set under which what is undecided was accepted; ``in_force``: the one to change to."""
    sources = ingest_sources(settings)
    engine = Engine(before, now=recovered.decided_at)
    engine.restore(recovered.state, now=recovered.decided_at)
    (register := Register()).restore(recovered.state, recovered.undecided, recovered.expiries, clock.now(), sources)
    troubles = Troubles(journal=store, clock=clock, metrics=metrics)
    troubles.recover(recovered.state, recovered.undecided)
    counts = DeliveryCounts(metrics)
    keys, client, channels, telling, dispatcher = _way_out(
        settings=settings, store=store, reader=reader, troubles=troubles, counts=counts, clock=clock, chance=chance
    )
    paging = join_paging(
        settings=settings, store=store, keys=keys, troubles=troubles, counts=counts, resend=dispatcher.send_beside,
        encode=channels.encode, clock=clock, metrics=metrics,
    )  # fmt: skip
    _join_ways(channels, telling, paging)
    recollection = Recollection(settings.history.links)  # links of a page: in memory, so nobody waits for them
    processor = Processor(
        ledger=store,
        engine=engine,
        encode=lambda event: channels.encode(recollection.enrich(event)),
        deliver=dispatcher.enqueue,
        clock=clock,
        metrics=metrics,
        cursor=recovered.cursor,
        next_delivery_id=recovered.next_delivery_id,
        rebuild=Rebuilding(engine, reader).rebuild,
        decided_at=recovered.decided_at,
    )
    processor.rulesets |= {before.version: before, in_force.version: in_force}
    intake = Intake(
        journal=store,
        register=register,
        clock=clock,
        metrics=metrics,
        make_key=lambda: f"{chance.getrandbits(128):032x}",
        sources=sources.values(),
        scale=settings.scale,
        max_batch=settings.limits.batch_alerts,
        fetch=fetch,
    )
    store.subscribe(processor.offer)
    processor.offer(recovered.undecided)
    _take_up(dispatcher, recovered, reader)
    return Parts(
        engine=engine, register=register, intake=intake, processor=processor, dispatcher=dispatcher, client=client,
        channels=channels, telling=telling, keys=keys, counts=counts, troubles=troubles, paging=paging,
        recollection=recollection,
        drills=_drills(settings, store, paging, troubles, recovered, clock=clock, chance=chance),
    )  # fmt: skip


def _drills(
    settings: Settings,
    store: Store,
    paging: Paging,
    troubles: Troubles,
    recovered: Recovered,
    *,
    clock: Clock,
    chance: random.Random,
) -> Drills:
    """By schedule; what a crash left of one is ended."""
    drills = Drills(settings.drills, keeper=store, ask=paging.looker, troubles=troubles, clock=clock, chance=chance)
    drills.recover(recovered.state)
    return drills


def _join_ways(channels: Channels, telling: Telling, paging: Paging) -> None:
    """What goes to PagerDuty's REST API, in the same outbox as what goes to its Events API."""
    channels.own[ACTIONS] = PagerDutyWay(telling.guarded(paging.orders.encode), paging.orders)
    channels.incidents = PagerDutyWay(telling.guarded(paging.incidents.encode), paging.incidents)
    channels.needless = paging.guard.needless


def _take_up(dispatcher: Dispatcher, recovered: Recovered, reader: Reader) -> None:
    """What was not delivered in the life before, at the pace of that life."""
    dispatcher.recover(
        recovered.outbox,
        recent=reader.deliveries(state=DeliveryState.DELIVERED, limit=1000),
        dead=len(reader.deliveries(state=DeliveryState.DEAD, limit=MAX_DEAD_COUNTED)),
    )


def _way_out(
    *,
    settings: Settings,
    store: Store,
    reader: Reader,
    troubles: Troubles,
    counts: DeliveryCounts,
    clock: Clock,
    chance: random.Random,
) -> tuple[KeyRing, EventsClient, Channels, Telling, Dispatcher]:
    """From the outbox to PagerDuty and the channels beside it."""
    keys = KeyRing(settings.secrets, settings.teams)
    # The configuration's own check refuses plain http to any host but this one.
    origin, _ = parse_origin(settings.pagerduty.events_url, allow_http=True)
    client = EventsClient(
        url=settings.pagerduty.events_url,
        poster=open_poster(origin, trust_env=settings.pagerduty.use_environment_proxy),
        resolve=keys.resolve,
        clock=clock,
        deadline_seconds=settings.pagerduty.timeout_ms / 1000,
        allow_http=True,
    )
    telling = Telling(settings, keys=keys, clock=clock, archive=reader)
    channels = Channels(PagerDutyWay(telling.guarded(encode), client), telling.others)
    dispatcher = Dispatcher(
        sender=channels,
        recorder=store,
        failures=DeadLetterOffice(journal=store, troubles=troubles, clock=clock, knows=channels.knows),
        clock=clock,
        rng=chance,
        settings=dispatch_settings(settings.pagerduty, pacings(settings)),
        observer=counts,
        archive=reader,
        endpoint_of=channels.endpoint_of,
    )
    return keys, client, channels, telling, dispatcher
