"""The synchronous facade: time, steering, and what a person can do."""

import pytest

from router.sandbox.facade import Refused, Sandbox, ServiceChange
from router.sandbox.faults import Fault
from router.sandbox.settings import ServiceSpec
from router.sandbox.switches import Switches
from tests.unit.sandbox.builders import KEY, LATER, do, event, payload, post, sandbox


def opened(**changes):
    box = sandbox()
    do(box, "trigger", **changes)
    return box, box.incidents()[0].id


def test_the_short_way():
    box = Sandbox(Switches(processing_delay_ms=1), {"payments": KEY}, 7)
    assert do(box, "trigger") == "opened"
    assert Sandbox(services=[ServiceSpec(name="x", keys=(KEY,))]).receive_event("/v2/enqueue", {}, b"", 0).status == 400


def test_time_never_goes_back():
    box = sandbox()
    post(box, event(), now=5_000)
    post(box, event(dedup_key="other"), now=1_000)
    assert [entry.at for entry in box.requests()] == [5_000, 5_000]


def test_a_far_jump_does_everything_at_its_own_time():
    box = sandbox({"auto_resolve_seconds": 3_600})
    post(box, event())
    box.advance(100_000_000)
    assert [(page.at, page.reason) for page in box.pages()] == [(200, "triggered"), (1_800_200, "escalated")]
    assert box.incidents()[0].resolved_at == 3_600_200
    assert box.next_due() is None or box.next_due() > 100_000_000


def test_same_seed_same_run():
    def run(seed):
        box = Sandbox(Switches(), {"payments": KEY}, seed)
        for number in range(20):
            do(box, "trigger", str(number))
        return box.incidents(), box.pages()

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_acknowledge_by_a_person():
    box, incident_id = opened()
    found = box.acknowledge(incident_id, LATER, user="grace@example.test")
    assert (found.status, found.acknowledged_at) == ("acknowledged", LATER)
    assert box.acknowledge(incident_id, LATER).acknowledged_at == LATER


def test_resolve_with_a_note():
    box, incident_id = opened()
    found = box.resolve(incident_id, LATER, note="cleaned up")
    assert (found.status, found.notes) == ("resolved", ("Resolution Note: cleaned up",))
    assert (box.incidents("open"), box.newest_resolved(5)) == ([], [found])
    with pytest.raises(Refused, match="already"):
        box.acknowledge(incident_id, LATER)


def test_reassign_and_escalate_tell_the_next_person():
    box, incident_id = opened()
    box.acknowledge(incident_id, LATER)
    found = box.escalate(incident_id, LATER)
    assert (found.status, found.level, found.assignees) == ("triggered", 2, ("Grace Example",))
    with pytest.raises(Refused, match="further"):
        box.escalate(incident_id, LATER)
    box.reassign(incident_id, LATER, to="ada@example.test", user="grace@example.test")
    assert [(page.user, page.reason) for page in box.pages()] == [
        ("Ada Example", "triggered"),
        ("Grace Example", "escalated"),
        ("Ada Example", "reassigned"),
    ]
    box.advance(10_000_000)
    assert len(box.pages()) == 3


def test_reassigning_an_acknowledged_incident_switch():
    for switch, status in ((True, "triggered"), (False, "acknowledged")):
        box = sandbox(reassign_unacknowledges=switch)
        do(box, "trigger")
        incident_id = box.incidents()[0].id
        box.acknowledge(incident_id, LATER)
        assert box.reassign(incident_id, LATER, to="grace@example.test").status == status


def test_refusals_of_a_persons_actions():
    box, incident_id = opened(payload=payload(severity="info"))
    with pytest.raises(Refused, match="low urgency"):
        box.escalate(incident_id, LATER)
    with pytest.raises(Refused, match="nobody"):
        box.reassign(incident_id, LATER, to="nobody@example.test")
    with pytest.raises(Refused, match="nobody"):
        box.annotate(incident_id, LATER, content="x", user="nobody@example.test")
    with pytest.raises(Refused, match="no incident"):
        box.annotate("Q0", LATER, content="x")


