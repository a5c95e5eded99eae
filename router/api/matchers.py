"""Alertmanager's matchers: read from ``filter=`` and from silences, and a silence's conditions as matchers again.

Names may be quoted, so that any UTF-8 text can be one. Regular expressions match the whole value, as in Alertmanager; a missing
label is an empty one.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from router.api.exchange import Refused
from router.model.pattern import Pattern, PatternError
from router.model.silence import PlainMatch

_MATCHER = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^=!~"{},]+?))\s*(=~|!~|!=|=)\s*(.*)', re.DOTALL)
_ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}
_PLAIN = re.compile(r"[\w .:@%+,;=~<>#&()|{}$^-]*", re.UNICODE)
_FIELDS = {"alertname": "names", "service": "services"}
"""Labels that are fields of an alert here: alerts of other doors have them too."""


class Matcher(msgspec.Struct, frozen=True, kw_only=True):
    """One condition on one label; ``isEqual`` False negates it."""

    name: str
    value: str
    isRegex: bool  # noqa: N815 -- the wire's spelling
    isEqual: bool = True  # noqa: N815

    def compile(self) -> Pattern:
        """Refused with 400 for a regular expression that cannot be compiled."""
        try:
            return Pattern(f"^(?:{self.value})$" if self.isRegex else self.value, kind="regex" if self.isRegex else "exact")
        except PatternError as error:
            raise Refused(400, f"matcher {self.name[:64]!r}: {error}") from error

    def written(self) -> str:
        """In the rule language's form of a pattern."""
        sign = "" if self.isEqual else "!"
        if self.isRegex:
            return f"{sign}/^(?:{self.value})$/"
        # What would read as a glob or a regular expression is quoted into one that means just this text.
        is_plain = _PLAIN.fullmatch(self.value) is not None and not self.value.startswith("!")
        return f"{sign}{self.value}" if is_plain else f"{sign}/^{re.escape(self.value)}$/"


def read_matcher(text: str) -> Matcher:
    """``name="value"`` and ``!=``, ``=~``, ``!~``; Refused with 400 if it is none."""
    found = _MATCHER.fullmatch(text)
    if found is None:
        raise Refused(400, f'filter: expected name="value", found {text[:64]!r}')
    name = _unquote(found[1]) if found[1] is not None else found[2].strip()
    value = found[4].strip()
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = _unquote(value[1:-1])
    return Matcher(name=name, value=value, isRegex="~" in found[3], isEqual=found[3][0] == "=")


def _unquote(text: str) -> str:
    return re.sub(r'\\[\\"n]', lambda found: _ESCAPES[found[0]], text)


class Filter:
    """Some matchers, all of which have to hold."""

    def __init__(self, texts: list[str]) -> None:
        """Refused with 400 for a text that is no matcher."""
        matchers = [read_matcher(text) for text in texts]
        self._tests = [(matcher.name, matcher.compile(), matcher.isEqual) for matcher in matchers]

    def fits(self, labels: Mapping[str, str]) -> bool:
        """Whether these labels are meant."""
        return all(pattern.matches(labels.get(name, "")) is is_equal for name, pattern, is_equal in self._tests)


def to_match(matchers: list[Matcher]) -> PlainMatch:
    """The conditions of a silence; Refused with 400 if there is none that rules anything out."""
    if not any(matcher.isEqual and not matcher.compile().matches("") for matcher in matchers):
        raise Refused(400, "at least one matcher must not match the empty string, or everything would be silenced")
    fields: dict[str, list[str]] = {"names": [], "services": []}
    labels: list[tuple[str, tuple[str, ...]]] = []
    for matcher in matchers:
        matcher.compile()
        field = _FIELDS.get(matcher.name)
        if field is not None and not fields[field]:
            fields[field].append(matcher.written())
        else:
            labels.append((matcher.name, (matcher.written(),)))
    return PlainMatch(names=tuple(fields["names"]), services=tuple(fields["services"]), labels=tuple(labels))


def to_matchers(match: PlainMatch) -> list[dict[str, Any]]:
    """A silence's conditions as Alertmanager shows them."""
    words = tuple(severity.word for severity in sorted(match.severities or (), reverse=True))
    tests = [
        ("alertname", match.names),
        ("service", match.services),
        ("severity", words),
        ("source", match.sources),
        *match.labels,
    ]
    return [msgspec.to_builtins(matcher) for name, texts in tests for matcher in _of_test(name, texts)]


def _of_test(name: str, texts: tuple[str, ...]) -> Iterator[Matcher]:
    patterns = [Pattern.parse(text) for text in texts]
    positive = [pattern for pattern in patterns if not pattern.negated]
    if len(positive) == 1:
        yield _of_pattern(name, positive[0])
    elif positive:
        yield Matcher(name=name, value="|".join(_as_regex(pattern) for pattern in positive), isRegex=True)
    yield from (_of_pattern(name, pattern) for pattern in patterns if pattern.negated)


def _of_pattern(name: str, pattern: Pattern) -> Matcher:
    if pattern.kind == "exact":
        return Matcher(name=name, value=pattern.text, isRegex=False, isEqual=not pattern.negated)
    return Matcher(name=name, value=_as_regex(pattern), isRegex=True, isEqual=not pattern.negated)


def _as_regex(pattern: Pattern) -> str:
    """A regular expression over the whole value."""
    match pattern.kind:
        case "exact":
            return re.escape(pattern.text)
        case "glob":
            return fnmatch.translate(pattern.text).removeprefix("(?s:").removesuffix(r")\Z")
        case _:
            found = re.fullmatch(r"\^\(\?:(.*)\)\$", pattern.text, re.DOTALL)
            return found[1] if found else f".*(?:{pattern.text}).*"
