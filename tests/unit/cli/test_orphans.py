from __future__ import annotations

import json

import pytest

from router.cli.orphans import shown
from tests.support.place import Place
from tests.unit.cli.test_asking import answering, http, tcp


def ask(place: Place, answer: str, *arguments: str) -> tuple[str, bytes]:
    listening = tcp()
    place.configure(listen=f"127.0.0.1:{listening.getsockname()[1]}")
    with answering(listening, http("200 OK", answer)) as asked:
        result = place.run("incidents", *arguments)
    assert result.exit_code == 0, result.output
    return result.output, asked[0]


def test_listed(history: Place) -> None:
    answer = '{"items":[{"rule":"old","incidents":[1,2],"teams":["payments"]}],"next":null}'
    output, asked = ask(history, answer, "orphans")
    assert output.splitlines()[1].split() == ["old", "2", "payments", "incidents", "1,", "2"]
    assert asked.startswith(b"GET /v1/orphans HTTP/1.1")
    output, _ = ask(history, '{"items":[],"next":null}', "orphans")
    assert output == "Every open incident has its rule.\n"


def test_given_to_another_rule(history: Place) -> None:
    output, asked = ask(history, '{"rule":"old","into":"new","incidents":[1]}', "adopt", "old", "new", "--by", "ann")
    assert output == "rule new goes on with incident 1\n"
    assert asked.startswith(b"POST /v1/orphans/old/adopt HTTP/1.1")
    assert json.loads(asked.split(b"\r\n\r\n")[1]) == {"into": "new", "by": "ann"}


def test_closed_with_a_yes(history: Place) -> None:
    output, asked = ask(history, '{"closed":[17]}', "close", "17", "--reason", "gone", "--by", "ann", "--yes")
    assert output == "closed: incident 17\n"
    assert asked.startswith(b"POST /v1/incidents/17/close HTTP/1.1")
    assert json.loads(asked.split(b"\r\n\r\n")[1]) == {"reason": "gone", "by": "ann"}
    _, asked = ask(history, '{"closed":[1,2]}', "close", "--rule", "old", "--reason", "gone", "--yes")
    assert asked.startswith(b"POST /v1/orphans/old/close HTTP/1.1")


@pytest.mark.parametrize(
    "arguments",
    [("--reason", "x", "--yes"), ("17", "--rule", "old", "--reason", "x", "--yes"), ("17",), ("17", "--reason", "x")],
)
def test_nothing_is_closed_without_a_subject_a_reason_and_a_yes(history: Place, arguments: tuple[str, ...]) -> None:
    assert history.run("incidents", "close", *arguments).exit_code == 2


def test_numbers_for_people() -> None:
    assert [shown([]), shown([1]), shown([1, 2])] == ["nothing", "incident 1", "incidents 1, 2"]
    assert shown(range(1, 24)).endswith("19, 20 and 3 more")
