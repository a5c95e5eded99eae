"""What can happen to an incident, beyond what events and people make of it."""

from router.sandbox import transitions
from router.sandbox.model import Agent
from tests.unit.sandbox.builders import do, sandbox
from tests.unit.sandbox.calls import incident_id

ADA = Agent("user", "P", "Ada")


def opened(**switches):
    box = sandbox(**switches)
    found = incident_id(box)
    return box, box._world, box._world.incidents[found]


def test_the_story_of_one_incident():
    box, _, incident = opened()
    do(box, "acknowledge")
    do(box, "resolve")
    assert [entry.type for entry in incident.log_entries] == ["trigger", "assign", "notify", "acknowledge", "resolve"]


def test_the_first_line_stays_when_the_story_gets_too_long():
    _, world, incident = opened(kept_log_entries=2)
    transitions.log(world, incident, "annotate", 5, None, "last")
    assert [entry.type for entry in incident.log_entries] == ["trigger", "annotate"]
    assert incident.log_entries_dropped == 2


def test_acknowledging_twice_is_once():
    _, world, incident = opened()
    transitions.acknowledge(world, incident, 1_000, ADA)
    transitions.acknowledge(world, incident, 2_000, ADA)
    assert incident.acknowledgements == [(1_000, ADA)]


def test_urgency_that_stays_or_goes_down_tells_nobody():
    box, world, incident = opened()
    for urgency in ("high", "low"):
        transitions.set_urgency(world, incident, urgency, 1_000, ADA)
    assert len(box.pages()) == 1
    assert incident.escalates_at is None


def test_a_full_incident_takes_no_alert():
    _, world, incident = opened()
    alert = next(iter(world.alerts.values()))
    incident.alert_ids = ["x"] * 1_000
    assert not transitions.add_alert(incident, alert)


def test_timers_do_nothing_before_their_time():
    box, world, incident = opened()
    transitions.run_timers(world, incident, incident.escalates_at - 1)
    assert len(box.pages()) == 1
    transitions.run_timers(world, incident, incident.escalates_at)
    assert [entry.type for entry in incident.log_entries][-2:] == ["notify", "exhaust_escalation_path"]


def test_reopening_does_not_steal_a_key_that_is_open_again():
    box, world, incident = opened(reopen_reopens_alerts=True)
    do(box, "resolve")
    do(box, "trigger")
    transitions.reopen(world, incident, 5_000, ADA)
    assert [one.open_dedup_keys for one in box.incidents()] == [(), ("k",)]
    assert list(world.resolved_order) == []
