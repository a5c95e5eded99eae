"""The dispatcher: takes what was decided, sends it, and records how far it got.

Keeps these invariants (docs/decisions/0003-delivery-guarantee.md): one delivery of a lane in flight, the next only after the
former's mark is durable; every attempt sends the same bytes; no routing key above its pace; nothing is forgotten: what is not
delivered, cancelled or dead is pending, in the store as well as here. Every queue here is as long as the outbox at most.

Deadlines inside are monotonic milliseconds; only what is stored or shown is wall-clock time.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, assert_never

import msgspec

from router.clock import Clock
from router.dispatch.backoff import MAX_PAUSE_MS, is_too_old, plan_pause_ms, plan_retry_ms
from router.dispatch.bodies import Bodies
from router.dispatch.dead import DeadLetters
from router.dispatch.lane import CancelReason
from router.dispatch.outbox import Endpoint, Outbox, Sending
from router.dispatch.protocols import Archive, Failures, Observer, Recorder, Sender, Unobserved
from router.dispatch.recording import Recording
from router.dispatch.settings import Settings
from router.dispatch.snapshot import KeyState, Snapshot
from router.model.delivery import (
    ATTEMPTS_KEPT,
    Accepted,
    Attempt,
    Delivery,
    DeliveryState,
    Outcome,
    Rejected,
    Throttled,
    Unavailable,
)
from router.telemetry.logs import logger

Wish = Literal["done", "busy", "finished", "resolved", "unknown"]
"""What became of a person's wish: done; it is in flight just now; it has ended and is no dead letter; its episode was resolved
since, so sending it would open an incident nobody closes; there is no such delivery."""

_LONGEST_SLEEP_SECONDS = 60.0

log = logger("dispatch")


class Dispatcher:
    """One per daemon. ``enqueue`` and ``recover`` take deliveries at any time; they go out while ``run`` runs."""

    def __init__(
        self,
        *,
        sender: Sender,
        recorder: Recorder,
        failures: Failures,
        clock: Clock,
        rng: random.Random,
        settings: Settings | None = None,
        observer: Observer | None = None,
        archive: Archive | None = None,
        endpoint_of: Callable[[Delivery], str] | None = None,
    ) -> None:
        """``archive``: for ``retry`` and ``drop`` of dead letters and for bodies above the bound; None: neither.

        ``endpoint_of``: the server a delivery goes to, whose breaker concerns it; by default one for each channel.
        """
        self._sender = sender
        self._clock = clock
        self._chance = rng
        self._settings = settings or Settings()
        self._observer = observer or Unobserved()
        self._archive = archive
        self._outbox = Outbox(self._settings, endpoint_of or _channel)
        self._bodies = Bodies(archive, self._settings.max_body_bytes)
        self._recording = Recording(recorder=recorder, clock=clock, done=self._recorded)
        self._dead_letters = DeadLetters(failures=failures, clock=clock, told=self._told)
        self._dead = 0
        self._revived: dict[int, int] = {}  # id -> when a person asked for another try: its age counts from there
        self._group: asyncio.TaskGroup | None = None
        self._attempts: set[asyncio.Task[None]] = set()
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at: int | None = None
        self._stopping = False
        self._quiet = asyncio.Event()
        self._stopped = asyncio.Event()
        self._finished = asyncio.Event()
        self._finished.set()

    # what comes in

    def enqueue(self, deliveries: Sequence[Delivery]) -> None:
        """Take pending deliveries whose commit is durable, in order of id."""
        now = self._now()
        for delivery in deliveries:
            self._cancel(self._outbox.take(self._bodies.admit(delivery), now))
        self._pump()

    def recover(self, outbox: Sequence[Delivery], *, recent: Iterable[Delivery] = (), dead: int = 0) -> None:
        """Take over what was pending when the store was opened; any of it may have been sent already.

        ``recent``: deliveries of the last window, so that a restart does not begin a new pace; ``dead``: dead letters held.
        """
        now, wall = self._now(), self._clock.now()
        self._dead += dead
        for delivery in sorted(recent, key=_finished_at):
            if wall - self._settings.pacing(delivery.channel).window_ms < delivery.finished_at <= wall:
                self._outbox.pace_of(delivery, now).remember(now - (wall - delivery.finished_at))
        for delivery in outbox:
            wait_ms = min(max(0, delivery.next_attempt_at - wall), MAX_PAUSE_MS) if delivery.attempts else 0
            if wait_ms and delivery.last_attempts and isinstance(delivery.last_attempts[-1].outcome, Throttled):
                self._outbox.pace_of(delivery, now).pause(now + wait_ms)
            kept = self._bodies.admit(delivery)
            not_before = now + wait_ms if wait_ms else 0
            self._cancel(self._outbox.take(kept, now, not_before=not_before, maybe_sent=delivery.attempts == 0))
        self._pump()

    def configure(self, settings: Settings) -> None:
        """New bounds and paces after a reload; breakers keep theirs."""
        self._settings = settings
        self._outbox.configure(settings)
        self._pump()

    def _cancel(self, cancelled: Iterable[tuple[Delivery, str]]) -> None:
        for delivery, reason in cancelled:
            self._end(delivery, DeliveryState.CANCELLED, str(reason))
            self._observer.cancelled(delivery)
            self._recording.add(delivery, has_ended=True)

    def _end(self, delivery: Delivery, state: DeliveryState, reason: str = "") -> None:
        delivery.state = state
        delivery.reason = reason
        delivery.finished_at = self._clock.now()
        self._bodies.forget(delivery)
        self._revived.pop(delivery.id, None)

    # sending

    async def run(self) -> None:
        """Send until ``stop``; ends with nothing in flight. What is not delivered stays pending in the store."""
        self._finished.clear()
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                recording = group.create_task(self._recording.run(), name="dispatch-recording")
                dead_letters = group.create_task(self._dead_letters.run(), name="dispatch-dead-letters")
                self._pump()
                await self._stopped.wait()
                for task in (*self._attempts, recording, dead_letters):
                    task.cancel()
        finally:
            self._group = None
            if self._alarm is not None:
                self._alarm.cancel()
            self._finished.set()

    async def stop(self, grace_seconds: float) -> None:
        """Begin nothing new, give what is in flight and not yet recorded so long to end, then let ``run`` return."""
        self._stopping = True
        self._tell_if_quiet()
        try:
            async with asyncio.timeout(grace_seconds):
                await self._quiet.wait()
        except TimeoutError:
            log.warning("stopped_in_flight", in_flight=self._outbox.in_flight, unrecorded=self._recording.finals)
        self._stopped.set()
        await self._finished.wait()

    def _now(self) -> int:
        return int(self._clock.monotonic() * 1000)

    def _pump(self) -> None:
        """Start whatever may start now, and set the alarm for what may start later."""
        group = self._group
        if group is None or self._stopping:
            return
        outbox, settings = self._outbox, self._settings
        now = self._now()
        while outbox.in_flight < settings.in_flight and self._recording.finals < settings.max_unrecorded:
            sending = outbox.next(now)
            if sending is None:
                break
            task = group.create_task(self._attempt(sending), name="dispatch-attempt")
            self._attempts.add(task)
            task.add_done_callback(self._attempts.discard)
        self._set_alarm(outbox.wake_at(), now)

    def _set_alarm(self, due_at: int | None, now: int) -> None:
        if due_at == self._alarm_at:
            return
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        self._alarm_at = due_at
        if due_at is not None:
            seconds = min(max(0.001, (due_at - now + 1) / 1000), _LONGEST_SLEEP_SECONDS)
            self._alarm = asyncio.get_running_loop().call_later(seconds, self._ring_alarm)

    def _ring_alarm(self) -> None:
        self._alarm = self._alarm_at = None
        self._pump()

    async def _attempt(self, sending: Sending) -> None:
        delivery = sending.delivery
        at = self._clock.now()
        outcome: Outcome
        if not self._bodies.fetch(delivery):
            outcome = Rejected(cause="its body is not in the store any more")
        else:
            try:
                outcome = await self._sender.send(delivery)
            except Exception as error:
                log.exception("send_raised", delivery_id=delivery.id)
                outcome = Unavailable(cause=f"internal error: {type(error).__name__}")
        self._settle(sending, outcome, at)
        self._pump()
        self._tell_if_quiet()

    def _settle(self, sending: Sending, outcome: Outcome, at: int) -> None:
        """What the outcome means for the delivery, its routing key and its endpoint."""
        delivery, pace = sending.delivery, sending.queue.pace
        now = self._now()
        took_ms = now - sending.began_at
        self._outbox.end(sending, now)
        delivery.attempts += 1
        attempt = Attempt(at=at, took_ms=took_ms, outcome=outcome)
        delivery.last_attempts = (*delivery.last_attempts[1 - ATTEMPTS_KEPT :], attempt)
        self._observer.attempted(delivery, outcome, took_ms)
        match outcome:
            case Accepted():
                self._heard_from(sending.endpoint)
                pace.accept(sending.began_at)
                self._end(delivery, DeliveryState.DELIVERED)
                self._observer.delivered(delivery)
                self._recording.add(delivery, has_ended=True)
            case Throttled():
                self._heard_from(sending.endpoint)
                pause_ms = plan_pause_ms(pace.streak + 1, outcome.retry_after_ms, chance=self._chance)
                pace.refuse(now, began_at=sending.began_at, pause_ms=pause_ms)
                self._try_again(sending, now, wait_ms=0, was_asked=False, due_in_ms=pace.paused_until - now)
            case Unavailable() if outcome.is_early:
                sending.endpoint.breaker.abandon(was_probe=sending.is_probe)
                wait_ms = outcome.retry_after_ms or self._settings.backoff_base_ms
                self._try_again(sending, now, wait_ms=wait_ms, was_asked=True, due_in_ms=wait_ms)
            case Unavailable():
                self._not_heard_from(sending, outcome, now)
                wait_ms = self._plan_wait(sending, outcome)
                self._try_again(sending, now, wait_ms=wait_ms, was_asked=outcome.retry_after_ms is not None, due_in_ms=wait_ms)
            case Rejected():
                if outcome.status:
                    self._heard_from(sending.endpoint)
                else:
                    sending.endpoint.breaker.abandon(was_probe=sending.is_probe)
                if outcome.is_needless:
                    self._cancel([(delivery, outcome.cause)])
                else:
                    self._give_up(delivery, outcome.cause)
            case _ as unreachable:
                assert_never(unreachable)

    def _plan_wait(self, sending: Sending, outcome: Unavailable) -> int:
        """While its endpoint is down a delivery has no wait of its own: the breaker's probes are its pace."""
        if not sending.endpoint.breaker.is_closed and outcome.retry_after_ms is None:
            return 0
        return plan_retry_ms(
            sending.delivery.attempts,
            outcome.retry_after_ms,
            chance=self._chance,
            base_ms=self._settings.backoff_base_ms,
            cap_ms=self._settings.backoff_cap_ms,
        )

    def _try_again(self, sending: Sending, now: int, *, wait_ms: int, was_asked: bool, due_in_ms: int) -> None:
        delivery = sending.delivery
        wall = self._clock.now()
        since = self._revived.get(delivery.id, delivery.created_at)
        max_age_ms = self._settings.pacing(delivery.channel).retry_max_age_ms
        if is_too_old(since, wall, max_age_ms):
            hours = max_age_ms / 3_600_000
            last = delivery.last_attempts[-1].outcome
            cause = "too many calls" if not isinstance(last, Unavailable) else last.cause
            self._give_up(delivery, f"not accepted within {hours:g} h; last: {cause}")
            return
        delivery.next_attempt_at = wall + due_in_ms
        self._bodies.put_back(delivery)
        self._observer.retried(delivery)
        self._recording.add(delivery, has_ended=False)
        self._cancel(self._outbox.back(sending, now, wait_ms=wait_ms, was_asked=was_asked))

    def _give_up(self, delivery: Delivery, reason: str) -> None:
        self._end(delivery, DeliveryState.DEAD, reason)
        self._dead += 1
        self._observer.dead(delivery)
        self._dead_letters.add(delivery)

    def _told(self, delivery: Delivery) -> None:
        self._recording.add(delivery, has_ended=True)

    def _heard_from(self, endpoint: Endpoint) -> None:
        if endpoint.breaker.succeed():
            log.info("breaker_closed", endpoint=endpoint.name)
            self._observer.breaker_changed(endpoint.name, "closed")
            self._outbox.closed(endpoint)

    def _not_heard_from(self, sending: Sending, outcome: Unavailable, now: int) -> None:
        endpoint = sending.endpoint
        jitter = self._chance.random()
        if endpoint.breaker.fail(now, was_probe=sending.is_probe, retry_after_ms=outcome.retry_after_ms, jitter=jitter):
            log.warning("breaker_opened", endpoint=endpoint.name, cause=outcome.cause)
            self._observer.breaker_changed(endpoint.name, "open")
            self._outbox.opened(endpoint, now)

    def _recorded(self, ended: list[Delivery]) -> None:
        now = self._now()
        for delivery in ended:
            self._outbox.finish(delivery, now)
        self._pump()
        self._tell_if_quiet()

    def _tell_if_quiet(self) -> None:
        if self._stopping and not self._outbox.in_flight and self._recording.is_idle and self._dead_letters.is_idle:
            self._quiet.set()

    # what people ask

    async def retry(self, delivery_id: int) -> Wish:
        """Try a waiting delivery at once (pace and breaker still hold), or a dead letter again. StoreError if it fails."""
        waiting = self._outbox.pending.get(delivery_id)
        if waiting is not None:
            if not self._outbox.is_waiting(waiting):
                return "busy"
            self._outbox.hasten(waiting, self._now())
            self._pump()
            return "done"
        delivery, refusal = self._find_dead(delivery_id)
        if delivery is None:
            return refusal
        if self._is_resolved(delivery):
            return "resolved"
        wall = self._clock.now()
        delivery = msgspec.structs.replace(
            delivery, state=DeliveryState.PENDING, reason="", finished_at=0, next_attempt_at=wall
        )
        await self._recording.record_now(delivery)
        self._dead -= 1
        self._revived[delivery.id] = wall
        self._cancel(self._outbox.take(self._bodies.admit(delivery), self._now()))
        self._pump()
        return "done"

    async def send_beside(self, delivery: Delivery) -> Outcome:
        """One try of what is in no lane (it has ended, or never was): past the pace, but not while its routing key is paused.

        What it is told by a 429 holds for what waits in the lanes of that key as well.
        """
        now = self._now()
        pace = self._outbox.pace_of(delivery, now)
        if pace.paused_until > now:
            return Throttled(retry_after_ms=pace.paused_until - now)
        outcome = await self._sender.send(delivery)
        if isinstance(outcome, Throttled):
            at = self._now()
            pause_ms = plan_pause_ms(pace.streak + 1, outcome.retry_after_ms, chance=self._chance)
            self._outbox.pace_of(delivery, at).refuse(at, began_at=now, pause_ms=pause_ms)
        return outcome

    async def drop(self, delivery_id: int) -> Wish:
        """Give a waiting delivery or a dead letter up for good: it is never sent. StoreError if that cannot be recorded."""
        waiting = self._outbox.pending.get(delivery_id)
        if waiting is not None:
            if not self._outbox.drop(waiting, self._now()):
                return "busy"
            self._cancel([(waiting, CancelReason.DROPPED_BY_PERSON)])
            return "done"
        delivery, refusal = self._find_dead(delivery_id)
        if delivery is None:
            return refusal
        reason = f"{CancelReason.DROPPED_BY_PERSON.value}; dead because: {delivery.reason}"
        delivery = msgspec.structs.replace(delivery, state=DeliveryState.CANCELLED, reason=reason)
        await self._recording.record_now(delivery)
        self._dead -= 1
        self._observer.cancelled(delivery)
        return "done"

    def _find_dead(self, delivery_id: int) -> tuple[Delivery | None, Wish]:
        found = self._archive.delivery(delivery_id) if self._archive is not None else None
        if found is None:
            return None, "unknown"
        if found.state is not DeliveryState.DEAD:
            return None, "finished"
        return found, "done"

    def _is_resolved(self, delivery: Delivery) -> bool:
        if delivery.action == "resolve" or not delivery.dedup_key or self._archive is None:
            return False
        others = self._archive.deliveries(dedup_key=delivery.dedup_key)
        return any(
            other.action == "resolve"
            and other.id > delivery.id
            and other.lane == delivery.lane
            and other.state is DeliveryState.DELIVERED
            for other in others
        )

    def snapshot(self) -> Snapshot:
        """How it goes; costs microseconds a routing key, whatever waits."""
        now, wall = self._now(), self._clock.now()
        outbox = self._outbox
        oldest = next(iter(outbox.pending.values()), None)
        return Snapshot(
            waiting=len(outbox.pending),
            in_flight=outbox.in_flight,
            unrecorded=self._recording.finals,
            oldest_age_ms=max(0, wall - oldest.created_at) if oldest is not None else 0,
            dead=self._dead,
            body_bytes=self._bodies.bytes_held,
            bodies_in_store=self._bodies.let_go,
            keys=[
                KeyState(
                    routing_key=queue.name,
                    lanes=len(queue),
                    in_flight=queue.in_flight,
                    calls_limit=queue.pace.current_limit(now) if queue.pace.limit else 0,
                    paused_ms=max(0, queue.pace.paused_until - now),
                )
                for queue in outbox.queues.values()
                if len(queue) or queue.in_flight or queue.pace.paused_until > now
            ],
            breakers={endpoint.name: endpoint.breaker.state for endpoint in outbox.endpoints.values()},
        )


def _channel(delivery: Delivery) -> str:
    return delivery.channel


def _finished_at(delivery: Delivery) -> int:
    return delivery.finished_at
