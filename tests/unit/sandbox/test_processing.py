"""The deduplication table, the silent drops, grouping, urgency and the timers of services."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.sandbox.facade import ServiceChange
from tests.unit.sandbox.builders import (
    KEY,
    ORCHESTRATION_KEY,
    OTHER_KEY,
    SECOND_KEY_OF_SAME,
    do,
    event,
    payload,
    post,
    sandbox,
)

MINUTE = 60_000


def statuses(box):
    return [incident.status for incident in box.incidents()]


# the table


def test_no_alert_ever():
    box = sandbox()
    assert do(box, "acknowledge").startswith("dropped")
    assert do(box, "resolve").startswith("dropped")
    assert box.incidents() == []
    assert do(box, "trigger") == "opened"
    assert statuses(box) == ["triggered"]


def test_open_and_triggered():
    box = sandbox()
    do(box, "trigger")
    assert do(box, "trigger") == "repeated"
    assert (box.incidents()[0].triggers, len(box.pages())) == (2, 1)
    assert do(box, "acknowledge") == "acknowledged"
    assert statuses(box) == ["acknowledged"]


def test_open_and_acknowledged():
    box = sandbox()
    do(box, "trigger")
    do(box, "acknowledge")
    assert do(box, "trigger") == "repeated"
    assert do(box, "acknowledge") == "already acknowledged"
    assert statuses(box) == ["acknowledged"]
    assert len(box.pages()) == 1
    assert do(box, "resolve") == "resolved"
    assert statuses(box) == ["resolved"]


def test_resolved_is_never_reopened_by_an_event():
    box = sandbox()
    do(box, "trigger")
    do(box, "resolve")
    assert do(box, "acknowledge").startswith("dropped")
    assert do(box, "resolve").startswith("dropped")
    assert do(box, "trigger") == "opened"
    assert statuses(box) == ["resolved", "triggered"]
    assert len(box.pages()) == 2


@pytest.mark.parametrize("key", [OTHER_KEY, SECOND_KEY_OF_SAME])
def test_the_same_dedup_key_through_another_integration_is_another_alert(key):
    box = sandbox()
    do(box, "trigger")
    assert do(box, "acknowledge", routing_key=key).startswith("dropped")
    assert do(box, "resolve", routing_key=key).startswith("dropped")
    assert statuses(box) == ["triggered"]
    assert do(box, "trigger", routing_key=key) == "opened"
    assert do(box, "resolve", routing_key=key) == "resolved"
    assert statuses(box) == ["triggered", "resolved"]


def test_dedup_keys_are_case_sensitive():
    box = sandbox()
    do(box, "trigger", "Key")
    assert do(box, "resolve", "key").startswith("dropped")


STEPS = st.lists(
    st.tuples(st.sampled_from(["trigger", "acknowledge", "resolve"]), st.sampled_from("xy"), st.sampled_from([KEY, OTHER_KEY])),
    max_size=30,
)


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_the_table_against_a_naive_model(steps):
    box = sandbox(rate_limit_per_minute=0)
    state, opened, pages = {}, 0, 0
    for number, (action, dedup_key, key) in enumerate(steps):
        do(box, action, dedup_key, now=number * 1_000, routing_key=key)
        before = state.get((key, dedup_key), "none")
        if action == "trigger" and before in {"none", "resolved"}:
            state[key, dedup_key] = "triggered"
            opened, pages = opened + 1, pages + 1
        elif action == "acknowledge" and before == "triggered":
            state[key, dedup_key] = "acknowledged"
        elif action == "resolve" and before in {"triggered", "acknowledged"}:
            state[key, dedup_key] = "resolved"
    assert len(box.incidents()) == opened
    assert len(box.pages()) == pages
    found = {(one.service, one.dedup_keys[0]): one.status for one in box.incidents("open")}
    names = {KEY: "payments", OTHER_KEY: "search"}
    expected = {(names[key], name): now for (key, name), now in state.items() if now not in {"none", "resolved"}}
    assert found == expected


# silent drops


def test_nobody_on_call():
    box = sandbox()
    box.set_service(ServiceChange(name="payments", on_call=False), 0)
    assert do(box, "trigger") == "dropped: nobody on call"
    assert (box.incidents(), box.pages()) == ([], [])
    box.set_service(ServiceChange(name="payments", on_call=True), 1_000)
    assert do(box, "trigger", now=1_000) == "opened"


def test_nobody_on_call_from_the_start():
    assert do(sandbox({"on_call": False}), "trigger") == "dropped: nobody on call"


def test_service_disabled():
    assert do(sandbox({"disabled": True}), "trigger") == "dropped: service disabled"


def test_maintenance_ends():
    box = sandbox()
    box.set_service(ServiceChange(name="payments", maintenance_ms=MINUTE), 0)
    assert do(box, "trigger") == "dropped: service in maintenance"
    assert do(box, "trigger", now=MINUTE) == "opened"


def test_resolves_are_taken_during_maintenance():
    box = sandbox()
    do(box, "trigger")
    box.set_service(ServiceChange(name="payments", maintenance_ms=MINUTE), 500)
    assert do(box, "resolve", now=500) == "resolved"


def test_suppressed_service_keeps_an_alert_without_an_incident():
    box = sandbox({"suppressed": True})
    assert do(box, "trigger") == "suppressed"
    assert box.suppressed() == ["k"]
    assert do(box, "trigger") == "repeated on a suppressed alert"
    assert do(box, "acknowledge").startswith("dropped")
    assert do(box, "resolve") == "resolved the alert only"
    assert (box.incidents(), box.pages(), box.suppressed()) == ([], [], [])


def test_orchestration_routes_by_content():
    box = sandbox()
    assert do(box, "trigger", "routed", routing_key=ORCHESTRATION_KEY) == "opened"
    assert box.incidents()[0].service == "payments"
    lost = {"payload": payload(source="elsewhere"), "routing_key": ORCHESTRATION_KEY}
    assert do(box, "trigger", "lost", **lost) == "suppressed: no route"
    assert box.suppressed() == ["lost"]


def test_loss_inside():
    assert do(sandbox(accepted_loss_probability=1.0), "trigger") == "dropped: lost inside"


# what a repeated trigger changes


def test_summary_of_a_repeated_trigger_switch():
    for switch, title in (("replace", "Worse"), ("keep", "Disk full")):
        box = sandbox(repeat_trigger_summary=switch)
        do(box, "trigger")
        do(box, "trigger", payload=payload(summary="Worse"))
        assert box.incidents()[0].title == title


@pytest.mark.parametrize(
    ("severity", "urgency"), [("critical", "high"), ("error", "high"), ("warning", "low"), ("info", "low")]
)
def test_urgency_from_severity(severity, urgency):
    box = sandbox()
    do(box, "trigger", payload=payload(severity=severity))
    assert box.incidents()[0].urgency == urgency
    assert box.pages()[0].urgency == urgency


def test_fixed_urgency():
    box = sandbox({"urgency": "low"})
    do(box, "trigger")
    assert box.incidents()[0].urgency == "low"


def test_urgency_moves_up_only_and_tells_again():
    box = sandbox()
    for severity, urgency in (("warning", "low"), ("critical", "high"), ("info", "high")):
        do(box, "trigger", payload=payload(severity=severity))
        assert box.incidents()[0].urgency == urgency
    assert [page.reason for page in box.pages()] == ["triggered", "urgency_raised"]


# grouping


def test_grouped_alerts_share_an_incident_until_all_are_resolved():
    box = sandbox({"alert_grouping": True})
    assert [do(box, "trigger", key) for key in ("x", "y")] == ["opened", "joined"]
    assert (len(box.incidents()), len(box.pages())) == (1, 1)
    assert do(box, "resolve", "x").startswith("resolved the alert")
    assert box.incidents()[0].open_dedup_keys == ("y",)
    assert statuses(box) == ["triggered"]
    assert do(box, "resolve", "y") == "resolved"
    assert do(box, "trigger", "z") == "opened"


def test_resolving_the_incident_resolves_all_its_alerts():
    box = sandbox({"alert_grouping": True})
    do(box, "trigger", "x")
    do(box, "trigger", "y")
    box.resolve(box.incidents()[0].id, 1_000)
    assert box.incidents()[0].open_dedup_keys == ()
    assert do(box, "resolve", "x", now=1_000).startswith("dropped")


def test_an_incident_holds_1_000_alerts():
    box = sandbox({"alert_grouping": True}, rate_limit_per_minute=0)
    for number in range(1_001):
        post(box, event(dedup_key=str(number)))
    box.advance(1_000)
    assert [incident.alerts for incident in box.incidents()] == [1_000, 1]


# timers and order


def test_auto_resolve():
    box = sandbox({"auto_resolve_seconds": 3_600})
    do(box, "trigger")
    box.advance(200 + 3_600_000 - 1)
    assert statuses(box) == ["triggered"]
    box.advance(200 + 3_600_000)
    assert box.incidents()[0].resolved_at == 200 + 3_600_000
    assert do(box, "resolve", now=3_700_000).startswith("dropped")


def test_acknowledgement_timeout_pages_again():
    box = sandbox({"acknowledgement_timeout_seconds": 60})
    do(box, "trigger")
    do(box, "acknowledge", now=200)
    box.advance(400 + MINUTE - 1)
    assert statuses(box) == ["acknowledged"]
    box.advance(400 + MINUTE)
    assert statuses(box) == ["triggered"]
    assert [page.reason for page in box.pages()] == ["triggered", "unacknowledged"]


def test_too_many_open_incidents_force_auto_resolve_after_a_day():
    box = sandbox(forced_auto_resolve_open_limit=1)
    do(box, "trigger", "x")
    do(box, "trigger", "y")
    box.advance(86_400_400)
    assert statuses(box) == ["triggered", "resolved"]


def test_escalation_on_timeout_and_its_switch():
    box = sandbox()
    do(box, "trigger")
    box.advance(200 + 30 * MINUTE)
    assert [(page.user, page.reason) for page in box.pages()] == [
        ("Ada Example", "triggered"),
        ("Grace Example", "escalated"),
    ]
    box.advance(10_000 * MINUTE)
    assert len(box.pages()) == 2
    quiet = sandbox(escalate_on_timeout=False)
    do(quiet, "trigger")
    quiet.advance(10_000 * MINUTE)
    assert len(quiet.pages()) == 1


@pytest.mark.parametrize("how", ["acknowledge", "resolve"])
def test_acknowledged_and_resolved_do_not_escalate(how):
    box = sandbox()
    do(box, "trigger")
    do(box, how)
    box.advance(31 * MINUTE)
    assert len(box.pages()) == 1


def test_low_urgency_does_not_escalate():
    box = sandbox()
    do(box, "trigger", payload=payload(severity="info"))
    box.advance(31 * MINUTE)
    assert len(box.pages()) == 1


def test_order_of_processing_switch():
    def effects(**switches):
        box = sandbox(rate_limit_per_minute=0, **switches)
        for number in range(40):
            for action in ("trigger", "resolve"):
                post(box, event(action, str(number)))
        box.advance(10_000)
        return {entry.effect for entry in box.requests()}

    assert effects() == {"opened", "resolved"}
    assert "dropped: no open alert to resolve" in effects(reorder_spread_ms=5_000)


def test_what_the_alert_carries_into_the_journal_is_exact():
    box = sandbox()
    body = json.dumps(event(payload=payload(summary="é ☎")), ensure_ascii=False).encode()
    post(box, body)
    entry = box.requests(routing_key=KEY, dedup_key="k")[0]
    assert (entry.body, entry.method, entry.path, entry.status) == (body, "POST", "/v2/enqueue", 202)
