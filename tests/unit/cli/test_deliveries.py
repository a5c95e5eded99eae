from __future__ import annotations

import json

from tests.support.place import Place
from tests.unit.cli.test_asking import answering, http, tcp


def test_deliveries_newest_first_with_their_reasons(history: Place) -> None:
    result = history.run("deliveries")
    assert result.exit_code == 0
    rows = [row.split()[:4] for row in result.output.splitlines()[1:]]
    assert rows == [["2", "dead", "trigger", "payments"], ["1", "delivered", "trigger", "payments"]]
    assert "Invalid routing key" in result.output


def test_filters_and_json(history: Place) -> None:
    found = json.loads(history.run("deliveries", "--state", "dead", "--team", "payments", "--output", "json").output)["items"]
    assert [(item["id"], item["attempts"]) for item in found] == [(2, 1)]
    assert len(json.loads(history.run("deliveries", "--channel", "pagerduty", "--output", "json").output)["items"]) == 2
    assert history.run("deliveries", "--channel", "chat").output == "No deliveries.\n"
    assert history.run("deliveries", "--state", "pending").output == "No deliveries.\n"
    assert history.run("deliveries", "--state", "lost").exit_code == 2


def test_show_has_the_body_and_no_key(history: Place) -> None:
    result = history.run("deliveries", "show", "2")
    found = json.loads(result.output)
    assert json.loads(found["body"])["payload"]["summary"] == "It fails ☃"
    assert "routing_key" not in found["body"]
    assert found["delivery"]["last_attempts"][0]["outcome"]["status"] == 400
    assert json.loads(result.output)["delivery"]["body"] == "", "once, and so that it can be read"
    missing = history.run("deliveries", "show", "99")
    assert (missing.exit_code, "there is no delivery 99" in missing.output) == (1, True)


def test_retry_and_drop_ask_the_daemon(history: Place) -> None:
    for command, path in ((("retry", "2"), b"/v1/deliveries/2/retry"), (("drop", "2", "--yes"), b"/v1/deliveries/2/drop")):
        listening = tcp()
        history.configure(listen=f"127.0.0.1:{listening.getsockname()[1]}")
        with answering(listening, http("200 OK", '{"delivery":2}')) as asked:
            result = history.run("deliveries", *command)
        assert (result.exit_code, result.output) == (0, '{"delivery":2}\n')
        assert path in asked[0]


def test_nothing_is_dropped_without_a_yes(history: Place) -> None:
    assert history.run("deliveries", "drop", "2").exit_code == 1
