from router.dispatch.outbox import MAX_IDLE_KEYS, Outbox, Sending
from router.dispatch.settings import Settings
from tests.support.dispatch import make_delivery, make_update


def make_outbox(**settings) -> Outbox:
    return Outbox(Settings(**settings), lambda delivery: delivery.channel)


def take_all(outbox: Outbox, now: int) -> list[Sending]:
    found = []
    while (sending := outbox.next(now)) is not None:
        found.append(sending)
    return found


def ids(sendings: list[Sending]) -> list[int]:
    return [sending.delivery.id for sending in sendings]


def break_endpoint(outbox: Outbox, now: int) -> None:
    endpoint = outbox.endpoints["pagerduty"]
    while not endpoint.breaker.fail(now, was_probe=False, retry_after_ms=None, jitter=0.0):
        pass
    outbox.opened(endpoint, now)


def test_one_delivery_of_a_lane_is_out_until_it_is_finished():
    outbox = make_outbox()
    first, second = make_delivery(1, "k"), make_delivery(2, "k", "acknowledge")
    outbox.take(first, 0)
    outbox.take(second, 0)
    (sending,) = take_all(outbox, 0)
    outbox.end(sending, 1)
    assert take_all(outbox, 1) == []
    outbox.finish(first, 2)
    assert ids(take_all(outbox, 2)) == [2]
    assert list(outbox.pending) == [2]


def test_each_key_has_so_many_calls_in_flight():
    outbox = make_outbox(in_flight_per_key=2, calls=0)
    for number in range(1, 6):
        outbox.take(make_delivery(number), 0)
    outbox.take(make_delivery(9, routing_key="env:B"), 0)
    sendings = take_all(outbox, 0)
    assert sorted(ids(sendings)) == [1, 2, 9]
    outbox.end(sendings[0], 5)
    assert ids(take_all(outbox, 5)) == [3]
    assert outbox.in_flight == 3


def test_a_paced_key_is_woken_when_its_window_has_passed():
    outbox = make_outbox(calls=1, window_ms=1_000)
    outbox.take(make_delivery(1), 0)
    outbox.take(make_delivery(2), 0)
    (sending,) = take_all(outbox, 0)
    assert outbox.wake_at() is None, "nothing but the end of the call can free a place"
    outbox.end(sending, 10)
    assert take_all(outbox, 10) == []
    assert outbox.wake_at() == 1_010
    outbox.take(make_delivery(3), 20)
    assert take_all(outbox, 20) == []
    assert ids(take_all(outbox, 1_010)) == [2]


def test_a_delivery_that_comes_back_waits_first_in_its_lane():
    outbox = make_outbox()
    outbox.take(make_delivery(1, "k"), 0)
    (sending,) = take_all(outbox, 0)
    outbox.take(make_delivery(2, "k", "acknowledge"), 0)
    sending.delivery.attempts = 1
    outbox.end(sending, 5)
    assert outbox.back(sending, 5, wait_ms=100, was_asked=False) == []
    assert outbox.wake_at() == 105
    assert take_all(outbox, 104) == []
    assert ids(take_all(outbox, 105)) == [1]


def test_what_takes_the_place_of_a_waiting_delivery_waits_as_long():
    outbox = make_outbox()
    outbox.take(make_delivery(1, "k"), 0)
    (sending,) = take_all(outbox, 0)
    sending.delivery.attempts = 1
    outbox.end(sending, 5)
    outbox.back(sending, 5, wait_ms=100, was_asked=True)
    cancelled = outbox.take(make_delivery(2, "k", "resolve"), 50)
    assert [delivery.id for delivery, _ in cancelled] == [1]
    assert take_all(outbox, 104) == []
    assert ids(take_all(outbox, 105)) == [2]


def test_a_lane_that_was_cancelled_whole_is_forgotten():
    outbox = make_outbox()
    trigger, resolve = make_delivery(1, "k"), make_delivery(2, "k", "resolve")
    outbox.take(trigger, 0)
    assert [delivery.id for delivery, _ in outbox.take(resolve, 0)] == [1, 2]
    assert take_all(outbox, 0) == []
    assert list(outbox.pending) == [1, 2], "pending until that is durable"
    outbox.finish(trigger, 1)
    outbox.finish(resolve, 1)
    assert not outbox.pending
    assert not outbox._lanes


