"""What every store promises, as one suite: each driver subclasses it and says how it is opened, left and crashed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Protocol

import msgspec
import pytest

from router.errors import InvariantError, Overloaded, StoreUnavailable
from router.model.alert import Alert
from router.model.decision import Action
from router.model.delivery import Accepted, Attempt, Delivery, DeliveryState, Priority, Unavailable
from router.model.journal import AlertReceived, ChangeReceived, DeliveryFailed, Entry, Fact, Restarted, RulesChanged
from router.model.page import AuditEntry, Followed, Page, Sighting, Webhook
from router.model.transition import ActiveAlert, StateRow
from router.store.base import Reader, Recovered, Store
from router.store.settings import StoreSettings
from tests.support.stores import START, StillClock, commit_of, decided, decision, dedup_key, delivery, fact, incident

HOUR = 3_600_000


class World(Protocol):
    """One database and the stores opened on it, one after another."""

    clock: StillClock

    def store(self, settings: StoreSettings = ...) -> Store:
        """A store on this database, not opened."""
        ...

    async def crash(self, store: Store) -> Store:
        """The process of this store dies; a store on what it left, not opened."""
        ...


def webhook(number: int) -> Webhook:
    sighting = Sighting(kind="annotated", pagerduty_id=f"Q{number}", at=START, who="Ada Example", text="Ger\u00e4t \u2603")
    return Webhook(
        webhook_id=f"w{number}", event_id=f"e{number}", event_type="incident.annotated", received_at=START, sighting=sighting
    )


def page(number: int, team: str, pagerduty_id: str) -> Page:
    status = "triggered" if pagerduty_id else ""
    return Page(incident=number, team=team, dedup_key=dedup_key(number), pagerduty_id=pagerduty_id, status=status)  # type: ignore[arg-type]


def audited(number: int, *, at: int = START) -> AuditEntry:
    return AuditEntry(at=at, who="Ada Example", through="pagerduty", what="acknowledged", incident=number, text="\u2603")


def alert_of(entry: Entry) -> Alert:
    assert isinstance(entry.fact, AlertReceived)
    return entry.fact.alert


def decoded(rows: Sequence[StateRow]) -> list[ActiveAlert]:
    """The alerts among them."""
    return [msgspec.json.decode(row.body or b"", type=ActiveAlert) for row in rows if row.kind == "alert"]


async def settled(*calls: Awaitable[object]) -> list[object]:
    return await asyncio.gather(*calls, return_exceptions=True)


class StoreSuite:
    """Subclasses provide the fixture ``world``."""

    async def opened(self, world: World, settings: StoreSettings | None = None) -> Store:
        store = world.store(settings or StoreSettings())
        await store.open()
        return store

    async def reopened(self, world: World, store: Store) -> tuple[Store, Recovered]:
        """A clean stop and start."""
        await store.close()
        if hasattr(store, "crash"):
            other: Store = store.crash()  # memory is gone with its store: take what it held along
        else:
            other = world.store()
        return other, await other.open()

    async def test_a_new_store_is_empty(self, world: World) -> None:
        store = world.store()
        recovered = await store.open()
        assert recovered == Recovered(
            cursor=0, decided_at=0, state=[], undecided=[], outbox=[], next_delivery_id=1, expiries={}, last_seen_at=0
        )
        assert store.oldest_pending_at() is None
        assert store.reader().latest_ruleset() is None
        await store.close()

    async def test_every_kind_of_fact_comes_back_as_it_was(self, world: World) -> None:
        store = await self.opened(world)
        facts: list[Fact] = [
            fact(1),
            Restarted(down_since=START - 5, grace_ms=60_000),
            RulesChanged(version="abc"),
            DeliveryFailed(delivery_id=3, team="payments", dedup_key="k", action="trigger", reason="gone", status=400),
            ChangeReceived(source="ci", service="payment-api", summary="Deployed", details={"by": "Ann"}),
        ]
        entries = await store.append(START, facts)
        assert [(entry.seq, entry.at) for entry in entries] == [(seq, START) for seq in (1, 2, 3, 4, 5)]
        assert [entry.fact for entry in entries] == facts
        reader = store.reader()
        assert reader.entries() == list(entries)
        reader.close()
        store, recovered = await self.reopened(world, store)
        assert recovered.undecided == list(entries)
        await store.close()

    async def test_the_listener_gets_each_entry_once_in_order_and_only_when_durable(self, world: World) -> None:
        store = await self.opened(world)
        reader = store.reader()
        heard: list[Entry] = []

        def listen(entries: Sequence[Entry]) -> None:
            assert all(reader.entry(entry.seq) == entry for entry in entries)
            heard.extend(entries)

        store.subscribe(listen)
        answers = await asyncio.gather(*(store.append(START + n, [fact(n), fact(n + 1)]) for n in range(100)))
        assert heard == [entry for entries in answers for entry in entries]
        assert [entry.seq for entry in heard] == list(range(1, 201))
        reader.close()
        await store.close()

    async def test_an_append_of_nothing_is_nothing(self, world: World) -> None:
        store = await self.opened(world)
        assert list(await store.append(START, [])) == []
        await store.record([])
        await store.close()

    async def test_a_caller_that_gives_up_does_not_take_its_entries_along(self, world: World) -> None:
        store = await self.opened(world)
        heard: list[Entry] = []
        store.subscribe(heard.extend)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(store.append(START, [fact()]), name="impatient")
            group.create_task(asyncio.wait_for(store.append(START, [fact(2)]), 10), name="patient")
            await asyncio.wait([task], timeout=0)
            task.cancel()
        assert [entry.seq for entry in heard] == [1, 2]
        assert store.oldest_pending_at() is None
        await store.close()

    async def test_oldest_pending_at_is_the_least_time_not_yet_announced(self, world: World) -> None:
        store = await self.opened(world)
        store.subscribe(lambda _: None)
        seen: list[int | None] = []
        first = asyncio.ensure_future(store.append(START + 100, [fact(1)]))
        second = asyncio.ensure_future(store.append(START + 500, [fact(2)]))
        asyncio.get_running_loop().call_soon(lambda: seen.append(store.oldest_pending_at()))
        await asyncio.gather(first, second)
        assert seen == [START + 100]
        assert store.oldest_pending_at() is None
        await store.close()

    async def test_the_time_of_an_entry_is_never_before_what_was_accepted_or_decided_earlier(self, world: World) -> None:
        # The engine's time does not go back with the wall clock; entries that said otherwise would be replayed differently.
        store = await self.opened(world)
        given: list[int] = []
        store.subscribe(lambda entries: given.extend(entry.at for entry in entries))
        await store.append(START + 500, [fact(1)])
        await store.append(START + 100, [fact(2)])
        await store.commit(commit_of(2, at=START + 900))
        (entry,) = await store.append(START + 200, [fact(3)])
        assert given == [START + 500, START + 500, START + 900]
        assert entry.at == START + 900
        other = await world.crash(store)
        await other.open()
        assert [entry.at for entry in await other.append(START, [fact(4)])] == [START + 900]
        await other.commit(commit_of(4, at=START + 1_000))
        third, _ = await self.reopened(world, other)
        assert [entry.at for entry in await third.append(START, [fact(5)])] == [START + 1_000]
        await third.close()

    async def test_a_commit_comes_back_whole(self, world: World) -> None:
        store = await self.opened(world)
        entries = await store.append(START, [fact(1), fact(2)])
        await store.commit(decided(entries[0]))
        store, recovered = await self.reopened(world, store)
        assert recovered.cursor == 1
        assert recovered.decided_at == START
        assert recovered.undecided == [entries[1]]
        assert recovered.state == [StateRow("alert", 1, b'{"seq":1}'), StateRow("group", 1, b'{"open":true}')]
        assert recovered.outbox == [delivery(1)]
        assert recovered.next_delivery_id == 2
        reader = store.reader()
        assert [row.decision for row in reader.decisions()] == [decision(1)]
        assert reader.incidents() == [incident(1)]
        reader.close()
        await store.close()

    async def test_what_was_answered_survives_a_crash(self, world: World) -> None:
        store = await self.opened(world)
        entries = await store.append(START, [fact(1), fact(2), fact(3)])
        await store.commit(decided(entries[0]))
        sent = delivery(1)
        sent.attempts, sent.next_attempt_at = 1, START + 5_000
        sent.last_attempts = (Attempt(at=START, took_ms=12, outcome=Unavailable(cause="HTTP 503", status=503)),)
        await store.record([sent])
        other = await world.crash(store)
        recovered = await other.open()
        assert recovered.undecided == list(entries[1:])
        assert recovered.outbox == [sent]
        (again,) = await other.append(START, [fact(4)])
        assert again.seq == 4
        await other.close()

    async def test_sequences_and_ids_go_on_behind_the_last(self, world: World) -> None:
        store = await self.opened(world)
        await store.append(START, [fact(n) for n in range(10)])
        await store.commit(commit_of(10, decisions=[decision(1), decision(2)], deliveries=[delivery(41)]))
        store, recovered = await self.reopened(world, store)
        assert recovered.next_delivery_id == 42
        (entry,) = await store.append(START, [fact()])
        assert entry.seq == 11
        await store.commit(commit_of(11, decisions=[decision(3)]))
        reader = store.reader()
        assert [row.id for row in reader.decisions()] == [3, 2, 1]
        reader.close()
        await store.close()

    async def test_state_rows_are_put_replaced_and_deleted(self, world: World) -> None:
        store = await self.opened(world)
        first = [StateRow("alert", 7, b"{}"), StateRow("counter", 1, b"[1]"), StateRow("storm", 2, b"[2]")]
        await store.commit(commit_of(0, changes=[*first, StateRow("group", 9, b"[9]")]))
        await store.commit(commit_of(0, changes=[StateRow("alert", 7, b'{"n":2}'), StateRow("group", 9, None)]))
        reader = store.reader()
        assert reader.state("alert") == [StateRow("alert", 7, b'{"n":2}')]
        assert reader.state("group") == []
        assert reader.state("nonsense") == []
        reader.close()
        store, recovered = await self.reopened(world, store)
        assert sorted(recovered.state, key=lambda row: row.kind) == [StateRow("alert", 7, b'{"n":2}'), *first[1:]]
        await store.close()

    async def test_an_alert_as_journalled_comes_back_with_its_alert(self, world: World) -> None:
        """Written once, in the journal; until it changes, and then its row has all of it."""
        store = await self.opened(world)
        entries = await store.append(START, [fact(1), fact(2), fact(3)])
        as_journalled = [StateRow("alert", entry.seq, b'{"groups":[%d,7]}' % entry.seq) for entry in entries]
        await store.commit(commit_of(3, at=START, changes=[*as_journalled, StateRow("group", 1, b'{"groups":[1]}')]))
        changed = ActiveAlert(alert=alert_of(entries[0]), groups=(1,))
        await store.commit(
            commit_of(3, changes=[StateRow("alert", 2, msgspec.json.encode(changed)), StateRow("alert", 3, None)])
        )
        assert await store.retire(before_at=START + 1, max_bytes=0) == 1, "what a row needs stays"
        expected = [ActiveAlert(alert=alert_of(entries[0]), groups=(1, 7)), changed]
        reader = store.reader()
        assert decoded(reader.state("alert")) == expected
        assert [row.id for row in reader.state("alert", after_id=1, limit=1)] == [2]
        reader.close()
        store, recovered = await self.reopened(world, store)
        assert decoded(recovered.state) == expected
        assert StateRow("group", 1, b'{"groups":[1]}') in recovered.state
        await store.close()

    async def test_incidents_are_replaced_by_number(self, world: World) -> None:
        store = await self.opened(world)
        await store.commit(commit_of(0, incidents=[incident(1), incident(2, teams=("platform", "payments"))]))
        await store.commit(commit_of(0, incidents=[incident(1, closed_at=START + 9)]))
        reader = store.reader()
        assert reader.incidents() == [incident(2, teams=("platform", "payments")), incident(1, closed_at=START + 9)]
        assert [found.number for found in reader.incidents(status="open")] == [2]
        assert [found.number for found in reader.incidents(status="closed")] == [1]
        assert [found.number for found in reader.incidents(team="payments")] == [2, 1]
        assert [found.number for found in reader.incidents(team="platform", status="open")] == [2]
        assert [found.number for found in reader.incidents(before_number=2)] == [1]
        assert [found.number for found in reader.incidents(limit=1)] == [2]
        assert reader.incident(1) == reader.incident(dedup_key(1)) == incident(1, closed_at=START + 9)
        assert reader.incident(3) is None
        assert reader.incident("payment-errors/other/00000001") is None
        reader.close()
        await store.close()

    async def test_the_cursor_never_goes_back_nor_past_the_journal(self, world: World) -> None:
        store = await self.opened(world)
        await store.append(START, [fact(1), fact(2)])
        await store.commit(commit_of(2))
        for cursor in (1, 3):
            with pytest.raises(InvariantError, match="cursor"):
                await store.commit(commit_of(cursor))
        await store.commit(commit_of(2, at=START + 1))
        await store.close()

    async def test_a_failing_commit_takes_neither_neighbours_nor_half_of_itself(self, world: World) -> None:
        store = await self.opened(world)
        entries = await store.append(START, [fact(1), fact(2)])
        await store.commit(decided(entries[0]))
        twice = decided(entries[1])
        twice = commit_of(2, decisions=twice.decisions, incidents=twice.incidents, deliveries=[delivery(1)])
        sent = delivery(1)
        sent.attempts = 1
        results = await settled(
            store.append(START, [fact(3)]), store.commit(twice), store.record([sent]), store.append(START, [fact(4)])
        )
        assert [type(result) for result in results[1:3]] == [InvariantError, type(None)]
        assert not any(isinstance(result, BaseException) for result in (results[0], results[3]))
        reader = store.reader()
        assert [row.decision for row in reader.decisions()] == [decision(1)]
        assert [found.number for found in reader.incidents()] == [1]
        assert [entry.seq for entry in reader.entries()] == [1, 2, 3, 4]
        reader.close()
        store, recovered = await self.reopened(world, store)
        assert recovered.cursor == 1
        assert recovered.outbox == [sent]
        await store.close()

    async def test_progress_of_an_unknown_delivery_is_refused_alone(self, world: World) -> None:
        store = await self.opened(world)
        await store.commit(commit_of(0, deliveries=[delivery(1)]))
        good = delivery(1)
        good.attempts = 3
        results = await settled(store.record([delivery(99)]), store.record([good]))
        assert isinstance(results[0], InvariantError)
        assert results[1] is None
        reader = store.reader()
        assert reader.delivery(1) == good
        assert reader.delivery(99) is None
        reader.close()
        await store.close()

    async def test_progress_is_taken_as_it_was_when_given(self, world: World) -> None:
        store = await self.opened(world)
        moving = delivery(1)
        await store.commit(commit_of(0, deliveries=[moving]))
        moving.attempts = 1
        first = asyncio.ensure_future(store.record([moving]))
        await asyncio.wait([first], timeout=0)
        moving.attempts = 2
        await first
        reader = store.reader()
        found = reader.delivery(1)
        assert found is not None
        assert found.attempts == 1
        moving.state, moving.finished_at = DeliveryState.DELIVERED, START + 20
        moving.last_attempts = (Attempt(at=START, took_ms=3, outcome=Accepted()),)
        await store.record([moving])
        assert reader.delivery(1) == moving
        reader.close()
        store, recovered = await self.reopened(world, store)
        assert recovered.outbox == []
        assert recovered.next_delivery_id == 2
        await store.close()

    async def test_of_a_delivery_recorded_twice_at_once_the_later_counts(self, world: World) -> None:
        store = await self.opened(world)
        await store.commit(commit_of(0, deliveries=[delivery(1)]))
        older, newer = delivery(1), delivery(1)
        older.attempts, newer.attempts = 1, 2
        await settled(store.record([older]), store.record([newer]))
        reader = store.reader()
        assert reader.delivery(1) == newer
        reader.close()
        await store.close()

    async def test_too_many_undecided_are_refused_whole(self, world: World) -> None:
        store = await self.opened(world, StoreSettings(max_pending=10))
        await store.append(START, [fact(n) for n in range(8)])
        with pytest.raises(Overloaded) as refused:
            await store.append(START, [fact(n) for n in range(3)])
        assert refused.value.retry_after_seconds == 1
        await store.append(START, [fact(n) for n in range(2)])
        with pytest.raises(Overloaded):
            await store.append(START, [fact()])
        await store.commit(commit_of(3))
        entries = await store.append(START, [fact(n) for n in range(3)])
        assert [entry.seq for entry in entries] == [11, 12, 13]
        reader = store.reader()
        assert len(reader.entries()) == 13
        reader.close()
        await store.close()

    async def test_what_was_undecided_before_a_restart_counts_as_pending(self, world: World) -> None:
        store = await self.opened(world, StoreSettings(max_pending=10))
        await store.append(START, [fact(n) for n in range(9)])
        await store.commit(commit_of(2))
        other = await world.crash(store)
        recovered = await other.open()
        assert len(recovered.undecided) == 7
        with pytest.raises(Overloaded):
            await other.append(START, [fact(n) for n in range(4)])
        await other.append(START, [fact(n) for n in range(3)])
        await other.commit(commit_of(9))
        await other.append(START, [fact(n) for n in range(7)])
        await other.close()

    async def test_decisions_are_found_by_alert_and_by_key(self, world: World) -> None:
        store = await self.opened(world)
        await store.append(START, [fact(n) for n in range(3)])
        other_rule = f"other-rule/ffff/{3:08d}"  # the same episode number under another rule
        made = [decision(1), decision(2), decision(2, key=dedup_key(1)), decision(3), decision(3, key=other_rule)]
        made.append(decision(0, key=""))
        await store.commit(commit_of(3, decisions=made))
        reader = store.reader()
        assert [row.decision for row in reader.decisions()] == made[::-1]
        assert [row.id for row in reader.decisions(alert_seq=2)] == [3, 2]
        assert [row.id for row in reader.decisions(dedup_key=dedup_key(1))] == [3, 1]
        assert [row.id for row in reader.decisions(dedup_key=dedup_key(3))] == [4]
        assert [row.id for row in reader.decisions(dedup_key=other_rule)] == [5]
        assert [row.id for row in reader.decisions(alert_seq=2, dedup_key=dedup_key(2))] == [2]
        assert [row.id for row in reader.decisions(before_id=4, limit=2)] == [3, 2]
        assert reader.decisions(alert_seq=77) == []
        reader.close()
        await store.close()

    async def test_deliveries_are_found_by_state_key_and_team(self, world: World) -> None:
        store = await self.opened(world)
        made = [delivery(1), delivery(2, team="platform"), delivery(3), delivery(4, key=dedup_key(1)), delivery(5, key="")]
        made.append(delivery(6, key=dedup_key(3), team="", channel="chat"))
        await store.commit(commit_of(0, deliveries=made))
        await self.move(store, made[1], DeliveryState.DEAD)
        await self.move(store, made[2], DeliveryState.DELIVERED)
        reader = store.reader()

        def ids(found: list[Delivery]) -> list[int]:
            return [one.id for one in found]

        assert reader.deliveries() == made[::-1]
        assert ids(reader.deliveries(state=DeliveryState.PENDING)) == [6, 5, 4, 1]
        assert ids(reader.deliveries(state=DeliveryState.PENDING, before_id=5, limit=1)) == [4]
        assert ids(reader.deliveries(state=DeliveryState.DEAD)) == [2]
        assert ids(reader.deliveries(state=DeliveryState.DELIVERED)) == [3]
        assert ids(reader.deliveries(state=DeliveryState.CANCELLED)) == []
        assert ids(reader.deliveries(dedup_key=dedup_key(1))) == [4, 1]
        assert ids(reader.deliveries(dedup_key=dedup_key(1), team="platform")) == []
        assert ids(reader.deliveries(team="platform")) == [2]
        assert ids(reader.deliveries(channel="pagerduty", state=DeliveryState.DEAD)) == [2]
        assert ids(reader.deliveries(channel="chat")) == [6]
        assert ids(reader.deliveries(channel="chat", state=DeliveryState.PENDING)) == [6]
        assert ids(reader.deliveries(channel="chat", dedup_key=dedup_key(3))) == [6]
        assert ids(reader.deliveries(team="payments", state=DeliveryState.PENDING)) == [5, 4, 1]
        reader.close()
        store, recovered = await self.reopened(world, store)
        assert ids(recovered.outbox) == [1, 4, 5, 6]
        await store.close()

    async def move(self, store: Store, moved: Delivery, state: DeliveryState) -> None:
        moved.state, moved.attempts, moved.finished_at, moved.reason = state, 1, START + 10, "because"
        await store.record([moved])

    async def test_entries_are_found_by_time_also_when_the_clock_was_set_back(self, world: World) -> None:
        store = await self.opened(world)
        times = [START + n * HOUR for n in range(20)]
        times[10] -= 90 * 60_000  # half an hour behind the one before
        for at in times:
            await store.append(at, [fact()])
        times[10] = times[9]  # time stands still until the clock has caught up
        reader = store.reader()
        for since, until in ((3, 8), (9, 10), (10, 11), (0, 30), (25, 30), (-9, 0), (5, 5)):
            low, high = START + since * HOUR, START + until * HOUR
            found = reader.entries(since=low, until=high)
            assert [entry.at for entry in found] == [at for at in times if low <= at < high]
        assert [entry.seq for entry in reader.entries(after_seq=17)] == [18, 19, 20]
        assert [entry.seq for entry in reader.entries(after_seq=4, since=START, limit=2)] == [5, 6]
        assert [entry.seq for entry in reader.entries(since=START + 18 * HOUR)] == [19, 20]
        assert [entry.seq for entry in reader.latest_entries(limit=2)] == [20, 19]
        assert [entry.seq for entry in reader.latest_entries(before_seq=3)] == [2, 1]

    async def test_a_number_larger_than_any_that_is_given_out_names_nothing(self, world: World) -> None:
        store = await self.opened(world)
        await store.append(START, [fact()])
        reader, number = store.reader(), 10**30
        assert (reader.entry(number), reader.incident(number), reader.delivery(number)) == (None, None, None)
        assert (reader.entries(after_seq=number), reader.decisions(alert_seq=number)) == ([], [])
        assert reader.entry(99) is None
        reader.close()
        await store.close()

    async def test_expiries_are_checkpointed_and_forgotten(self, world: World) -> None:
        store = await self.opened(world)
        await store.checkpoint_expiries({n: START + n for n in range(1, 10_001)})
        await store.checkpoint_expiries({1: None, 2: START + 99, 77_777: None})
        world.clock.at += 60_000
        await store.checkpoint_expiries({})
        other = await world.crash(store)
        recovered = await other.open()
        assert recovered.expiries == {n: START + n for n in range(3, 10_001)} | {2: START + 99}
        assert recovered.last_seen_at == START + 60_000
        await other.close()

    async def test_last_seen_at_is_the_newest_time_known(self, world: World) -> None:
        store = await self.opened(world)
        await store.append(START + 7, [fact()])
        other = await world.crash(store)
        assert (await other.open()).last_seen_at == START + 7
        world.clock.at = START + 100
        third, recovered = await self.reopened(world, other)
        assert recovered.last_seen_at == START + 100
        await third.close()

    async def test_rule_sets_are_kept_by_version(self, world: World) -> None:
        store = await self.opened(world)
        await store.save_ruleset("v1", START, b"\x00texts\xff")
        await store.save_ruleset("v1", START + 1, b"\x00texts\xff")
        reader = store.reader()
        assert reader.ruleset("v1") == b"\x00texts\xff"
        assert reader.ruleset("v2") is None
        assert reader.latest_ruleset() == ("v1", b"\x00texts\xff")
        await store.save_ruleset("v2", START + 2, b"2")
        assert reader.latest_ruleset() == ("v2", b"2")
        await store.save_ruleset("v1", START + 3, b"\x00texts\xff")  # gone back to
        assert reader.latest_ruleset() == ("v1", b"\x00texts\xff")
        reader.close()
        await store.close()

    async def test_a_webhook_is_taken_once_and_waits_until_its_effect_is_recorded(self, world: World) -> None:
        store = await self.opened(world)
        first, second = webhook(1), webhook(2)
        assert await store.keep_webhook(first)
        assert await store.keep_webhook(second)
        assert not await store.keep_webhook(first)
        assert not await store.keep_webhook(msgspec.structs.replace(first, webhook_id="another", received_at=START + 9))
        store = await world.crash(store)
        await store.open()
        reader = store.reader()
        assert reader.webhooks() == [first, second]
        assert reader.webhooks(limit=1) == [first]
        await store.follow(Followed(done=("w1", "never heard of")))
        assert reader.webhooks() == [second]
        assert not await store.keep_webhook(first), "a late repeat is known"
        await store.commit(commit_of(0, incidents=[incident(1)]))
        await store.retire(before_at=START + 1, max_bytes=0)
        assert await store.keep_webhook(first), "until it is older than what is kept"
        assert not await store.keep_webhook(second), "what has no effect yet is never too old"
        reader.close()
        await store.close()

    async def test_pages_are_replaced_and_found_by_incident_and_by_pagerduty(self, world: World) -> None:
        store = await self.opened(world)
        pages = [page(1, "payments", "Q1"), page(1, "platform", "Q2"), page(2, "payments", "Q1"), page(3, "payments", "")]
        await store.follow(Followed(pages=tuple(pages)))
        closed = msgspec.structs.replace(pages[1], status="resolved", resolved_by="Ada", resolved_at=START + 5)
        await store.follow(Followed(pages=(closed,)))
        store, _ = await self.reopened(world, store)
        reader = store.reader()
        assert reader.pages() == [pages[0], pages[2]]
        assert reader.pages(after_incident=1) == [pages[2]]
        assert reader.pages(limit=1) == [pages[0]]
        assert reader.pages(incident=1) == [pages[0], closed]
        assert reader.pages(pagerduty_id="Q1") == [pages[0], pages[2]]
        assert reader.pages(pagerduty_id="") == []
        assert reader.pages(incident=9) == []
        await store.commit(commit_of(0, incidents=[incident(4)]))
        await store.retire(before_at=START + 1, max_bytes=0)
        assert reader.pages(incident=1) == [pages[0]], "open ones stay, others go with their incident"
        reader.close()
        await store.close()

    async def test_the_audit_record_is_added_to_and_read_backwards(self, world: World) -> None:
        store = await self.opened(world)
        entries = [audited(n, at=START + n) for n in (1, 2, 1, 0)]
        await store.follow(Followed(audit=tuple(entries[:2])))
        await store.follow(Followed(audit=tuple(entries[2:])))
        store, _ = await self.reopened(world, store)
        reader = store.reader()
        assert [row.entry for row in reader.audit()] == entries[::-1]
        rows = reader.audit(incident=1)
        assert [row.entry for row in rows] == [entries[2], entries[0]]
        assert [row.entry for row in reader.audit(incident=1, before_id=rows[0].id)] == [entries[0]]
        assert len(reader.audit(limit=1)) == 1
        assert reader.audit(incident=0) == []
        await store.commit(commit_of(0, incidents=[incident(1)]))
        await store.retire(before_at=START + 10, max_bytes=0)
        assert [row.entry for row in reader.audit()] == [entries[2], entries[0]], "as long as its incident"
        await store.follow(Followed(audit=(audited(1),)))
        assert reader.audit()[0].id > rows[0].id
        reader.close()
        await store.close()

    async def test_the_audit_record_is_searched_by_who_and_when_and_read_onwards(self, world: World) -> None:
        store = await self.opened(world)
        names = ("Ada Example", "alert-router", "Bo \u00c4hm", "ada, on this machine")
        entries = [AuditEntry(at=START + n, who=name, through="api", what="x") for n, name in enumerate(names)]
        await store.follow(Followed(audit=tuple(entries)))
        reader = store.reader()
        assert [row.entry for row in reader.audit(who="ada")] == [entries[3], entries[0]]
        assert [row.entry for row in reader.audit(who="\u00e4hm")] == []
        assert [row.entry for row in reader.audit(who="\u00c4HM")] == [entries[2]]
        assert [row.entry for row in reader.audit(since=START + 1, until=START + 3)] == [entries[2], entries[1]]
        onwards = reader.audit(after_id=0, limit=3)
        assert [row.entry for row in onwards] == entries[:3]
        assert [row.entry for row in reader.audit(after_id=onwards[-1].id)] == entries[3:]
        reader.close()
        await store.close()

    async def test_retention_takes_what_is_old_and_over_and_nothing_else(self, world: World) -> None:
        store = await self.opened(world)
        entries = [entry for n in range(1, 8) for entry in await store.append(START + n, [fact(n)])]
        old = START + 1_000_000
        await store.save_ruleset("old", START, b"1")
        await store.save_ruleset("new", START + 6, b"2")
        await store.commit(
            commit_of(
                6,
                at=old,
                decisions=[decision(n, at=START + n) for n in range(1, 7)],
                incidents=[incident(n, at=START + n, closed_at=0 if n == 2 else START + 50) for n in range(1, 7)],  # 2 is open
                changes=[StateRow("alert", 3, b"{}")],  # 3 fires
                deliveries=[delivery(n, at=START + n) for n in range(1, 7)],
            )
        )
        for n in (1, 2, 3, 5, 6):  # 4 is pending
            await self.move(store, delivery(n, at=START + n), DeliveryState.DELIVERED)
        (late,) = await store.append(old, [fact()])
        assert await store.retire(before_at=old, max_bytes=0) == 3
        reader = store.reader()
        assert reader.entries() == [entries[1], entries[2], entries[3], entries[6], late]
        assert [row.decision.alert_seq for row in reader.decisions()] == [6, 4, 3, 2]  # the newest stays for its id
        assert [found.number for found in reader.incidents()] == [4, 2]
        assert [found.id for found in reader.deliveries()] == [6, 4, 2]
        assert reader.ruleset("old") is not None  # what remains of its time is explained by it
        assert store.usage().journal_entries == 5
        reader.close()
        store, recovered = await self.reopened(world, store)
        assert [entry.seq for entry in recovered.undecided] == [7, 8]
        assert [found.id for found in recovered.outbox] == [4]
        assert store.usage().journal_entries == 5
        await store.close()

    async def test_retention_keeps_the_alert_behind_a_pending_delivery_and_its_decisions(self, world: World) -> None:
        store = await self.opened(world)
        await store.append(START, [fact(n) for n in range(1, 5)])
        made = [decision(1, key=""), decision(2, key=dedup_key(1)), decision(3), decision(4)]
        await store.commit(commit_of(4, decisions=made, deliveries=[delivery(1)]))  # of alert 1, told again by alert 2
        assert await store.retire(before_at=START + 1, max_bytes=0) == 2
        reader = store.reader()
        assert [entry.seq for entry in reader.entries()] == [1, 2]
        assert [row.id for row in reader.decisions()] == [4, 2]
        reader.close()
        await store.close()

    async def test_what_only_told_more_of_an_open_incident_is_history_like_any_other(self, world: World) -> None:
        """An incident may be open for months while its alerts come and go."""
        store = await self.opened(world)
        await store.append(START, [fact(n) for n in range(1, 8)])
        key = dedup_key(1)
        updates = [msgspec.structs.replace(decision(n, key=key), action=Action.UPDATE) for n in (2, 3, 4)]
        held = msgspec.structs.replace(decision(5, key=key), action=Action.HOLD)
        told = msgspec.structs.replace(delivery(2, key=key), priority=Priority.UPDATE)
        made = [decision(1), *updates, held, decision(6, key="")]
        last = [delivery(1), told, delivery(7)]
        await store.commit(commit_of(7, decisions=made, incidents=[incident(1)], deliveries=last))
        for each in last:
            await self.move(store, each, DeliveryState.DELIVERED)
        assert await store.retire(before_at=START + 1, max_bytes=0) == 5
        reader = store.reader()
        assert [entry.seq for entry in reader.entries()] == [1, 5]
        assert [row.decision.alert_seq for row in reader.decisions()] == [6, 5, 1]  # the newest stays for its id
        assert [found.id for found in reader.deliveries()] == [7, 1]
        reader.close()
        await store.close()

    async def test_retention_by_age_stops_at_the_age(self, world: World) -> None:
        store = await self.opened(world)
        for n in range(1, 2_001):
            await store.append(START + n, [fact(n)]) if n % 500 == 0 else None
        await store.append(START + 3_000, [fact(n) for n in range(3_000)])
        await store.save_ruleset("old", START, b"1")
        await store.save_ruleset("new", START + 1, b"2")
        closed = [incident(n, at=START + n, closed_at=START + n) for n in range(1, 11)]
        await store.commit(commit_of(3_004, decisions=[decision(4, at=START + 4)] * 2, incidents=closed))
        assert await store.retire(before_at=START + 1_501, max_bytes=0) == 3
        assert await store.retire(before_at=START + 1_501, max_bytes=0) == 0
        reader = store.reader()
        assert [entry.seq for entry in reader.entries(limit=2)] == [4, 5]
        assert reader.incidents() == []
        assert len(reader.decisions()) == 1
        assert await store.retire(before_at=START + 3_001, max_bytes=0) == 3_001
        assert reader.entries() == []
        (entry,) = await store.append(START, [fact()])
        assert entry.seq == 3_005
        reader.close()
        await store.close()

    async def test_usage_counts_the_journal(self, world: World) -> None:
        store = await self.opened(world)
        await store.append(START, [fact(n) for n in range(5)])
        usage = store.usage()
        assert usage.journal_entries == 5
        assert usage.refusing == ""
        other = await world.crash(store)
        await other.open()
        assert other.usage().journal_entries == 5
        await other.close()

    async def test_close_finishes_what_was_given_and_refuses_what_comes_after(self, world: World) -> None:
        store = await self.opened(world)
        heard: list[Entry] = []
        store.subscribe(heard.extend)
        calls = [asyncio.ensure_future(store.append(START, [fact(n)])) for n in range(20)]
        await asyncio.wait([calls[0]], timeout=0)
        await store.close()
        await store.close()
        assert [entry.seq for entry in heard] == list(range(1, 21))
        await asyncio.gather(*calls)
        for call in (store.append(START, [fact()]), store.commit(commit_of(0)), store.record([delivery(1)])):
            with pytest.raises(StoreUnavailable, match="not open"):
                await call

    async def test_a_closed_reader_says_so(self, world: World) -> None:
        store = await self.opened(world)
        reader: Reader = store.reader()
        reader.close()
        reader.close()
        with pytest.raises(StoreUnavailable, match="closed"):
            reader.incidents()
        await store.close()

    async def test_a_store_is_opened_once(self, world: World) -> None:
        store = await self.opened(world)
        with pytest.raises(InvariantError, match="opened before"):
            await store.open()
        await store.close()
