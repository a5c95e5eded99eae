"""The control endpoints and the page, without a socket."""

import json
import re
from pathlib import Path

import pytest

from router.sandbox.control import Control
from tests.unit.sandbox.builders import KEY, LATER, do, event, post, sandbox

HOST = {"host": "127.0.0.1:8080"}
JSON = {**HOST, "content-type": "application/json"}
STATIC = Path(__file__).parents[3] / "router" / "sandbox" / "static"


class Desk:
    def __init__(self, **switches):
        self.box = sandbox(**switches)
        self.skipped = []
        self.control = Control(self.box, self.skipped.append)

    def get(self, path, now=LATER, headers=HOST):
        answer = self.control.receive("GET", path, headers, b"", now)
        return answer.status, json.loads(answer.body)

    def send(self, path, content=None, method="POST", headers=JSON):
        answer = self.control.receive(method, f"/_sandbox/{path}", headers, json.dumps(content).encode(), LATER)
        return answer.status, json.loads(answer.body)


def test_what_it_handles():
    control = Desk().control
    assert all(control.handles(path) for path in ("/", "/?x", "/_sandbox/state.json", "/_sandbox/x?y=1"))
    assert not any(control.handles(path) for path in ("/v2/enqueue", "/incidents", "/_sandbo"))


def test_reading():
    desk = Desk()
    post(desk.box, event())
    status, found = desk.get("/_sandbox/incidents.json")
    assert status == 200
    assert [incident["dedup_keys"] for incident in found["open"]] == [["k"]]
    assert (found["resolved"], len(found["pages"]), len(found["users"])) == ([], 1, 2)
    assert desk.get("/_sandbox/incidents.json?open=0")[1]["open"] == []
    assert desk.get("/_sandbox/incidents.json?open=1&resolved=0")[1]["open"] == found["open"]
    assert desk.get("/_sandbox/pages.json")[1]["pages"] == found["pages"]
    assert desk.get("/_sandbox/state.json")[1]["counts"]["open_incidents"] == 1
    request = desk.get(f"/_sandbox/requests.json?routing_key={KEY}&dedup_key=k&face=events")[1]["requests"][0]
    assert (json.loads(request["body"]), request["effect"]) == (event(), "opened")
    assert desk.get("/_sandbox/requests.json?routing_key=other")[1]["requests"] == []
    assert desk.get("/_sandbox/services")[1]["services"][0]["keys"][0] == KEY
    assert desk.get("/_sandbox/nothing")[0] == 404
    assert desk.get("/_sandbox/incidents.json?open=many")[0] == 400


def test_faults():
    desk = Desk()
    assert desk.send("faults", {"kind": "503", "count": 1})[0] == 200
    assert desk.send("faults", [{"kind": "500"}, {"kind": "502"}])[0] == 200
    assert [found["fault"]["kind"] for found in desk.get("/_sandbox/faults")[1]["faults"]] == ["503", "500", "502"]
    assert desk.send("faults", {"kind": "of an unknown kind"})[0] == 400
    assert desk.send("faults", {"kind": "500", "cuont": 1})[0] == 400
    assert desk.send("faults", method="DELETE")[0] == 200
    assert desk.box.faults() == []


def test_switches():
    desk = Desk()
    assert desk.send("switches", {"processing_delay_ms": 7})[0] == 200
    assert desk.get("/_sandbox/switches")[1]["processing_delay_ms"] == 7
    assert desk.send("switches", {"nothing_like_it": 7})[0] == 400
    assert desk.send("switches", [1])[0] == 400


def test_services():
    desk = Desk()
    assert desk.send("services", {"name": "late", "keys": ["e" * 32]})[0] == 200
    assert desk.send("services", {"name": "late"})[0] == 400
    assert desk.send("services", {"name": "late", "on_call": False}, method="PATCH")[0] == 200
    assert desk.get("/_sandbox/services")[1]["services"][-1]["on_call"] == []
    assert desk.send("services", {"name": "nothing"}, method="PATCH")[0] == 400
    assert desk.send("services", {"name": "late", "now": 5}, method="PATCH")[0] == 400
    assert desk.send("services", {"name": "late", "on_call": "no"}, method="PATCH")[0] == 400


