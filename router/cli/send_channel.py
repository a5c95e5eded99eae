"""``alert-router send --channel``: a marked test message through a channel as it is configured, then its end.

Goes straight to the other side, not through the daemon: what it proves is the address, the token, the network. What it says is
gone through by the same redaction as any message. Must never show a secret.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Literal

import click
import msgspec

from router.channels.building import BuiltChannel, build
from router.channels.message import Thread, thread_from
from router.channels.remedies import remedy_of
from router.cli.options import fail
from router.clock import Clock
from router.config.channel_secrets import check_channel_secret
from router.config.secrets import Purpose, SecretUnavailable
from router.config.settings import Settings
from router.daemon.joints import known_references, references_of
from router.daemon.templates import compile_body
from router.model.channel import ChannelSettings, Discord, Hook, LongTail, Mail, SlackBot, SlackHook, Teams
from router.model.delivery import Accepted, Attempt, Delivery, Outcome, Priority, Rejected, Throttled, Unavailable
from router.model.event import CHANNEL_REFERENCE, Event, EventAction
from router.model.quantity import format_duration
from router.model.severity import Severity
from router.yamldoc import suggest

KINDS: dict[type, str] = {
    SlackHook: "slack",
    SlackBot: "slack",
    Discord: "discord",
    Teams: "teams",
    Mail: "email",
    Hook: "webhook",
    LongTail: "apprise",
}


_PURPOSES: dict[type, Purpose] = {
    SlackHook: Purpose.SLACK_WEBHOOK,
    SlackBot: Purpose.SLACK_TOKEN,
    Discord: Purpose.DISCORD_WEBHOOK,
    Teams: Purpose.TEAMS_WEBHOOK,
    LongTail: Purpose.APPRISE_URL,
}


class ChannelStep(msgspec.Struct, frozen=True, kw_only=True):
    """One message and what was said to it."""

    action: EventAction
    outcome: Literal["accepted", "throttled", "unavailable", "rejected"]
    status: int  # 0: there is none
    took_ms: int
    cause: str = ""
    remedy: str = ""


class ChannelReport(msgspec.Struct, kw_only=True):
    """What ``--output json`` prints."""

    channel: str
    kind: str
    endpoint: str
    steps: list[ChannelStep] = []
    ok: bool = False


def find_channel(settings: Settings, name: str) -> ChannelSettings:
    """The channel of this name, its secrets readable; else the command ends."""
    channel = settings.channels.get(name)
    if channel is None:
        known = ", ".join(list(settings.channels)[:20])
        hint = suggest(name, settings.channels) or (f"channels are {known}" if known else "name it under channels:")
        fail(f"there is no channel {name!r}", hint=hint)
    for reference in references_of(channel):
        _check_secret(settings, channel, reference)
    return channel


def _check_secret(settings: Settings, channel: ChannelSettings, reference: str) -> None:
    """What can be told without asking the other side."""
    try:
        doubts = settings.secrets.read(reference)
    except SecretUnavailable as error:
        fail(str(error), hint=error.problem.hint)
    purpose = _PURPOSES.get(type(channel))
    problem = check_channel_secret(settings.secrets.resolve(reference).reveal(), purpose) if purpose else None
    for doubt in [*doubts, *([problem] if problem else [])]:
        if not doubt.is_warning:
            fail(f"{reference}: {doubt.message}", hint=doubt.hint)
        click.echo(f"alert-router: {reference}: {doubt.message}", err=True)


def readable_secrets(settings: Settings) -> tuple[str, ...]:
    """Our own secrets as far as this machine holds them: none of them leaves inside a message."""
    found = []
    for reference in known_references(settings):
        try:
            found.append(settings.secrets.resolve(reference).reveal())
        except SecretUnavailable:
            continue
    return tuple(found)


class TestMessage:
    """One test message from its beginning to its end."""

    __test__ = False  # pytest: no test

    def __init__(
        self, settings: Settings, channel: ChannelSettings, severity: Severity, *, clock: Clock, say: Callable[[str], None]
    ) -> None:
        """Nothing is sent before ``run``."""
        self._settings = settings
        self._channel = channel
        self._severity = severity
        self._clock = clock
        self._say = say
        self._key = f"alert-router-test/{channel.name}/{clock.now():x}-{os.urandom(4).hex()}"
        self._sent: list[Delivery] = []

    def run(self, runner: asyncio.Runner, wait_ms: int) -> ChannelReport:
        """Tell, wait (Ctrl-C cuts it short), tell that it is over."""
        channel = runner.run(self._open())
        kind = KINDS[type(self._channel)]
        report = ChannelReport(channel=self._channel.name, kind=kind, endpoint=channel.endpoint)
        self._say(f"channel {report.channel} ({kind}), at {report.endpoint}")
        try:
            if not self._tell(runner, channel, report, "trigger"):
                return report
            try:
                self._say(f"waiting   {format_duration(wait_ms)}, then saying that it is over")
                runner.run(self._clock.sleep(wait_ms / 1000))
            except KeyboardInterrupt:
                self._say("cut short")
            report.ok = self._tell(runner, channel, report, "resolve")
            if report.ok:
                self._say("done      look whether both arrived: the other side only said that it took them")
        finally:
            runner.run(channel.aclose())
        return report

    async def _open(self) -> BuiltChannel:
        known = readable_secrets(self._settings)
        return build(
            self._channel,
            resolve=lambda reference: self._settings.secrets.resolve(reference).reveal(),
            clock=self._clock,
            compile_template=compile_body,
            redaction=self._settings.redaction,
            known=lambda: known,
            thread_of=self._thread_of,
        )

    def _thread_of(self, _delivery: Delivery) -> Thread | None:
        return thread_from(self._sent[::-1])

    def _tell(self, runner: asyncio.Runner, channel: BuiltChannel, report: ChannelReport, action: EventAction) -> bool:
        began_at = self._clock.monotonic()
        delivery = self._delivery(channel, action)
        outcome = runner.run(channel.send(delivery))
        took_ms = int((self._clock.monotonic() - began_at) * 1000)
        step = step_of(self._channel, action, outcome, took_ms)
        report.steps.append(step)
        answer = f" ({step.status})" if step.status else ""
        self._say(f"{action:9} {step.outcome}{answer} in {took_ms} ms{f': {step.cause}' if step.cause else ''}")
        if step.remedy:
            self._say(f"  hint: {step.remedy}")
        if not isinstance(outcome, Accepted):
            return False
        delivery.last_attempts = (Attempt(at=delivery.created_at, took_ms=took_ms, outcome=outcome),)
        self._sent.append(delivery)
        return True

    def _delivery(self, channel: BuiltChannel, action: EventAction) -> Delivery:
        now = self._clock.now()
        event = Event(
            team="",
            channel=self._channel.name,
            routing_key=f"{CHANNEL_REFERENCE}{self._channel.name}",
            dedup_key=self._key,
            action=action,
            at=now,
            severity=self._severity,
            summary=f"TEST message for channel {self._channel.name}, sent by hand: nothing is wrong",
            source="alert-router",
            class_="test",
            details={"test": "yes", "sent_by": "alert-router send"},
        )
        return Delivery(
            id=len(self._sent) + 1,
            channel=event.channel,
            team="",
            routing_key=event.routing_key,
            dedup_key=event.dedup_key,
            action=action,
            priority=Priority.INFO,
            created_at=now,
            body=channel.encode(event),
        )


def step_of(channel: ChannelSettings, action: EventAction, outcome: Outcome, took_ms: int) -> ChannelStep:
    """The outcome in words, with what to do about it."""
    words: dict[type, Literal["accepted", "throttled", "unavailable", "rejected"]] = {
        Accepted: "accepted",
        Throttled: "throttled",
        Unavailable: "unavailable",
        Rejected: "rejected",
    }
    return ChannelStep(
        action=action,
        outcome=words[type(outcome)],
        status=outcome.status,
        took_ms=took_ms,
        cause=getattr(outcome, "cause", ""),
        remedy=remedy_of(channel, outcome),
    )


def say_or_not(output: str) -> Callable[[str], None]:
    """Lines for people, or none when a program reads."""
    return (lambda _line: None) if output == "json" else click.echo
