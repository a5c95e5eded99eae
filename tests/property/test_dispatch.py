"""Dispatch under arbitrary histories: lanes keep order, keys their pace, and nothing is lost, whatever the other side does."""

import asyncio
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from router.dispatch.lane import plan_waiting
from router.dispatch.pace import Pace
from router.dispatch.settings import Settings
from router.model.delivery import Priority, Rejected, Throttled, Unavailable
from router.testing.virtual import run_virtual
from tests.support.dispatch import ACCEPTED, World, make_delivery, make_update, running

WINDOW = 1_000


@given(
    limit=st.integers(1, 5),
    steps=st.lists(st.tuples(st.integers(0, 700), st.integers(0, 400), st.booleans()), max_size=60),
)
def test_no_window_holds_more_calls_than_the_limit_wherever_in_its_span_a_call_arrives(limit, steps):
    pace = Pace(limit, WINDOW)
    now = 0
    spans = []
    under_way: list[tuple[int, int]] = []  # (ends at, began at)

    def end_until(time):
        for ends_at, began_at in sorted(under_way):
            if ends_at <= time:
                pace.end(ends_at)
                spans.append((began_at, ends_at))
                under_way.remove((ends_at, began_at))

    for gap, took, refused in steps:
        now += gap
        end_until(now)
        free_at = pace.free_at(now)
        if free_at is not None and free_at <= now:
            pace.begin()
            under_way.append((now + took, now))
            if refused:
                pace.refuse(now, began_at=now, pause_ms=gap)
    end_until(now + 10_000)
    for began_at, ended_at in spans:
        for arrival in (began_at, ended_at):
            inside = sum(began < arrival + WINDOW and ended >= arrival for began, ended in spans)
            assert inside <= limit


@given(st.lists(st.sampled_from("tTuUar"), max_size=12))
def test_planning_a_lane_keeps_order_loses_nothing_and_is_done_at_once(words):
    deliveries = [
        make_update(number, "k", attempts=int(word == "U"))
        if word in "uU"
        else make_delivery(number, "k", {"a": "acknowledge", "r": "resolve"}.get(word, "trigger"), attempts=int(word == "T"))
        for number, word in enumerate(words)
    ]
    kept, cancelled = plan_waiting(deliveries, lambda delivery: delivery.attempts == 0)
    ids = [delivery.id for delivery in kept]
    assert ids == sorted(ids)
    assert sorted([*ids, *(delivery.id for delivery, _ in cancelled)]) == list(range(len(words)))
    assert plan_waiting(kept, lambda delivery: delivery.attempts == 0) == (kept, [])
    resolves = [number for number, word in enumerate(words) if word == "r"]
    may_be_open = any(word in "TuUa" for word in words[: resolves[-1]]) if resolves else False
    if may_be_open and not any(word == "t" for word in words[: resolves[-1]]):
        assert resolves[-1] in ids, "what may be open is closed"


OUTCOMES = st.sampled_from(
    [
        ACCEPTED,
        ACCEPTED,
        Unavailable(cause="reset"),
        Unavailable(cause="503", status=503, retry_after_ms=2_000),
        Throttled(retry_after_ms=3_000),
        Throttled(),
        Rejected(cause="no", status=400),
    ]
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["trigger", "update", "resolve", "change"]),
        st.integers(0, 4),  # which lane
        st.integers(0, 1),  # which key
        st.sampled_from(list(Priority)[:4]),
        st.integers(0, 3_000),  # milliseconds until the next
    ),
    max_size=40,
)


@settings(max_examples=60)
@given(steps=STEPS, outcomes=st.lists(OUTCOMES, max_size=60), fails=st.integers(0, 3), latency=st.integers(1, 2_000))
def test_whatever_happens_lanes_keep_order_one_in_flight_and_everything_ends(steps, outcomes, fails, latency):
    run_virtual(play(steps, iter(outcomes), fails, latency / 1000))


async def play(steps, outcomes, fails, latency):
    limits = Settings(calls=6, window_ms=10_000, in_flight=5, in_flight_per_key=3)
    async with running(limits) as world:
        world.latency = latency
        world.ledger.fails = fails
        world.answer = lambda _: next(outcomes, ACCEPTED)
        deliveries = {}
        for number, (kind, lane, key, priority, gap) in enumerate(steps, start=1):
            members = {"routing_key": f"env:{key}", "created_at": world.clock.now()}
            if kind == "update":
                delivery = make_update(number, f"k{lane}", **members)
            elif kind == "trigger":
                delivery = make_delivery(number, f"k{lane}", priority=priority, **members)
            else:
                delivery = make_delivery(number, f"k{lane}" if kind == "resolve" else "", kind, **members)
            deliveries[number] = delivery
            world.enqueue(delivery)
            await world.wait(gap / 1000)
        await world.settle(100_000, every=1)
        check(world, deliveries)


def check(world: World, deliveries):
    states = world.ledger.states()
    assert set(states) == set(deliveries)
    assert set(states.values()) <= {"delivered", "cancelled", "dead"}
    accepted = [call for call in world.calls if states[call.id] == "delivered"]
    assert {call.id for call in accepted} == {number for number, state in states.items() if state == "delivered"}
    told = [number for batch in world.failures.told for number in batch]
    assert sorted(told) == [number for number, state in states.items() if state == "dead"]
    for lane in {delivery.lane for delivery in deliveries.values() if delivery.dedup_key}:
        calls = [call for call in world.calls if deliveries[call.id].lane == lane]
        ids = [call.id for call in calls]
        assert ids == sorted(ids), "never reordered"
        spans = [(call.began_at, call.ended_at) for call in calls]
        assert all(ended <= began for (_, ended), (began, _) in itertools.pairwise(spans)), "one in flight"
    for key in ("env:0", "env:1"):
        calls = [call for call in world.calls if deliveries[call.id].routing_key == key]
        for call in calls:
            inside = [c for c in calls if call.began_at <= c.ended_at and c.began_at < call.began_at + 10_000]
            assert len(inside) <= 6, "never above the pace"


def test_a_world_in_which_nothing_happens_ends():
    async def scenario():
        async with running() as world:
            await asyncio.sleep(1)
        return world.calls

    assert run_virtual(scenario()) == []
