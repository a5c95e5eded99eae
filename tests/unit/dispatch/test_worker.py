import asyncio
from typing import Any

import pytest

from router.dispatch.settings import Pacing, Settings
from router.errors import StoreUnusable
from router.model.delivery import ATTEMPTS_KEPT, Attempt, Delivery, Priority, Rejected, Throttled, Unavailable
from router.testing.virtual import START, ManualClock, run_virtual
from tests.support.dispatch import ACCEPTED, Ledger, World, make_delivery, make_update, running

DOWN = Unavailable(cause="connection refused")


def play(scenario, settings: Settings | None = None, **parts):
    """Run a scenario in a world of its own and hand the world back."""

    async def run():
        async with running(settings, **parts) as world:
            await scenario(world)
        return world

    return run_virtual(run())


def test_what_is_enqueued_is_sent_and_its_delivery_recorded():
    async def scenario(world: World):
        world.enqueue(make_delivery(1), make_delivery(2))
        await world.settle()

    world = play(scenario)
    assert world.order == [1, 2]
    assert world.ledger.states() == {1: "delivered", 2: "delivered"}
    row = world.ledger.rows[1]
    assert (row.attempts, row.finished_at) == (1, START + 20)
    assert row.last_attempts[0].took_ms == 20
    assert ("delivered", 1, START + 20) in world.tally.seen


def test_what_was_taken_before_the_start_goes_out_at_the_start():
    async def scenario():
        world = World()
        world.enqueue(make_delivery(1))
        await world.wait(5)
        assert world.calls == []
        async with asyncio.TaskGroup() as group:
            group.create_task(world.dispatcher.run())
            await world.settle()
            await world.dispatcher.stop(1)
        return world

    assert run_virtual(scenario()).order == [1]


def test_a_lane_goes_on_only_after_the_mark_is_durable():
    async def scenario(world: World):
        world.ledger.seconds = 3.0
        world.enqueue(make_delivery(1, "k"))
        await world.wait(0.01)
        world.enqueue(make_delivery(2, "k", "resolve"), make_delivery(3, "other"))
        await world.settle()

    world = play(scenario)
    began = {call.id: call.began_at for call in world.calls}
    assert began[3] < 100, "another lane does not wait"
    assert began[2] >= 3_000, "the resolve waits for the trigger's mark"


def test_a_failing_record_is_tried_again_and_the_lane_stays_blocked():
    async def scenario(world: World):
        world.ledger.fails = 3
        world.enqueue(make_delivery(1, "k"))
        await world.wait(0.01)
        world.enqueue(make_delivery(2, "k", "resolve"))
        await world.settle()

    world = play(scenario)
    assert world.order == [1, 2]
    assert world.calls[1].began_at >= 3_000
    assert world.ledger.states() == {1: "delivered", 2: "delivered"}


def test_an_unusable_store_ends_the_run():
    class Broken(Ledger):
        async def record(self, deliveries):
            raise StoreUnusable("corrupt")

    async def scenario():
        world = World()
        world.dispatcher = World(ledger=Broken(ManualClock())).dispatcher
        world.enqueue(make_delivery(1))
        await world.dispatcher.run()

    with pytest.raises(ExceptionGroup) as raised:
        run_virtual(scenario())
    assert raised.group_contains(StoreUnusable)


def test_records_that_wait_together_share_a_call():
    async def scenario(world: World):
        world.enqueue(*[make_delivery(number) for number in range(1, 41)])
        await world.settle()

    world = play(scenario, Settings(in_flight_per_key=64))
    assert sum(len(batch) for batch in world.ledger.batches) == 40
    assert len(world.ledger.batches) < 10


def test_triggers_go_by_severity_then_resolves_then_updates():
    async def scenario(world: World):
        world.enqueue(
            make_update(1, "a"),
            make_delivery(2, "b", "resolve"),
            make_delivery(3, "c", priority=Priority.INFO),
            make_delivery(4, "d", priority=Priority.CRITICAL),
            make_delivery(5, "e", priority=Priority.WARNING),
            make_delivery(6, "f", priority=Priority.ERROR),
            make_delivery(7, action="change"),
            make_delivery(8, "g", priority=Priority.CRITICAL),
        )
        await world.settle()

    assert play(scenario, Settings(in_flight_per_key=1)).order == [4, 8, 6, 5, 3, 2, 1, 7]


