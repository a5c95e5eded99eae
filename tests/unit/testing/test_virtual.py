"""Virtual time: jumps instead of waiting, in order; the wall clock can be set, the loop's cannot."""

from __future__ import annotations

import asyncio

import pytest

from router.testing.virtual import START, Deadlock, ManualClock, VirtualLoop, run_virtual


def test_a_day_passes_at_once() -> None:
    async def sleep() -> float:
        clock = ManualClock()
        await clock.sleep(86_400)
        return clock.monotonic()

    assert run_virtual(sleep()) == 86_400


def test_timers_ring_in_the_order_of_their_times_and_each_at_its_own() -> None:
    async def ring() -> list[tuple[str, int]]:
        clock = ManualClock()
        rung: list[tuple[str, int]] = []

        async def wait(name: str, seconds: float) -> None:
            await clock.sleep(seconds)
            rung.append((name, clock.now() - START))

        async with asyncio.TaskGroup() as group:
            group.create_task(wait("late", 3))
            group.create_task(wait("early", 0.25))
            group.create_task(wait("middle", 1))
        return rung

    assert run_virtual(ring()) == [("early", 250), ("middle", 1_000), ("late", 3_000)]


def test_time_stands_still_while_something_can_run() -> None:
    async def busy() -> float:
        for _ in range(1_000):
            await asyncio.sleep(0)
        return asyncio.get_running_loop().time()

    assert run_virtual(busy()) == 0


def test_timeouts_are_virtual_too() -> None:
    async def hang() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3_600):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert run_virtual(hang()) == pytest.approx(3_600)


def test_waiting_for_nothing_is_an_error_and_no_hang() -> None:
    with pytest.raises(Deadlock):
        run_virtual(asyncio.Event().wait())


def test_the_wall_clock_can_be_set_and_the_loop_goes_on() -> None:
    async def step() -> tuple[int, float]:
        clock = ManualClock(1_000)
        await clock.sleep(2)
        clock.step_ms(-500)
        return clock.now(), clock.monotonic()

    assert run_virtual(step()) == (2_500, 2.0)


def test_work_for_a_thread_is_done_on_the_spot() -> None:
    async def work() -> tuple[int, bool]:
        loop = asyncio.get_running_loop()
        with pytest.raises(ValueError, match="invalid literal"):
            await asyncio.to_thread(int, "no number")
        future = loop.run_in_executor(None, int, "7")
        return await asyncio.to_thread(int, "5") + await future, future.done()

    assert run_virtual(work()) == (12, True)


def test_each_run_begins_at_zero() -> None:
    loop = VirtualLoop()
    try:
        assert loop.time() == 0
    finally:
        loop.close()
