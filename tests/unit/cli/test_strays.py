from __future__ import annotations

import json

import pytest

from tests.support.place import Place
from tests.unit.cli.test_asking import answering, http, tcp

STRAY = {
    "dedup_key": "rule/0011223344556677/1-1", "pagerduty_id": "Q7", "number": 4711, "url": "https://x/4711", "title": "it burns",
    "teams": ["payments"], "service": "PS1", "status": "acknowledged", "holder": "Ada Example", "rule": "rule", "opened_at": 1000,
    "open_here": 12,
}  # fmt: skip


def ask(place: Place, answer: object, *arguments: str, code: int = 0) -> tuple[str, bytes]:
    listening = tcp()
    place.configure(listen=f"127.0.0.1:{listening.getsockname()[1]}")
    with answering(listening, http("200 OK", json.dumps(answer))) as asked:
        result = place.run("incidents", "strays", *arguments)
    assert result.exit_code == code, result.output
    return result.output, asked[0]


def listing(*items: object, not_asked: int = 0) -> dict[str, object]:
    return {"items": items, "next": None, "looked_at": 1, "not_asked": not_asked}


def test_listed(history: Place) -> None:
    output, asked = ask(history, listing(STRAY, STRAY | {"teams": [], "holder": "", "open_here": 0}, not_asked=3))
    assert asked.startswith(b"GET /v1/strays HTTP/1.1")
    _, first, second, last = output.splitlines()
    for text in ("#4711", "acknowledged by Ada Example", "payments", "rule", " 12 ", "it burns", "https://x/4711"):
        assert text in first
    assert "not shown" in second
    assert last.startswith("3 open incidents of the account were not looked at yet")
    output, _ = ask(history, listing())
    assert output == "Everything of ours that is open in PagerDuty is known here.\n"
    output, _ = ask(history, listing(STRAY), "--output", "json")
    assert json.loads(output)["items"] == [STRAY]


def test_resolved_when_it_is_said_which_and_why(history: Place) -> None:
    taken = {"number": 4711, "dedup_key": "k", "team": "payments", "taken": True, "reason": ""}
    output, asked = ask(
        history, {"items": [taken], "left": 3}, "--resolve", "#4711", "--reason", "put back", "--by", "ann", "--yes"
    )
    first, second = output.splitlines()
    assert first == "#4711, through the key of payments: PagerDuty has taken it"
    assert second.startswith("3 more are left: call it again in a minute")
    assert asked.startswith(b"POST /v1/strays/resolve HTTP/1.1")
    assert json.loads(asked.split(b"\r\n\r\n")[1]) == {"reason": "put back", "by": "ann", "numbers": [4711]}
    output, asked = ask(history, {"items": [], "left": 0}, "--resolve", "all", "--reason", "put back", "--by", "ann", "--yes")
    assert output == "Nothing was to be resolved.\n"
    assert json.loads(asked.split(b"\r\n\r\n")[1]) == {"reason": "put back", "by": "ann", "all": True}


def test_what_could_not_be_resolved_is_told_and_is_the_exit_code(history: Place) -> None:
    refused = {"number": 4711, "dedup_key": "k", "team": "payments", "taken": False, "reason": "HTTP 503"}
    output, _ = ask(history, {"items": [refused], "left": 0}, "--resolve", "4711", "--reason", "x", "--yes", code=1)
    assert "#4711, through the key of payments: not resolved: HTTP 503" in output
    assert "1 of 1 could not be resolved" in output
    output, _ = ask(
        history, {"items": [refused], "left": 0}, "--resolve", "4711", "--reason", "x", "--yes", "--output", "json", code=1
    )
    assert '"taken": false' in output


@pytest.mark.parametrize(
    "arguments",
    [
        ("--resolve", "4711", "--yes"),
        ("--resolve", "x", "--reason", "y", "--yes"),
        ("--resolve", "all", "--resolve", "4711", "--reason", "y", "--yes"),
        ("--resolve", "4711", "--reason", "y"),
    ],
)
def test_nothing_is_resolved_without_a_number_a_reason_and_a_yes(history: Place, arguments: tuple[str, ...]) -> None:
    assert history.run("incidents", "strays", *arguments).exit_code == 2