def test_change_events_have_no_order_to_keep_and_are_never_merged():
    async def scenario(world: World):
        world.enqueue(*[make_delivery(number, action="change") for number in (1, 2, 3)])
        await world.settle()

    world = play(scenario)
    assert [call.began_at for call in world.calls] == [0, 0, 0]
    assert set(world.ledger.states().values()) == {"delivered"}


def test_a_trigger_never_sent_is_cancelled_with_its_resolve():
    async def scenario(world: World):
        world.answer = lambda _: DOWN
        world.enqueue(*[make_delivery(number) for number in range(1, 6)])
        await world.wait(0.9)
        world.enqueue(make_delivery(10, "k"), make_update(11, "k"))
        await world.wait(0.1)
        world.enqueue(make_delivery(12, "k", "resolve"))
        await world.wait(0.1)
        world.answer = lambda _: ACCEPTED
        await world.settle()

    world = play(scenario)
    assert {number: state for number, state in world.ledger.states().items() if number >= 10} == dict.fromkeys(
        (10, 11, 12), "cancelled"
    )
    assert {world.ledger.rows[number].reason for number in (10, 11, 12)} == {"resolved_before_sent"}
    assert not {10, 11, 12} & set(world.order)


def test_of_a_trigger_that_may_have_arrived_only_the_resolve_is_sent():
    async def scenario(world: World):
        world.answer = lambda _: DOWN
        world.enqueue(make_delivery(1, "k"))
        await world.wait(0.5)
        world.enqueue(make_delivery(2, "k", "resolve"))
        world.answer = lambda _: ACCEPTED
        await world.settle()

    world = play(scenario)
    assert world.order[-1] == 2
    assert world.ledger.states() == {1: "cancelled", 2: "delivered"}
    assert world.ledger.rows[1].reason == "overtaken_by_resolve"


def test_a_resolve_that_comes_while_its_trigger_is_in_flight_is_sent_after_it():
    async def scenario(world: World):
        world.latency = 2.0
        world.enqueue(make_delivery(1, "k"))
        await world.wait(1)
        world.enqueue(make_delivery(2, "k", "resolve"))
        await world.settle()

    assert play(scenario).order == [1, 2]


def test_of_waiting_updates_only_the_newest_is_sent():
    async def scenario(world: World):
        world.latency = 1.0
        world.enqueue(make_delivery(1, "k"))
        await world.wait(0.5)
        world.enqueue(make_update(2, "k"), make_update(3, "k"), make_update(4, "k"))
        await world.settle()

    world = play(scenario)
    assert world.order == [1, 4]
    assert world.ledger.rows[2].reason == "superseded"


def test_every_attempt_sends_the_same_bytes():
    tries = iter([DOWN, Throttled(retry_after_ms=1_000), Unavailable(cause="503", status=503), DOWN])

    async def scenario(world: World):
        world.answer = lambda _: next(tries, ACCEPTED)
        world.enqueue(make_delivery(1, body=b'{"a":1}'))
        await world.settle()

    world = play(scenario)
    assert [call.body for call in world.calls] == [b'{"a":1}'] * 5
    assert world.ledger.rows[1].attempts == 5


def test_the_newest_attempts_are_kept():
    async def scenario(world: World):
        world.answer = lambda _: DOWN if len(world.calls) < 20 else ACCEPTED
        world.enqueue(make_delivery(1))
        await world.settle()

    row = play(scenario).ledger.rows[1]
    assert row.attempts == 20
    assert len(row.last_attempts) == ATTEMPTS_KEPT
    assert row.last_attempts[-1].outcome == ACCEPTED


def test_a_429_holds_its_key_and_no_other_and_order_is_kept():
    async def scenario(world: World):
        world.answer = lambda delivery: (
            Throttled(retry_after_ms=30_000) if world.at < 1_000 and delivery.routing_key == "env:PAYMENTS" else ACCEPTED
        )
        world.enqueue(*[make_delivery(number) for number in range(1, 31)])
        world.enqueue(make_delivery(50, routing_key="env:OTHER"))
        await world.settle()

    world = play(scenario)
    assert ("breaker", "pagerduty", "open") not in world.tally.seen
    first = [call for call in world.calls if call.began_at < 1_000]
    again = [call for call in world.calls if call.began_at >= 1_000]
    assert {call.id for call in first} == {*range(1, 17), 50}
    refused_at = {call.id: call.ended_at for call in first}
    assert all(call.began_at - refused_at.get(call.id, 0) >= 30_000 for call in again), "none early"
    assert [call.id for call in again] == list(range(1, 31)), "order kept"


