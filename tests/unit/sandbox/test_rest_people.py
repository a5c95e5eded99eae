"""Services, integrations, users, policies, on-calls, abilities by REST."""

from router.sandbox.facade import ServiceChange
from tests.unit.sandbox.builders import KEY, content_of, do, sandbox
from tests.unit.sandbox.calls import call, code, ok


def status(box):
    return ok(box, "GET", "/services?name=payments")["services"][0]["status"]


def test_services_and_their_statuses():
    box = sandbox()
    assert [service["name"] for service in ok(box, "GET", "/services")["services"]] == ["payments", "search"]
    assert [service["name"] for service in ok(box, "GET", "/services?query=SEA")["services"]] == ["search"]
    assert status(box) == "active"
    do(box, "trigger", now=10_000)
    assert status(box) == "critical"
    do(box, "acknowledge")
    assert status(box) == "warning"
    box.set_service(ServiceChange(name="payments", maintenance_ms=60_000), 0)
    assert status(box) == "maintenance"
    box.set_service(ServiceChange(name="payments", disabled=True), 0)
    assert status(box) == "disabled"
    assert code(call(box, "GET", "/services/P0")) == (404, 5002)


def test_integrations_show_their_keys_on_demand():
    box = sandbox()
    plain = ok(box, "GET", "/services?name=payments")["services"][0]
    full = ok(box, "GET", f"/services/{plain['id']}?include[]=integrations")["service"]
    assert "integration_key" not in plain["integrations"][0]
    assert full["integrations"][0]["integration_key"] == KEY


def test_a_new_integration_takes_events():
    box = sandbox()
    service = ok(box, "GET", "/services")["services"][0]["id"]
    wanted = {"integration": {"type": "events_api_v2_inbound_integration", "name": "router"}}
    answer = call(box, "POST", f"/services/{service}/integrations", wanted)
    assert answer.status == 201
    key = content_of(answer)["integration"]["integration_key"]
    assert do(box, "trigger", routing_key=key) == "opened"
    wrong = {"integration": {"type": "generic_email_inbound_integration", "name": "x"}}
    assert call(box, "POST", f"/services/{service}/integrations", wrong).status == 400


def test_users():
    box = sandbox()
    found = ok(box, "GET", "/users?query=GRACE")["users"]
    assert [user["email"] for user in found] == ["grace@example.test"]
    assert ok(box, "GET", f"/users/{found[0]['id']}")["user"] == found[0]
    assert call(box, "GET", "/users/P0").status == 404
    assert call(box, "GET", "/users/me").status == 400


def test_escalation_policies():
    box = sandbox()
    found = ok(box, "GET", "/escalation_policies")["escalation_policies"]
    assert [len(policy["escalation_rules"]) for policy in found] == [2, 2]
    assert found[0]["escalation_rules"][0]["escalation_delay_in_minutes"] == 30
    assert ok(box, "GET", f"/escalation_policies/{found[0]['id']}")["escalation_policy"] == found[0]
    assert ok(box, "GET", "/escalation_policies?user_ids[]=P0")["escalation_policies"] == []
    assert call(box, "GET", "/escalation_policies/P0").status == 404


def test_oncalls_are_empty_when_events_would_be_dropped():
    box = sandbox()
    policy = ok(box, "GET", "/escalation_policies?query=payments")["escalation_policies"][0]["id"]
    path = f"/oncalls?escalation_policy_ids[]={policy}"
    rows = ok(box, "GET", path)["oncalls"]
    assert [(row["escalation_level"], row["user"]["summary"]) for row in rows] == [(1, "Ada Example"), (2, "Grace Example")]
    assert (rows[0]["schedule"], rows[0]["end"]) == (None, None)
    full = ok(box, "GET", f"{path}&include[]=users&include[]=escalation_policies")["oncalls"][0]
    assert (full["user"]["email"], full["escalation_policy"]["num_loops"]) == ("ada@example.test", 0)
    box.set_service(ServiceChange(name="payments", on_call=False), 0)
    assert ok(box, "GET", path)["oncalls"] == []
    assert code(call(box, "GET", "/oncalls?until=1971-01-01")) == (400, 2004)


def test_abilities():
    box = sandbox()
    assert "coordinated_responding" in ok(box, "GET", "/abilities")["abilities"]
    assert call(box, "GET", "/abilities/teams").status == 204
    assert code(call(box, "GET", "/abilities/flying")) == (402, 2014)
