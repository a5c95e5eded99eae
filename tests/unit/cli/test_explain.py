from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from router.cli import main
from router.cli.explain import print_explanation
from router.incidents.explanation import Explanation
from router.incidents.ledger import PageState, PageStory
from router.model.alert import Alert
from router.model.journal import AlertReceived, Entry
from router.model.page import AuditEntry, Page
from router.model.severity import Severity
from tests.support.place import KEY, Place
from tests.support.stores import START, dedup_key


@pytest.mark.parametrize("subject", ["1", "incident:1", dedup_key(1)])
def test_why_somebody_was_paged(history: Place, subject: str) -> None:
    result = history.run("explain", subject)
    assert result.exit_code == 0
    assert result.output.startswith("Paged payments by rule payment-errors: its rule pages at the first occurrence (1 of 1).")
    assert "accepted it after 84 ms, at attempt 1" in result.output
    assert "\x1b" not in result.output


def test_a_dead_letter_is_shouted(history: Place) -> None:
    result = history.run("explain", "2")
    assert "could NOT be delivered: HTTP 400: Invalid routing key" in result.output
    assert "refused (400" in result.output


def test_what_is_not_decided_yet(history: Place) -> None:
    assert history.run("explain", "3").output.startswith("Accepted, not decided yet.")


def test_json_holds_everything_but_secrets(history: Place) -> None:
    found = json.loads(history.run("explain", "1", "--output", "json").output)
    assert found["subject"] == "alert 1"
    assert found["incident"]["dedup_key"] == dedup_key(1)
    assert found["deliveries"][0]["routing_key"] == "env:PD_KEY_PAYMENTS"
    assert KEY not in json.dumps(found)


@pytest.mark.parametrize(
    "subject", ["99", "incident:99", "no/such/key", "incident:x", "²", "incident:²", "9" * 30, "9" * 5_000]
)
def test_nothing_is_known(history: Place, subject: str) -> None:
    result = history.run("explain", subject)
    assert result.exit_code == 1
    assert "nothing is recorded of" in result.output
    assert "hint:" in result.output


@pytest.mark.parametrize("arguments", [("-",), ("--alert", "-"), ("-", "--alert", "-")])
def test_an_alert_that_nobody_sent_may_come_from_standard_input(history: Place, arguments: tuple[str, ...]) -> None:
    runner = CliRunner(env={"ALERT_ROUTER_CONFIG": str(history.config)})
    alert = '{"service": "payment-api", "name": "CardError"}'
    result = runner.invoke(main, ["explain", *arguments], input=alert, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "payment-api" in result.output


def test_an_alert_is_shown_with_its_labels_by_name_and_bounded(capsys: pytest.CaptureFixture[str]) -> None:
    labels = {"zone": "a", "env": "prod\x1b[2J"} | {f"label{number:02}": "v" * 100 for number in range(20)}
    alert = Alert(
        source="prometheus",
        fingerprint="f",
        service="payment-api",
        name="CardError",
        severity=Severity.ERROR,
        labels=labels,
        starts_at=START,
    )
    entry = Entry(seq=1, at=START, fact=AlertReceived(alert=alert))
    found = Explanation(
        subject="alert 1", headline="Accepted, not decided yet.", entry=entry, incident=None, decisions=[], deliveries=[]
    )
    print_explanation(found, "text")
    shown = capsys.readouterr().out.splitlines()
    (line,) = [one for one in shown if "{" in one]
    assert line.startswith('  {env="prod')
    assert "\x1b" not in line
    assert line.endswith("… 2 more; --output json has them}")
    assert "" not in shown[shown.index(line) - 1 : shown.index(line) + 1], "and no blank line where there is no summary"


def test_with_several_pages_it_is_said_to_which_something_was_done(capsys: pytest.CaptureFixture[str]) -> None:
    def story(team: str) -> PageStory:
        page = Page(incident=1, team=team, dedup_key="k")
        return PageStory(team=team, state=PageState.CONFIRMED, since=START, sentence="it is there", page=page)

    done = AuditEntry(at=START, who="Ada", through="pagerduty", what="noted", incident=1, team="payments", text="the disk")
    for teams, shown in (
        (("payments",), "Ada  noted: the disk"),
        (("payments", "web"), "Ada  noted (page of payments): the disk"),
    ):
        print_explanation(
            Explanation(
                subject="x", headline="x", entry=None, incident=None, decisions=[], deliveries=[], audit=[done],
                pages=[story(team) for team in teams],
            ),
            "text",
        )  # fmt: skip
        assert shown in capsys.readouterr().out
