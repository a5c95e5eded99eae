"""What every channel is told, before it looks like any of them: a title, a few facts, a few links. Pure.

An event becomes a message once, when it is decided; its JSON is the delivery's body. A channel's module turns the message into
what its service takes. Keeps these invariants: every text is free of control characters and bounded, so that a message is at
most some 60 KB; what identifies the problem (title, service, severity, rule) and its links outlive every cut.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec

from router.model.delivery import Delivery
from router.model.event import Event
from router.wire.text import clean, clean_line, cut, units

State = Literal["firing", "updated", "acknowledged", "resolved", "told"]

MAX_TITLE = 500
MAX_TEXT = 12_000
MAX_FACTS = 20
MAX_FACT_NAME = 100
MAX_FACT = 500
MAX_LINKS = 8
MAX_HREF = 2_000
MAX_LINK_TEXT = 100
MAX_NAME = 200
MORE = "more"
"""The fact that says what was left out."""

_DESCRIPTIONS = ("description", "message", "text")
_OWN = frozenset({"group", "labels", "annotations", "rule"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_SECOND = 253_402_300_799


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Acknowledged and resolved only say how things stand: what it is about was said before."""

    state: State
    at: int
    key: str
    severity: str = "error"
    title: str = ""
    service: str = ""
    name: str = ""
    rule: str = ""
    text: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()  # address, words

    @property
    def is_over(self) -> bool:
        """Nothing more is to be done."""
        return self.state == "resolved"

    @property
    def word(self) -> str:
        """One word in capitals that says how it stands."""
        return self.severity.upper() if self.state in {"firing", "updated", "told"} else self.state.upper()

    @property
    def headline(self) -> str:
        """The word and the title."""
        return f"[{self.word}] {self.title}" if self.title else f"[{self.word}] {self.service or self.key}"


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Message).decode


def encode(event: Event) -> bytes:
    """The body of a delivery to a channel that shows messages."""
    return _encode(message_of(event))


def decode(body: bytes) -> Message:
    """What ``encode`` wrote; ValueError if these bytes are no message."""
    return _decode(body)


def message_of(event: Event) -> Message:
    """The event in words for people."""
    facts: list[tuple[str, str]] = []
    links: list[tuple[str, str]] = [(link.href, link.text) for link in event.links]
    text = _gather(event, facts, links)
    return Message(
        state=_state_of(event),
        at=event.at,
        key=_line(event.dedup_key, MAX_NAME),
        severity=event.severity.word,
        title=_line(event.summary, MAX_TITLE),
        service=_line(event.source, MAX_NAME),
        name=_line(event.class_, MAX_NAME),
        rule=_line(event.rule, MAX_NAME),
        text=within(clean(text).strip(), MAX_TEXT),
        facts=_bounded(facts),
        links=_web_links(links),
    )


def _state_of(event: Event) -> State:
    match event.action:
        case "acknowledge":
            return "acknowledged"
        case "resolve":
            return "resolved"
        case "change":
            return "told"
        case _:
            return "updated" if event.is_update else "firing"


def _gather(event: Event, facts: list[tuple[str, str]], links: list[tuple[str, str]]) -> str:
    """Facts and links out of the details; the answer is the longer text there may be."""
    details = event.details
    annotations = _mapping(details.get("annotations"))
    text = ""
    for key in _DESCRIPTIONS:
        value = annotations.get(key) or details.get(key)
        if isinstance(value, str) and value.strip() and clean_line(value).strip() not in clean_line(event.summary):
            text = value
            break
    for key, value in details.items():
        is_text = (key == "incidents" and isinstance(value, list)) or (key in _DESCRIPTIONS and value == text)
        if key not in _OWN and not is_text:
            _add(key, value, facts, links)
    for key, value in annotations.items():
        is_said = isinstance(value, str) and (value == text or clean_line(value).strip() in clean_line(event.summary))
        if not is_said:
            _add(key, value, facts, links)
    labels = _mapping(details.get("labels"))
    if isinstance(details.get("incidents"), list):
        text = _digest(details["incidents"])
    if labels:
        facts.append(("labels", ", ".join(f"{name}={_text_of(value)}" for name, value in list(labels.items())[:50])))
    return text


def _digest(incidents: list[Any]) -> str:
    """A line for each incident that a digest or a storm names."""
    lines = []
    for one in incidents:
        if not isinstance(one, Mapping):
            lines.append(_line(_text_of(one), MAX_FACT))
            continue
        counts = ", ".join(f"{one[key]} {key}" for key in ("opened", "resolved") if one.get(key))
        subject = ": ".join(_text_of(one[key]) for key in ("service", "name") if one.get(key))
        summary = _text_of(one.get("summary"))
        head = f"[{_text_of(one.get('severity')).upper()}] " if one.get("severity") else ""
        said = summary if subject and summary.startswith(subject) else " - ".join(part for part in (subject, summary) if part)
        lines.append(_line(f"{head}{said}{f' ({counts})' if counts else ''}", MAX_FACT))
    return "\n".join(lines)


