"""The test message against the strict stand-ins, on sockets: each step, the usual mistakes with their remedies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from router.cli.send_channel import KINDS, step_of
from router.model.delivery import Throttled
from tests.support.mail import Inbox, mail_server
from tests.support.place import KEY, Place
from tests.support.services import DiscordService, Service, SlackService, TeamsService, serving
from tests.unit.channels.test_building import KINDS as EXAMPLES


@pytest.fixture
def slack():
    with serving(SlackService()) as service:
        yield service


def place(folder: Path, channel: str) -> Place:
    folder.mkdir(exist_ok=True)
    made = Place(folder, events_url="http://127.0.0.1:1")
    with made.config.open("a") as config:
        config.write(f"\nchannels:\n  ops: {{{channel}}}\n")
    return made


def send(made: Place, *more: str, **environment: str):
    return made.run("send", "--channel", "ops", "--resolve-after", "0s", *more, PLACE_KEY=KEY, **environment)


def test_a_marked_message_and_its_end_are_said_and_kept_together(tmp_path, slack):
    made = place(tmp_path, f"kind: slack, token: env:BOT, channel: '#ops', api_url: '{slack.url}/api'")
    result = send(made, BOT=SlackService.TOKEN)
    assert result.exit_code == 0, result.output
    assert [line.split()[0] for line in result.output.splitlines()] == ["channel", "trigger", "waiting", "resolve", "done"]
    assert SlackService.TOKEN not in result.output
    (root,) = slack.roots
    assert "TEST message for channel ops, sent by hand: nothing is wrong" in root["text"]
    assert "RESOLVED" in root["text"]
    assert len(slack.replies(root["ts"])) == 1


def test_json_for_programs(tmp_path, slack):
    made = place(tmp_path, "kind: slack, url: env:HOOK")
    result = send(made, "--output", "json", "--severity", "info", HOOK=f"{slack.url}{SlackService.HOOK}")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert (found["ok"], found["channel"], found["kind"]) == (True, "ops", "slack")
    assert [(step["action"], step["outcome"], step["status"]) for step in found["steps"]] == [
        ("trigger", "accepted", 200), ("resolve", "accepted", 200),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("service", "channel", "path", "said"),
    [
        (SlackService, "kind: slack, url: env:URL", "/services/T1/B1/deleted", "the webhook was deleted"),
        (DiscordService, "kind: discord, url: env:URL", "/api/webhooks/1/deleted", "the webhook was deleted"),
        (TeamsService, "kind: teams, url: env:URL", f"{TeamsService.PATH}?sig=wrong", "sig= is missing or wrong"),
        (TeamsService, "kind: teams, url: env:URL", "/workflows/gone", "the workflow was deleted"),
    ],
)
def test_the_usual_mistakes(tmp_path, service, channel, path, said):
    with serving(service()) as running:
        result = send(place(tmp_path, channel), URL=f"{running.url}{path}")
    assert result.exit_code == 1
    assert "rejected" in result.output
    assert said in result.output
    assert "resolve" not in result.output


def test_a_token_that_slack_does_not_know(tmp_path, slack):
    made = place(tmp_path, f"kind: slack, token: env:BOT, channel: '#ops', api_url: '{slack.url}/api'")
    result = send(made, BOT="xoxb-1-2-abcdefghijklmnop")
    assert result.exit_code == 1
    assert "invalid_auth" in result.output
    assert "Bot User OAuth Token" in result.output


def test_mail_and_webhooks_are_tried_alike(tmp_path):
    inbox = Inbox()
    with mail_server(inbox) as port:
        mail = f"kind: email, server: '127.0.0.1:{port}', security: none, from: a@example.com, to: b@example.com"
        assert send(place(tmp_path, mail)).exit_code == 0
    first, second = inbox.mails
    assert first["Subject"] == "[CRITICAL] TEST message for channel ops, sent by hand: nothing is wrong"
    assert second["In-Reply-To"] == first["Message-ID"]
    with serving(Service()) as service:
        hook = f"kind: webhook, url: '{service.url}/x', signing_secret: env:SIGNING"
        assert send(place(tmp_path / "hook", hook), SIGNING="0123456789abcdef").exit_code == 0
    assert len(service.requests) == 2


def test_what_cannot_be_tried_is_said(tmp_path, slack):
    made = place(tmp_path, "kind: slack, url: env:HOOK")
    unknown = made.run("send", "--channel", "opps", PLACE_KEY=KEY, HOOK=f"{slack.url}{SlackService.HOOK}")
    assert unknown.exit_code != 0
    assert 'did you mean "ops"?' in unknown.output
    for arguments in (["send"], ["send", "--team", "payments", "--channel", "ops"]):
        assert made.run(*arguments, PLACE_KEY=KEY).exit_code == 2


def test_an_address_of_another_service_is_known_before_anything_is_sent(tmp_path):
    result = send(place(tmp_path, "kind: discord, url: env:URL"), URL="https://hooks.slack.com/services/T0/B0/abcdefghijklmnop")
    assert result.exit_code != 0
    assert "kind: slack" in result.output
    assert "abcdefghijklmnop" not in result.output


def test_a_secret_that_is_not_there_is_named(tmp_path):
    result = send(place(tmp_path, "kind: discord, url: env:NOT_SET"))
    assert result.exit_code != 0
    assert "NOT_SET is not set" in result.output


def test_every_kind_has_a_word_and_every_outcome_too():
    assert set(KINDS) == set(EXAMPLES)
    slack = next(iter(EXAMPLES))
    channel = slack(name="ops", rate=None, timeout_ms=1, retry_for_ms=1, **EXAMPLES[slack])
    assert step_of(channel, "trigger", Throttled(), 5).outcome == "throttled"
