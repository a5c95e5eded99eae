"""Discord against a stand-in that checks what Discord checks."""

from __future__ import annotations

import pytest

from router.channels.discord import MAX_TITLE, escape, outcome_of, render
from router.channels.message import message_of
from router.model.channel import Discord
from router.model.delivery import Accepted, Rejected, Throttled, Unavailable
from router.wire.answer import Answer
from router.wire.text import units
from tests.support.channels import COMMON, Conversation, make_event
from tests.support.services import DiscordService, serving

URL = "https://discord.com/api/webhooks/1/token-token"


@pytest.fixture
def discord():
    with serving(DiscordService()) as service:
        yield service


@pytest.fixture
async def hook(discord):
    conversation = Conversation(Discord(**COMMON, url="env:U"), {"env:U": f"{discord.url}{DiscordService.PATH}"})
    yield conversation
    await conversation.aclose()


async def test_an_episode_is_one_message_and_a_short_one_at_its_end(hook, discord):
    outcomes = await hook.episode()
    assert [type(outcome) for outcome in outcomes] == [Accepted] * 4
    first, last = discord.messages.values()
    assert first["embeds"][0]["title"].startswith("\\[RESOLVED\\] payment\\-api\\: CardError")
    assert {"name": "count", "value": "3", "inline": True} in first["embeds"][0]["fields"]
    assert len(last["embeds"][0]) == 3
    assert {outcome.receipt for outcome in outcomes} == {next(iter(discord.messages))}


async def test_a_message_that_was_deleted_is_said_anew(hook, discord):
    await hook.tell(make_event())
    discord.messages.clear()
    assert isinstance(await hook.tell(make_event(action="acknowledge")), Accepted)
    assert len(discord.messages) == 1


async def test_nobody_is_called_and_nothing_is_formatted_by_what_an_alert_says(hook, discord):
    evil = "<@123> @everyone [click](https://evil.example) **b** <#9> ||s||"
    await hook.tell(make_event(summary=evil, source=evil, details={"x": evil, evil: "y", "description": f"more: {evil}"}))
    (message,) = discord.messages.values()
    (embed,) = message["embeds"]
    written = [
        embed["title"],
        embed["description"],
        *(part for one in embed["fields"][:-1] for part in (one["name"], one["value"])),
    ]
    assert sum("click" in text for text in written) == 4
    for text in written:
        assert "click" not in text or "\\<@123\\>" in text.replace("\\@", "@"), text
        assert "[click" not in text.replace("\\[", ""), text
    await hook.tell(make_event(summary=evil, action="resolve"))
    assert len(discord.messages) == 2, "the end is a message of its own"
    assert discord.mentions == []


async def test_the_longest_event_is_still_taken_with_its_title_and_links(hook, discord):
    details = {f"key{number}": "*_" * 5_000 for number in range(200)} | {"description": "\U0001f525 [line]\n" * 3_000}
    assert isinstance(await hook.tell(make_event(summary="*" * 5_000, details=details)), Accepted)
    assert discord.refused == []
    (message,) = discord.messages.values()
    assert "https://prometheus.example/graph?a=1&b=2" in message["embeds"][0]["fields"][-1]["value"]


async def test_a_webhook_that_was_deleted_is_refused_for_good(hook, discord):
    discord.is_deleted = True
    assert await hook.tell(make_event()) == Rejected(cause="10015: Unknown Webhook", status=404)


async def test_a_wrong_token_is_refused_for_good(discord):
    conversation = Conversation(Discord(**COMMON, url="env:U"), {"env:U": f"{discord.url}{DiscordService.PATH[:-70]}x"})
    outcome = await conversation.tell(make_event())
    assert isinstance(outcome, Rejected)
    await conversation.aclose()


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(status=200, body=b'{"id":"12"}'), Accepted(status=200, receipt="12")),
        (Answer(status=204), Accepted(status=204)),
        (
            Answer(status=429, body=b'{"retry_after":0.4,"global":false}', headers={"retry-after": "1"}),
            Throttled(retry_after_ms=400),
        ),
        (Answer(status=429, body=b"error code: 1015", headers={"retry-after": "60"}), Throttled(retry_after_ms=60_000)),
        (Answer(status=429, body=b'{"retry_after":1e300}'), Throttled()),
        (
            Answer(status=400, body=b'{"code":50035,"message":"Invalid Form Body"}'),
            Rejected(cause="50035: Invalid Form Body", status=400),
        ),
        (Answer(status=502, body=b"<html>"), Unavailable(cause="HTTP 502: <html>", status=502)),
    ],
)
def test_the_outcome_table(answer, outcome):
    assert outcome_of(answer, url=URL, now=0) == outcome


def test_the_address_is_in_no_cause():
    found = outcome_of(Answer(status=404, body=f"no {URL}".encode()), url=URL, now=0)
    assert isinstance(found, Rejected)
    assert "token-token" not in found.cause


def test_escaped_text_keeps_within_its_limit():
    assert units(escape("*" * 1_000, MAX_TITLE)) <= MAX_TITLE
    assert escape("a*b", 10) == r"a\*b"


def test_an_embed_is_never_without_a_title():
    assert render(message_of(make_event(summary="", source="", class_="")))["embeds"][0]["title"]
