"""What is owed to webhook receivers: order, retries, drops, disablement, and every switch of the sender."""

import json

import pytest

from router.sandbox.settings import ServiceSpec
from tests.unit.sandbox.builders import OTHER_KEY, do, sandbox
from tests.unit.sandbox.calls import call, incident_id, ok

URL = "http://127.0.0.1:1/hook"
HOUR = 3_600_000
QUIET = {"webhook_unknown_every": 0, "escalate_on_timeout": False}


def world(**switches):
    box = sandbox(**{**QUIET, **switches})
    return box, box.subscribe(URL).id


def event(delivery):
    return json.loads(delivery.body)["event"]


def deliver(box, now, outcome=200):
    """Send everything that is due; what was sent, by type."""
    sent = []
    while taken := box.webhooks_due(now):
        for delivery in taken:
            sent.append(event(delivery)["event_type"])
            box.webhook_answered(delivery.id, outcome, now)
    return sent


# what is said


def test_the_story_of_an_incident_in_order():
    box, _ = world()
    do(box, "trigger")
    found = box.incidents()[0].id
    box.acknowledge(found, 1_000)
    box.escalate(found, 1_000)
    box.reassign(found, 1_000, to="ada@example.test")
    box.resolve(found, 1_000, note="é done")
    assert deliver(box, 2_000) == [
        "incident.triggered",
        "incident.acknowledged",
        "incident.escalated",
        "incident.reassigned",
        "incident.resolved",
        "incident.annotated",
    ]
    last = event(box.webhooks()[-1])["data"]
    assert (last["content"], last["trimmed"], last["incident"]["id"]) == ("Resolution Note: é done", False, found)
    assert "é".encode() in box.webhooks()[-1].body


def test_a_webhook_shows_its_moment_not_the_end():
    box, _ = world()
    do(box, "trigger")
    do(box, "resolve")
    assert [event(one)["data"]["status"] for one in box.webhooks()] == ["triggered", "resolved"]
    assert event(box.webhooks()[-1])["data"]["assignees"] == []


def test_envelope_of_an_event_born_incident():
    box, subscription = world()
    do(box, "trigger", client="router", client_url="https://router")
    (delivery,) = box.webhooks_due(1_000)
    found = event(delivery)
    assert list(json.loads(delivery.body)) == ["event"]
    assert len(found["id"]) == 26
    assert found["resource_type"] == "incident"
    assert found["occurred_at"] == "1970-01-01T00:00:00.200Z"
    assert found["agent"]["type"] == "inbound_integration_reference"
    assert found["client"] == {"name": "router", "url": "https://router"}
    assert found["data"]["incident_key"] is None
    assert "k" not in [found["data"].get("alert_key"), found["data"].get("dedup_key")]
    headers = dict(delivery.headers)
    assert headers["user-agent"] == "PagerDuty-Webhook/V3.0"
    assert headers["x-webhook-subscription"] == subscription
    assert headers["x-pagerduty-signature"].startswith("v1=")


def test_other_kinds_of_data():
    box, _ = world()
    found = incident_id(box)
    ada = ok(box, "GET", "/users")["users"][0]["id"]
    target = {"responder_request_target": {"id": ada, "type": "user_reference"}}
    request = {"requester_id": ada, "message": "help", "responder_request_targets": [target]}
    call(box, "POST", f"/incidents/{found}/responder_requests", request)
    call(box, "POST", f"/incidents/{found}/status_updates", {"message": "better"})
    call(box, "PUT", f"/incidents/{found}", {"incident": {"type": "incident", "priority": "P1"}})
    kinds = [(event(one)["event_type"], event(one)["data"]["type"]) for one in box.webhooks()]
    assert kinds == [
        ("incident.triggered", "incident"),
        ("incident.responder.added", "incident_responder"),
        ("incident.status_update_published", "incident_status_update"),
        ("incident.priority_updated", "incident"),
    ]


def test_merge_says_so():
    box, _ = world()
    target, source = incident_id(box, "x"), incident_id(box, "y")
    ok(box, "PUT", f"/incidents/{target}/merge", {"source_incidents": [{"id": source}]})
    last = event(box.webhooks()[-1])
    assert (last["event_type"], last["data"]["resolve_reason"]["type"]) == ("incident.resolved", "merge_resolve_reason")


