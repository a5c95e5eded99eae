"""Takes out of an event what must not leave this machine, before a channel writes it: by name, by pattern, and our own secrets.

Keeps these invariants: what is taken out by name is taken out wherever its value stands in the event; nothing that was not
looked at leaves; an event that holds nothing of the kind is returned as it is, at the cost of one pass (a few microseconds),
because pages go through here too. Pure; the time is linear in the event's size. What was redacted is marked ``[redacted]``.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from router.channels.secret_patterns import DENIED_NAMES, REDACTED, blot_out, may_hold_secret
from router.model.alert import Image, Link
from router.model.channel import Redaction
from router.model.event import Event
from router.model.pattern import Expression

MAX_CHECKED = 1_048_576
"""Characters of one event that are looked at; what is beyond is left out."""

MAX_DEPTH = 12
SHORTEST_VALUE = 4
"""A value taken out by name is looked for elsewhere if it has so many characters: shorter ones stand in too many words."""

SHORTEST_SECRET = 8
LEFT_OUT = "(left out: too long to be checked for secrets)"

_LABELS = frozenset({"labels", "annotations"})
_TEXTS = ("summary", "source", "component", "group", "class_", "client", "client_url")


class Redactor:
    """Redacts events for one way out. ``known``: our own secrets, whatever they look like; asked for each event."""

    def __init__(self, *settings: Redaction, known: Callable[[], tuple[str, ...]] = tuple) -> None:
        """``settings`` add up, for instance those for all ways out and those for one. PatternError for a bad pattern."""
        looks = all(one.secrets for one in settings)
        builtin = DENIED_NAMES if looks else ()
        self._looks_for_secrets = looks
        self.is_denied = _denial(
            labels=_names([*builtin, *(name for one in settings for name in one.labels)]),
            details=_names([*builtin, *(name for one in settings for name in one.details)]),
        )
        self._patterns = tuple(Expression(pattern) for one in settings for pattern in one.patterns)
        self._known = known
        self._known_before: object = None
        self._any_known: Expression | None = None  # finds any of them in one pass

    def __call__(self, event: Event) -> Event:
        """The event without what must not leave."""
        found = _Found()
        found.texts += [event.summary, event.source, event.component, event.group, event.class_, event.client, event.client_url]
        for link in event.links:
            found.texts += (link.href, link.text)
        for image in event.images:
            found.texts += (image.src, image.href, image.alt)
        self._collect(event.details, "", found, 0)
        if not found.has_denied and not found.is_odd:
            text = "\n".join(found.texts)
            if len(text) <= MAX_CHECKED and self._is_clean(text):
                return event
        return _Blotter(self, found.denied).event(event)

    def text(self, text: str) -> str:
        """One text without what looks like a secret, a pattern, or one of our own."""
        if self._holds_known(text):
            for secret in self._known():
                if len(secret) >= SHORTEST_SECRET:
                    text = text.replace(secret, REDACTED)
        if self._looks_for_secrets and may_hold_secret(text):
            text = blot_out(text)
        for pattern in self._patterns:
            text = pattern.replace(text, lambda _found: REDACTED)
        return text

    def _is_clean(self, text: str) -> bool:
        if self._looks_for_secrets and may_hold_secret(text):
            return False
        return not any(pattern.occurs(text) for pattern in self._patterns) and not self._holds_known(text)

    def _holds_known(self, text: str) -> bool:
        known = self._known()
        if known is not self._known_before:
            self._any_known, self._known_before = _any_of(known), known
        return self._any_known is not None and self._any_known.occurs(text)

    def _collect(self, members: Mapping[Any, Any], path: str, found: _Found, depth: int) -> None:
        """All texts of a mapping, and apart those that are denied by name."""
        texts, is_denied = found.texts, self.is_denied
        for key, value in members.items():
            name = key if type(key) is str else str(key)
            if is_denied(name, path):
                found.has_denied = True
                found.denied += _leaves(value, depth + 1)
                continue
            texts.append(name)
            kind = type(value)
            if kind is str:
                texts.append(value)
            elif kind is dict and depth < MAX_DEPTH:
                self._collect(value, f"{path}.{name}" if path else name, found, depth + 1)
            elif kind is list or kind is dict:
                found.is_odd = True  # rare: gone through member by member
                found.denied += self._denied_in(value, f"{path}.{name}" if path else name, depth + 1)
            elif kind is int or kind is float:
                texts.append(str(value))
            elif value is not None and kind is not bool:
                found.is_odd = True

    def _denied_in(self, value: Any, path: str, depth: int) -> list[str]:
        """The texts that are denied by name within a list, or within what is nested deeply."""
        if depth >= MAX_DEPTH:
            return []
        if isinstance(value, Mapping):
            below = _Found()
            self._collect(value, path, below, depth)
            return below.denied
        if isinstance(value, list | tuple | set | frozenset):
            return [text for member in value for text in self._denied_in(member, path, depth + 1)]
        return []


class _Found:
    """What one pass over an event found."""

    __slots__ = ("denied", "has_denied", "is_odd", "texts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.denied: list[str] = []
        self.has_denied = False
        self.is_odd = False  # something that the quick pass does not look at


class _Blotter:
    """One event on its way through."""

    def __init__(self, redactor: Redactor, denied: list[str]) -> None:
        self._redactor = redactor
        values = {value for value in denied if len(value) >= SHORTEST_VALUE}
        self._denied = sorted(values, key=len, reverse=True)  # one may hold another
        self._left = MAX_CHECKED

    def event(self, event: Event) -> Event:
        """The event with every part gone through; the summary first, the details last."""
        changed: dict[str, Any] = {name: self._text(getattr(event, name)) for name in _TEXTS}
        links = tuple(Link(href=self._text(link.href), text=self._text(link.text)) for link in event.links)
        images = tuple(
            Image(src=self._text(one.src), href=self._text(one.href), alt=self._text(one.alt)) for one in event.images
        )
        details = self._value(event.details, "", 0)
        return msgspec.structs.replace(event, **changed, links=links, images=images, details=details)

    def _text(self, text: str) -> str:
        self._left -= len(text)
        if self._left < 0:
            return LEFT_OUT
        for value in self._denied:
            if value in text:
                text = text.replace(value, REDACTED)
        return self._redactor.text(text)

    def _value(self, value: Any, path: str, depth: int) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int | float):
            written = str(value)
            checked = self._text(written)
            return value if checked == written else checked
        if depth >= MAX_DEPTH:
            return LEFT_OUT
        if isinstance(value, Mapping):
            found: dict[str, Any] = {}
            for key, member in value.items():
                name = str(key)
                if self._redactor.is_denied(name, path):
                    found[name] = REDACTED
                else:
                    found[self._text(name)] = self._value(member, f"{path}.{name}" if path else name, depth + 1)
            return found
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value(member, path, depth + 1) for member in value]
        return self._text(str(value))


def guard(encode: Callable[[Event], bytes], redact: Callable[[Event], Event]) -> Callable[[Event], bytes]:
    """``encode`` that sees nothing but redacted events; what says no more than a key goes straight through."""

    def write(event: Event) -> bytes:
        return encode(redact(event)) if event.summary or event.details or event.links else encode(event)

    return write


def _any_of(secrets: Iterable[str]) -> Expression | None:
    """Finds any of these; None if there are none."""
    known = sorted({secret for secret in secrets if len(secret) >= SHORTEST_SECRET})
    return Expression("|".join(re.escape(secret) for secret in known)) if known else None


def _leaves(value: Any, depth: int) -> list[str]:
    if isinstance(value, str):
        return [value]
    if depth >= MAX_DEPTH or value is None or isinstance(value, bool):
        return []
    if isinstance(value, Mapping):
        return [leaf for member in value.values() for leaf in _leaves(member, depth + 1)]
    if isinstance(value, list | tuple | set | frozenset):
        return [leaf for member in value for leaf in _leaves(member, depth + 1)]
    return [str(value)]


def _denial(*, labels: Callable[[str], bool], details: Callable[[str], bool]) -> Callable[[str, str], bool]:
    """Whether the member of a name is taken out; second, the names of what it stands in, with dots between.

    Remembered, for the same few come again and again.
    """

    @lru_cache(8_192)
    def is_denied(name: str, path: str) -> bool:
        if path in _LABELS:
            return labels(name)
        return details(name) or (path != "" and details(f"{path}.{name}"))

    return is_denied


def _names(globs: Iterable[str]) -> Callable[[str], bool]:
    """Whether a name matches one of these, in any case."""
    written = sorted({glob.lower() for glob in globs})
    if not written:
        return lambda _name: False
    expression = re.compile("|".join(f"(?:{fnmatch.translate(glob)})" for glob in written))
    return lambda name: expression.match(name.lower()) is not None