def test_actions_of_a_person():
    desk = Desk()
    do(desk.box, "trigger")
    incident_id = desk.box.incidents()[0].id
    for action, words, status in (
        ("acknowledge", {}, "acknowledged"),
        ("annotate", {"content": "hm", "user": "grace@example.test"}, "acknowledged"),
        ("reassign", {"to": "grace@example.test"}, "triggered"),
        ("escalate", {}, "triggered"),
        ("resolve", {"note": "done"}, "resolved"),
    ):
        answered, found = desk.send(f"incidents/{incident_id}/{action}", words)
        assert (answered, found["incident"]["status"]) == (200, status)
    assert desk.send(f"incidents/{incident_id}/acknowledge", {})[0] == 409
    assert desk.send(f"incidents/{incident_id}/acknowledge", {"now": "1"})[0] == 400
    assert desk.send(f"incidents/{incident_id}/reset", {})[0] == 404


def test_skip_and_reset():
    desk = Desk()
    do(desk.box, "trigger")
    assert desk.send("skip", {"milliseconds": 60_000})[0] == 200
    assert desk.skipped == [60_000]
    assert desk.send("skip", {})[0] == 400
    assert desk.send("reset")[0] == 200
    assert desk.box.incidents() == []


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "10.0.0.1"])
def test_foreign_host_names_are_refused(host):
    assert Desk().get("/_sandbox/state.json", headers={"host": host})[0] == 403


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]", "[::1]:8080"])
def test_loopback_names_are_good(host):
    assert Desk().get("/_sandbox/state.json", headers={"host": host})[0] == 200


def test_writes_must_be_json():
    desk = Desk()
    assert desk.send("reset", headers={**HOST, "content-type": "text/plain"})[0] == 415
    assert desk.send("reset", headers=HOST)[0] == 415
    assert desk.control.receive("POST", "/_sandbox/switches", JSON, b"{", 0).status == 400


def test_the_page_is_self_contained_and_puts_no_markup_together():
    control = Desk().control
    media = {"/": "text/html", "/_sandbox/page.js": "text/javascript", "/_sandbox/page.css": "text/css"}
    for path, expected in media.items():
        answer = control.receive("GET", path, HOST, b"", 0)
        assert answer.status == 200
        assert dict(answer.headers)["content-type"].startswith(expected)
        assert "default-src 'none'" in dict(answer.headers)["content-security-policy"]
        assert re.findall(rb"(?:https?:)?//[a-z]", answer.body) == []
    script = (STATIC / "page.js").read_text(encoding="utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script)
    assert "<script>" not in (STATIC / "page.html").read_text(encoding="utf-8")


def test_everything_the_page_offers_can_be_done_by_its_words():
    desk = Desk()
    do(desk.box, "trigger")
    do(desk.box, "trigger", "other")
    incident_id = desk.box.incidents()[0].id
    for action, words in (
        ("escalate", {"level": "2"}),
        ("escalate", {"policy": "search escalation"}),
        ("prioritise", {"priority": "P1"}),
        ("request_responders", {"to": "grace@example.test", "message": "please"}),
        ("respond", {"answer": "decline", "user": "grace@example.test"}),
        ("publish_status", {"message": "on it"}),
        ("snooze", {"minutes": "30"}),
        ("resolve", {"note": "done"}),
        ("reopen", {}),
        ("merge", {"into": "2"}),
    ):
        status, found = desk.send(f"incidents/{incident_id}/{action}", words)
        assert status == 200, (action, found)
    script = (STATIC / "page.js").read_text()
    used = set(re.findall(r'\bact\("(\w+)"', script)) | set(re.findall(r'send\(incident\.id, "(\w+)"', script))
    assert used >= {"acknowledge", "resolve", "reassign", "escalate", "annotate", "request_responders", "respond", "reopen"}
    for action in used:
        assert desk.send(f"incidents/{incident_id}/{action}", {"user": "nobody@example.test"})[0] != 404, action
