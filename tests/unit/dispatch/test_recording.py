import asyncio

from router.dispatch.recording import Recording
from router.testing.virtual import ManualClock, run_virtual
from tests.support.dispatch import Ledger, make_delivery


def record(scenario):
    async def run():
        ledger, done = Ledger(ManualClock()), []
        recording = Recording(
            recorder=ledger, clock=ManualClock(), done=lambda ended: done.append([delivery.id for delivery in ended])
        )
        task = asyncio.get_running_loop().create_task(recording.run())
        await scenario(recording, ledger, done)
        task.cancel()

    run_virtual(run())


def test_what_ends_within_milliseconds_or_while_a_call_is_under_way_is_recorded_together():
    async def scenario(recording, ledger, done):
        recording.add(make_delivery(1), has_ended=True)
        await asyncio.sleep(0.004)
        recording.add(make_delivery(2), has_ended=True)
        await asyncio.sleep(0.0015)
        for number in (3, 4, 5):
            recording.add(make_delivery(number), has_ended=True)
        assert recording.finals == 5
        await asyncio.sleep(0.1)
        assert [len(batch) for batch in ledger.batches] == [2, 3]
        assert done == [[1, 2], [3, 4, 5]]
        assert (recording.finals, recording.is_idle) == (0, True)

    record(scenario)


def test_progress_is_recorded_but_not_done():
    async def scenario(recording, ledger, done):
        recording.add(make_delivery(1), has_ended=False)
        assert not recording.is_idle
        await asyncio.sleep(0.1)
        assert ledger.batches == [[(1, "pending")]]
        assert done == [[]]

    record(scenario)


def test_a_failed_call_is_repeated_with_what_came_meanwhile():
    async def scenario(recording, ledger, done):
        ledger.fails = 2
        recording.add(make_delivery(1), has_ended=True)
        await asyncio.sleep(0.5)
        recording.add(make_delivery(2), has_ended=True)
        await asyncio.sleep(1)
        assert done == []
        assert recording.finals == 2
        await asyncio.sleep(2)
        assert ledger.batches == [[(1, "pending"), (2, "pending")]]
        assert done == [[1, 2]]

    record(scenario)


def test_one_can_be_recorded_at_once():
    async def scenario(recording, ledger, done):
        await recording.record_now(make_delivery(3))
        assert ledger.batches == [[(3, "pending")]]
        assert done == []

    record(scenario)
