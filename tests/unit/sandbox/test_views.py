"""Pictures of incidents do not change afterwards."""

from tests.unit.sandbox.builders import do, payload, sandbox


def test_a_picture_of_several_alerts():
    box = sandbox({"alert_grouping": True})
    do(box, "trigger", "x", payload=payload(severity="warning"))
    do(box, "trigger", "y", payload=payload(severity="error"))
    before = box.incidents()[0]
    assert (before.severity, before.alerts, before.triggers, before.dedup_keys) == ("error", 2, 2, ("x", "y"))
    do(box, "resolve", "x")
    assert before.open_dedup_keys == ("x", "y")
    assert box.incidents()[0].open_dedup_keys == ("y",)


def test_an_incident_without_alerts_has_no_severity():
    box = sandbox({"alert_grouping": True})
    do(box, "trigger")
    box._world.incidents[box.incidents()[0].id].alert_ids.clear()
    assert box.incidents()[0].severity == ""
