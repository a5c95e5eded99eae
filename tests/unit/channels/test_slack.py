"""Slack against a stand-in that checks what Slack checks."""

from __future__ import annotations

import json

import msgspec
import pytest

from router.channels.message import Message, message_of
from router.channels.slack import MAX_SECTION, escape, outcome_of, render
from router.model.channel import SlackBot, SlackHook
from router.model.delivery import Accepted, Rejected, Throttled, Unavailable
from router.model.severity import Severity
from router.wire.answer import Answer
from tests.support.channels import COMMON, Conversation, make_event
from tests.support.services import SlackService, said, serving

EVIL = "<!channel> <@U123> @here <https://evil.example|click> & *bold* #general"


@pytest.fixture
def slack():
    with serving(SlackService()) as service:
        yield service


@pytest.fixture
async def bot(slack):
    settings = SlackBot(**COMMON, token="env:T", conversation="#ops", api_url=f"{slack.url}/api")
    conversation = Conversation(settings, {"env:T": SlackService.TOKEN})
    yield conversation
    await conversation.aclose()


@pytest.fixture
async def hook(slack):
    conversation = Conversation(SlackHook(**COMMON, url="env:U"), {"env:U": f"{slack.url}{SlackService.HOOK}"})
    yield conversation
    await conversation.aclose()


async def test_an_episode_is_one_thread_whose_first_message_says_how_it_stands(bot, slack):
    outcomes = await bot.episode()
    assert [type(outcome) for outcome in outcomes] == [Accepted] * 4
    (root,) = slack.roots
    assert {outcome.receipt for outcome in outcomes} == {f"{SlackService.CHANNEL}/{root['ts']}"}
    assert root["text"].startswith(":white_check_mark: *RESOLVED* payment-api: CardError")
    facts = root["attachments"][0]["blocks"][0]["text"]["text"]
    assert "*count*: 3" in facts, "what was said first is still there"
    assert "env=prod" in facts
    said_in_thread = [reply["text"] for reply in slack.replies(root["ts"])]
    assert [text.split()[1] for text in said_in_thread] == ["Now", "Acknowledged:", "Resolved:"]
    assert slack.updates == 3
    assert slack.refused == []


async def test_another_episode_is_another_message(bot, slack):
    await bot.tell(make_event())
    await bot.tell(make_event(dedup_key="payment-errors/0123456789abcdef/1a2b-4"))
    assert len(slack.roots) == 2


async def test_nobody_is_called_by_what_an_alert_says(bot, hook, slack):
    event = make_event(
        summary=EVIL, source=EVIL, rule=EVIL, details={EVIL: EVIL, "labels": {"a": EVIL}, "description": EVIL * 2}
    )
    for conversation in (bot, hook):
        await conversation.tell(event)
        await conversation.tell(msgspec.structs.replace(event, action="resolve"))
    assert slack.mentions == []
    assert slack.refused == []
    assert len(slack.messages) == 4


async def test_the_longest_event_is_still_taken_with_its_title_and_links(bot, slack):
    details = {f"key{number}": "<&>" * 5_000 for number in range(200)} | {"description": "line & more\n" * 5_000}
    assert isinstance(await bot.tell(make_event(summary="<" * 5_000, details=details)), Accepted)
    (root,) = slack.roots
    assert root["text"].count("&lt;") > 100
    assert "https://prometheus.example/graph?a=1&amp;b=2|Graph" in json.dumps(root)


async def test_a_message_that_was_deleted_is_said_anew(bot, slack):
    await bot.tell(make_event())
    slack.messages.clear()
    outcome = await bot.tell(make_event(action="resolve"))
    assert isinstance(outcome, Accepted)
    assert [root["text"].split()[1] for root in slack.roots] == ["*RESOLVED*"]


async def test_an_update_that_fails_for_now_is_tried_again_as_a_whole(bot, slack):
    await bot.tell(make_event())
    slack.answers = [said({"ok": False, "error": "internal_error"})]
    assert await bot.tell(make_event(action="resolve")) == Unavailable(cause="internal_error", status=200)
    assert isinstance(await bot.tell(make_event(action="resolve")), Accepted)
    assert len(slack.replies(slack.roots[0]["ts"])) == 1


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (said({"ok": True, "channel": "C1", "ts": "1.2"}), Accepted(status=200, receipt="C1/1.2")),
        (said({"ok": False, "error": "channel_not_found"}), Rejected(cause="channel_not_found", status=200)),
        (
            said({"ok": False, "error": "missing_scope", "needed": "chat:write"}),
            Rejected(cause="missing_scope (needs chat:write)", status=200),
        ),
        (said({"ok": False, "error": "token_revoked"}), Rejected(cause="token_revoked", status=200)),
        (said({"ok": False, "error": "of_tomorrow"}), Rejected(cause="of_tomorrow", status=200)),
        (said({"ok": False}), Rejected(cause="ok: false", status=200)),
        (said({"ok": False, "error": "ratelimited"}), Throttled()),
        (said({"ok": False, "error": "fatal_error"}), Unavailable(cause="fatal_error", status=200)),
        ((200, {}, b"<html>"), Unavailable(cause="answered with something that is not of Slack's Web API", status=200)),
        ((429, {"Retry-After": "30"}, b""), Throttled(retry_after_ms=30_000)),
        ((503, {}, b""), Unavailable(cause="HTTP 503", status=503)),
        (
            (302, {"Location": "/"}, b""),
            Rejected(cause="HTTP 302: answered with a redirect, which is not followed", status=302),
        ),
    ],
)
def test_the_outcome_table_of_the_web_api(answer, outcome):
    status, headers, body = answer
    got = Answer(status=status, headers={name.lower(): value for name, value in headers.items()}, body=body)
    assert outcome_of(got, token="xoxb-1", now=0) == outcome


