"""Mistakes planted in the simulated world, each of them once made or easily made: the checkers have to find every one.

Each is a context manager that exchanges a piece of the router (or of the store) for a wrong one. ``within`` is how many seeds,
counted from 0, may pass before it is caught; ``first`` is the seed that caught it last time, tried before the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from router.daemon import app, starting
from router.dispatch import lane, outbox, worker
from router.dispatch.dead import DeadLetters
from router.dispatch.pace import Pace
from router.dispatch.recording import Recording
from router.dispatch.worker import Dispatcher
from router.engine import arrivals, episodes, notices, trigger
from router.engine.absence import Absences
from router.engine.answers import Answers
from router.engine.arrivals import Arrivals
from router.engine.core import Engine
from router.engine.due import Due
from router.engine.episodes import Episodes
from router.engine.finder import Finder
from router.engine.mutes import Mutes
from router.engine.orphans import Orphans
from router.engine.policy import Policy
from router.engine.rows import Heard
from router.engine.storms import Placed, Storms
from router.incidents import follower
from router.incidents.follower import Follower
from router.incidents.reconcile import Reconciler
from router.ingest import register
from router.ingest.intake import Intake
from router.ingest.register import Plan, Register
from router.model.decision import Action, Reason
from router.model.delivery import Delivery
from router.model.event import PAGERDUTY
from router.model.journal import Entry, Fact, IncidentChanged
from router.model.page import Page, Sighting, Webhook
from router.pagerduty.client import EventsClient
from router.processor import Processor
from router.store.base import Commit, Reader
from router.store.memory import _Work
from router.store.pending import Pending
from router.store.tables import Tables
from tests.simulation.disk import Disk, SimulatedStore
from tests.simulation.life import replaced

Plant = Callable[[], contextlib.AbstractContextManager[None]]


class Planted(msgspec.Struct, frozen=True):
    """One mistake."""

    plant: Plant
    within: int
    first: int
    also: tuple[str, ...] = ()  # trouble it takes to show, switched on in every seed


# in the store


def _sync_what_sends_alone(_store: SimulatedStore, work: _Work) -> bool:
    return work.commit is not None and bool(work.commit.deliveries)


def _sync_no_decision(_store: SimulatedStore, work: _Work) -> bool:
    return work.commit is None


class AcknowledgesBeforeCommit(SimulatedStore):
    """Answers an append at once and writes later."""

    async def append(self, at: int, facts: Sequence[Fact], **given: Any) -> Sequence[Entry]:
        seq = self._pending.last_seq

        async def write() -> None:
            with contextlib.suppress(Exception):
                await SimulatedStore.append(self, at, facts, **given)

        self.writing = asyncio.ensure_future(write())
        await asyncio.sleep(0)
        return [Entry(seq=seq + place, at=at, fact=fact) for place, fact in enumerate(facts, start=1)]


class MovesTheCursorFirst(SimulatedStore):
    """The cursor is durable before the decisions are."""

    async def commit(self, commit: Commit) -> None:
        self._tables.cursor = commit.cursor
        await super().commit(commit)


class LosesTheSecondCommit(SimulatedStore):
    """Of two commits the second is answered and not written."""

    commits = 0

    async def commit(self, commit: Commit) -> None:
        self.commits += 1
        if self.commits % 2:
            await super().commit(commit)
        else:
            self._cursor = commit.cursor
            self._pending.advance(commit.cursor)


class WritesARepeatTwice(SimulatedStore):
    """A commit whose answer was lost is written again when it is repeated."""

    async def commit(self, commit: Commit) -> None:
        self._durable_commit = None
        await super().commit(commit)


def _store(store: type[SimulatedStore]) -> Plant:
    return lambda: replaced(Disk, "store_class", store)


def _patch(owner: Any, name: str, value: Any) -> Plant:
    return lambda: replaced(owner, name, value)


def _wrap(owner: Any, name: str, wrong: Callable[..., Any]) -> Plant:
    """``wrong`` gets what was there before its other arguments."""
    before = getattr(owner, name)
    if inspect.iscoroutinefunction(before):

        async def call_async(*given: Any, **named: Any) -> Any:
            return await wrong(before, *given, **named)

        return lambda: replaced(owner, name, call_async)

    def call(*given: Any, **named: Any) -> Any:
        return wrong(before, *given, **named)

    return lambda: replaced(owner, name, call)


# in the processor


async def _deliver_first(commit: Any, self: Processor, what: Commit) -> None:
    deliver = self._deliver
    if what.deliveries:
        deliver(what.deliveries)

        def not_again(_: Sequence[Delivery]) -> None:
            self._deliver = deliver

        self._deliver = not_again
    await commit(self, what)


def _timers_until_now(_until: Any, self: Processor, _batch: Sequence[Entry]) -> int:
    return self._clock.now()


async def _decide_before_the_restart_is_journalled(begin: Any, self: app.Daemon, *given: Any) -> None:
    processor = self._parts.processor
    due = processor._engine.next_due()
    if due is not None and due <= self._clock.now():
        await processor._step((), self._clock.now())
    await begin(self, *given)


# in ingest


def _stay_after_a_failed_append(_revert: Any, self: Register, plan: Plan) -> None:
    for step in plan.steps:
        if step.record is not None:
            step.record.flight = None
            if step.kind == "resolved":
                self._drop(self._source(step.report.alert.source), step.record)
    plan.settle()


def _restore_without_grace(
    restore: Any, self: Register, rows: Any, undecided: Any, expiries: Any, now: int, sources: Any
) -> None:
    impatient = {name: msgspec.structs.replace(source, resend_grace_ms=0) for name, source in sources.items()}
    with replaced(register, "CHECKPOINT_SLACK_MS", 0):
        restore(self, rows, undecided, expiries, now, impatient)


async def _checkpoint_nothing(_checkpoint: Any, self: Intake) -> None:
    self._register.take_unsaved()


# in following


def _keep_a_repeat(keep: Any, self: Tables, webhook: Webhook) -> bool:
    keep(self, webhook)
    return True


def _recall_no_webhooks(recall: Any, reader: Reader) -> Any:
    return msgspec.structs.replace(recall(reader), webhooks=[])


def _as_if_new(follow_up: Any, page: Page, sighting: Sighting, *, now: int) -> Any:
    return follow_up(msgspec.structs.replace(page, changed_at=0), sighting, now=now)


# in the engine


def _forget_acknowledgements(change: Any, self: Answers, group: Any, fact: IncidentChanged, by: str) -> None:
    change(self, group, fact, by)
    if group.episode is not None:
        group.episode.acknowledged_at = 0
        self._state.settle(group)


def _never_escalate(_escalate: Any, self: Due, _ready: Any, group: Any) -> None:
    group.episode.step += 1


def _forget_timers(restore: Any, self: Engine, *given: Any, **named: Any) -> None:
    restore(self, *given, **named)
    self._state.timers._heap.clear()


def _drop_holds(adopt: Any, self: Engine, policy: Any) -> None:
    for group in list(self._state.groups.values()):
        if group.episode is None and group.window is not None:
            group.window = None
            self._state.settle(group)
    adopt(self, policy)


def _count_resends(fire: Any, self: Arrivals, *given: Any, occurred: bool) -> None:
    fire(self, *given, occurred=True)


def _close_by_the_rules_of_now(close: Any, self: Episodes, group: Any, *given: Any) -> None:
    ready = self._state.policy.rule(group.rule)
    if ready is not None and group.episode.pages:
        group.episode.pages = self._state.policy.pages(ready.rule, group.episode.service)
    close(self, group, *given)


def _drop_above_the_limit(place: Any, self: Storms, ready: Any, group: Any, pages: Any) -> Placed:
    policy = self._state.policy
    limits = [("rule", ready.id, ready.rule.limit), *(("team", page[0], policy.ruleset.teams[page[0]].limit) for page in pages)]
    if any(limit is not None and self._is_full(scope, owner, limit) for scope, owner, limit in limits):
        return Placed((), Reason.LIMIT_EXCEEDED, "dropped")
    return place(self, ready, group, pages)


def _page_the_new_owner(pages: Any, self: Policy, *given: Any, having_it: Any = ()) -> Any:
    return pages(self, *given)


def _restart_without_grace(_restart: Any, self: Due, _fact: Any, at: int) -> None:
    self.pass_time(at)


def _rename_nothing(_rename: Any, self: Orphans, policy: Any) -> list[int]:
    return []


def _adopt_nothing(_adopt: Any, self: Orphans, fact: Any) -> None:
    self._state.decide(Action.NONE, Reason.ADOPTED, 0, fact.rule, cause="nothing")


def _close_nothing(_close: Any, self: Answers, fact: Any) -> None:
    self._state.decide(Action.NONE, Reason.NOTHING_OPEN, 0, key=fact.dedup_key)


def _leave_what_is_gone(fall_back: Any, self: Answers, fact: Any) -> None:
    if fact.team in self._state.policy.ruleset.teams:
        fall_back(self, fact)
    else:
        self._state.decide(
            Action.NONE, Reason.NO_FALLBACK, 0, key=fact.dedup_key, cause="it has no fallback", teams=(fact.team,)
        )


async def _miss_nothing(_miss: Any, self: Follower, waiting: Any) -> None:
    waiting.deadline_at = 0


async def _resolve_nothing_again(_close: Any, self: Reconciler, *given: Any, dry_run: bool) -> list[Any]:
    return []


def _hear_nothing(_hear: Any, self: Absences, ready: Any, group: Any, alert: Any, seq: int) -> None:
    if group.expected is None:
        group.expected = Heard(service=alert.service, name=alert.name)
        group.last_at = self._state.now
    self._state.touch(group)
    self._state.decide(Action.NONE, Reason.HEARD, seq, ready.id, self._state.digest_of(group))


def _stay_absent(_hear: Any, self: Absences, ready: Any, group: Any, alert: Any, seq: int) -> None:
    if group.episode is None:
        _hear(self, ready, group, alert, seq)
    else:
        group.last_at = self._state.now
        self._state.touch(group)
        self._state.decide(Action.NONE, Reason.HEARD, seq, ready.id, self._state.digest_of(group))


def _arm_anew(arm: Any, self: Absences) -> None:
    for group in self._state.groups.values():
        if group.expected is not None:
            group.last_at = self._state.now
            self._state.touch(group)
            self._state.settle(group)
    arm(self)


def _look_at_nothing_again(_end: Any, self: Mutes, names: Any = None) -> None:
    """What a mute kept back stays where it is."""


def _last_to_the_end(_discard: Any, self: Mutes, _silence: int, rows: set[int], row_id: int) -> None:
    rows.discard(row_id)


# in dispatch and on the wire


async def _send_other_bytes(send: Any, self: EventsClient, delivery: Delivery) -> Any:
    if delivery.attempts:
        delivery = msgspec.structs.replace(delivery, body=b"%b " % delivery.body)
    return await send(self, delivery)


async def _send_another_key(send: Any, self: EventsClient, delivery: Delivery) -> Any:
    if delivery.attempts:
        key = delivery.dedup_key.encode()
        delivery = msgspec.structs.replace(delivery, body=delivery.body.replace(key, key + b"+"))
    return await send(self, delivery)


def _go_on_before_it_is_recorded(add: Any, self: Recording, delivery: Delivery, *, has_ended: bool) -> None:
    add(self, delivery, has_ended=has_ended)
    if has_ended:
        self._done([delivery])


async def _tell_nobody(_tell: Any, self: DeadLetters) -> None:
    batch, self._waiting[:] = list(self._waiting), []
    for delivery in batch:
        self._told(delivery)


def _recover_nothing(recover: Any, self: Dispatcher, _outbox: Any, **given: Any) -> None:
    recover(self, (), **given)


def _forget_channels(enqueue: Any, self: Dispatcher, deliveries: Sequence[Delivery]) -> None:
    enqueue(self, [delivery for delivery in deliveries if delivery.channel == PAGERDUTY])


def _forget_what_may_be_sent(take: Any, self: outbox.Outbox, *given: Any, maybe_sent: bool = False, **named: Any) -> Any:
    return take(self, *given, **named)


@contextlib.contextmanager
def _no_added_silences() -> Iterator[None]:
    index = Mutes._index_silences

    def index_and_forget(self: Mutes) -> None:
        index(self)
        self._in_added = Finder([])

    with replaced(Mutes, "_index_silences", index_and_forget):
        yield


def _flap_early(judge: Any, ready: Any, when: Any, window: Any, at: int) -> Any:
    window.times.append(at)
    return judge(ready, when, window, at)


def _collect_no_second(collect: Any, row: Any, event: Any) -> None:
    before = sum(entry.opened for entry in row.entries)
    collect(row, event)
    if before == 1 and sum(entry.opened for entry in row.entries) > before:
        row.entries[-1].opened -= 1


@contextlib.contextmanager
def _lanes_of_one() -> Iterator[None]:
    def own(delivery: Delivery) -> tuple[str, str]:
        return (delivery.routing_key, f"{delivery.dedup_key}\0{delivery.id}")

    with replaced(lane, "lane_key", own), replaced(outbox, "lane_key", own):
        yield


@contextlib.contextmanager
def _time_goes_back() -> Iterator[None]:
    take = Pending.take

    def forgetful(self: Pending, count: int, at: int) -> Any:
        self._passed_at = 0
        return take(self, count, at)

    with replaced(Pending, "take", forgetful):
        yield


PLANTED: dict[str, Planted] = {
    "acknowledges before the commit": Planted(_store(AcknowledgesBeforeCommit), 100, 0),
    "moves the cursor before the decisions": Planted(_store(MovesTheCursorFirst), 100, 13),
    "answers before the alert is synced": Planted(
        _patch(SimulatedStore, "syncs", _sync_what_sends_alone), 100, 0, ("power_cuts", "crash_at_append")
    ),
    "sends before the decision is synced": Planted(
        _patch(SimulatedStore, "syncs", _sync_no_decision), 100, 3, ("power_cuts", "crash_at_send")
    ),
    "loses the second of two commits": Planted(_store(LosesTheSecondCommit), 100, 0),
    "writes a repeated commit twice": Planted(_store(WritesARepeatTwice), 100, 6),
    "lets the time of entries go back": Planted(_time_goes_back, 200, 2, ("clock_steps",)),
    "delivers before the commit": Planted(_wrap(Processor, "_commit", _deliver_first), 100, 6),
    "lets timers run past accepted entries": Planted(
        _wrap(Processor, "_timers_until", _timers_until_now), 100, 3, ("store_slow",)
    ),
    "decides before the restart is journalled": Planted(
        _wrap(app.Daemon, "_begin", _decide_before_the_restart_is_journalled), 100, 1
    ),
    "goes on under the rules saved last": Planted(
        _patch(starting, "ruleset_of", lambda _rows: ""), 300, 18, ("reloads", "crash_at_append")
    ),
    "knows an alert whose append failed": Planted(_wrap(Register, "revert", _stay_after_a_failed_append), 100, 6),
    "forgets the register at a restart": Planted(_wrap(Register, "restore", lambda *_: None), 100, 2),
    "never checkpoints expiries": Planted(
        _wrap(Intake, "checkpoint", _checkpoint_nothing), 100, 7, ("crash_anytime", "silence")
    ),
    "works on a repeated webhook again": Planted(
        _wrap(Tables, "keep_webhook", _keep_a_repeat), 100, 2, ("people", "webhooks_repeated")
    ),
    "forgets webhooks it has taken at a restart": Planted(
        _wrap(follower, "recall", _recall_no_webhooks), 100, 21, ("people", "crash_anytime")
    ),
    "takes old news for new": Planted(_wrap(follower, "follow", _as_if_new), 100, 17, ("people", "webhooks_late")),
    "lets alerts expire without grace": Planted(_wrap(Register, "restore", _restore_without_grace), 100, 2),
    "counts a window with both its ends": Planted(_patch(trigger, "bisect_right", bisect_left), 300, 171),
    "counts a resend as an occurrence": Planted(_wrap(Arrivals, "fire", _count_resends), 100, 13),
    "forgets timers at a restart": Planted(_wrap(Engine, "restore", _forget_timers), 100, 1),
    "drops what is held at a reload": Planted(_wrap(Engine, "_adopt", _drop_holds), 100, 9, ("reloads",)),
    "pages others although somebody has it": Planted(
        _wrap(Answers, "_change_episode", _forget_acknowledgements), 100, 0, ("people",)
    ),
    "pages nobody else when nobody has it": Planted(_wrap(Due, "_escalate", _never_escalate), 100, 0),
    "resolves through the key of the new rules": Planted(_wrap(Episodes, "close", _close_by_the_rules_of_now), 100, 0),
    "pages the new owner of what is open": Planted(
        _wrap(Policy, "pages", _page_the_new_owner), 100, 9, ("handovers", "reloads")
    ),
    "leaves a dead page of a team that is gone": Planted(
        _wrap(Answers, "fall_back", _leave_what_is_gone), 300, 62, ("handovers", "reloads", "events_refused")
    ),
    "drops above a limit": Planted(_wrap(Storms, "place", _drop_above_the_limit), 100, 2),
    "counts a change twice": Planted(_wrap(arrivals, "judge_flapping", _flap_early), 100, 0, ("flapping",)),
    "leaves the second opening out of a digest": Planted(_wrap(notices, "_add", _collect_no_second), 100, 9, ("digests",)),
    "uses a dedup key again": Planted(_patch(episodes, "episode_id", lambda _at, _number: "1"), 100, 0),
    "lets timers fire for the time it was away": Planted(_wrap(Due, "restart", _restart_without_grace), 100, 1),
    "pages under a silence": Planted(_no_added_silences, 100, 0, ("silences",)),
    "forgets what a silence kept back": Planted(_wrap(Mutes, "end", _look_at_nothing_again), 100, 0, ("silences",)),
    "keeps a silence whose alerts have resolved": Planted(_wrap(Mutes, "_discard", _last_to_the_end), 100, 0, ("silences",)),
    "forgets under a new name what is open": Planted(_wrap(Orphans, "rename", _rename_nothing), 100, 0, ("orphans", "reloads")),
    "gives an orphan to nobody": Planted(_wrap(Orphans, "adopt", _adopt_nothing), 300, 2, ("orphans", "reloads")),
    "closes nothing here": Planted(_wrap(Answers, "close", _close_nothing), 300, 0, ("orphans", "reloads")),
    "tells nobody of a page that was lost": Planted(_wrap(Follower, "_miss", _miss_nothing), 100, 0, ("losses",)),
    "sends no lost resolve again": Planted(_wrap(Reconciler, "_close_there", _resolve_nothing_again), 100, 0, ("losses",)),
    "misses a reporter that is there": Planted(_wrap(Absences, "hear", _hear_nothing), 100, 0, ("heartbeats",)),
    "does not hear that an absence is over": Planted(_wrap(Absences, "hear", _stay_absent), 100, 0, ("heartbeats",)),
    "waits anew for a reporter at a reload": Planted(_wrap(Absences, "arm", _arm_anew), 300, 1, ("heartbeats", "reloads")),
    "lets a resolve overtake its trigger": Planted(_lanes_of_one, 100, 3),
    "goes on with a lane before it is recorded": Planted(
        _wrap(Recording, "add", _go_on_before_it_is_recorded), 100, 32, ("store_slow",)
    ),
    "sends other bytes again": Planted(_wrap(EventsClient, "send", _send_other_bytes), 100, 1),
    "sends with another dedup key again": Planted(_wrap(EventsClient, "send", _send_another_key), 100, 1),
    "gives up after the first failure": Planted(_patch(worker, "is_too_old", lambda *_: True), 100, 1),
    "takes no notice of Retry-After": Planted(_patch(worker, "plan_pause_ms", lambda *_, **__: 0), 100, 27),
    "calls faster than the pace": Planted(_wrap(Pace, "free_at", lambda _free, self, _now: self.paused_until), 100, 3),
    "tells nobody of a dead letter": Planted(_wrap(DeadLetters, "_tell", _tell_nobody), 100, 29),
    "forgets the outbox at a restart": Planted(_wrap(Dispatcher, "recover", _recover_nothing), 100, 1),
    "tells channels nothing": Planted(_wrap(Dispatcher, "enqueue", _forget_channels), 100, 9),
    "cancels what may have been sent": Planted(
        _wrap(outbox.Outbox, "take", _forget_what_may_be_sent), 100, 23, ("crash_at_send", "outage")
    ),
}