def test_an_outage_of_a_minute_costs_few_attempts_and_ends_at_once():
    async def scenario(world: World):
        world.answer = lambda _: DOWN if world.at < 60_000 else ACCEPTED
        world.latency = 0.002
        for number in range(1, 301):
            world.enqueue(make_delivery(number, created_at=world.clock.now()))
            await world.wait(0.05)
        await world.settle()

    world = play(scenario, Settings(calls=0))
    failed = [call for call in world.calls if call.began_at < 60_000]
    after = [call for call in world.calls if call.began_at >= 60_000]
    assert len(failed) <= 60
    assert max(call.ended_at for call in after) <= 62_000
    assert [call.id for call in after][1:] == sorted(call.id for call in after[1:]), "order kept, but for the probe"
    assert [seen for seen in world.tally.seen if seen[0] == "breaker"] == [
        ("breaker", "pagerduty", "open"),
        ("breaker", "pagerduty", "closed"),
    ]


def test_alerts_that_come_and_go_within_an_outage_page_nobody():
    async def scenario(world: World):
        world.answer = lambda _: DOWN if world.at < 60_000 else ACCEPTED
        world.enqueue(*[make_delivery(number, f"k{number}") for number in range(1, 51)])
        await world.wait(30)
        world.enqueue(*[make_delivery(100 + number, f"k{number}", "resolve") for number in range(1, 51)])
        await world.settle()

    world = play(scenario, Settings(calls=0))
    accepted = [call.id for call in world.calls if call.began_at >= 60_000]
    assert all(number > 100 for number in accepted), "no trigger after its resolve"
    assert len(accepted) < 30, "only those that may have arrived are resolved"


def test_a_lone_alert_is_probed_about_every_second():
    async def scenario(world: World):
        world.answer = lambda _: DOWN if world.at < 30_000 else ACCEPTED
        world.enqueue(make_delivery(1))
        await world.settle()

    world = play(scenario)
    assert world.calls[-1].began_at <= 31_300
    assert len(world.calls) <= 35


def test_one_event_that_is_always_answered_500_stops_no_other():
    async def scenario(world: World):
        world.answer = lambda delivery: Unavailable(cause="500", status=500) if delivery.id == 1 else ACCEPTED
        world.enqueue(make_delivery(1))
        await world.wait(10)
        world.enqueue(make_delivery(2), make_delivery(3))
        await world.wait(3)
        assert world.ledger.states() == {1: "pending", 2: "delivered", 3: "delivered"}
        await world.dispatcher.drop(1)
        await world.settle()

    play(scenario)


def test_a_503_with_retry_after_is_waited_for():
    async def scenario(world: World):
        world.answer = lambda _: Unavailable(cause="503", status=503, retry_after_ms=20_000) if world.at < 100 else ACCEPTED
        world.enqueue(make_delivery(1))
        await world.settle()

    world = play(scenario)
    assert world.calls[1].began_at >= 20_000


def test_a_sender_that_raises_loses_nothing():
    async def scenario(world: World):
        world.answer = lambda _: RuntimeError("a mistake") if len(world.calls) < 2 else ACCEPTED
        world.enqueue(make_delivery(1))
        await world.settle()

    world = play(scenario)
    assert world.ledger.rows[1].last_attempts[0].outcome == Unavailable(cause="internal error: RuntimeError")
    assert world.ledger.states() == {1: "delivered"}


def test_a_refused_delivery_is_told_then_recorded_and_its_lane_goes_on():
    async def scenario(world: World):
        world.failures.fails = 2
        world.answer = lambda delivery: Rejected(cause="HTTP 400: no", status=400) if delivery.id == 1 else ACCEPTED
        world.enqueue(make_delivery(1, "k"))
        await world.wait(0.01)
        world.enqueue(make_delivery(2, "k", "resolve"))
        await world.wait(1)
        assert world.ledger.rows[1].state == "pending", "not dead before its failure is journalled"
        await world.settle()
        assert world.dispatcher.snapshot().dead == 1

    world = play(scenario)
    assert world.failures.told == [[1]]
    assert world.ledger.states() == {1: "dead", 2: "delivered"}
    assert world.ledger.rows[1].reason == "HTTP 400: no"
    assert world.order == [1, 2]


