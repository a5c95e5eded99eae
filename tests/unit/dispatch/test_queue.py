from router.dispatch.lane import Lane
from router.dispatch.pace import Pace
from router.dispatch.queue import KeyQueue
from router.model.delivery import Priority
from tests.support.dispatch import make_delivery


def make_queue() -> KeyQueue:
    return KeyQueue("env:A", "pagerduty", Pace(0, 1))


def put(queue: KeyQueue, number: int, *, not_before: int = 0, priority: Priority = Priority.ERROR) -> Lane:
    lane = Lane(("env:A", str(number)), queue)
    lane.waiting.append(make_delivery(number, priority=priority))
    lane.not_before = not_before
    queue.put(lane, 0)
    return lane


def drain(queue: KeyQueue, avoided=()) -> list[int]:
    found = []
    while (lane := queue.pop(avoided)) is not None:
        found.append(lane.waiting[0].id)
    return found


def test_priority_then_age():
    queue = make_queue()
    for number, priority in ((1, Priority.UPDATE), (2, Priority.INFO), (3, Priority.CRITICAL), (4, Priority.CRITICAL)):
        put(queue, number, priority=priority)
    assert len(queue) == 4
    assert drain(queue) == [3, 4, 2, 1]
    assert len(queue) == 0
    assert not queue.has_ready


def test_lanes_wait_for_their_time():
    queue = make_queue()
    put(queue, 1, not_before=100)
    put(queue, 2, not_before=50)
    assert not queue.has_ready
    assert queue.due_at == 50
    queue.ripen(49)
    assert queue.pop() is None
    queue.ripen(60)
    assert drain(queue) == [2]
    queue.ripen(100)
    assert drain(queue) == [1]
    assert queue.due_at is None


def test_release_lets_all_go_but_those_that_were_told_to_wait():
    queue = make_queue()
    put(queue, 1, not_before=100)
    put(queue, 2, not_before=50).was_asked = True
    queue.release(0)
    assert drain(queue) == [1]
    assert queue.due_at == 50


def test_a_lane_stands_in_one_place_only():
    queue = make_queue()
    lane = put(queue, 1, not_before=100)
    lane.not_before = 0
    queue.put(lane, 0)
    queue.put(lane, 0)
    assert len(queue) == 1
    assert queue.due_at is None
    assert drain(queue) == [1]


def test_a_lane_taken_out_is_not_found_again():
    queue = make_queue()
    lane = put(queue, 1)
    put(queue, 2)
    queue.take_out(lane)
    assert drain(queue) == [2]


def test_a_busy_or_empty_lane_does_not_stand_in_the_queue():
    queue = make_queue()
    lane = put(queue, 1)
    lane.busy = make_delivery(9)
    queue.put(lane, 0)
    assert len(queue) == 0
    lane.busy = None
    lane.waiting.clear()
    queue.put(lane, 0)
    assert len(queue) == 0


def test_avoided_deliveries_come_last_and_in_the_order_they_were_tried():
    queue = make_queue()
    for number in (1, 2, 3):
        put(queue, number)
    first = queue.pop([1, 2])
    assert first is not None
    assert first.waiting[0].id == 3
    second = queue.pop([2, 1])
    assert second is not None
    assert second.waiting[0].id == 2
    assert drain(queue, [1]) == [1]


def test_entries_left_behind_are_swept():
    queue = make_queue()
    lanes = [put(queue, number, not_before=number % 2 * 1_000) for number in range(1, 1_001)]
    for lane in lanes:
        queue.take_out(lane)
    assert len(queue._ready) + len(queue._waiting) < 200
    assert len(queue) == 0
    assert drain(queue) == []
