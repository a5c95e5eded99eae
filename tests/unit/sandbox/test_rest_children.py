"""Notes, alerts, log entries, snooze, merge, responders and status updates by REST."""

import pytest

from tests.unit.sandbox.builders import content_of, do, payload, sandbox
from tests.unit.sandbox.calls import call, code, incident_id, ok


def test_notes():
    box = sandbox()
    path = f"/incidents/{incident_id(box)}/notes"
    made = ok(box, "POST", path, {"note": {"content": "é hello"}})["note"]
    assert made["created_at"].endswith("-05:00")
    assert made["user"]["summary"] == "Ada Example"
    assert ok(box, "PUT", f"{path}/{made['id']}", {"note": {"content": "other"}})["note"]["content"] == "other"
    assert [note["content"] for note in ok(box, "GET", path)["notes"]] == ["other"]
    assert call(box, "DELETE", f"{path}/{made['id']}").status == 204
    assert call(box, "DELETE", f"{path}/{made['id']}").status == 404
    do(box, "resolve")
    assert call(box, "POST", path, {"note": {"content": "after the end"}}).status == 200
    for wrong in ({"note": {"content": " "}}, {"note": {}}, {"content": "x"}, {"note": {"content": "é" * 32_768}}):
        assert call(box, "POST", path, wrong).status == 400


def test_2_000_notes():
    box = sandbox(rest_rate_limit_per_minute=0)
    path = f"/incidents/{incident_id(box)}/notes"
    answers = [call(box, "POST", path, {"note": {"content": "x"}}).status for _ in range(2_001)]
    assert set(answers[:2_000]) == {200}
    assert answers[2_000] == 400


def test_alerts():
    box = sandbox({"alert_grouping": True})
    details = {"where": ["here"]}
    incident_id(box, "x", payload=payload(custom_details=details), links=[{"href": "https://x"}])
    path = f"/incidents/{incident_id(box, 'y')}/alerts"
    found = ok(box, "GET", path)["alerts"]
    assert [alert["alert_key"] for alert in found] == ["x", "y"]
    assert found[0]["body"]["details"] == details
    assert found[0]["body"]["contexts"] == [{"type": "link", "href": "https://x"}]
    assert (found[0]["severity"], found[0]["status"], found[0]["suppressed"]) == ("critical", "triggered", False)
    assert [alert["alert_key"] for alert in ok(box, "GET", f"{path}?alert_key=y")["alerts"]] == ["y"]
    assert ok(box, "GET", f"{path}?statuses[]=resolved")["alerts"] == []
    assert ok(box, "GET", f"{path}/{found[0]['id']}")["alert"]["id"] == found[0]["id"]
    assert call(box, "GET", f"{path}/Q0").status == 404


def test_resolving_alerts():
    box = sandbox({"alert_grouping": True})
    incident_id(box, "x")
    path = f"/incidents/{incident_id(box, 'y')}/alerts"
    rows = [{"id": alert["id"], "type": "alert", "status": "resolved"} for alert in ok(box, "GET", path)["alerts"]]
    ok(box, "PUT", path, {"alerts": rows[:1]})
    assert box.incidents()[0].open_dedup_keys == ("y",)
    ok(box, "PUT", path, {"alerts": rows})
    assert box.incidents()[0].status == "resolved"
    assert call(box, "PUT", path, {"alerts": [{"id": rows[0]["id"], "incident": {"id": "Q"}}]}).status == 501
    assert call(box, "PUT", path, {"alerts": rows[:1] * 251}).status == 413
    assert call(box, "PUT", path, {"alerts": [{"id": "Q0", "status": "resolved"}]}).status == 404
    assert call(box, "PUT", path, {}).status == 400


def test_log_entries_and_their_order_switch():
    for order in ("newest_first", "oldest_first"):
        box = sandbox(rest_log_entries_order=order)
        path = f"/incidents/{incident_id(box)}/log_entries"
        do(box, "acknowledge", now=5_000)
        do(box, "resolve", now=9_000)
        types = [entry["type"].removesuffix("_log_entry") for entry in ok(box, "GET", path)["log_entries"]]
        story = ["trigger", "assign", "notify", "acknowledge", "resolve"]
        assert types == (story if order == "oldest_first" else story[::-1])
        assert ok(box, "GET", path)["log_entries"] == ok(box, "GET", "/log_entries")["log_entries"]