def within(text: str, limit: int) -> str:
    """The text, or as many whole lines of it as fit, with how many were left out; a single line that is longer is cut."""
    if units(text) <= limit:
        return text
    lines = text.split("\n")
    kept: list[str] = []
    room = limit - 24
    for line in lines:
        room -= units(line) + 1
        if room < 0:
            break
        kept.append(line)
    if not kept:
        return cut(text, limit)
    return "\n".join([*kept, f"... and {len(lines) - len(kept)} more lines"])


def _add(key: str, value: Any, facts: list[tuple[str, str]], links: list[tuple[str, str]]) -> None:
    written = _text_of(value)
    if _is_web(written) and " " not in written:
        links.append((written, key.removesuffix("_url")))
    elif written:
        facts.append((key, written))


def _bounded(facts: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    shown = [(_line(name, MAX_FACT_NAME), cut(clean(text).strip(), MAX_FACT)) for name, text in facts[:MAX_FACTS]]
    if len(facts) > MAX_FACTS:
        names = ", ".join(_line(name, 40) for name, _ in facts[MAX_FACTS - 1 : MAX_FACTS + 9])
        shown[-1] = (MORE, f"{len(facts) - MAX_FACTS + 1} left out: {names}"[:MAX_FACT])
    return tuple(shown)


def _web_links(links: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Each once, and web addresses only: others would be a way to make somebody's program do something."""
    found: dict[str, str] = {}
    for href, words in links:
        address = href.strip()
        if _is_web(address) and len(address) <= MAX_HREF and address.isprintable() and " " not in address:
            found.setdefault(address, _line(words, MAX_LINK_TEXT))
    return tuple(found.items())[:MAX_LINKS]


def _is_web(text: str) -> bool:
    return text[:8].lower() == "https://" or text[:7].lower() == "http://"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text_of(value: Any) -> str:
    match value:
        case str():
            return value.strip()
        case bool():
            return "true" if value else "false"
        case None:
            return ""
        case int() | float():
            return str(value)
        case _:
            try:
                return msgspec.json.encode(value, enc_hook=str).decode()
            except (UnicodeEncodeError, RecursionError, TypeError, ValueError):
                return str(value)


def _line(text: str, limit: int) -> str:
    return cut(clean_line(text).strip(), limit)


def fitting(facts: tuple[tuple[str, str], ...], *, most: int, room: int, overhead: int = 0) -> list[tuple[str, str]]:
    """As many facts from the beginning as ``most`` and ``room`` characters allow; each costs ``overhead`` besides."""
    found: list[tuple[str, str]] = []
    for name, text in facts[:most]:
        room -= len(name) + len(text) + overhead
        if room < 0:
            break
        found.append((name, text))
    return found


def utc(at: int) -> str:
    """``2026-11-21 01:42:07 UTC``."""
    return (_EPOCH + timedelta(seconds=min(max(at // 1000, 0), _LAST_SECOND))).strftime("%Y-%m-%d %H:%M:%S UTC")


def iso(at: int) -> str:
    """``2026-11-21T01:42:07Z``."""
    return (_EPOCH + timedelta(seconds=min(max(at // 1000, 0), _LAST_SECOND))).strftime("%Y-%m-%dT%H:%M:%SZ")


class Thread(msgspec.Struct, frozen=True, kw_only=True):
    """What was sent before in the same lane. ``receipt``: what the other side called the first of it; empty: it has no name."""

    receipt: str
    last: Message | None  # the newest that said what it is about

    def about(self, message: Message) -> Message:
        """The message; one that only says how things stand, with all that was said before."""
        last = self.last
        if last is None or message.state not in {"acknowledged", "resolved"}:
            return message
        facts = (*message.facts, *(fact for fact in last.facts if fact not in message.facts))
        return msgspec.structs.replace(last, state=message.state, at=message.at, facts=facts[:MAX_FACTS])


def thread_from(deliveries: list[Delivery]) -> Thread | None:
    """The thread that these deliveries of one lane made, newest first; None if none of them was accepted."""
    receipt, last = "", None
    for delivery in deliveries:
        for attempt in delivery.last_attempts:
            receipt = getattr(attempt.outcome, "receipt", "") or receipt
        if last is None and delivery.body:
            try:
                message = decode(delivery.body)
            except (msgspec.MsgspecError, ValueError):
                continue
            last = message if message.title and message.state in {"firing", "updated"} else None
    return Thread(receipt=receipt, last=last) if deliveries else None