def test_an_answer_that_broke_off_is_not_posted_a_second_time():
    assert isinstance(outcome_of(Answer(status=200, body=b'{"ok":tr', complete=False), token="x", now=0), Accepted)


def test_the_token_is_in_no_cause():
    answer = Answer(status=200, body=b'{"ok":false,"error":"bad token xoxb-secret-1"}')
    assert outcome_of(answer, token="xoxb-secret-1", now=0) == Rejected(cause="bad token ***", status=200)


async def test_a_bot_that_is_not_invited_or_not_allowed_says_so(bot, slack):
    slack.bot_is_in_channel = False
    assert await bot.tell(make_event()) == Rejected(cause="not_in_channel", status=200)


async def test_a_token_that_cannot_be_read_is_a_rejection_that_names_the_reference(slack):
    settings = SlackBot(**COMMON, token="env:GONE", conversation="#ops", api_url=f"{slack.url}/api")
    assert await Conversation(settings).tell(make_event()) == Rejected(cause="env:GONE cannot be read")


async def test_a_webhook_posts_each_step(hook, slack):
    outcomes = await hook.episode()
    assert [type(outcome) for outcome in outcomes] == [Accepted] * 4
    words = [message["text"].split()[1] for message in slack.messages.values()]
    assert words == ["*ERROR*", "*CRITICAL*", "*ACKNOWLEDGED*", "*RESOLVED*"]


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ((404, {}, b"no_service"), Rejected(cause="HTTP 404: no_service", status=404)),
        ((500, {}, b"no_service"), Rejected(cause="HTTP 500: no_service", status=500)),
        ((410, {}, b"channel_is_archived"), Rejected(cause="HTTP 410: channel_is_archived", status=410)),
        ((403, {}, b"action_prohibited"), Rejected(cause="HTTP 403: action_prohibited", status=403)),
        ((500, {}, b"rollup_error"), Unavailable(cause="HTTP 500: rollup_error", status=500)),
        ((429, {"Retry-After": "1"}, b""), Throttled(retry_after_ms=1_000)),
    ],
)
async def test_the_outcome_table_of_webhooks(hook, slack, answer, outcome):
    slack.answers = [answer]
    assert await hook.tell(make_event()) == outcome


async def test_a_webhooks_address_is_in_no_cause(hook, slack):
    slack.answers = [(404, {}, f"there is nothing at {SlackService.HOOK}".encode())]
    outcome = await hook.tell(make_event())
    assert isinstance(outcome, Rejected)
    assert "abcdefghij" not in outcome.cause


def test_escaping_leaves_no_control_character_of_slacks():
    assert escape("<!here> & co") == "&lt;!here&gt; &amp; co"


def test_colours_and_marks_tell_the_severity():
    seen = {render(message_of(make_event(severity=severity)))["text"].split()[0] for severity in Severity}
    assert len(seen) == 4


def test_a_digest_is_a_list_of_lines_in_a_few_sections():
    incidents = [
        {
            "service": f"svc-{number}",
            "name": "Down",
            "summary": "It is down & out",
            "severity": "error",
            "opened": 2,
            "resolved": 1,
        }
        for number in range(300)
    ]
    message = message_of(make_event(summary="Digest: 600 opened", class_="digest", details={"incidents": incidents}))
    blocks = render(message)["attachments"][0]["blocks"]
    texts = [block["text"]["text"] for block in blocks if block["type"] == "section"]
    assert any("[ERROR] svc-0: Down - It is down &amp; out (2 opened, 1 resolved)" in text for text in texts)
    assert any("more lines" in text for text in texts)
    assert all(len(text) <= MAX_SECTION for text in texts)


def test_a_message_of_nothing_has_something_to_show():
    assert render(Message(state="resolved", at=0, key="a/b/c"))["text"].endswith("a/b/c")
