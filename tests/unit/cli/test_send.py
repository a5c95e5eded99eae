"""The test page against the strict stand-in, on a socket: each step, each usual mistake with its remedy."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.cli import send as module
from router.cli.send import step_of
from router.model.delivery import Accepted, Rejected, Throttled, Unavailable
from router.sandbox.faults import Fault
from router.sandbox.server import SandboxServer
from tests.support.background import sandbox_in_background
from tests.support.place import KEY, Place

EU = "https://events.eu.pagerduty.com"
US = "https://events.pagerduty.com"


@pytest.fixture
def pagerduty() -> Iterator[SandboxServer]:
    with sandbox_in_background({"payments": KEY}) as server:
        yield server


@pytest.fixture
def place(tmp_path: Path, pagerduty: SandboxServer) -> Place:
    return Place(tmp_path, events_url=pagerduty.url)


def wait_for(check, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, check
        time.sleep(0.01)


def test_a_marked_page_opens_and_is_resolved_and_each_step_is_said(place: Place, pagerduty: SandboxServer) -> None:
    result = place.run("send", "--team", "payments", "--resolve-after", "50ms", PLACE_KEY=KEY)
    assert result.exit_code == 0, result.output
    lines = [line.split()[0] for line in result.output.splitlines()]
    assert lines == ["team", "trigger", "waiting", "resolve", "done"]
    assert "accepted (202)" in result.output
    assert KEY not in result.output
    wait_for(lambda: [found.status for found in pagerduty.sandbox.incidents()] == ["resolved"])
    (found,) = pagerduty.sandbox.incidents()
    assert found.title.startswith("TEST page for team payments")
    assert found.severity == "critical"
    assert len(pagerduty.sandbox.pages()) == 1
    assert len(found.dedup_keys) == 1
    assert found.dedup_keys[0] in result.output


def test_json_for_programs(place: Place) -> None:
    arguments = ("send", "--team", "payments", "--resolve-after", "0s", "--severity", "info", "--output", "json")
    result = place.run(*arguments, PLACE_KEY=KEY)
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert (found["ok"], found["team"], found["routing_key"]) == (True, "payments", "env:PLACE_KEY")
    assert [(step["action"], step["outcome"], step["status"]) for step in found["steps"]] == [
        ("trigger", "accepted", 202), ("resolve", "accepted", 202),
    ]  # fmt: skip
    assert found["dedup_key"].startswith("alert-router-test/payments/")


def test_two_test_pages_are_two_incidents(place: Place, pagerduty: SandboxServer) -> None:
    for _ in range(2):
        assert place.run("send", "--team", "payments", "--resolve-after", "0s", PLACE_KEY=KEY).exit_code == 0
    wait_for(lambda: len(pagerduty.sandbox.incidents()) == 2)


def test_a_key_that_pagerduty_does_not_know(place: Place, pagerduty: SandboxServer) -> None:
    result = place.run("send", "--team", "payments", PLACE_KEY="0f" * 16)
    assert result.exit_code == 1
    assert "rejected (400)" in result.output
    assert "does not know this key" in result.output
    assert EU in result.output, "it may be of the other region"
    assert "resolve" not in result.output.replace("hint", "")
    assert "0f" * 16 not in result.output
    assert pagerduty.sandbox.incidents() == []


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("u+aBcDeFgHiJkLmNoPqR", "REST API token"),
        ("abc", "expected a routing key of 32 characters, found 3"),
        ("your-integration-key-goes-here!!", "example"),
        ("ä" * 31 + "b", "letters and digits"),
        ("", "empty"),
    ],
)
def test_a_key_that_cannot_be_one_is_not_sent_at_all(tmp_path: Path, key: str, said: str) -> None:
    place = Place(tmp_path, events_url=US)
    result = place.run("send", "--team", "payments", PLACE_KEY=key)
    assert result.exit_code == 1
    assert said in result.output
    assert "hint:" in result.output or not key
    assert not key or key not in result.output


def test_a_secret_that_is_not_there_is_named(place: Place) -> None:
    result = place.run("send", "--team", "payments", PLACE_KEY=None)  # type: ignore[arg-type]
    assert result.exit_code == 1
    assert "PLACE_KEY is not set" in result.output


def test_an_unknown_team_is_suggested(place: Place) -> None:
    result = place.run("send", "--team", "paymens", PLACE_KEY=KEY)
    assert result.exit_code == 1
    assert 'did you mean "payments"?' in result.output


def test_too_many_calls_names_the_wait_and_opens_nothing(place: Place, pagerduty: SandboxServer) -> None:
    pagerduty.sandbox.set_switches({"throttle_retry_after_seconds": 7})
    pagerduty.sandbox.add_fault(Fault(kind="429", count=1), pagerduty.now())
    result = place.run("send", "--team", "payments", PLACE_KEY=KEY)
    assert result.exit_code == 1
    assert "throttled (429)" in result.output
    assert "try again after 7s" in result.output
    assert pagerduty.sandbox.incidents() == []


def test_a_lost_answer_is_resolved_all_the_same(place: Place, pagerduty: SandboxServer) -> None:
    """It may have been taken: nobody must be left with a test page."""
    pagerduty.sandbox.add_fault(Fault(kind="reset_after", count=1), pagerduty.now())
    result = place.run("send", "--team", "payments", "--resolve-after", "0s", PLACE_KEY=KEY)
    assert result.exit_code == 1
    assert "unavailable" in result.output
    wait_for(lambda: [found.status for found in pagerduty.sandbox.incidents()] == ["resolved"])


def test_a_resolve_that_fails_is_tried_again(place: Place, pagerduty: SandboxServer, monkeypatch) -> None:
    monkeypatch.setattr(module, "RETRY_MS", 1)
    pagerduty.sandbox.add_fault(Fault(kind="503", skip=1, count=2), pagerduty.now())
    result = place.run("send", "--team", "payments", "--resolve-after", "0s", PLACE_KEY=KEY)
    assert result.exit_code == 0
    assert result.output.count("unavailable (503)") == 2


def test_a_resolve_that_goes_on_failing_is_handed_to_a_person(place: Place, pagerduty: SandboxServer, monkeypatch) -> None:
    monkeypatch.setattr(module, "RETRY_MS", 1)
    pagerduty.sandbox.add_fault(Fault(kind="503", skip=1), pagerduty.now())
    result = place.run("send", "--team", "payments", "--resolve-after", "0s", PLACE_KEY=KEY)
    assert result.exit_code == 1
    assert "in PagerDuty by hand" in result.output
    assert result.output.count("resolve   unavailable") == module.MAX_RESOLVE_ATTEMPTS


def test_nobody_answers(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(module, "RETRY_MS", 1)
    place = Place(tmp_path, events_url="http://127.0.0.1:1")
    result = place.run("send", "--team", "payments", "--resolve-after", "0s", "--output", "json", PLACE_KEY=KEY)
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["steps"][0]["outcome"] == "unavailable"
    assert "use_environment_proxy" in found["steps"][0]["remedy"]


@pytest.mark.parametrize("text", ["5", "soon", "11m", "-1s"])
def test_a_wait_that_is_none(place: Place, text: str) -> None:
    assert place.run("send", "--team", "payments", "--resolve-after", text, PLACE_KEY=KEY).exit_code == 2


def test_every_outcome_has_words_and_all_but_one_a_remedy() -> None:
    refused = Rejected(cause="HTTP 400: Invalid routing key", status=400)
    assert step_of("trigger", Accepted(), 5, US).remedy == ""
    assert "in a minute" in step_of("trigger", Throttled(), 5, US).remedy
    assert EU in step_of("trigger", refused, 5, US).remedy
    assert EU not in step_of("trigger", refused, 5, EU).remedy.partition("set pagerduty.events_url")[2]
    assert "events_url" in step_of("trigger", Rejected(cause="HTTP 404", status=404), 5, US).remedy
    assert step_of("trigger", Rejected(cause="HTTP 403", status=403), 5, US).remedy
    assert "status.pagerduty.com" in step_of("trigger", Unavailable(cause="HTTP 503", status=503), 5, US).remedy
