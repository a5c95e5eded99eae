"""Slack: by an incoming webhook, which only posts, or by a bot token: one thread an episode, its first message kept up to date.

Facts, from Slack's documentation (docs.slack.dev, read November 2026): "Sending messages using incoming webhooks" (200 ``ok``;
errors are a status and a word in plain text: ``invalid_payload``, ``no_service``, ``channel_is_archived`` ...),
``chat.postMessage`` and ``chat.update`` (200 with ``ok: false`` and a word; an update's ``channel`` has to be an id; ``parse``
of an update is ``client`` unless it is said, which would link names), "Rate limits" (about one message a second for each
channel; 429 with Retry-After), "Formatting message text" (``&``, ``<``, ``>`` are the only characters with a meaning that have
to be escaped), Block Kit (a section's text 3,000 characters, 50 blocks).

Keeps these invariants: no mention in an alert's text calls anybody; when the first message cannot be updated, or its thread is
gone, what is new is posted all the same. A delivery in a thread is two calls, the update first because it may be repeated.
"""

from __future__ import annotations

from typing import Any

import msgspec

from router.channels.calling import outcome_by_status, reveal, secrets_in
from router.channels.chat import ChatChannel
from router.channels.message import Message, decode, fitting, utc
from router.model.channel import SlackBot, SlackHook
from router.model.delivery import Accepted, Delivery, Outcome, Rejected, Throttled, Unavailable
from router.wire.answer import Answer, cause_line, retry_after_ms
from router.wire.text import cut

MAX_SECTION = 3_000
MAX_TEXT_SECTIONS = 3
MAX_TITLE = 1_000  # after escaping; Slack cuts a text at 40,000 and advises 4,000


_MARKS = {
    "critical": ":red_circle:",
    "error": ":large_orange_circle:",
    "warning": ":large_yellow_circle:",
    "info": ":large_blue_circle:",
}
_STATE_MARKS = {"acknowledged": ":eyes:", "resolved": ":white_check_mark:"}
_COLOURS = {"critical": "#c0392b", "error": "#e67e22", "warning": "#f1c40f", "info": "#3498db"}
_RESOLVED_COLOUR = "#2e9e5b"

# A plain @here in the text stays plain, and nobody's server is asked for a preview.
_PLAIN = {"parse": "none", "link_names": False, "unfurl_links": False, "unfurl_media": False}

_AGAIN = frozenset({
    "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org", "org_login_required",
    "update_failed", "external_channel_migrating", "rollup_error",
})  # fmt: skip
"""Words of Slack's that mean: not now."""

_TOO_MANY = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
_NO_UPDATE = frozenset({
    "message_not_found", "cant_update_message", "edit_window_closed", "is_inactive", "channel_not_found", "block_mismatch",
    "team_not_found",
})  # fmt: skip
"""The first message cannot be changed (any more): what is new can still be posted."""

_NO_THREAD = frozenset({
    "thread_not_found", "message_not_found", "cannot_reply_to_message", "restricted_action_non_threadable_channel",
    "invalid_thread_ts",
})  # fmt: skip

_encode = msgspec.json.Encoder().encode


class _Said(msgspec.Struct):
    ok: bool = False
    error: str = ""
    ts: str = ""
    channel: str = ""
    needed: str = ""


_decode_said = msgspec.json.Decoder(_Said).decode