def test_an_endpoint_that_is_down_is_probed_by_one_delivery_at_a_time_and_not_always_the_same():
    outbox = make_outbox()
    for number in range(1, 4):
        outbox.take(make_delivery(number), 0)
    break_endpoint(outbox, 0)
    probed = []
    now = 0
    for _ in range(4):
        assert take_all(outbox, now) == []
        woken = outbox.wake_at()
        assert woken is not None
        now = woken
        (sending,) = take_all(outbox, now)
        assert sending.is_probe
        probed.append(sending.delivery.id)
        outbox.end(sending, now + 1)
        sending.endpoint.breaker.fail(now + 1, was_probe=True, retry_after_ms=None, jitter=0.0)
        outbox.back(sending, now + 1, wait_ms=0, was_asked=False)
    assert probed == [1, 2, 3, 1]


def test_when_it_answers_again_everything_goes_each_key_in_order():
    """A call of a key starts when the one before it is answered, or twenty milliseconds later; other keys do not wait for it."""
    outbox = make_outbox()
    for number in range(1, 6):
        outbox.take(make_delivery(number, routing_key=f"env:{number % 2}"), 0)
    break_endpoint(outbox, 0)
    assert take_all(outbox, 0) == []
    endpoint = outbox.endpoints["pagerduty"]
    assert endpoint.breaker.succeed()
    outbox.closed(endpoint)
    first = take_all(outbox, 0)
    assert sorted(ids(first)) == [1, 2]
    assert outbox.wake_at() == 20
    outbox.end(first[0], 5)
    assert ids(take_all(outbox, 5)) == [ids(first)[0] + 2]
    assert ids(take_all(outbox, 20)) == [ids(first)[1] + 2]
    assert ids(take_all(outbox, 25)) == [5]
    for number in (6, 7, 8):
        outbox.take(make_delivery(number, routing_key="env:1"), 26)
    assert ids(take_all(outbox, 26)) == [6, 7, 8], "what was not held back does not wait"


def test_what_a_pause_held_back_goes_in_order():
    outbox = make_outbox()
    for number in range(1, 4):
        outbox.take(make_delivery(number), 0)
    outbox.pace_of(make_delivery(1), 0).pause(1_000)
    assert take_all(outbox, 0) == []
    assert outbox.wake_at() == 1_000
    assert ids(take_all(outbox, 1_000)) == [1]
    assert ids(take_all(outbox, 1_019)) == []
    assert ids(take_all(outbox, 1_020)) == [2]
    assert ids(take_all(outbox, 1_040)) == [3]


def test_opening_ends_the_waits_of_single_deliveries():
    outbox = make_outbox()
    outbox.take(make_delivery(1), 0)
    (sending,) = take_all(outbox, 0)
    outbox.end(sending, 1)
    outbox.back(sending, 1, wait_ms=30_000, was_asked=False)
    break_endpoint(outbox, 2)
    woken = outbox.wake_at()
    assert woken is not None
    assert woken <= 30_001
    assert take_all(outbox, 2) == []
    assert ids(take_all(outbox, 1_300)) == [1]


def test_another_endpoint_is_not_concerned():
    outbox = make_outbox()
    outbox.take(make_delivery(1), 0)
    break_endpoint(outbox, 0)
    outbox.take(make_delivery(2, channel="slack"), 0)
    assert ids(take_all(outbox, 0)) == [2]


def test_hasten_and_drop():
    outbox = make_outbox()
    delivery, behind = make_delivery(1, "k"), make_update(2, "k")
    outbox.take(delivery, 0, not_before=1_000)
    outbox.take(behind, 0)
    assert take_all(outbox, 0) == []
    assert outbox.is_waiting(behind)
    assert outbox.drop(behind, 0)
    assert not outbox.drop(behind, 0)
    outbox.hasten(delivery, 0)
    assert ids(take_all(outbox, 0)) == [1]
    assert not outbox.is_waiting(delivery)
    assert not outbox.drop(delivery, 0)


def test_a_revived_delivery_takes_its_old_place():
    outbox = make_outbox()
    outbox.take(make_delivery(5, "k", "acknowledge"), 0)
    outbox.take(make_delivery(2, "k"), 0)
    assert ids(take_all(outbox, 0)) == [2]


def test_idle_keys_are_let_go():
    outbox = make_outbox(calls=0)
    for number in range(MAX_IDLE_KEYS + 10):
        delivery = make_delivery(number, routing_key=f"env:{number}")
        outbox.take(delivery, number)
        (sending,) = take_all(outbox, number)
        outbox.end(sending, number)
        outbox.finish(delivery, number)
    assert len(outbox.queues) <= MAX_IDLE_KEYS


def test_new_settings_reach_every_key():
    outbox = make_outbox(calls=1)
    outbox.take(make_delivery(1), 0)
    outbox.take(make_delivery(2), 0)
    assert ids(take_all(outbox, 0)) == [1]
    outbox.configure(Settings(calls=5))
    assert ids(take_all(outbox, 0)) == [2]
    assert outbox.pace_of(make_delivery(3), 0).limit == 5