def test_log_entries_show_channels_on_demand():
    box = sandbox()
    path = f"/incidents/{incident_id(box)}/log_entries"
    assert "details" not in ok(box, "GET", path)["log_entries"][-1]["channel"]
    channel = ok(box, "GET", f"{path}?include[]=channels")["log_entries"][-1]["channel"]
    assert channel["details"]["dedup_key"] == "k"
    assert ok(box, "GET", f"{path}?since=1970-01-02")["log_entries"] == []
    assert len(ok(box, "GET", f"{path}?until=1970-01-02")["log_entries"]) == 3
    assert code(call(box, "GET", f"{path}?since=x")) == (400, 2004)


def test_snooze_returns_to_triggered():
    box = sandbox()
    path = f"/incidents/{incident_id(box)}/snooze"
    answer = call(box, "POST", path, {"duration": 60}, now=10_000)
    assert answer.status == 201
    assert content_of(answer)["incident"]["pending_actions"] == [{"type": "unacknowledge", "at": "1970-01-01T00:01:10Z"}]
    box.advance(70_000)
    assert box.incidents()[0].status == "triggered"
    for duration in (0, 604_801, "60", True, None, 1.5):
        assert code(call(box, "POST", path, {"duration": duration})) == (400, 1013)
    do(box, "resolve")
    assert code(call(box, "POST", path, {"duration": 60})) == (400, 1001)


def test_merge():
    box = sandbox()
    target, source = incident_id(box, "x"), incident_id(box, "y")
    path = f"/incidents/{target}/merge"
    rows = {"source_incidents": [{"id": source, "type": "incident_reference"}]}
    assert ok(box, "PUT", path, rows)["incident"]["id"] == target
    assert box.incidents()[0].dedup_keys == ("x", "y")
    merged = ok(box, "GET", f"/incidents/{source}")["incident"]
    assert (merged["status"], merged["resolve_reason"]["type"]) == ("resolved", "merge_resolve_reason")
    assert do(box, "resolve", "y").startswith("resolved the alert, others")
    assert code(call(box, "PUT", path, rows)) == (400, 1019)
    assert code(call(box, "PUT", path, {"source_incidents": [{"id": target}]})) == (404, 5001)
    assert call(box, "PUT", path, {}).status == 400


@pytest.mark.parametrize("wraps", [True, False])
def test_responder_requests(wraps):
    box = sandbox()
    found = incident_id(box)
    ada, grace = (user["id"] for user in ok(box, "GET", "/users")["users"])
    policy = ok(box, "GET", "/escalation_policies")["escalation_policies"][0]["id"]
    rows = [{"id": grace, "type": "user_reference"}, {"id": policy, "type": "escalation_policy_reference"}]
    targets = [{"responder_request_target": row} for row in rows] if wraps else rows
    content = {"requester_id": ada, "message": "help", "responder_request_targets": targets}
    path = f"/incidents/{found}/responder_requests"
    assert call(box, "POST", path, content).status == 200
    assert [page.user for page in box.pages(reason="responder_requested")] == ["Grace Example", "Ada Example"]
    assert len(ok(box, "GET", f"/incidents/{found}")["incident"]["incidents_responders"]) == 2
    assert code(call(box, "POST", path, {**content, "requester_id": "P0"})) == (400, 1008)
    assert call(box, "POST", path, {**content, "message": ""}).status == 400
    assert call(box, "POST", path, {**content, "responder_request_targets": [{"id": "P0"}]}).status == 400
    box.settings = type(box.settings)(services=box.settings.services, abilities=())
    box.reset(0)
    assert code(call(box, "POST", f"/incidents/{incident_id(box)}/responder_requests", content)) == (402, 2014)


def test_status_updates():
    box = sandbox()
    path = f"/incidents/{incident_id(box)}/status_updates"
    assert ok(box, "POST", path, {"message": "better"})["status_update"]["message"] == "better"
    assert call(box, "POST", path, {"message": "x", "subject": "y"}).status == 400
    assert call(box, "POST", path, {"message": "x", "subject": "y", "html_message": "z"}).status == 200
    assert call(box, "POST", path, {}).status == 400
