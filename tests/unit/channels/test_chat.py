"""What chats have in common: which server they go to, and that they let go of it."""

from __future__ import annotations

import pytest

from router.channels.calling import Caller
from router.channels.chat import ChatChannel
from router.model.channel import Discord, SlackBot, Teams
from tests.support.channels import COMMON
from tests.support.stores import StillClock


class Closing(Caller):
    """Notes that it was closed."""

    closed = False

    async def aclose(self) -> None:
        self.closed = True


def secret(reference: str) -> str:
    if reference == "env:GONE":
        raise LookupError(reference)
    return "https://example.webhook.invalid/a/b"


@pytest.mark.parametrize(
    ("channel", "endpoint"),
    [
        (Discord(**COMMON, url="env:URL"), "example.webhook.invalid"),
        (Teams(**COMMON, url="env:GONE"), "channel:ops"),
        (SlackBot(**COMMON, token="env:GONE", conversation="C1", api_url="https://slack.invalid/api"), "slack.invalid"),
    ],
)
async def test_it_is_wired_to_one_server_and_lets_go_of_it(channel: Discord | Teams | SlackBot, endpoint: str) -> None:
    caller = Closing(channel, StillClock())
    chat = ChatChannel(channel, resolve=secret, caller=caller, thread_of=lambda _delivery: None)  # type: ignore[type-var]
    assert chat.endpoint == endpoint
    await chat.aclose()
    assert caller.closed
