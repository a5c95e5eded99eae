"""The eight checks of the Events face in their order, and every switch of it both ways."""

import json

import pytest

from router.sandbox.answer import Behaviour
from router.sandbox.faults import Fault
from tests.unit.sandbox.builders import (
    JSON,
    KEY,
    LATER,
    ORCHESTRATION_KEY,
    OTHER_KEY,
    content_of,
    event,
    payload,
    post,
    sandbox,
)


def refused(answer):
    assert answer.status == 400
    body = content_of(answer)
    assert body["status"] == "invalid event"
    assert body["message"] == "Event object is invalid"
    assert body["errors"]
    assert all(isinstance(text, str) for text in body["errors"])
    return body["errors"]


def assumed(answer):
    return dict(answer.headers).get("x-sandbox-assumed", "")


# documented answers


def test_accepted_event_echoes_its_key():
    answer = post(sandbox(), event())
    assert answer.status == 202
    assert content_of(answer) == {"status": "success", "message": "Event processed", "dedup_key": "k"}


@pytest.mark.parametrize("given", [None, ""])
def test_a_trigger_without_key_gets_one_and_the_alert_carries_it(given):
    box = sandbox()
    made = content_of(post(box, event(dedup_key=given)))["dedup_key"]
    assert len(made) == 32
    box.advance(LATER)
    assert box.incidents()[0].dedup_keys == (made,)


def test_same_seed_makes_the_same_keys():
    assert post(sandbox(), event(dedup_key=None)) == post(sandbox(), event(dedup_key=None))


def test_accepting_and_processing_are_apart():
    box = sandbox()
    post(box, event(), now=0)
    assert box.incidents() == []
    assert box.pending == 1
    assert box.next_due() == 200
    box.advance(199)
    assert box.incidents() == []
    box.advance(200)
    assert [incident.created_at for incident in box.incidents()] == [200]


# 1: path and method


@pytest.mark.parametrize("path", ["/v2/enqueue/", "/v2/Enqueue", "/v2", "/v2/change", "/v2/"])
def test_other_paths_are_not_found(path):
    assert post(sandbox(), event(), path=path).status == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
def test_other_methods_are_not_allowed(method):
    assert sandbox().receive(method, "/v2/enqueue", JSON, b"", 0).status == 405


def test_what_is_not_implemented_says_so():
    answer = sandbox().receive("GET", "/no/such/thing", {}, b"", 0)
    assert answer.status == 501
    assert b"/no/such/thing" in answer.body


# 2: size


def padded(size):
    plain = len(json.dumps(event(payload=payload(custom_details={"pad": ""}))).encode())
    return json.dumps(event(payload=payload(custom_details={"pad": "x" * (size - plain)}))).encode()


def test_size_limit_is_512_000_bytes():
    assert post(sandbox(), padded(512_000)).status == 202
    refused(post(sandbox(), padded(512_001)))


def test_size_switches():
    assert post(sandbox(max_body_bytes=524_288), padded(524_288)).status == 202
    assert post(sandbox(too_large_status=413), padded(512_001)).status == 413


# 3: content type and JSON


@pytest.mark.parametrize("media", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"])
def test_content_type_must_be_json(media):
    body = json.dumps(event()).encode()
    answer = sandbox().receive_event("/v2/enqueue", {"content-type": media}, body, 0)
    assert answer.status == 400
    assert content_of(answer)["status"] == "Unrecognized object"
    assert assumed(answer) == "content-type"
    lax = sandbox(require_json_content_type=False)
    assert lax.receive_event("/v2/enqueue", {"content-type": media}, body, 0).status == 202


@pytest.mark.parametrize("media", ["application/json; charset=utf-8", "Application/JSON", "application/x+json"])
def test_spellings_of_json(media):
    body = json.dumps(event()).encode()
    assert sandbox().receive_event("/v2/enqueue", {"CONTENT-TYPE": media}, body, 0).status == 202


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"null",
        b"\xff\xfe",
        b"{'a': 1}",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": "\\ud800"}',
        b"[" * 100_000,
        b'{"a": ' + b"9" * 5_000 + b"}",
        "\ufeff{}".encode(),
    ],
)
def test_what_is_not_one_json_object_is_unrecognized(body):
    answer = post(sandbox(), body)
    assert answer.status == 400
    assert content_of(answer) == {
        "status": "Unrecognized object",
        "message": "Event object format is unrecognized",
        "errors": ["JSON parse error"],
    }