def test_filters():
    box = sandbox(**QUIET)
    box.subscribe(URL, ["incident.resolved"])
    box.subscribe(URL, service="search")
    do(box, "trigger")
    assert box.webhooks() == []
    do(box, "resolve")
    do(box, "trigger", routing_key=OTHER_KEY)
    assert [event(one)["event_type"] for one in box.webhooks()] == ["incident.resolved", "incident.triggered"]


def test_long_notes_are_trimmed():
    box, _ = world(webhook_note_trim_length=5)
    box.annotate(incident_id(box), 1_000, content="longer")
    data = event(box.webhooks()[-1])["data"]
    assert (data["content"], data["trimmed"]) == ("longe", True)


def test_sprinkled_webhooks():
    box, _ = world(webhook_unknown_every=2, webhook_foreign_every=3, webhook_null_agent_every=2)
    for number in range(3):
        do(box, "trigger", str(number))
    found = [event(one) for one in box.webhooks()]
    assert [one["event_type"] for one in found] == [
        "incident.triggered",
        "incident.hologram.projected",
        "incident.triggered",
        "incident.triggered",
        "incident.triggered",
    ]
    known = {incident.id for incident in box.incidents()}
    assert [one["data"]["id"] in known for one in found] == [True, False, True, False, True]
    assert [one["agent"] is None for one in found] == [False, True, True, True, False]


# delivery


@pytest.mark.parametrize("outcome", ["timeout", "unreachable", 500, 503, 429])
def test_retries_with_the_same_id_and_the_same_bytes(outcome):
    box, _ = world()
    do(box, "trigger")
    (first,) = box.webhooks_due(200)
    before = (first.webhook_id, first.body, first.headers)
    box.webhook_answered(first.id, outcome, 300)
    assert box.webhooks_due(60_299) == []
    assert box.next_due() == 60_300
    (again,) = box.webhooks_due(60_300)
    assert (again.webhook_id, again.body, again.headers) == before
    box.webhook_answered(again.id, 202, 60_400)
    assert (again.state, again.outcomes) == ("delivered", [(300, outcome), (60_400, 202)])


def test_spacing_doubles_up_to_its_cap_and_ends_after_48_hours():
    box, _ = world()
    do(box, "trigger")
    now, waits = 200, []
    while taken := box.webhooks_due(now):
        box.webhook_answered(taken[0].id, 500, now)
        due = box.next_due()
        if due is None:
            break
        waits.append(due - now)
        now = due
    assert waits[:8] == [60_000, 120_000, 240_000, 480_000, 960_000, 1_920_000, HOUR, HOUR]
    assert 47 * HOUR < now - 200 <= 48 * HOUR
    assert box.webhooks()[0].state == "dropped"


@pytest.mark.parametrize("outcome", [400, 401, 403, 404, 410, "tls", 302])
def test_dropped_at_once(outcome):
    box, _ = world()
    do(box, "trigger")
    assert deliver(box, 1_000, outcome) == ["incident.triggered"]
    assert box.webhooks()[0].state == "dropped"
    assert box.webhooks_due(10 * HOUR) == []


def test_redirect_switch():
    box, _ = world(webhook_redirect="retry")
    do(box, "trigger")
    deliver(box, 1_000, 302)
    assert box.webhooks()[0].state == "waiting"


def test_later_ones_of_a_resource_wait_and_others_do_not():
    box, _ = world()
    do(box, "trigger", "x")
    do(box, "trigger", "y")
    do(box, "resolve", "x")
    first, second = box.webhooks_due(1_000)
    assert {event(first)["data"]["number"], event(second)["data"]["number"]} == {1, 2}
    assert box.webhooks_due(1_000) == []
    box.webhook_answered(first.id, 500, 1_000)
    box.webhook_answered(second.id, 200, 1_000)
    assert box.webhooks_due(60_999) == []
    assert deliver(box, 61_000) == ["incident.triggered", "incident.resolved"]


