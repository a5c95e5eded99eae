"""Incidents by REST: the traps of listing, and what updates refuse."""

import pytest

from router.sandbox.facade import ServiceChange
from router.sandbox.timestamps import add_months, iso
from tests.unit.sandbox.builders import OTHER_KEY, content_of, do, payload, sandbox
from tests.unit.sandbox.calls import call, code, incident_id, ok

START = 1_767_323_045_000
DAY = 86_400_000


def many(count, **switches):
    box = sandbox(rate_limit_per_minute=0, **switches)
    for number in range(count):
        do(box, "trigger", f"k{number}", now=START)
    return box


def keys(box, query="", now=START + DAY):
    listed = ok(box, "GET", f"/incidents{query}", now=now)["incidents"]
    names = {incident.id: incident.dedup_keys for incident in box.incidents()}
    return [names[incident["id"]][0] for incident in listed]


def services(box):
    return {service["name"]: service["id"] for service in ok(box, "GET", "/services")["services"]}


# listing


def test_paging():
    box = many(30)
    page = ok(box, "GET", "/incidents", now=START + DAY)
    assert (len(page["incidents"]), page["limit"], page["offset"], page["more"], page["total"]) == (25, 25, 0, True, None)
    page = ok(box, "GET", "/incidents?offset=25&total=true", now=START + DAY)
    assert (len(page["incidents"]), page["more"], page["total"]) == (5, False, 30)
    assert ok(box, "GET", "/incidents?total=True", now=START + DAY)["total"] is None
    assert ok(box, "GET", "/incidents?limit=500", now=START + DAY)["limit"] == 100
    assert code(call(box, "GET", "/incidents?limit=100&offset=9901")) == (400, 2002)
    assert call(box, "GET", "/incidents?limit=100&offset=9900").status == 200
    assert call(box, "GET", "/incidents?offset=-1").status == 400


def test_rows_move_between_pages_with_the_switch():
    for moves, missed in ((False, 0), (True, 1)):
        box = many(4, rest_rows_change_between_pages=moves)
        seen = keys(box, "?limit=2") + keys(box, "?limit=2&offset=2")
        assert 4 - len(seen) == missed


def test_default_range_is_one_month():
    box = many(1)
    assert keys(box, now=add_months(START, 1)) == ["k0"]
    assert keys(box, now=add_months(START, 1) + DAY) == []
    assert keys(box, "?date_range=all", now=add_months(START, 30)) == ["k0"]


def test_a_one_sided_range_is_one_month_from_that_end():
    box = many(1)
    late = START + 100 * DAY
    assert keys(box, f"?since={iso(START)}", now=late) == ["k0"]
    assert keys(box, f"?since={iso(START - 40 * DAY)}", now=late) == []
    assert keys(box, f"?until={iso(START + DAY)}", now=late) == ["k0"]
    assert keys(box, f"?until={iso(START + 40 * DAY)}", now=late) == []


def test_range_of_six_months_at_most():
    box = sandbox()
    assert call(box, "GET", "/incidents?since=2026-01-01&until=2026-07-01").status == 200
    assert code(call(box, "GET", "/incidents?since=2026-01-01&until=2026-07-02")) == (400, 2005)
    assert code(call(box, "GET", "/incidents?since=yesterday")) == (400, 2004)
    assert code(call(box, "GET", "/incidents?since=2026-01-02&until=2026-01-01")) == (400, 2004)


def test_what_the_range_compares_switch():
    for switch, found in (("created_at", []), ("last_status_change_at", ["k0"])):
        box = many(1, rest_range_compares=switch)
        box.acknowledge(box.incidents()[0].id, START + 10 * DAY)
        assert keys(box, f"?since={iso(START + DAY)}") == found


def test_filters():
    box = many(2)
    do(box, "trigger", "other", routing_key=OTHER_KEY, payload=payload(severity="info"))
    do(box, "resolve", "k0")
    do(box, "acknowledge", "k1")
    ada = ok(box, "GET", "/users?query=ada")["users"][0]["id"]
    assert keys(box, "?statuses[]=resolved") == ["k0"]
    assert keys(box, "?statuses[]=resolved&statuses[]=acknowledged") == ["k0", "k1"]
    assert keys(box, "?statuses[]=acknowledged&urgencies[]=low") == []
    assert keys(box, "?urgencies[]=low") == ["other"]
    assert keys(box, f"?service_ids[]={services(box)['search']}") == ["other"]
    assert keys(box, f"?user_ids[]={ada}") == ["k1", "other"]
    assert keys(box, "?team_ids[]=P1") == []
    assert call(box, "GET", "/incidents?statuses[]=open").status == 400