def test_duplicate_members_switch():
    body = json.dumps(event()).encode()[:-1] + b', "dedup_key": "other"}'
    answer = post(sandbox(), body)
    refused(answer)
    assert assumed(answer) == "duplicate-member"
    assert content_of(post(sandbox(reject_duplicate_members=False), body))["dedup_key"] == "other"


# 4: see test_validate for each member


def test_all_findings_come_in_one_answer():
    answer = post(sandbox(), {"payload": {}})
    assert len(refused(answer)) == 2
    answer = post(sandbox(), {"event_action": "trigger", "routing_key": "short-", "dedup_key": 1, "payload": {}})
    assert len(refused(answer)) == 6
    assert assumed(answer) == "dedup-key-type"


def test_refused_events_leave_no_trace():
    box = sandbox()
    post(box, event(payload=payload(severity="Critical")))
    box.advance(LATER)
    assert (box.pending, box.incidents(), box.pages()) == (0, [], [])
    assert box.requests()[0].fate == "rejected"


# 5: unknown key


def test_unknown_key_is_answered_in_plain_text():
    answer = post(sandbox(), event(routing_key="z" * 32))
    assert answer.status == 400
    assert answer.body == b"Invalid routing key"
    assert dict(answer.headers)["content-type"].startswith("text/plain")


def test_keys_are_case_sensitive():
    assert post(sandbox(), event(routing_key=KEY.upper())).status == 400


def test_unknown_key_switch_to_json():
    refused(post(sandbox(unknown_key_answer="json"), event(routing_key="z" * 32)))


def test_accept_any_key_makes_a_service_up_to_its_bound():
    box = sandbox(accept_any_key=True, kept_services=3)
    assert post(box, event(routing_key="z" * 32)).status == 202
    assert post(box, event(routing_key="y" * 32)).status == 400
    assert post(box, event(routing_key="short")).status == 400
    box.advance(LATER)
    assert box.incidents()[0].service.startswith("key ending in zzzzzz")


def test_unknown_alert_switch():
    assert post(sandbox(), event("resolve")).status == 202
    box = sandbox(unknown_alert_status=400)
    assert assumed(post(box, event("resolve"))) == "unknown-alert"
    assert post(box, event("trigger")).status == 202
    assert post(box, event("resolve")).status == 202  # its trigger waits to be processed
    box.advance(LATER)
    assert post(box, event("acknowledge"), now=LATER).status == 400


# 6: rate limit


def flood(box, count, now=0, **changes):
    return [post(box, event(dedup_key=f"f{index}", **changes), now).status for index in range(count)]


def test_120_calls_of_a_key_within_any_60_seconds():
    box = sandbox()
    assert flood(box, 60, now=0) + flood(box, 60, now=30_000) == [202] * 120
    answer = post(box, event(), now=59_999)
    assert answer.status == 429
    assert content_of(answer)["status"] == "throttle exceeded"
    assert "retry-after" not in dict(answer.headers)
    assert flood(box, 61, now=60_000) == [202] * 60 + [429]
    assert flood(box, 1, now=60_000, routing_key=OTHER_KEY) == [202]


def test_a_throttled_event_is_not_processed():
    box = sandbox(rate_limit_per_minute=1)
    flood(box, 2)
    box.advance(LATER)
    assert [entry.fate for entry in box.requests()] == ["accepted", "throttled"]
    assert len(box.incidents()) == 1


def test_refused_calls_count_only_with_the_switch():
    lenient = sandbox(rate_limit_per_minute=1)
    strict = sandbox(rate_limit_per_minute=1, rate_limit_counts="all")
    for now, both in ((0, 202), (59_999, 429)):
        assert flood(lenient, 1, now=now) == flood(strict, 1, now=now) == [both]
    assert flood(lenient, 1, now=60_000) == [202]
    assert flood(strict, 1, now=60_000) == [429]


def test_rate_limit_off():
    assert set(flood(sandbox(rate_limit_per_minute=0), 500)) == {202}


def test_account_wide_limit():
    box = sandbox(account_rate_limit_per_minute=2)
    assert flood(box, 1) + flood(box, 2, routing_key=OTHER_KEY) == [202, 202, 429]