def test_a_routing_key_that_cannot_be_read_says_nothing_about_the_endpoint():
    async def scenario(world: World):
        world.answer = lambda _: DOWN if len(world.calls) < 4 else Rejected(cause="the routing key env:X cannot be read")
        world.enqueue(*[make_delivery(number) for number in range(1, 4)])
        await world.wait(1.5)
        assert world.dispatcher.snapshot().breakers == {"pagerduty": "open"}
        await world.settle()

    assert set(play(scenario).ledger.states().values()) == {"dead"}


def test_a_delivery_is_given_up_by_age():
    async def scenario(world: World):
        world.answer = lambda _: DOWN
        world.enqueue(make_delivery(1))
        await world.settle(200_000, every=600)

    world = play(scenario)
    assert world.ledger.states() == {1: "dead"}
    assert world.ledger.rows[1].reason == "not accepted within 24 h; last: connection refused"
    assert world.calls[-1].began_at > 86_400_000
    assert len(world.calls) < 10_000


def test_what_is_sent_beside_the_lanes_waits_for_no_room_but_for_the_end_of_a_pause():
    outcomes = []

    async def scenario(world: World):
        world.enqueue(make_delivery(1))
        await world.settle()
        beside = make_delivery(7, "other", "resolve")
        outcomes.append(await world.dispatcher.send_beside(beside))
        world.answer = lambda _: Throttled(retry_after_ms=30_000)
        outcomes.append(await world.dispatcher.send_beside(beside))
        told_at = world.at
        world.answer = lambda _: ACCEPTED
        outcomes.append(await world.dispatcher.send_beside(beside))
        world.enqueue(make_delivery(2))
        await world.settle()
        outcomes.append(world.calls[-1].began_at >= told_at + 30_000)
        outcomes.append(await world.dispatcher.send_beside(beside))

    world = play(scenario, Settings(calls=1, window_ms=1_000))
    assert [call.id for call in world.calls] == [1, 7, 7, 2, 7]
    assert outcomes[:2] == [ACCEPTED, Throttled(retry_after_ms=30_000)]
    assert isinstance(outcomes[2], Throttled)
    assert outcomes[2].retry_after_ms > 0
    assert outcomes[3:] == [True, ACCEPTED]
    assert list(world.ledger.rows) == [1, 2]


def test_a_delivery_that_is_throttled_for_a_day_is_given_up_too():
    async def scenario(world: World):
        world.answer = lambda _: Throttled(retry_after_ms=600_000)
        world.enqueue(make_delivery(1))
        await world.settle(200_000, every=600)

    assert play(scenario).ledger.rows[1].reason == "not accepted within 24 h; last: too many calls"


def test_a_key_is_never_called_above_its_pace():
    async def scenario(world: World):
        world.latency = 0.3
        world.enqueue(*[make_delivery(number) for number in range(1, 36)])
        await world.settle()

    world = play(scenario, Settings(calls=10, window_ms=60_000))
    for call in world.calls:
        inside = [other for other in world.calls if call.began_at <= other.ended_at and other.began_at < call.began_at + 60_000]
        assert len(inside) <= 10
    assert world.calls[-1].began_at < 240_000


def test_keys_take_turns():
    async def scenario(world: World):
        for number in range(1, 31):
            world.enqueue(make_delivery(number, routing_key=f"env:K{number % 3}"))
        await world.settle()

    world = play(scenario, Settings(in_flight=3))
    keys = [number % 3 for number in world.order]
    assert all(set(keys[start : start + 3]) == {0, 1, 2} for start in range(0, 30, 3))


def test_the_wall_clock_may_jump():
    async def scenario(world: World):
        world.answer = lambda _: DOWN if len(world.calls) < 3 else ACCEPTED
        world.enqueue(make_delivery(1))
        world.clock.step_ms(-3_600_000)
        await world.wait(10)
        assert world.ledger.states() == {1: "delivered"}

    play(scenario)


# restart


