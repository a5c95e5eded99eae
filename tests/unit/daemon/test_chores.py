"""Chores come again, also after one of them failed."""

import asyncio

from router.daemon.chores import Chores


async def test_a_failing_chore_comes_again_and_others_go_on() -> None:
    runs = {"good": 0, "bad": 0}

    async def good() -> None:
        runs["good"] += 1

    async def bad() -> None:
        runs["bad"] += 1
        raise ValueError("no")

    chores = Chores()
    chores.every(0.01, "good", good)
    chores.every(0.01, "bad", bad)
    chores.start()
    async with asyncio.timeout(5):
        while min(runs.values()) < 3:
            await asyncio.sleep(0.01)
    chores.stop()
    chores.stop()


async def test_a_chore_that_a_stop_cuts_short_is_no_error(caplog) -> None:
    began = asyncio.Event()

    async def long() -> None:
        began.set()
        await asyncio.Event().wait()

    chores = Chores()
    chores.every(0.01, "long", long)
    chores.start()
    await asyncio.wait_for(began.wait(), 5)
    chores.stop()
    await asyncio.sleep(0.05)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
