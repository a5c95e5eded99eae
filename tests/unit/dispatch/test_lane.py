import pytest

from router.dispatch.lane import CancelReason, Lane, is_update, lane_key, plan_waiting
from router.model.delivery import Priority
from tests.support.dispatch import make_delivery, make_update

TOGETHER, OVERTAKEN, SUPERSEDED = (
    CancelReason.RESOLVED_BEFORE_SENT,
    CancelReason.OVERTAKEN_BY_RESOLVE,
    CancelReason.SUPERSEDED,
)


def lane_of(words: str):
    """``t`` trigger, ``u`` update, capitals: attempted before; ``a`` acknowledge, ``r`` resolve."""
    made = {
        "t": lambda number: make_delivery(number, "k"),
        "T": lambda number: make_delivery(number, "k", attempts=1),
        "u": lambda number: make_update(number, "k"),
        "U": lambda number: make_update(number, "k", attempts=2),
        "a": lambda number: make_delivery(number, "k", "acknowledge"),
        "r": lambda number: make_delivery(number, "k", "resolve"),
    }
    return [made[word](number) for number, word in enumerate(words)]


@pytest.mark.parametrize(
    ("words", "kept", "cancelled"),
    [
        ("", [], {}),
        ("t", [0], {}),
        ("r", [0], {}),
        ("tr", [], {0: TOGETHER, 1: TOGETHER}),
        ("tur", [], {0: TOGETHER, 1: TOGETHER, 2: TOGETHER}),
        ("tuuaur", [], dict.fromkeys(range(6), TOGETHER)),
        ("Tr", [1], {0: OVERTAKEN}),
        ("Tur", [2], {0: OVERTAKEN, 1: OVERTAKEN}),
        ("ur", [1], {0: OVERTAKEN}),
        ("Ur", [1], {0: OVERTAKEN}),
        ("ar", [1], {0: OVERTAKEN}),
        ("tu", [0, 1], {}),
        ("tuu", [0, 2], {1: SUPERSEDED}),
        ("uuu", [2], {0: SUPERSEDED, 1: SUPERSEDED}),
        ("Uu", [1], {0: SUPERSEDED}),
        ("uauu", [0, 1, 3], {2: SUPERSEDED}),
        ("trt", [2], {0: TOGETHER, 1: TOGETHER}),
        ("Trt", [1, 2], {0: OVERTAKEN}),
        ("Trtr", [3], {0: OVERTAKEN, 1: OVERTAKEN, 2: OVERTAKEN}),
        ("rr", [1], {0: OVERTAKEN}),
    ],
)
def test_what_stays_and_what_goes(words, kept, cancelled):
    stays, goes = plan_waiting(lane_of(words), lambda delivery: delivery.attempts == 0)
    assert [delivery.id for delivery in stays] == kept
    assert {delivery.id: reason for delivery, reason in goes} == cancelled


def test_a_trigger_that_may_have_been_sent_is_not_cancelled_with_its_resolve():
    stays, goes = plan_waiting(lane_of("tr"), lambda _: False)
    assert [delivery.id for delivery in stays] == [1]
    assert goes[0][1] is OVERTAKEN


def test_an_update_is_a_trigger_of_an_open_episode():
    assert is_update(make_update(1, "k"))
    assert not is_update(make_delivery(1, "k"))
    assert not is_update(make_delivery(1, "k", "resolve", priority=Priority.UPDATE))


def test_a_delivery_without_a_dedup_key_is_a_lane_of_its_own():
    assert lane_key(make_delivery(1, "k")) == lane_key(make_delivery(2, "k", "resolve"))
    assert lane_key(make_delivery(1, "k")) != lane_key(make_delivery(2, "k", routing_key="env:B"))
    assert lane_key(make_delivery(1, action="change")) != lane_key(make_delivery(2, action="change"))


def test_a_new_lane_is_empty():
    lane = Lane(("env:A", "k"), None)
    assert (lane.waiting, lane.busy, lane.not_before, lane.token) == ([], None, 0, 0)


def test_in_shadow_nothing_is_cancelled():
    waiting = [make_delivery(number, "k", action, team="") for number, action in enumerate(["trigger", "trigger", "resolve"])]
    assert plan_waiting(waiting, lambda _: True) == (waiting, [])
