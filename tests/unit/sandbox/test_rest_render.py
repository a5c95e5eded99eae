"""Pictures of things: shapes of ids and times, and what is null on purpose."""

from router.sandbox import rest_render
from router.sandbox.model import Agent
from tests.unit.sandbox.builders import do, sandbox


def test_references():
    agent = Agent("user", "P1", "Ada")
    found = rest_render.agent_reference(agent)
    assert (found["id"], found["type"], found["summary"], found["html_url"]) == ("P1", "user_reference", "Ada", None)
    assert rest_render.agent_reference(None) is None


def test_priorities_have_distinct_ids_of_the_usual_length():
    found = [rest_render.priority(name) for name in rest_render.PRIORITIES]
    assert len({one["id"] for one in found}) == 5
    assert {len(one["id"]) for one in found} == {14}
    assert rest_render.priority(None) is None


def test_notes_of_nobody_come_from_a_bot():
    box = sandbox()
    do(box, "trigger")
    box.annotate(box.incidents()[0].id, 1_000, content="x")
    world = box._world
    note = next(iter(world.incidents.values())).notes[0]
    assert rest_render.note(world, note)["user"]["type"] == "user_reference"
    note.user_id = ""
    assert rest_render.note(world, note)["user"]["type"] == "bot_user_reference"


def test_a_suppressed_alert_has_no_incident():
    box = sandbox({"suppressed": True})
    do(box, "trigger")
    (alert,) = box._world.open_alerts.values()
    found = rest_render.alert(box._world, alert)
    assert (found["incident"], found["suppressed"], found["alert_key"]) == (None, True, "k")