def test_filters_without_brackets_are_ignored():
    assert keys(many(2), "?statuses=resolved&nothing=x") == ["k0", "k1"]


def test_incident_key_finds_alerts_and_a_blank_one_everything():
    box = many(3)
    assert keys(box, "?incident_key=k1") == ["k1"]
    assert keys(box, "?incident_key=nothing") == []
    assert keys(box, "?incident_key=") == ["k0", "k1", "k2"]


def test_sorting():
    box = many(2)
    do(box, "trigger", "low", payload=payload(severity="info"))
    assert keys(box, "?sort_by=incident_number:desc") == ["low", "k1", "k0"]
    assert keys(box, "?sort_by=urgency,incident_number:desc") == ["low", "k1", "k0"]
    assert keys(box, "?sort_by=created_at:desc")[-1] == "k0"
    assert call(box, "GET", "/incidents?sort_by=title").status == 400
    assert call(box, "GET", "/incidents?sort_by=urgency,created_at,resolved_at").status == 400


def test_the_list_lags_behind_with_the_switch():
    box = sandbox(rest_read_delay_ms=5_000)
    do(box, "trigger", now=START)
    opened = START + 200
    found = box.incidents()[0].id
    assert ok(box, "GET", "/incidents", now=opened + 4_999)["incidents"] == []
    assert len(ok(box, "GET", "/incidents", now=opened + 5_000)["incidents"]) == 1
    box.acknowledge(found, opened + 6_000)
    for now, status in ((opened + 10_999, "triggered"), (opened + 11_000, "acknowledged")):
        assert ok(box, "GET", "/incidents", now=now)["incidents"][0]["status"] == status
    assert ok(box, "GET", f"/incidents/{found}", now=opened + 11_000)["incident"]["status"] == "acknowledged"


# the object


def test_an_incident_born_from_an_event():
    box = many(1)
    found = ok(box, "GET", "/incidents", now=START + 500)["incidents"][0]
    assert found["type"] == "incident"
    assert found["id"][0] in "PQR"
    assert found["summary"] == "[#1] Disk full"
    assert found["incident_key"] is None
    assert found["created_at"].endswith("Z")
    assert found["alert_counts"] == {"all": 1, "triggered": 1, "resolved": 0}
    assert found["assignments"][0]["assignee"]["type"] == "user_reference"
    assert [action["type"] for action in found["pending_actions"]] == ["escalate"]
    assert found["first_trigger_log_entry"]["type"] == "trigger_log_entry_reference"
    assert ok(box, "GET", f"/incidents/{found['incident_number']}")["incident"]["id"] == found["id"]
    assert code(call(box, "GET", "/incidents/Q0")) == (404, 5001)


def test_null_arrays_and_summaries_switch():
    for nulls in (True, False):
        found = ok(many(10, rest_nulls=nulls), "GET", "/incidents", now=START + DAY)["incidents"]
        assert any(incident["acknowledgements"] is None for incident in found) is nulls
        assert any(incident["acknowledgements"] == [] for incident in found)
        assert any(incident["escalation_policy"]["summary"] is None for incident in found) is nulls


def test_includes():
    box = many(1)
    box.acknowledge(box.incidents()[0].id, START + 500)
    query = "&".join(
        f"include[]={name}"
        for name in ("services", "assignees", "escalation_policies", "first_trigger_log_entries", "acknowledgers", "body")
    )
    found = ok(box, "GET", f"/incidents?{query}", now=START + 600)["incidents"][0]
    assert found["service"]["type"] == "service"
    assert found["assignments"][0]["assignee"]["email"] == "ada@example.test"
    assert found["escalation_policy"]["escalation_rules"]
    assert found["first_trigger_log_entry"]["type"] == "trigger_log_entry"
    assert found["acknowledgements"][0]["acknowledger"]["email"] == "ada@example.test"
    assert found["body"]["type"] == "incident_body"