def test_three_drops_in_a_row_disable_for_a_day_and_what_happens_is_lost():
    box, subscription = world()
    for number in range(4):
        do(box, "trigger", str(number))
    for delivery in box.webhooks_due(1_000)[:3]:
        box.webhook_answered(delivery.id, 400, 1_000)
    found = ok(box, "GET", f"/webhook_subscriptions/{subscription}", now=2_000)["webhook_subscription"]
    assert found["delivery_method"]["temporarily_disabled"]
    do(box, "trigger", "lost", now=2_000)
    assert deliver(box, 20 * HOUR) == []
    do(box, "trigger", "after", now=24 * HOUR + 1_000)
    assert deliver(box, 25 * HOUR) == ["incident.triggered"]


def test_a_success_between_drops_counts_anew():
    box, subscription = world()
    for number, outcome in enumerate((400, 400, 200, 400, 400)):
        do(box, "trigger", str(number))
        assert deliver(box, 10_000, outcome)
    found = ok(box, "GET", f"/webhook_subscriptions/{subscription}")["webhook_subscription"]
    assert not found["delivery_method"]["temporarily_disabled"]


def test_a_gap_by_order():
    box, subscription = world()
    do(box, "trigger")
    box.disable_webhooks(subscription, 1_000, HOUR)
    do(box, "resolve")
    assert deliver(box, 2 * HOUR) == []
    do(box, "trigger", now=2 * HOUR)
    assert deliver(box, 3 * HOUR)[:1] == ["incident.triggered"]


def test_removed_while_under_way():
    box, subscription = world()
    do(box, "trigger")
    (delivery,) = box.webhooks_due(1_000)
    assert call(box, "DELETE", f"/webhook_subscriptions/{subscription}").status == 204
    box.webhook_answered(delivery.id, 500, 11_000)
    assert box.webhooks_due(10 * HOUR) == []


def test_duplicates_after_success_switch():
    box, _ = world(webhook_duplicate_every=1)
    do(box, "trigger")
    assert deliver(box, 1_000) == ["incident.triggered"] * 2
    first, second = box.webhooks()
    assert first.webhook_id == second.webhook_id
    assert first.id != second.id


def test_delay_switch():
    box, _ = world(webhook_delay_ms=5_000)
    do(box, "trigger")
    assert box.webhooks_due(5_199) == []
    assert len(box.webhooks_due(5_200)) == 1


def test_big_bodies():
    box, _ = world(webhook_note_trim_length=400_000)
    found = incident_id(box)
    deliver(box, 1_000)
    for size in (60_000, 300_000):
        box.annotate(found, 1_000, content="x" * size)
    box.annotate(found, 1_000, content="small")
    assert [one.state for one in box.webhooks()] == ["delivered", "waiting", "dropped", "waiting"]
    assert len(box.webhooks_due(1_000)[0].body) < 5_000
    assert len(box.webhooks_due(61_000)[0].body) > 60_000


def test_no_subscription_no_work():
    box = sandbox()
    do(box, "trigger")
    assert box.webhooks() == []


def test_services_have_their_webhooks():
    box, _ = world()
    box.add_service(ServiceSpec(name="late"), 0)
    found = event(box.webhooks()[0])
    assert (found["event_type"], found["resource_type"], found["data"]["summary"]) == ("service.created", "service", "late")


def test_reassigned_by_policy_is_delegated():
    box, _ = world()
    found = incident_id(box)
    policy = ok(box, "GET", "/escalation_policies?query=search")["escalation_policies"][0]["id"]
    ok(box, "PUT", f"/incidents/{found}", {"incident": {"type": "incident", "escalation_policy": {"id": policy}}})
    assert event(box.webhooks()[-1])["event_type"] == "incident.delegated"


def test_no_more_than_fifty_are_under_way():
    box, _ = world(rate_limit_per_minute=0)
    for number in range(60):
        do(box, "trigger", str(number))
    taken = box.webhooks_due(100_000)
    assert (len(taken), box.webhooks_due(100_000), box.next_due()) == (50, [], None)
    box.webhook_answered(taken[0].id, 200, 100_000)
    assert len(box.webhooks_due(100_000, limit=5)) == 1