def test_what_was_pending_at_a_crash_goes_out_after_the_restart():
    async def scenario():
        world = World()
        world.latency = 100.0
        run = asyncio.get_running_loop().create_task(world.dispatcher.run())
        world.enqueue(make_delivery(1), make_delivery(2))
        await world.wait(1)
        run.cancel()
        await asyncio.wait([run])
        assert world.ledger.states() == {1: "pending", 2: "pending"}
        async with running(ledger=world.ledger) as second:
            second.dispatcher.recover(world.ledger.deliveries(limit=10)[::-1])
            await second.settle()
        return second

    second = run_virtual(scenario())
    assert second.order == [1, 2]
    assert second.ledger.states() == {1: "delivered", 2: "delivered"}


def test_after_a_restart_a_resolve_is_sent_even_if_its_trigger_was_never_recorded_as_sent():
    async def scenario(world: World):
        outbox = [make_delivery(1, "k"), make_delivery(2, "k", "resolve"), make_delivery(3, "open")]
        world.ledger.keep(outbox)
        world.dispatcher.recover(outbox)
        await world.settle()

    world = play(scenario)
    assert sorted(world.order) == [2, 3]
    assert world.ledger.states() == {1: "cancelled", 2: "delivered", 3: "delivered"}
    assert world.ledger.rows[1].reason == "overtaken_by_resolve"


def test_a_restart_honours_the_waits_and_the_pace_from_before():
    async def scenario(world: World):
        answer = Attempt(at=START - 5_000, took_ms=1, outcome=Throttled(retry_after_ms=30_000))
        throttled = make_delivery(1, attempts=1, next_attempt_at=START + 25_000, last_attempts=(answer,))
        behind = make_delivery(2)
        failed = make_delivery(3, routing_key="env:B", attempts=1, next_attempt_at=START + 10_000)
        paced = make_delivery(4, routing_key="env:C")
        called = [
            make_delivery(10 + number, routing_key="env:C", state="delivered", finished_at=START - 50_000 + number)
            for number in range(5)
        ]
        outbox = [throttled, behind, failed, paced]
        world.ledger.keep(outbox)
        world.dispatcher.recover(outbox, recent=called, dead=2)
        assert world.dispatcher.snapshot().dead == 2
        await world.settle()

    world = play(scenario, Settings(calls=5))
    began = {call.id: call.began_at for call in world.calls}
    assert began[1] >= 25_000
    assert began[2] >= 25_000, "the whole key was told to wait"
    assert began[3] >= 10_000
    assert 10_000 <= began[4] <= 10_010


# stop


def test_stop_lets_what_is_in_flight_end_and_begins_nothing_new():
    async def scenario():
        world = World(Settings(in_flight=1))
        world.latency = 2.0
        async with asyncio.TaskGroup() as group:
            group.create_task(world.dispatcher.run())
            world.enqueue(make_delivery(1), make_delivery(2))
            await world.wait(1)
            await world.dispatcher.stop(30)
        return world

    world = run_virtual(scenario())
    assert world.at < 3_000
    assert world.ledger.states() == {1: "delivered", 2: "pending"}


def test_stop_gives_up_after_its_grace_and_leaves_the_rest_pending():
    async def scenario():
        world = World()
        world.latency = 100.0
        async with asyncio.TaskGroup() as group:
            group.create_task(world.dispatcher.run())
            world.enqueue(make_delivery(1))
            await world.wait(1)
            await world.dispatcher.stop(5)
        return world

    world = run_virtual(scenario())
    assert 5_900 <= world.at <= 6_100
    assert world.ledger.states() == {1: "pending"}
    assert world.ledger.rows[1].attempts == 0


def test_stop_without_a_run_ends():
    async def scenario():
        await World().dispatcher.stop(1)

    run_virtual(scenario())


# people


def test_a_dead_letter_can_be_tried_again():
    async def scenario(world: World):
        world.answer = lambda _: Rejected(cause="no", status=400) if world.at < 1_000 else ACCEPTED
        world.enqueue(make_delivery(1, body=b'{"x":1}'))
        await world.wait(90_000)
        assert await world.dispatcher.retry(1) == "done"
        assert world.ledger.rows[1].state == "pending"
        await world.settle()
        assert world.dispatcher.snapshot().dead == 0

    world = play(scenario)
    assert world.ledger.states() == {1: "delivered"}
    assert [call.body for call in world.calls] == [b'{"x":1}'] * 2


