"""What reaches the writer together, and how long anything is kept back."""

from __future__ import annotations

import asyncio

from router.store.sqlite.outgoing import PATIENCE_SECONDS, Outgoing
from router.store.sqlite.work import Call, Grouped


def work() -> Call:
    return Call(lambda _: None, asyncio.get_running_loop().create_future())


class Bench:
    """The other side."""

    def __init__(self) -> None:
        self.handed_over: list[list[Grouped | Call]] = []
        self.outgoing = Outgoing(asyncio.get_running_loop(), self.handed_over.append)


async def test_what_is_given_in_one_turn_goes_together_and_in_order() -> None:
    bench = Bench()
    first, second, third = work(), work(), work()
    bench.outgoing.put(first)
    bench.outgoing.put(second, is_patient=True)
    bench.outgoing.put(third)
    assert bench.handed_over == []
    await asyncio.sleep(0)
    assert bench.handed_over == [[first, second, third]]


async def test_what_is_patient_rides_with_the_next_and_nothing_is_sent_twice() -> None:
    bench = Bench()
    patient, urgent = work(), work()
    bench.outgoing.put(patient, is_patient=True)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert bench.handed_over == []
    bench.outgoing.put(urgent)
    await asyncio.sleep(0)
    assert bench.handed_over == [[patient, urgent]]
    await asyncio.sleep(3 * PATIENCE_SECONDS)
    assert len(bench.handed_over) == 1


async def test_what_is_patient_goes_alone_after_a_while() -> None:
    bench = Bench()
    first, second = work(), work()
    bench.outgoing.put(first, is_patient=True)
    bench.outgoing.put(second, is_patient=True)
    await asyncio.sleep(10 * PATIENCE_SECONDS)
    assert bench.handed_over == [[first, second]]
    third = work()
    bench.outgoing.put(third, is_patient=True)
    await asyncio.sleep(10 * PATIENCE_SECONDS)
    assert bench.handed_over[1:] == [[third]]