def escape(text: str) -> str:
    """Text that is only text in Slack: no mention, no link, no channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def render(message: Message) -> dict[str, Any]:
    """The message as ``chat.postMessage``, ``chat.update`` and incoming webhooks take it."""
    mark = _STATE_MARKS.get(message.state) or _MARKS[message.severity]
    colour = _RESOLVED_COLOUR if message.is_over else _COLOURS[message.severity]
    title = _escaped_within(message.title or message.service or message.key, MAX_TITLE)
    blocks = [_section(part) for part in (_facts(message), *_texts(message), _links(message)) if part]
    blocks.append({"type": "context", "elements": [_words(_footer(message))]})
    attachment = {"color": colour, "fallback": title, "blocks": blocks}
    return {"text": f"{mark} *{message.word}* {title}", "attachments": [attachment], **_PLAIN}


def render_reply(message: Message) -> dict[str, Any]:
    """What is said in the thread: one line, the whole is in the first message."""
    mark = _STATE_MARKS.get(message.state) or _MARKS[message.severity]
    words = f"Now {message.word}: " if message.state == "updated" else f"{message.word.capitalize()}: "
    title = _escaped_within(message.title or message.service or message.key, MAX_TITLE)
    return {
        "text": f"{mark} {words}{title}",
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _words(text)}


def _words(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _facts(message: Message) -> str:
    lines, room = [], MAX_SECTION
    for name, text in fitting(message.facts, most=20, room=MAX_SECTION):
        line = f"*{escape(name)}*: {escape(text)}"
        room -= len(line) + 1
        if room < 0:
            break
        lines.append(line)
    return "\n".join(lines)


def _texts(message: Message) -> list[str]:
    """The longer text in as many sections as it takes, up to a few."""
    sections: list[str] = []
    lines = message.text.split("\n") if message.text else []
    while lines and len(sections) < MAX_TEXT_SECTIONS:
        taken = _lines_within(lines, MAX_SECTION)
        sections.append("\n".join(escape(line) for line in lines[:taken]) if taken else _escaped_within(lines[0], MAX_SECTION))
        lines = lines[max(taken, 1) :]
    if lines and sections:
        sections.append(f"... and {len(lines)} more lines")
    return sections


def _lines_within(lines: list[str], limit: int) -> int:
    for position, line in enumerate(lines):
        limit -= len(escape(line)) + 1
        if limit < 0:
            return position
    return len(lines)


def _escaped_within(text: str, limit: int) -> str:
    """Escaped, and cut before that, so that no entity is cut in half."""
    escaped, longest = escape(text), limit
    while len(escaped) > limit:
        escaped = escape(cut(text, longest))
        longest = longest * 9 // 10
    return escaped


def _links(message: Message) -> str:
    lines, room = [], MAX_SECTION
    for href, words in message.links:
        address = escape(href).replace("|", "%7C")
        line = f"<{address}|{escape(words).replace('|', '/')}>" if words else f"<{address}>"
        room -= len(line) + 3
        if room >= 0:
            lines.append(line)
    return " | ".join(lines)


def _footer(message: Message) -> str:
    parts = [part for part in (message.service, message.rule and f"rule {message.rule}", utc(message.at)) if part]
    return escape(" | ".join(parts))


class SlackHookChannel(ChatChannel[SlackHook]):
    """Fits a channel of ``router.daemon``: an incoming webhook."""

    async def send(self, delivery: Delivery) -> Outcome:
        """Post it once."""
        url = reveal(self._resolve, self._channel.url)
        if isinstance(url, Rejected):
            return url
        message = decode(delivery.body)
        thread = self._thread_of(delivery)
        answer = await self._caller.call(url, _encode(render(thread.about(message) if thread else message)))
        if not isinstance(answer, Answer):
            return answer
        if answer.status == 500 and answer.body.strip() == b"no_service":  # noqa: PLR2004 -- so for webhooks of old integrations
            return Rejected(cause="HTTP 500: no_service", status=answer.status)
        return outcome_by_status(answer, secrets=secrets_in(url), now=self._caller.clock.now())


class SlackBotChannel(ChatChannel[SlackBot]):
    """Fits a channel of ``router.daemon``: a bot that keeps each episode in one thread."""

    async def send(self, delivery: Delivery) -> Outcome:
        """Post it, or update the thread's first message and reply; the receipt names the first message."""
        token = reveal(self._resolve, self._channel.token)
        if isinstance(token, Rejected):
            return token
        message = decode(delivery.body)
        thread = self._thread_of(delivery)
        conversation, _, ts = (thread.receipt if thread else "").partition("/")
        if thread is None or not ts:
            return await self._call(token, "chat.postMessage", render(thread.about(message) if thread else message))
        about = thread.about(message)
        updated = await self._call(token, "chat.update", {**render(about), "ts": ts}, conversation)
        if not isinstance(updated, Accepted) and not (isinstance(updated, Rejected) and updated.cause in _NO_UPDATE):
            return updated
        reply = await self._call(token, "chat.postMessage", {**render_reply(about), "thread_ts": ts}, conversation)
        if isinstance(reply, Rejected) and reply.cause in _NO_THREAD | _NO_UPDATE:
            return await self._call(token, "chat.postMessage", render(about))
        return Accepted(status=reply.status, receipt=thread.receipt) if isinstance(reply, Accepted) else reply

    async def _call(self, token: str, method: str, arguments: dict[str, Any], conversation: str = "") -> Outcome:
        body = _encode({"channel": conversation or self._channel.conversation, **arguments})
        url = f"{self._channel.api_url}/{method}"
        answer = await self._caller.call(url, body, {"Authorization": f"Bearer {token}"})
        return answer if not isinstance(answer, Answer) else outcome_of(answer, token=token, now=self._caller.clock.now())


def outcome_of(answer: Answer, *, token: str, now: int) -> Outcome:
    """What an answer of Slack's Web API means: 200 says nothing, ``ok`` and the word of ``error`` do."""
    if answer.status != 200:  # noqa: PLR2004 -- the Web API's only status for an answer of its own
        return outcome_by_status(answer, secrets=(token,), now=now)
    try:
        said = _decode_said(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        if answer.complete:
            return Unavailable(cause="answered with something that is not of Slack's Web API", status=answer.status)
        return Accepted(receipt="")  # taken, and the rest of the answer was lost: a second post would be a second message
    if said.ok:
        return Accepted(status=answer.status, receipt=f"{said.channel}/{said.ts}" if said.ts and said.channel else "")
    word = cause_line(said.error, (token,)) or "ok: false"
    if word in _TOO_MANY:
        return Throttled(retry_after_ms=retry_after_ms(answer.headers.get("retry-after"), now))
    if word in _AGAIN:
        return Unavailable(cause=word, status=answer.status)
    return Rejected(cause=f"{word} (needs {cause_line(said.needed)})" if said.needed else word, status=answer.status)
