"""Microsoft Teams, by a workflow ("When a Teams webhook request is received") that posts an adaptive card.

Facts, from Microsoft's documentation (learn.microsoft.com, read November 2026): "Create and send messages" and "Create incoming
webhooks with Workflows" (the body is a message with one adaptive card as its attachment; connectors of Office 365,
``*.webhook.office.com``, are retired), "Format cards in Teams" (a message of at most 28 KB), "Adaptive Cards schema" 1.4. A
workflow answers 202 before it has posted: what goes wrong after that only its run history in Teams tells. It can neither reply
nor change what it posted, so each step of an episode is a card of its own, under the same title.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from router.channels.calling import outcome_by_status, reveal, secrets_in
from router.channels.chat import ChatChannel
from router.channels.message import Message, decode, fitting, utc, within
from router.model.channel import Teams
from router.model.delivery import Delivery, Outcome, Rejected
from router.wire.answer import Answer

MAX_BODY = 27_000  # of 28 KB
MAX_TEXT = 8_000
MAX_ACTIONS = 6

_STYLES = {"critical": "attention", "error": "attention", "warning": "warning", "info": "accent"}
_MARKUP = re.compile(r"([\\*_~`\[\]()#<>&|-])")

_encode = msgspec.json.Encoder().encode


class _Error(msgspec.Struct):
    code: str = ""
    message: str = ""


class _Said(msgspec.Struct):
    error: _Error = msgspec.field(default_factory=_Error)


_decode_said = msgspec.json.Decoder(_Said).decode


def escape(text: str) -> str:
    """Text that is only text in an adaptive card, whose text blocks read a little Markdown.

    Nobody is mentioned: a card mentions only whom its ``msteams.entities`` name, and there are none.
    """
    return _MARKUP.sub(r"\\\1", text)


def render(message: Message) -> bytes:
    """The body; facts, then text are given up when it is too long, title and links never."""
    facts, text = list(message.facts), within(message.text, MAX_TEXT)
    while True:
        body = _encode(_wrap(_card(message, facts, text)))
        if len(body) <= MAX_BODY or not (facts or text):
            return body
        if text:
            text = within(text, len(text) // 2) if len(text) > 400 else ""  # noqa: PLR2004 -- less says nothing
        else:
            facts = facts[: len(facts) * 3 // 4]


def _card(message: Message, facts: list[tuple[str, str]], text: str) -> dict[str, Any]:
    style = "good" if message.is_over else _STYLES[message.severity]
    title = {"type": "TextBlock", "text": escape(message.headline), "weight": "Bolder", "size": "Medium", "wrap": True}
    body: list[dict[str, Any]] = [{"type": "Container", "style": style, "bleed": True, "items": [title]}]
    shown = fitting(tuple(facts), most=20, room=12_000)
    if shown:
        # Markdown is read in the values of a fact set too; its titles are plain.
        body.append({"type": "FactSet", "facts": [{"title": name, "value": escape(value)} for name, value in shown]})
    if text:
        body.append({"type": "TextBlock", "text": escape(text), "wrap": True})
    footer = " | ".join(part for part in (message.service, message.rule and f"rule {message.rule}", utc(message.at)) if part)
    body.append({"type": "TextBlock", "text": escape(footer), "isSubtle": True, "size": "Small", "wrap": True})
    actions = [{"type": "Action.OpenUrl", "title": words or "Open", "url": href} for href, words in message.links[:MAX_ACTIONS]]
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
        "actions": actions,
    }


def _wrap(card: dict[str, Any]) -> dict[str, Any]:
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


class TeamsChannel(ChatChannel[Teams]):
    """Fits a channel of ``router.daemon``."""

    async def send(self, delivery: Delivery) -> Outcome:
        """Post it once."""
        url = reveal(self._resolve, self._channel.url)
        if isinstance(url, Rejected):
            return url
        message = decode(delivery.body)
        thread = self._thread_of(delivery)
        answer = await self._caller.call(url, render(thread.about(message) if thread else message))
        if not isinstance(answer, Answer):
            return answer
        try:
            error = _decode_said(answer.body).error
        except (msgspec.MsgspecError, UnicodeDecodeError):
            error = _Error()
        said = f"{error.code}: {error.message}" if error.code else None
        return outcome_by_status(answer, secrets=secrets_in(url), now=self._caller.clock.now(), said=said)
