"""Look-ups of the world."""

import pytest

from tests.unit.sandbox.builders import KEY, sandbox


def test_look_ups():
    world = sandbox()._world
    service = world.service_named("payments")
    assert world.integrations[KEY].service_id == service.id
    assert not world.integrations[KEY].is_orchestration
    assert world.user_by_email("ADA@example.test").name == "Ada Example"
    assert world.user_by_email("nobody@example.test") is None
    with pytest.raises(KeyError, match="nothing"):
        world.service_named("nothing")


def test_on_call_by_level():
    world = sandbox()._world
    policy = world.service_named("payments").policy_id
    assert [len(world.on_call(policy, level)) for level in (0, 1, 2, 3)] == [0, 1, 1, 0]


def test_maintenance_windows():
    service = sandbox()._world.service_named("payments")
    service.maintenance = [(10, 20), (30, 40)]
    assert [service.in_maintenance(now) for now in (9, 10, 19, 20, 35, 40)] == [False, True, True, False, True, False]


def test_stale_wake_ups_of_resolved_incidents_are_nothing():
    world = sandbox()._world
    world.wake_at(5, "Q0")
    assert world.next_timer() == 5
    assert world.pop_timer() == (5, None)
    assert world.next_timer() is None


def test_past_states_are_kept_only_as_long_as_needed():
    box = sandbox(rest_read_delay_ms=1_000, kept_resolved_incidents=0)
    world = box._world
    box.receive_event("/v2/enqueue", {}, b"", 0)
    assert world.history == {}
    assert world.listed(0) == []
