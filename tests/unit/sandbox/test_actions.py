"""What only people do: the bounds of merging, and a priority that stays."""

from router.sandbox import actions
from router.sandbox.model import Agent
from tests.unit.sandbox.builders import do, sandbox
from tests.unit.sandbox.calls import incident_id

ADA = Agent("user", "P", "Ada")


def test_a_merge_that_would_overfill_does_nothing():
    box = sandbox()
    target, source = incident_id(box, "x"), incident_id(box, "y")
    world = box._world
    world.incidents[target].alert_ids += ["gone"] * 999
    assert not actions.merge(world, world.incidents[target], [world.incidents[source]], 1_000, ADA)
    assert world.incidents[source].is_open


def test_a_resolved_source_stays_resolved_and_its_alerts_move():
    box = sandbox()
    target, source = incident_id(box, "x"), incident_id(box, "y")
    do(box, "resolve", "y")
    world = box._world
    assert actions.merge(world, world.incidents[target], [world.incidents[source]], 1_000, ADA)
    assert [incident.dedup_keys for incident in box.incidents()] == [("x", "y"), ()]


def test_setting_the_same_priority_says_nothing():
    box = sandbox()
    incident = box._world.incidents[incident_id(box)]
    actions.set_priority(box._world, incident, "P1", 1_000, ADA)
    lines = len(incident.log_entries)
    actions.set_priority(box._world, incident, "P1", 1_000, ADA)
    assert len(incident.log_entries) == lines