def test_an_old_dead_letter_that_is_tried_again_gets_a_new_day():
    async def scenario(world: World):
        world.answer = lambda _: Rejected(cause="no", status=400)
        world.enqueue(make_delivery(1))
        await world.wait(90_000)
        world.answer = lambda _: DOWN if len(world.calls) < 4 else ACCEPTED
        await world.dispatcher.retry(1)
        await world.settle()

    assert play(scenario).ledger.states() == {1: "delivered"}


def test_a_dead_trigger_whose_episode_was_resolved_is_not_sent():
    async def scenario(world: World):
        world.answer = lambda delivery: Rejected(cause="no", status=400) if delivery.id == 1 else ACCEPTED
        world.enqueue(make_delivery(1, "k"))
        await world.wait(1)
        world.enqueue(make_delivery(2, "k", "resolve"))
        await world.settle()
        assert await world.dispatcher.retry(1) == "resolved"
        assert await world.dispatcher.drop(1) == "done"
        assert await world.dispatcher.drop(1) == "finished"
        assert world.dispatcher.snapshot().dead == 0

    world = play(scenario)
    assert world.ledger.rows[1].reason == "dropped_by_person; dead because: no"


def test_a_dead_trigger_tried_again_is_sent_before_the_resolve_that_waits_or_not_at_all():
    async def scenario(world: World):
        world.answer = lambda _: Rejected(cause="no", status=400)
        world.enqueue(make_delivery(1, "k"))
        await world.wait(1)
        world.answer = lambda _: DOWN
        world.enqueue(make_delivery(2, "k", "resolve"))
        await world.wait(1)
        assert await world.dispatcher.retry(1) == "done"
        world.answer = lambda _: ACCEPTED
        await world.settle()

    world = play(scenario)
    assert world.order[-1] == 2
    assert world.ledger.states() == {1: "cancelled", 2: "delivered"}


def test_a_waiting_delivery_can_be_hastened_or_dropped():
    async def scenario(world: World):
        world.answer = lambda _: Unavailable(cause="503", status=503, retry_after_ms=200_000)
        world.enqueue(make_delivery(1, "k"), make_delivery(2, "k2"))
        await world.wait(1)
        world.answer = lambda _: 5.0
        assert await world.dispatcher.drop(2) == "done"
        assert await world.dispatcher.retry(1) == "done"
        await world.wait(1)
        assert await world.dispatcher.retry(1) == "busy"
        assert await world.dispatcher.drop(1) == "busy"
        await world.settle()
        assert world.at < 10_000
        assert await world.dispatcher.retry(1) == "finished"
        assert await world.dispatcher.retry(99) == "unknown"

    world = play(scenario)
    assert world.ledger.states() == {1: "delivered", 2: "cancelled"}
    assert world.ledger.rows[2].reason == "dropped_by_person"


# bounds


def test_bodies_above_the_bound_are_read_back_from_the_store():
    async def scenario(world: World):
        world.answer = lambda _: DOWN if world.at < 5_000 else ACCEPTED
        world.enqueue(*[make_delivery(number, body=b"%03d" % number + b"x" * 97) for number in range(1, 21)])
        snapshot = world.dispatcher.snapshot()
        assert snapshot.body_bytes <= 1_000
        assert snapshot.bodies_in_store == 10
        await world.settle()
        assert world.dispatcher.snapshot().body_bytes == 0
        assert world.dispatcher.snapshot().bodies_in_store == 0

    world = play(scenario, Settings(max_body_bytes=1_000))
    assert all(call.body == b"%03d" % call.id + b"x" * 97 for call in world.calls)
    assert set(world.ledger.states().values()) == {"delivered"}


def test_a_body_that_is_gone_is_a_dead_letter():
    async def scenario(world: World):
        world.dispatcher.enqueue([make_delivery(1)])
        await world.settle()

    world = play(scenario, Settings(max_body_bytes=1))
    assert world.ledger.rows[1].reason == "its body is not in the store any more"
    assert world.calls == []


def test_nothing_new_is_sent_while_too_much_is_not_recorded():
    async def scenario(world: World):
        world.ledger.fails = 5
        world.enqueue(*[make_delivery(number) for number in range(1, 51)])
        await world.wait(3)
        assert len(world.calls) <= 10 + 4
        await world.settle()

    assert set(play(scenario, Settings(max_unrecorded=10, in_flight=4)).ledger.states().values()) == {"delivered"}


