import asyncio

from router.dispatch.dead import MAX_BATCH, DeadLetters, fact_of
from router.model.delivery import Attempt, Priority, Rejected, Unavailable
from router.model.journal import DeliveryFailed
from router.testing.virtual import ManualClock, run_virtual
from tests.support.dispatch import Failures, make_delivery


def test_the_fact_names_what_failed_and_why():
    attempts = (
        Attempt(at=1, took_ms=1, outcome=Unavailable(cause="x", status=500)),
        Attempt(at=2, took_ms=1, outcome=Rejected(cause="no", status=400)),
    )
    delivery = make_delivery(7, "k", last_attempts=attempts, reason="no")
    assert fact_of(delivery) == DeliveryFailed(
        delivery_id=7, team="payments", dedup_key="k", action="trigger", reason="no", status=400
    )
    assert fact_of(make_delivery(8)).status == 0


def test_failures_are_told_in_groups_until_they_are_journalled():
    async def scenario():
        failures, told = Failures(), []
        failures.fails = 2
        letters = DeadLetters(failures=failures, clock=ManualClock(), told=lambda delivery: told.append(delivery.id))
        assert letters.is_idle
        run = asyncio.get_running_loop().create_task(letters.run())
        for number in range(1, MAX_BATCH + 2):
            letters.add(make_delivery(number))
        await asyncio.sleep(1.5)
        assert not told
        assert not letters.is_idle
        await asyncio.sleep(1)
        run.cancel()
        assert told == list(range(1, MAX_BATCH + 2))
        assert [len(batch) for batch in failures.told] == [MAX_BATCH, 1]
        assert letters.is_idle

    run_virtual(scenario())


def test_a_dead_update_says_so_for_nobody_waits_for_it() -> None:
    assert fact_of(make_delivery(8, priority=Priority.UPDATE)).is_update
    assert not fact_of(make_delivery(8, priority=Priority.CRITICAL)).is_update