# updating


def put(box, found, now=10_000, **members):
    return call(box, "PUT", f"/incidents/{found}", {"incident": {"type": "incident", **members}}, now)


def test_acknowledge_resolve_and_their_refusals():
    box = sandbox()
    found = incident_id(box)
    acknowledged = content_of(put(box, found, status="acknowledged"))["incident"]
    assert acknowledged["acknowledgements"][0]["acknowledger"]["summary"] == "Ada Example"
    assert code(put(box, found, status="acknowledged")) == (400, 1002)
    assert code(put(box, found, resolution="done")) == (400, 2001)
    resolved = content_of(put(box, found, status="resolved", resolution="done"))["incident"]
    assert (resolved["status"], resolved["assignments"]) == ("resolved", [])
    assert code(put(box, found, status="resolved")) == (400, 1001)
    assert code(put(box, found, status="closed")) == (400, 1003)
    assert do(box, "resolve").startswith("dropped")
    assert box.incidents()[0].notes == ("Resolution Note: done",)


@pytest.mark.parametrize("status", ["triggered", "acknowledged"])
def test_reopening_and_the_switch_for_alerts(status):
    for opens, effect in ((False, "opened"), (True, "repeated")):
        box = sandbox(reopen_reopens_alerts=opens)
        found = incident_id(box)
        do(box, "resolve")
        assert content_of(put(box, found, status=status))["incident"]["status"] == status
        assert box.pages()[-1].reason == "reopened"
        assert do(box, "trigger") == effect


def test_back_to_triggered():
    box = sandbox()
    found = incident_id(box)
    put(box, found, status="acknowledged")
    assert content_of(put(box, found, status="triggered"))["incident"]["status"] == "triggered"
    assert box.pages()[-1].reason == "unacknowledged"


def test_reassign_delegate_escalate():
    box = sandbox()
    found = incident_id(box)
    grace = ok(box, "GET", "/users?query=grace")["users"][0]["id"]
    other = ok(box, "GET", "/escalation_policies?query=search")["escalation_policies"][0]["id"]
    assert content_of(put(box, found, escalation_level=2))["incident"]["assigned_via"] == "escalation_policy"
    rows = [{"assignee": {"id": grace, "type": "user_reference"}}]
    assert content_of(put(box, found, assignments=rows))["incident"]["assigned_via"] == "direct_assignment"
    put(box, found, escalation_policy={"id": other, "type": "escalation_policy_reference"})
    assert [(page.user, page.reason) for page in box.pages()] == [
        ("Ada Example", "triggered"),
        ("Grace Example", "escalated"),
        ("Grace Example", "reassigned"),
        ("Ada Example", "reassigned"),
    ]
    assert put(box, found, escalation_level=3).status == 400
    assert put(box, found, escalation_level=True).status == 400
    assert put(box, found, assignments=[{"assignee": {"id": "P0"}}]).status == 400
    assert put(box, found, assignments=["x"]).status == 400
    assert code(put(box, found, escalation_policy={"id": "P0"})) == (400, 1014)
    box.set_service(ServiceChange(name="search", on_call=False), 0)
    assert code(put(box, found, escalation_policy={"id": other})) == (400, 1015)


def test_low_urgency_is_not_escalated():
    box = sandbox()
    found = incident_id(box, payload=payload(severity="info"))
    assert code(put(box, found, escalation_level=2)) == (400, 1006)
    assert put(box, found, urgency="high", escalation_level=2).status == 200


def test_title_urgency_priority():
    box = sandbox()
    found = incident_id(box)
    changed = content_of(put(box, found, title="Other", urgency="low", priority={"name": "P2"}))["incident"]
    assert (changed["title"], changed["urgency"], changed["priority"]["name"]) == ("Other", "low", "P2")
    priorities = ok(box, "GET", "/priorities")["priorities"]
    assert [one["name"] for one in priorities] == ["P1", "P2", "P3", "P4", "P5"]
    by_id = {"id": priorities[0]["id"], "type": "priority_reference"}
    assert content_of(put(box, found, priority=by_id))["incident"]["priority"]["name"] == "P1"
    assert content_of(put(box, found, priority=None))["incident"]["priority"] is None
    for wrong in ({"title": ""}, {"urgency": "middle"}, {"priority": "P9"}, {"type": "service"}):
        assert put(box, found, **wrong).status == 400
    assert put(box, found, incident_type={"name": "major"}).status == 501


