"""What all chats have in common: the parts they are wired of, and that each is one connection to one server.

A kind adds how it says a message and what the answer means. Must never do: know one service from another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from router.channels.calling import Caller, Resolve, endpoint_of, split_url
from router.channels.message import Thread
from router.model.channel import Discord, SlackBot, SlackHook, Teams
from router.model.delivery import Delivery

ThreadOf = Callable[[Delivery], Thread | None]
"""What was said before of the same episode; None: nothing."""

Chat = TypeVar("Chat", SlackHook, SlackBot, Discord, Teams)


class ChatChannel(Generic[Chat]):
    """A chat as wired; its kind has ``send``."""

    def __init__(self, channel: Chat, *, resolve: Resolve, caller: Caller, thread_of: ThreadOf) -> None:
        """A bot's server stands in the configuration, everybody else's in the address that is their secret."""
        if isinstance(channel, SlackBot):
            self.endpoint = split_url(channel.api_url)[0].host_header
        else:
            self.endpoint = endpoint_of(resolve, channel.url, f"channel:{channel.name}")
        self._channel: Chat = channel
        self._resolve = resolve
        self._caller = caller
        self._thread_of = thread_of

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._caller.aclose()
