from __future__ import annotations

import json
from typing import Any

import pytest

from router.cli import drill as module
from tests.support.answers import ScriptedDaemon
from tests.support.place import Place


class Story:
    """A daemon in which the drill's page takes a look or two."""

    def __init__(self, states: list[str]) -> None:
        self.states = states
        self.mark = ""
        self.sent: list[dict[str, Any]] = []

    def __call__(self, _method: str, path: str, body: Any) -> tuple[int, Any]:
        if path == "/v1/alerts":
            self.sent.append(body)
            self.mark = body["labels"]["drill"]
            if body["status"] == "resolved" and self.states[0] != "sent":
                self.states[:] = ["resolved"]
            return 202, {"accepted": 1}
        if path.startswith("/v1/incidents?"):
            return 200, {"items": [{"number": 16}, {"number": 17}], "next": None}
        if path.endswith("/16"):
            return 200, {"entry": None, "pages": []}
        state = self.states[0] if len(self.states) == 1 else self.states.pop(0)
        alert = {"labels": {"drill": self.mark}}
        return 200, {"entry": {"fact": {"alert": alert}}, "pages": [{"team": "payments", "state": state}]}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)


def test_the_whole_way_is_timed(history: Place) -> None:
    story = Story(["sent", "sent", "confirmed"])
    with ScriptedDaemon(story).listening() as daemon:
        history.configure(listen=daemon.address)
        result = history.run("drill", "--team", "payments", "--service", "payment-api", "--output", "json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert (told["incident"], told["service"]) == (17, "payment-api")
    assert 0 <= told["confirmed_seconds"] <= told["resolved_seconds"]
    assert [alert["status"] for alert in story.sent] == ["firing", "resolved"]
    assert story.sent[0]["summary"].startswith("TEST")


def test_a_page_that_does_not_come_is_still_resolved_and_told(history: Place) -> None:
    story = Story(["sent"])
    with ScriptedDaemon(story).listening() as daemon:
        history.configure(listen=daemon.address)
        result = history.run("drill", "--team", "payments", "--service", "payment-api", "--seconds", "1")
    assert result.exit_code == 1
    assert "PagerDuty to show it" in result.output
    assert [alert["status"] for alert in story.sent] == ["firing", "resolved"]


def test_which_service(history: Place) -> None:
    assert "--service" in history.run("drill", "--team", "payments").output
    assert history.run("drill", "--team", "nobody").exit_code == 2
