"""The checkers that watch while the world runs: at the doors, at the store, on the wire. They know no part of the router.

What they hold it to: 2xx means that it is in the journal; what is sent was committed before, and is sent in the same bytes,
in order, one after another, never faster than the pace, never earlier than PagerDuty asked; a resolved lane stays resolved.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from router.model.delivery import Delivery, DeliveryState, Priority
from router.model.event import PAGERDUTY
from router.model.incident import Incident
from router.model.journal import AlertReceived, ChangeReceived, Entry
from router.pagerduty.events_v2 import put_key
from router.sandbox.journal import Entry as Posted
from tests.simulation.checks.ends import Ends
from tests.simulation.checks.record import check_record
from tests.simulation.rulebook import ENVIRONMENT
from tests.simulation.senders import Report

if TYPE_CHECKING:
    from tests.simulation.life import Life
    from tests.simulation.world import World

GRACE_MS = 120_000
WINDOW_MS = 60_000
CHECKPOINTED_MS = 15_000
"""What a sender said this long before a crash has been saved."""


def uid_of(fact: object) -> str:
    """What the senders put into every alert, so that it is known again; empty for the router's own."""
    match fact:
        case AlertReceived(alert=alert):
            return alert.labels.get("uid") or str(alert.details.get("uid", ""))
        case ChangeReceived(details=details):
            return str(details.get("uid", ""))
    return ""