def test_another_service_and_a_bridge():
    box = sandbox()
    found = incident_id(box)
    assert put(box, found, service={"id": "P0", "type": "service_reference"}).status == 404
    wanted = {"id": services(box)["search"], "type": "service_reference"}
    moved = content_of(put(box, found, service=wanted, conference_bridge={"conference_url": "https://meet/1"}))["incident"]
    assert (moved["service"]["id"], moved["conference_bridge"]) == (wanted["id"], {"conference_url": "https://meet/1"})
    assert [(service["name"], service["open_incidents"]) for service in box.services()] == [("payments", 0), ("search", 1)]
    assert put(box, found, conference_bridge="https://meet/1").status == 400
    row = {"id": found, "type": "incident_reference", "service": wanted}
    assert call(box, "PUT", "/incidents", {"incidents": [row]}).status == 400
    assert put(box, found, status="resolved").status == 200
    assert [service["open_incidents"] for service in box.services()] == [0, 0]


def test_bulk_is_all_or_nothing():
    box = many(2)
    rows = [{"id": one.id, "type": "incident_reference", "status": "resolved"} for one in box.incidents()]
    wrong = [rows[0], {**rows[1], "status": "closed"}]
    assert call(box, "PUT", "/incidents", {"incidents": wrong}).status == 400
    assert call(box, "PUT", "/incidents", {"incidents": [rows[0], {**rows[1], "id": "Q0"}]}).status == 404
    assert len(box.incidents("open")) == 2
    assert len(ok(box, "PUT", "/incidents", {"incidents": rows})["incidents"]) == 2
    assert box.incidents("open") == []
    assert call(box, "PUT", "/incidents", {"incidents": rows[:1] * 251}).status == 413
    assert call(box, "PUT", "/incidents", {"incidents": []}).status == 400


# creating


def create(box, **members):
    service = {"id": services(box)["payments"], "type": "service_reference"}
    return call(
        box, "POST", "/incidents", {"incident": {"type": "incident", "title": "By hand", "service": service, **members}}
    )


def test_create():
    box = sandbox()
    answer = create(box, body={"type": "incident_body", "details": "more"}, incident_key="mine")
    assert answer.status == 201
    made = content_of(answer)["incident"]
    assert (made["incident_key"], made["urgency"], made["alert_counts"]["all"]) == ("mine", "high", 0)
    assert len(box.pages()) == 1
    assert create(box, incident_key="mine").status == 400
    put(box, made["id"], status="resolved")
    assert create(box, incident_key="mine").status == 201
    assert len(content_of(create(box))["incident"]["incident_key"]) == 32


def test_create_for_oneself_is_acknowledged_and_silent():
    box = sandbox()
    ada, grace = (user["id"] for user in ok(box, "GET", "/users")["users"])
    assert content_of(create(box, assignments=[{"assignee": {"id": ada}}]))["incident"]["status"] == "acknowledged"
    assert box.pages() == []
    create(box, assignments=[{"assignee": {"id": grace}}])
    assert [page.user for page in box.pages()] == ["Grace Example"]
    assert create(box, assignments=[{"assignee": {"id": ada}}, {"assignee": {"id": grace}}]).status == 400


def test_create_refusals():
    box = sandbox()
    assert code(create(box, service={"id": "P0"})) == (404, 5002)
    for wrong in ({"title": " "}, {"service": "x"}, {"type": "x"}, {"urgency": "x"}, {"body": {"details": {}}}, {"body": "x"}):
        assert create(box, **wrong).status == 400
    assert create(box, conference_bridge={"x": 1}).status == 501


def test_assignments_and_merges_of_resolved_incidents_are_refused():
    box = sandbox()
    found = incident_id(box)
    do(box, "resolve")
    assert code(put(box, found, escalation_level=1)) == (400, 1001)