def test_unknown_service():
    with pytest.raises(KeyError):
        sandbox().set_service(ServiceChange(name="nothing"), 0)


def test_services_can_be_added_while_it_runs():
    box = sandbox()
    box.add_service(ServiceSpec(name="late", keys=("e" * 32,)), 0)
    assert do(box, "trigger", routing_key="e" * 32) == "opened"
    for name, key in (("late", "f" * 32), ("later", "e" * 32)):
        with pytest.raises(ValueError):
            box.add_service(ServiceSpec(name=name, keys=(key,)), 0)
    assert [service["name"] for service in box.services()] == ["payments", "search", "late"]


def test_reset_forgets_everything_but_the_provision():
    box = sandbox()
    do(box, "trigger")
    box.add_fault(Fault(kind="500"), 0)
    box.set_switches({"processing_delay_ms": 1})
    box.reset(9_000)
    assert box.counts()["requests"] == box.counts()["incidents"] == 0
    assert (box.faults(), box.switches.processing_delay_ms) == ([], 200)
    assert do(box, "trigger") == "opened"


def test_resolved_incidents_are_bounded():
    box = sandbox(kept_resolved_incidents=2)
    for number in range(4):
        do(box, "trigger", str(number))
        do(box, "resolve", str(number))
    assert [incident.number for incident in box.incidents()] == [3, 4]
    assert [incident.number for incident in box.newest_resolved(5)] == [4, 3]
    assert box.counts()["incidents_dropped"] == 2


def test_log_entries_are_bounded_but_counted():
    box = sandbox(kept_log_entries=3)
    for _ in range(10):
        do(box, "trigger")
    assert box.incidents()[0].log_entries == 12


def test_escalating_to_a_level_or_another_policy():
    box, incident_id = opened()
    assert box.escalate(incident_id, LATER, level="2").level == 2
    found = box.escalate(incident_id, LATER, policy="search escalation")
    assert (found.policy, found.level, found.levels) == ("search escalation", 1, 2)
    with pytest.raises(Refused, match="no level 9"):
        box.escalate(incident_id, LATER, level="9")
    with pytest.raises(Refused, match="no escalation policy"):
        box.escalate(incident_id, LATER, policy="nothing")


def test_asking_for_help():
    box, incident_id = opened()
    asked = box.request_responders(incident_id, LATER, to="grace@example.test", message="please")
    assert asked.responders == ("Grace Example (pending)",)
    joined = box.respond(incident_id, LATER, answer="join", user="grace@example.test")
    assert joined.responders == ("Grace Example (accepted)",)
    with pytest.raises(Refused, match="nobody asked Ada"):
        box.respond(incident_id, LATER, answer="decline")
    for to, message in (("nobody@example.test", "x"), ("grace@example.test", "")):
        with pytest.raises(Refused):
            box.request_responders(incident_id, LATER, to=to, message=message)


def test_what_else_a_person_does():
    box, incident_id = opened()
    assert box.prioritise(incident_id, LATER, priority="P2").priority == "P2"
    assert box.snooze(incident_id, LATER, minutes="1").status == "acknowledged"
    box.publish_status(incident_id, LATER, message="on it")
    box.advance(LATER + 60_001)
    assert box.incidents()[0].status == "triggered"
    box.resolve(incident_id, LATER + 70_000)
    assert box.reopen(incident_id, LATER + 80_000).status == "triggered"
    for wrong in ("reopen", "prioritise", "snooze"):
        words = {"prioritise": {"priority": "P9"}, "snooze": {"minutes": "0"}}.get(wrong, {})
        with pytest.raises(Refused):
            getattr(box, wrong)(incident_id, LATER + 90_000, **words)


def test_merging_by_number():
    box, incident_id = opened()
    do(box, "trigger", "other")
    target = box.merge(incident_id, LATER, into="2")
    assert (target.number, target.alerts) == (2, 2)
    for into in ("2", "9", "x"):
        with pytest.raises(Refused, match="no other open incident"):
            box.merge(box.incidents("open")[0].id, LATER, into=into)