def test_change_events_share_the_window_or_not():
    change = {"routing_key": KEY, "payload": {"summary": "deployed"}}
    for shared, expected in ((True, 429), (False, 202)):
        box = sandbox(rate_limit_per_minute=1, change_events_share_window=shared)
        assert post(box, event()).status == 202
        assert post(box, change, path="/v2/change/enqueue").status == expected


def test_forms_of_the_throttle_answer():
    box = sandbox(rate_limit_per_minute=1, throttle_retry_after_seconds=7, throttle_body="html")
    flood(box, 1)
    answer = post(box, event())
    assert dict(answer.headers)["retry-after"] == "7"
    assert answer.body.startswith(b"<html>")
    box.set_switches({"throttle_body": "empty"})
    assert post(box, event()).body == b""


# 7: fault plan


@pytest.mark.parametrize("kind", ["500", "502", "503", "504", "429", "408", "403", "301"])
def test_status_faults_do_not_accept(kind):
    box = sandbox()
    box.add_fault(Fault(kind=kind, count=1), 0)
    answer = post(box, event())
    assert (answer.status, answer.behaviour) == (int(kind), Behaviour.ANSWER)
    assert dict(answer.headers)["x-sandbox-fault"] == kind
    assert box.pending == 0
    assert post(box, event()).status == 202


def test_a_planned_429_says_how_long_to_wait_as_an_earned_one_does():
    box = sandbox()
    box.set_switches({"throttle_retry_after_seconds": 7})
    box.add_fault(Fault(kind="429", count=1), 0)
    box.add_fault(Fault(kind="503", count=1), 0)
    assert dict(post(box, event()).headers)["retry-after"] == "7"
    assert "retry-after" not in dict(post(box, event()).headers)


@pytest.mark.parametrize(
    ("kind", "behaviour", "accepts"),
    [
        ("reset_before", Behaviour.RESET_BEFORE, False),
        ("reset_after", Behaviour.RESET_AFTER, True),
        ("hang", Behaviour.HANG, False),
        ("hang_after", Behaviour.HANG, True),
        ("drip", Behaviour.DRIP, True),
        ("cut", Behaviour.CUT, True),
        ("slow", Behaviour.ANSWER, True),
        ("lost_503", Behaviour.ANSWER, True),
    ],
)
def test_wire_faults(kind, behaviour, accepts):
    box = sandbox()
    box.add_fault(Fault(kind=kind, delay_ms=30), 0)
    answer = post(box, event())
    assert (answer.behaviour, answer.delay_ms) == (behaviour, 30)
    assert box.pending == accepts
    assert box.requests()[0].fate == ("accepted" if accepts else "failed")


def test_body_faults():
    box = sandbox()
    box.add_fault(Fault(kind="truncated", count=1), 0)
    box.add_fault(Fault(kind="no_dedup_key", count=1), 0)
    cut = post(box, event())
    assert cut.status == 202
    with pytest.raises(ValueError):
        json.loads(cut.body)
    assert content_of(post(box, event())) == {"status": "success", "message": "Event processed"}
    assert box.pending == 2


def test_faulted_requests_count_as_calls_but_not_as_events():
    box = sandbox(rate_limit_per_minute=2)
    box.add_fault(Fault(kind="503", count=1), 0)
    assert flood(box, 3) == [503, 202, 429]


def test_connections_reset_at_once():
    box = sandbox()
    box.add_fault(Fault(kind="reset_connect", count=1), 0)
    assert post(box, event()).status == 202
    assert box.connect(0) is Behaviour.RESET_BEFORE
    assert box.connect(0) is Behaviour.ANSWER


def test_answer_delay_switch():
    assert post(sandbox(), event()).delay_ms == 0
    assert post(sandbox(answer_delay_ms=40), event()).delay_ms == 40


def test_pending_events_are_bounded():
    box = sandbox(pending_events=1)
    assert flood(box, 2) == [202, 503]


# change events


def test_change_event():
    box = sandbox()
    answer = post(box, {"routing_key": KEY, "payload": {"summary": "deployed"}}, path="/v2/change/enqueue")
    assert answer.status == 202
    assert content_of(answer) == {"status": "success", "message": "Change event processed"}
    box.advance(LATER)
    assert [change["routing_key"] for change in box.change_events()] == [KEY]
    assert (box.incidents(), box.pages()) == ([], [])


def test_rule_set_keys_take_no_change_events():
    change = {"routing_key": ORCHESTRATION_KEY, "payload": {"summary": "deployed"}}
    refused(post(sandbox(), change, path="/v2/change/enqueue"))