def test_new_settings_hold_from_the_next_call_on():
    async def scenario(world: World):
        world.enqueue(*[make_delivery(number) for number in range(1, 11)])
        await world.wait(1)
        assert len(world.calls) == 2
        world.dispatcher.configure(Settings(calls=0))
        await world.wait(1)
        assert len(world.calls) == 10

    play(scenario, Settings(calls=2))


def chat(number: int, name: str = "chat", **members: Any) -> Delivery:
    return make_delivery(number, channel=name, team="", routing_key=f"channel:{name}", **members)


def test_channels_that_hang_leave_room_for_pages():
    async def scenario(world: World):
        world.answer = lambda delivery: 30.0 if delivery.channel != "pagerduty" else ACCEPTED
        world.enqueue(*[chat(number, f"chat{number % 5}") for number in range(1, 101)])
        await world.wait(1)
        assert len(world.calls) == 4, "all channels besides PagerDuty share a bound"
        world.enqueue(*[make_delivery(number) for number in range(101, 109)])
        await world.wait(1)
        assert world.order[4:] == list(range(101, 109))
        await world.settle()
        assert len(world.calls) == 108

    play(scenario, Settings(calls=0, in_flight=8, in_flight_besides=4))


def test_a_channel_that_hangs_leaves_room_for_the_others():
    async def scenario(world: World):
        world.answer = lambda delivery: 30.0 if delivery.channel == "stuck" else ACCEPTED
        world.enqueue(*[chat(number, "stuck") for number in range(1, 51)])
        await world.wait(1)
        assert len(world.calls) == 4
        world.enqueue(*[chat(number, "fine") for number in range(51, 101)])
        await world.wait(2)
        assert world.order[4:] == list(range(51, 101))

    play(scenario, Settings(calls=0, channels=dict.fromkeys(("stuck", "fine"), Pacing(calls=0, in_flight=4))))


def test_a_channel_has_its_own_pace_and_its_own_patience():
    async def scenario(world: World):
        world.enqueue(*[chat(number) for number in range(1, 6)], make_delivery(6), make_delivery(7))
        await world.wait(0.5)
        assert world.order == [1, 6, 7]
        await world.settle(20)
        world.dispatcher.configure(
            Settings(calls=100, channels={"chat": Pacing(calls=0, retry_max_age_ms=60_000)}, in_flight_per_key=1)
        )
        world.answer = lambda _: Unavailable(cause="HTTP 503", status=503)
        world.enqueue(chat(8, created_at=world.clock.now()))
        await world.settle(200)
        assert world.ledger.rows[8].reason.startswith("not accepted within 0.0166667 h")

    play(scenario, Settings(calls=100, channels={"chat": Pacing(calls=1, window_ms=1_000)}))


def test_the_snapshot_tells_how_it_goes():
    async def scenario(world: World):
        world.answer = lambda _: Throttled(retry_after_ms=60_000)
        world.enqueue(make_delivery(1, created_at=START - 5_000), make_delivery(2))
        await world.wait(10)
        snapshot = world.dispatcher.snapshot()
        assert (snapshot.waiting, snapshot.in_flight, snapshot.unrecorded, snapshot.oldest_age_ms) == (2, 0, 0, 15_000)
        assert [(key.routing_key, key.lanes, key.calls_limit) for key in snapshot.keys] == [("env:PAYMENTS", 2, 50)]
        assert 49_000 < snapshot.keys[0].paused_ms < 51_000
        assert snapshot.breakers == {"pagerduty": "closed"}
        world.answer = lambda _: ACCEPTED
        await world.settle()

    play(scenario)


def test_a_channel_with_a_bound_of_its_own_leaves_room_for_the_others():
    async def scenario(world: World):
        world.answer = lambda delivery: 30.0 if delivery.channel == "deeds" else ACCEPTED
        world.enqueue(*[chat(number, "deeds") for number in range(1, 21)])
        world.enqueue(*[chat(number) for number in range(21, 31)])
        await world.wait(1)
        assert sorted(world.order) == [1, 2, *range(21, 31)]
        await world.settle()
        assert len(world.calls) == 30

    bounds = {"deeds": Pacing(calls=0, in_flight=2)}
    play(scenario, Settings(calls=0, in_flight=8, in_flight_besides=4, channels=bounds))
