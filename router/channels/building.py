"""A channel out of its settings: the one place that knows all kinds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, assert_never

from router.channels.calling import Caller, Resolve
from router.channels.chat import ThreadOf
from router.channels.discord import DiscordChannel
from router.channels.hook import CompileTemplate, HookChannel
from router.channels.longtail import LongTailChannel
from router.channels.message import Thread, encode
from router.channels.redaction import Redactor
from router.channels.slack import SlackBotChannel, SlackHookChannel
from router.channels.smtp import MailChannel
from router.channels.teams import TeamsChannel
from router.clock import Clock
from router.model.channel import ChannelSettings, Discord, Hook, LongTail, Mail, Redaction, SlackBot, SlackHook, Teams
from router.model.delivery import Delivery, Outcome
from router.model.event import Event
from router.wire.transport import Poster


class Kind(Protocol):
    """What each kind's module gives: it sends bodies; ``encode`` too if its bodies are its own."""

    endpoint: str

    async def send(self, delivery: Delivery) -> Outcome:
        """Once, within a deadline of its own."""
        ...

    async def aclose(self) -> None:
        """Let go of what it holds."""
        ...


class BuiltChannel:
    """A kind with redaction in front: nothing is written that was not gone through."""

    def __init__(self, kind: Kind, write: Callable[[Event], bytes], redact: Redactor) -> None:
        """``write``: event -> body."""
        self.endpoint = kind.endpoint
        self.send = kind.send
        self.aclose = kind.aclose
        self._write = write
        self._redact = redact

    def encode(self, event: Event) -> bytes:
        """The body, of a redacted event."""
        return self._write(self._redact(event))


def no_thread(_delivery: Delivery) -> Thread | None:
    """For what has no record of earlier deliveries."""
    return None


def build(
    channel: ChannelSettings,
    *,
    resolve: Resolve,
    clock: Clock,
    compile_template: CompileTemplate,
    redaction: Redaction,
    known: Callable[[], tuple[str, ...]] = tuple,
    thread_of: ThreadOf = no_thread,
    poster: Poster | None = None,
) -> BuiltChannel:
    """``redaction``: that of all ways out, to which the channel's own is added; ``known``: our own secrets."""
    redact = Redactor(redaction, channel.redaction, known=known)
    caller = Caller(channel, clock, poster=poster)
    kind: Kind
    match channel:
        case SlackHook():
            kind = SlackHookChannel(channel, resolve=resolve, caller=caller, thread_of=thread_of)
        case SlackBot():
            kind = SlackBotChannel(channel, resolve=resolve, caller=caller, thread_of=thread_of)
        case Discord():
            kind = DiscordChannel(channel, resolve=resolve, caller=caller, thread_of=thread_of)
        case Teams():
            kind = TeamsChannel(channel, resolve=resolve, caller=caller, thread_of=thread_of)
        case Mail():
            kind = MailChannel(channel, resolve=resolve, thread_of=thread_of)
        case Hook():
            hook = HookChannel(channel, resolve=resolve, caller=caller, compile_template=compile_template)
            return BuiltChannel(hook, hook.encode, redact)
        case LongTail():
            kind = LongTailChannel(channel, resolve=resolve, thread_of=thread_of)
        case _:
            assert_never(channel)
    return BuiltChannel(kind, encode, redact)
