"""Channels as the configuration describes them: plain values that ``config`` makes and ``router.channels`` works by.

Secrets, and addresses that are secrets, are references.
"""

from __future__ import annotations

from typing import Any

import msgspec

from router.model.quantity import Rate


class Redaction(msgspec.Struct, frozen=True, kw_only=True):
    """What must not leave: names are globs in any case, ``patterns`` regular expressions (RE2)."""

    labels: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    secrets: bool = True  # what looks like a secret goes too


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """What all kinds have. ``rate``: calls, None for no pacing."""

    name: str
    rate: Rate | None
    timeout_ms: int
    retry_for_ms: int
    use_environment_proxy: bool = False
    redaction: Redaction = Redaction()


class SlackHook(Channel, frozen=True, kw_only=True):
    """Slack by an incoming webhook: it can post, and nothing else."""

    url: str


class SlackBot(Channel, frozen=True, kw_only=True):
    """Slack by a bot token: it posts, replies in threads and updates."""

    token: str
    conversation: str  # C0123ABCD or #name
    api_url: str


class Discord(Channel, frozen=True, kw_only=True):
    """Discord by a webhook."""

    url: str


class Teams(Channel, frozen=True, kw_only=True):
    """Microsoft Teams by a workflow that takes adaptive cards."""

    url: str


class Mail(Channel, frozen=True, kw_only=True):
    """E-mail by a server that takes it. ``security``: how the connection is encrypted."""

    host: str
    port: int
    security: str  # starttls, tls or none
    username: str
    password: str  # a reference; empty: no authentication
    sender: str
    to: tuple[str, ...]
    prefix: str
    ca_file: str  # empty: the usual authorities


class Hook(Channel, frozen=True, kw_only=True):
    """Any service that takes JSON. ``body``: JSON whose texts are templates; None for our own form."""

    url: str
    method: str
    headers: dict[str, str]
    secret_headers: dict[str, str]  # values are references
    signing_secret: str  # a reference; empty: not signed
    body: Any


class LongTail(Channel, frozen=True, kw_only=True):
    """Whatever apprise can reach, by its own kind of address."""

    url: str


ChannelSettings = SlackHook | SlackBot | Discord | Teams | Mail | Hook | LongTail
