"""Discord, by a webhook: one message for each episode, kept up to date, and a short one when it is over.

Facts, from Discord's documentation (docs.discord.com, read November 2026): "Webhook resource" (``?wait=true`` answers the
message with its id; PATCH ``/messages/ID`` changes it), "Message resource" (title 256, description 4,096, 25 fields of 256 and
1,024, footer 2,048, 6,000 characters in all), "Rate limits" (429 with ``retry_after`` in seconds, also a fraction, in its
JSON), "Opcodes and status codes" (10015 unknown webhook, 50027 invalid token, 10008 unknown message), "Allowed mentions" (an
empty ``parse`` calls nobody).
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from router.channels.calling import TOO_MANY_CALLS, outcome_by_status, reveal, secrets_in
from router.channels.chat import ChatChannel
from router.channels.message import Message, decode, fitting, iso, within
from router.model.channel import Discord
from router.model.delivery import Accepted, Delivery, Outcome, Rejected, Throttled
from router.wire.answer import MAX_RETRY_AFTER_MS, Answer, retry_after_ms
from router.wire.text import cut, units

MAX_TITLE = 256
MAX_DESCRIPTION = 4_096
MAX_FIELDS = 24  # of 25: one is for the links
MAX_FIELD_NAME = 256
MAX_FIELD = 1_024
MAX_ALL = 5_900  # of 6,000

_UNKNOWN_MESSAGE = 10_008
_COLOURS = {"critical": 0xC0392B, "error": 0xE67E22, "warning": 0xF1C40F, "info": 0x3498DB}
_RESOLVED_COLOUR = 0x2E9E5B
_MARKUP = re.compile(r"([\\*_~`|>\[\]()<#@:-])")

_encode = msgspec.json.Encoder().encode


class _Said(msgspec.Struct):
    id: str = ""
    code: int = 0
    message: str = ""
    retry_after: float = 0.0


_decode_said = msgspec.json.Decoder(_Said).decode


def escape(text: str, limit: int) -> str:
    """Text that is only text in Discord, within so many UTF-16 units."""
    escaped = _MARKUP.sub(r"\\\1", text)
    longest = limit
    while units(escaped) > limit:
        longest = longest * 9 // 10
        escaped = _MARKUP.sub(r"\\\1", cut(text, longest))
    return escaped


def render(message: Message) -> dict[str, Any]:
    """The message as the webhook takes it: one embed."""
    title = escape(message.headline, MAX_TITLE)
    links = _links(message)
    footer = cut(" | ".join(part for part in (message.service, message.rule and f"rule {message.rule}") if part), 400)
    room = MAX_ALL - units(title) - units(links) - units(footer) - 2 * len("links")
    description = _description(message.text, min(MAX_DESCRIPTION, room // 2)) if message.text else ""
    room -= units(description)
    fields = []
    for name, text in fitting(message.facts, most=MAX_FIELDS, room=room):
        field = {"name": escape(name, MAX_FIELD_NAME) or "-", "value": escape(text, MAX_FIELD) or "-", "inline": len(text) < 40}  # noqa: PLR2004
        room -= units(str(field["name"])) + units(str(field["value"]))
        if room < 0:
            break
        fields.append(field)
    if links:
        fields.append({"name": "links", "value": links, "inline": False})
    embed = {
        "title": title,
        "description": description,
        "color": _RESOLVED_COLOUR if message.is_over else _COLOURS[message.severity],
        "timestamp": iso(message.at),
        "fields": fields,
    }
    if footer:
        embed["footer"] = {"text": footer}
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


def render_end(message: Message) -> dict[str, Any]:
    """The short message that is seen by who does not look back."""
    embed = {"title": escape(message.headline, MAX_TITLE), "color": _RESOLVED_COLOUR, "timestamp": iso(message.at)}
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


def _description(text: str, limit: int) -> str:
    longest = limit
    while units(escaped := _MARKUP.sub(r"\\\1", within(text, longest))) > limit:
        longest = longest * 9 // 10
    return escaped


def _links(message: Message) -> str:
    lines, room = [], MAX_FIELD
    for href, words in message.links:
        address = href.replace("(", "%28").replace(")", "%29").replace("<", "%3C").replace(">", "%3E")
        line = f"[{escape(words, 100)}](<{address}>)" if words else f"<{address}>"
        room -= units(line) + 1
        if room >= 0:
            lines.append(line)
    return "\n".join(lines)


class DiscordChannel(ChatChannel[Discord]):
    """Fits a channel of ``router.daemon``."""

    async def send(self, delivery: Delivery) -> Outcome:
        """Post it, or change the episode's message; the receipt is that message's id."""
        found = reveal(self._resolve, self._channel.url)
        if isinstance(found, Rejected):
            return found
        url = found.strip().partition("?")[0].rstrip("/")
        message = decode(delivery.body)
        thread = self._thread_of(delivery)
        about = thread.about(message) if thread else message
        if thread is None or not thread.receipt:
            return await self._call(url, f"{url}?wait=true", render(about))
        changed = await self._call(url, f"{url}/messages/{thread.receipt}", render(about), method="PATCH")
        if isinstance(changed, Rejected) and changed.cause.startswith(f"{_UNKNOWN_MESSAGE}:"):
            return await self._call(url, f"{url}?wait=true", render(about))
        if not isinstance(changed, Accepted) or not message.is_over:
            return changed
        ended = await self._call(url, f"{url}?wait=true", render_end(about))
        return Accepted(status=ended.status, receipt=thread.receipt) if isinstance(ended, Accepted) else ended

    async def _call(self, secret: str, url: str, content: dict[str, Any], *, method: str = "POST") -> Outcome:
        answer = await self._caller.call(url, _encode(content), method=method)
        if not isinstance(answer, Answer):
            return answer
        return outcome_of(answer, url=secret, now=self._caller.clock.now())


def outcome_of(answer: Answer, *, url: str, now: int) -> Outcome:
    """By status; Discord's JSON says how long to wait, which message it is, and what was wrong."""
    try:
        said = _decode_said(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        said = _Said()
    if answer.status == TOO_MANY_CALLS:
        # The header is in whole seconds, and that of Cloudflare in front of Discord may be the only one.
        wait_ms = int(said.retry_after * 1000) if 0 < said.retry_after < MAX_RETRY_AFTER_MS / 1000 else None
        return Throttled(retry_after_ms=wait_ms or retry_after_ms(answer.headers.get("retry-after"), now))
    words = f"{said.code}: {said.message}" if said.code else None
    outcome = outcome_by_status(answer, secrets=secrets_in(url), now=now, said=words)
    match outcome:
        case Accepted():
            return Accepted(status=answer.status, receipt=said.id if said.id.isdigit() else "")
        case Rejected() if said.code:
            return Rejected(cause=outcome.cause.removeprefix(f"HTTP {answer.status}: "), status=answer.status)
        case _:
            return outcome
