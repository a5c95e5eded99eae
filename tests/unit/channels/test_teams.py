"""Teams against a stand-in that checks what a workflow checks."""

from __future__ import annotations

import json

import pytest

from router.channels.message import message_of
from router.channels.teams import MAX_BODY, escape, render
from router.model.channel import Teams
from router.model.delivery import Accepted, Rejected, Throttled
from tests.support.channels import COMMON, Conversation, make_event
from tests.support.services import TeamsService, serving


@pytest.fixture
def teams():
    with serving(TeamsService()) as service:
        yield service


@pytest.fixture
async def flow(teams):
    url = f"{teams.url}{TeamsService.PATH}?{TeamsService.QUERY}"
    conversation = Conversation(Teams(**COMMON, url="env:U"), {"env:U": url})
    yield conversation
    await conversation.aclose()


async def test_each_step_is_a_card_that_says_what_it_is_about(flow, teams):
    assert [type(outcome) for outcome in await flow.episode()] == [Accepted] * 4
    titles = [card["body"][0]["items"][0]["text"] for card in teams.cards]
    assert [title.partition("]")[0] for title in titles] == [
        "\\[ERROR\\",
        "\\[CRITICAL\\",
        "\\[ACKNOWLEDGED\\",
        "\\[RESOLVED\\",
    ]
    assert [card["body"][0]["style"] for card in teams.cards] == ["attention", "attention", "attention", "good"]
    assert teams.cards[0]["actions"][0] == {
        "type": "Action.OpenUrl",
        "title": "Graph",
        "url": "https://prometheus.example/graph?a=1&b=2",
    }


async def test_the_longest_event_is_still_taken_with_its_title_and_links(flow, teams):
    details = {f"key{number}": "é" * 5_000 for number in range(200)} | {"description": "[line]\n" * 3_000}
    assert isinstance(await flow.tell(make_event(summary="x" * 5_000, details=details)), Accepted)
    assert teams.refused == []
    assert len(teams.cards[0]["actions"]) == 1


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ("off", "HTTP 400: WorkflowTriggerIsNotEnabled: The workflow is disabled."),
        ("deleted", "HTTP 404: WorkflowNotFound: The workflow could not be found."),
        (
            "signature",
            "HTTP 401: DirectApiAuthorizationRequired: The request must be authenticated only by Shared Access scheme.",
        ),
    ],
)
async def test_what_is_wrong_with_the_workflow_is_said(teams, change, cause):
    teams.is_off = change == "off"
    path = "/workflows/gone/paths/invoke" if change == "deleted" else TeamsService.PATH
    query = TeamsService.QUERY.replace("sig=a", "sig=b") if change == "signature" else TeamsService.QUERY
    conversation = Conversation(Teams(**COMMON, url="env:U"), {"env:U": f"{teams.url}{path}?{query}"})
    outcome = await conversation.tell(make_event())
    assert isinstance(outcome, Rejected)
    assert outcome.cause == cause
    await conversation.aclose()


async def test_too_many_is_tried_again_when_it_says(flow, teams):
    teams.answers = [(429, {"Retry-After": "17"}, b"")]
    assert await flow.tell(make_event()) == Throttled(retry_after_ms=17_000)


async def test_the_signature_is_in_no_cause(flow, teams):
    teams.answers = [(403, {}, f"bad {TeamsService.QUERY}".encode())]
    outcome = await flow.tell(make_event())
    assert isinstance(outcome, Rejected)
    assert "abcdefghijklmnop" not in outcome.cause


def test_markup_is_text_and_nobody_is_mentioned():
    evil = "<at>Ada</at> [x](https://evil.example) **b**"
    escaped = r"\<at\>Ada\</at\> \[x\]\(https://evil.example\) \*\*b\*\*"
    card = json.loads(
        render(message_of(make_event(summary=evil, source=evil, details={"x": f"1 {evil}", "description": f"2 {evil}"})))
    )
    content = card["attachments"][0]["content"]
    title, facts, text, footer = content["body"]
    assert title["items"][0]["text"].endswith(escaped)
    assert {"title": "x", "value": f"1 {escaped}"} in facts["facts"]
    assert text["text"] == f"2 {escaped}"
    assert footer["text"].startswith(escaped)
    assert "entities" not in content["msteams"]


def test_a_body_is_never_too_large():
    details = {f"k{number}": "\x01\u2028" * 500 for number in range(50)}
    assert len(render(message_of(make_event(details=details)))) <= MAX_BODY


def test_escape():
    assert escape("a_b") == r"a\_b"