class Watch:
    """All that is checked on the way; ``ends`` and ``check_record`` are for the later acts."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.ends = Ends(world)
        self.given_seqs: set[int] = set()
        self._last_given = 0
        # the journal, folded
        self._folded = 0
        self._history: dict[str, list[Entry]] = {}  # by uid
        self._seen: set[str] = set()
        self._ends: dict[str, int] = {}  # the latest end a sender was promised to be waited for, by uid
        self._told_at: dict[str, int] = {}  # when it was last told
        self.crashed_at: dict[int, int] = {}  # by life
        self.closed_at: dict[str, int] = {}  # by dedup key
        self.started_at = 0  # the life of now
        self._told_in: dict[str, int] = {}  # the life that was last told that it fires
        self._resolves: dict[str, int] = {}  # the latest end that was answered 2xx
        self._sent_ends: dict[str, int] = {}  # the latest end that was sent at all
        self.acknowledged: dict[str, int] = {}  # uid -> sequence of the entry it was acknowledged by
        # deliveries, by the bytes they are sent in
        self._indexed = 0
        self._by_body: dict[bytes, list[int]] = {}
        self._for_the_room: set[bytes] = set()
        self._lanes: dict[tuple[str, str], list[int]] = {}
        # the wire
        calls, _, _ = world.plan.rate.partition("/")
        self._calls = 0 if calls == "unlimited" else int(calls)
        self._arrivals: dict[str, deque[tuple[int, int, int]]] = {}  # key -> (at, life, delivery)
        self._known_at_start: dict[int, set[int]] = {}  # life -> deliveries that it knows to be delivered
        self._not_before: dict[tuple[int, str], tuple[int, int]] = {}  # (life, key) -> told when not to call before when
        self._triggered: set[tuple[str, str]] = set()
        self._closed: set[tuple[str, str]] = set()
        self._stepped_at = -WINDOW_MS * 10

    def _violate(self, text: str) -> None:
        self._world.violate(text)

    def stepped(self) -> None:
        """The router's wall clock was set."""
        self._stepped_at = self._world.true_now()

    def closed(self, incidents: Iterable[Incident]) -> None:
        """The router has just made durable that these are over."""
        for incident in incidents:
            self.closed_at[incident.dedup_key] = self._world.true_now()

    # the journal

    def given(self, entries: Sequence[Entry]) -> None:
        """The processor gets these: each once in a life, in order."""
        self._fold()
        for entry in entries:
            self.given_seqs.add(entry.seq)

    def _fold(self) -> None:
        journal = self._world.disk.tables.journal
        if len(journal) == self._folded:
            return
        entries = list(journal.values())
        for entry in entries[self._folded :]:
            uid = uid_of(entry.fact)
            if not uid:
                continue
            self._seen.add(uid)
            if isinstance(entry.fact, AlertReceived):
                self._check_expiry(uid, entry)
                self._history.setdefault(uid, []).append(entry)
                if entry.fact.alert.status == "resolved":
                    self._ends.pop(uid, None)
        self._folded = len(entries)

    def _check_expiry(self, uid: str, entry: Entry) -> None:
        """Nothing expires before the end its senders gave, nor before they had a chance to speak up after a restart."""
        fact = entry.fact
        assert isinstance(fact, AlertReceived)
        if fact.alert.resolved_by != "expiry":
            return
        world = self._world
        life = world.life
        assert life is not None
        if self._told_in.get(uid) == life.number or self._was_saved(uid):
            early_ms = self._ends.get(uid, 0) - entry.at
            if early_ms > 0:
                self._violate(f"{uid} expired {early_ms} ms before the end its sender gave")
        elif world.true_now() - life.began_at < GRACE_MS and self._stepped_at < life.began_at:
            away = world.true_now() - life.began_at
            self._violate(f"{uid} expired {away} ms after a restart, before its sender could speak up")

    def _was_saved(self, uid: str) -> bool:
        """Whether the end that an earlier life was told had to be known to this one: the time for a checkpoint had passed."""
        told_at, plan = self._told_at.get(uid, 0), self._world.plan
        is_disturbed = plan.on & {"store_busy", "store_full", "store_slow", "clock_steps"}
        # Later lives never knew more than the one that was told had saved.
        crashed_at = self.crashed_at.get(self._told_in.get(uid, 0), 0)
        return bool(told_at) and not is_disturbed and told_at + CHECKPOINTED_MS < crashed_at

    # at the doors

    def asking(self, reports: Iterable[Report]) -> dict[str, int]:
        """A request is about to be made: how much of the journal speaks of each of its alerts so far."""
        self._fold()
        for report in reports:
            # Whether it is over is seen by the router's clock; and the answer may be about others of the batch.
            if not report.is_firing or 0 < report.ends_at <= self._world.clock.now():
                self._sent_ends[report.uid] = max(report.ends_at, self._sent_ends.get(report.uid, 0))
        return {report.uid: len(self._history.get(report.uid, ())) for report in reports}

    def answered_sender(
        self, life: Life, reports: Iterable[Report], status: int, asked_at: int, known: Mapping[str, int]
    ) -> None:
        """An answer is on its way: what was answered 2xx has to be durable now. ``known``: what ``asking`` said."""
        if status == 500:
            self._violate("the API answered 500: a mistake of its own")
        if status in {400, 429, 503}:
            # Some of it was not taken; a resend beside it, which needs no writing, may have moved an end all the same.
            for report in reports:
                self._ends[report.uid], self._told_in[report.uid], self._told_at[report.uid] = 0, life.number, 0
        if not 200 <= status < 300:
            return
        self._fold()
        for report in reports:
            if report.kind == "stateful":
                self._check_stateful(life, report, asked_at, known[report.uid])
            elif report.uid not in self._seen:
                self._violate(f"{report.uid} was answered {status} and is not in the journal")
            if history := self._history.get(report.uid):
                self.acknowledged[report.uid] = history[-1].seq

    def _check_stateful(self, life: Life, report: Report, asked_at: int, known: int) -> None:
        """What was said must have been what the journal says at some moment between the question and the answer."""
        history = self._history.get(report.uid, [])
        alerts = [entry.fact.alert for entry in history[max(0, known - 1) :] if isinstance(entry.fact, AlertReceived)]
        # The end that was sent decides, by the router's own clock, whatever the sender meant to say.
        is_firing = report.ends_at > asked_at if report.ends_at else report.is_firing
        resolved_until = self._resolves.get(report.uid, 0)
        if not is_firing:
            self._resolves[report.uid] = max(resolved_until, report.ends_at or asked_at)
            is_old_news = bool(report.ends_at) and (
                # It ended, so it says, before an earlier end, or before the router had first heard of it (clocks differ).
                report.ends_at <= resolved_until or report.ends_at < _first_heard_at(history)
            )
            if not alerts or not (is_old_news or any(alert.status == "resolved" for alert in alerts)):
                self._violate(f"the end of {report.uid} was answered 2xx and is not in the journal")
            return
        if not any(alert.status == "firing" for alert in alerts) and not (
            alerts and 0 < report.starts_at < max(resolved_until, self._sent_ends.get(report.uid, 0))
        ):
            self._violate(f"{report.uid} fires, was answered 2xx and is not in the journal")
        elif alerts[-1].status == "firing":
            ends_at = report.ends_at or asked_at + 300_000
            if self._told_in.get(report.uid) == life.number:
                ends_at = max(ends_at, self._ends.get(report.uid, 0))
            # What an earlier life was promised may not have been saved yet: that is what the grace is for.
            self._ends[report.uid] = ends_at
            self._told_in[report.uid] = life.number
            self._told_at[report.uid] = self._world.true_now()

    def answered_webhook(self, webhook_id: str, status: int) -> None:
        """The same for PagerDuty: it sends a webhook again until it is answered 2xx, and not once it was."""
        if status == 500:
            self._violate("the API answered 500 to a webhook: a mistake of its own")
        if 200 <= status < 300:
            self._world.webhooks.taken.add(webhook_id)

    # on the wire

    def started(self, life: Life) -> None:
        """A life begins: what of the deliveries it can know to be sent."""
        self.started_at = self._world.true_now()
        deliveries = self._world.disk.tables.deliveries.values() if life.number > 1 else ()
        self._known_at_start[life.number] = {
            delivery.id for delivery in deliveries if delivery.state is DeliveryState.DELIVERED
        }

    def _index(self) -> Mapping[int, Delivery]:
        deliveries = self._world.disk.tables.deliveries
        if len(deliveries) > self._indexed:
            for delivery in list(deliveries.values())[self._indexed :]:
                if delivery.channel != PAGERDUTY:
                    self._for_the_room.add(delivery.body)
                    continue
                key = ENVIRONMENT[delivery.routing_key.removeprefix("env:")]
                self._by_body.setdefault(put_key(delivery.body, key), []).append(delivery.id)
                if delivery.dedup_key:
                    self._lanes.setdefault((key, delivery.dedup_key), []).append(delivery.id)
            self._indexed = len(deliveries)
        return deliveries

    def leaves(self, life: Life, body: bytes) -> None:
        """The router calls PagerDuty."""
        told_at, not_before = self._not_before.get((life.number, _key_in(body)), (0, 0))
        # What was on its way out in the very moment the answer came could not know of it; an escalation that asks first whether
        # somebody has it is on its way from then on.
        if told_at < self._world.true_now() < not_before - 5 and not self._is_escalation(body):
            self._violate(f"called {not_before - self._world.true_now()} ms before Retry-After had passed: {body[:160]!r}")

    def told_room(self, body: bytes) -> None:
        """The channel has a message."""
        self._index()
        if body not in self._for_the_room:
            self._violate(f"the room was told what no committed delivery holds: {body[:200]!r}")

    def _is_escalation(self, body: bytes) -> bool:
        deliveries = self._index()
        return any(deliveries[each].is_escalation for each in self._by_body.get(body, ()))

    def answered(self, life: Life, body: bytes, status: int, headers: Mapping[str, str]) -> None:
        """PagerDuty's answer has reached the router."""
        if status == 429 and "retry-after" in headers:
            now = self._world.true_now()
            self._not_before[life.number, _key_in(body)] = (now, now + int(headers["retry-after"]) * 1000)

    def arrived(self, life: Life, posted: Posted) -> None:
        """PagerDuty has the request."""
        deliveries = self._index()
        found = self._by_body.get(posted.body)
        if not found:
            self._violate(f"a request that no committed delivery holds, or in other bytes: {posted.body[:200]!r}")
            return
        delivery = deliveries[next((each for each in found if deliveries[each].state is DeliveryState.PENDING), found[0])]
        if delivery.state is not DeliveryState.PENDING and self._was_resolve_lost(posted):
            return  # beside the outbox and its pace, at most a hundred in an hour
        if delivery.state is not DeliveryState.PENDING:
            self._violate(f"delivery {delivery.id} was sent although it is durably {delivery.state}")
        self._check_pace(life, posted.routing_key, delivery)
        if posted.dedup_key:
            self._check_lane(posted, delivery, deliveries)

    def _was_resolve_lost(self, posted: Posted) -> bool:
        """PagerDuty took this resolve before, and lost it: then the router may send it again when it has found that out."""
        if posted.action != "resolve" or not self._world.plan.loses:
            return False
        before = self._world.sandbox.requests(face="events")
        return any(each.body == posted.body and each.effect == "dropped: lost inside" for each in before)

    def _check_lane(self, posted: Posted, delivery: Delivery, deliveries: Mapping[int, Delivery]) -> None:
        lane = (posted.routing_key, posted.dedup_key)
        for other_id in self._lanes[lane]:
            if other_id >= delivery.id:
                break
            other = deliveries[other_id]
            # What makes the one before needless may pass it: a newer update, or a resolve. Until that is recorded it is
            # pending; it is never sent any more, or it would come after the resolve, which is looked for below.
            is_needless = other.priority is Priority.UPDATE or delivery.action == "resolve"
            if other.state is DeliveryState.PENDING and not is_needless:
                self._violate(
                    f"delivery {delivery.id} ({delivery.action}) was sent while {other_id} ({other.action}), "
                    "which comes before it, had not ended"
                )
        if posted.fate != "accepted":
            return
        if posted.action == "trigger":
            if lane in self._closed:
                self._violate(f"{posted.dedup_key} was triggered again after its resolve: a second incident")
            self._triggered.add(lane)
        elif posted.action == "resolve":
            before = [deliveries[each] for each in self._lanes[lane] if each < delivery.id]
            # A trigger that is not delivered may have been sent for all the router knows: then its resolve has to go out.
            if lane not in self._triggered and all(each.state is DeliveryState.DELIVERED for each in before):
                self._violate(f"{posted.dedup_key} was resolved and never triggered")
            self._closed.add(lane)

    def _check_pace(self, life: Life, key: str, delivery: Delivery) -> None:
        now = self._world.true_now()
        arrivals = self._arrivals.setdefault(key, deque())
        while arrivals and arrivals[0][0] <= now - WINDOW_MS:
            arrivals.popleft()
        arrivals.append((now, life.number, delivery.id))
        if not self._calls or not life.is_alive:
            return
        known = self._known_at_start[life.number] if self._stepped_at < now - 10 * WINDOW_MS else set()
        counted = {(number, each): at for at, number, each in arrivals if number != life.number and each in known}
        mine = sum(number == life.number for _, number, _ in arrivals)
        earlier = len({each for _, each in counted})
        if mine + earlier > self._calls:
            self._violate(f"{mine + earlier} calls with one routing key within a minute, {self._calls} are allowed")

    # afterwards

    def check_record(self) -> None:
        """What the store holds at the end."""
        check_record(self._world)


def _first_heard_at(history: Sequence[Entry]) -> int:
    """When the router first heard that it fires, since it last resolved."""
    heard_at = 0
    for entry in history:
        assert isinstance(entry.fact, AlertReceived)
        heard_at = 0 if entry.fact.alert.status == "resolved" else heard_at or entry.at
    return heard_at


def _key_in(body: bytes) -> str:
    return body[len(b'{"routing_key":"') :][:32].decode()
