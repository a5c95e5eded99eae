"""Alertmanager's matchers, read in both of its syntaxes, and said as conditions of our ``match``.

A list of matchers is a conjunction. Ours has one list of patterns per label, one of which has to match; so a second regular
expression on the same label becomes an exception from an exception, and what can be settled by looking is settled here. One
thing differs: where ``.*`` becomes ``*``, it also matches a line break.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from router.importing.alternatives import as_patterns
from router.model.pattern import Pattern, PatternError
from router.rules.forms import MAX_PATTERN_CHARACTERS

Match = dict[str, Any]
"""A ``match`` as it will be written."""

_CLASSIC = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(=~|=|!=|!~)\s*(.*?)\s*\Z", re.DOTALL)
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_UTF8 = re.compile(rf"\s*({_QUOTED}|[^\s{{}}!=~,\\\"'`]+)\s*(=~|!~|!=|=)\s*({_QUOTED}|[^\s{{}}!=~,\\\"'`]+)\s*\Z", re.DOTALL)
_BETWEEN = re.compile(rf"(?:{_QUOTED}|[^,\"])+|,", re.DOTALL)
_SHOWN = 80


class BadMatcher(ValueError):
    """A text that is no matcher."""


class Matcher(msgspec.Struct, frozen=True, kw_only=True):
    """A condition on one label; a missing label is ``""``. Regular expressions match the whole value."""

    label: str
    value: str
    is_regex: bool = False
    is_negated: bool = False

    def fits(self, text: str) -> bool:
        """Whether the label may have this value."""
        if not self.is_regex:
            return (text == self.value) is not self.is_negated
        return Pattern(f"^(?:{self.value})$", kind="regex").matches(text) is not self.is_negated

    def problem(self) -> str:
        """Why it cannot be taken over; empty if it can."""
        try:
            self.fits("")
        except PatternError as error:
            return f"the regular expression cannot be used: {error}"
        longest = max(map(len, as_patterns(self.value, is_regex=self.is_regex)), default=0)
        if longest >= MAX_PATTERN_CHARACTERS:
            return f"a pattern of {longest:,} characters is longer than {MAX_PATTERN_CHARACTERS:,}"
        return ""

    def __str__(self) -> str:
        """As Alertmanager writes it."""
        sign = ("!~" if self.is_negated else "=~") if self.is_regex else "!=" if self.is_negated else "="
        return f'{self.label[:_SHOWN]}{sign}"{self.value[:_SHOWN]}"'


def read_matchers(text: str) -> list[Matcher]:
    """The matchers of one entry of ``matchers``: one, or several with commas between and braces around.

    As Alertmanager does it by default: what the older syntax can read means what it means there, the rest is UTF-8 syntax.
    """
    inner = text.strip()
    inner = inner.removeprefix("{").removesuffix("}") if inner.startswith("{") else inner
    parts = [part for part in _BETWEEN.findall(inner) if part != "," and part.strip()]
    return [_read_classic(part) or _read_utf8(part) for part in parts]


def _read_classic(text: str) -> Matcher | None:
    found = _CLASSIC.match(text)
    value = _unescape(found[3]) if found else None
    return None if found is None or value is None else _build(found[1], found[2], value)


def _unescape(raw: str) -> str | None:
    """The value of the older syntax, quoted or bare; None if it is none."""
    is_quoted = raw.startswith('"')
    body = raw[1:] if is_quoted else raw
    if is_quoted:
        if len(raw) < 2 or not raw.endswith('"'):  # noqa: PLR2004 -- two quotes
            return None
        body = raw[1:-1]
    if re.search(r'(?<!\\)(?:\\\\)*"', body):
        return None
    return re.sub(r'\\([n"\\])', lambda found: "\n" if found[1] == "n" else found[1], body)


def _read_utf8(text: str) -> Matcher:
    found = _UTF8.match(text)
    if found is None:
        raise BadMatcher(f'{text.strip()[:_SHOWN]!r} is no matcher: expected name="value", or !=, =~, !~')
    name, operator, value = found.groups()
    return _build(_bare(name), operator, _bare(value))


def _bare(text: str) -> str:
    if not text.startswith('"'):
        return text
    try:
        return str(ast.literal_eval(text.replace("\n", "\\n")))
    except (SyntaxError, ValueError) as error:
        raise BadMatcher(f"{text[:_SHOWN]} is no quoted text") from error


def _build(label: str, operator: str, value: str) -> Matcher:
    return Matcher(label=label, value=value, is_regex="~" in operator, is_negated=operator.startswith("!"))


def to_match(matchers: Iterable[Matcher]) -> Match | None:
    """All of them together as a ``match``; None if no alert can meet them."""
    by_label: dict[str, list[Matcher]] = {}
    for matcher in matchers:
        by_label.setdefault(matcher.label, []).append(matcher)
    match: Match = {}
    labels: dict[str, Any] = {}
    unless: list[Match] = []
    for label, together in by_label.items():
        patterns, further = _settle(together)
        if patterns is None:
            return None
        unless += [{"labels": {label: _short([f"!{text}" for text in texts])}} for texts in further]
        if not patterns:
            continue
        if label == "alertname" and all(text.removeprefix("!") for text in patterns):
            match["name"] = _short(patterns)
        else:
            labels[label] = _short(patterns)
    if labels:
        match["labels"] = labels
    if unless:
        match["unless"] = unless
    return match


def _settle(matchers: list[Matcher]) -> tuple[list[str] | None, list[list[str]]]:
    """Patterns for one label, and further lists of which one has to match too; no patterns at all if nothing can match."""
    wanted = [matcher for matcher in matchers if not matcher.is_negated and not _is_anything(matcher)]
    excluded = [matcher for matcher in matchers if matcher.is_negated]
    if any(_is_anything(matcher) for matcher in excluded):
        return None, []
    exact = next((values for matcher in wanted if (values := _values(matcher)) is not None), None)
    if exact is not None:
        left = [value for value in exact if all(matcher.fits(value) for matcher in matchers)]
        return ([text for value in left for text in as_patterns(value, is_regex=False)], []) if left else (None, [])
    outside = {text: None for each in excluded for text in as_patterns(each.value, is_regex=each.is_regex)}
    groups = [[text for text in as_patterns(each.value, is_regex=True) if text not in outside] for each in wanted]
    if not all(groups):
        return None, []
    return [*(groups[0] if groups else []), *(f"!{text}" for text in outside)], groups[1:]


def _is_anything(matcher: Matcher) -> bool:
    return matcher.is_regex and as_patterns(matcher.value, is_regex=True) == ["*"]


def _values(matcher: Matcher) -> list[str] | None:
    """The only values it allows, if they can be listed."""
    patterns = [Pattern.parse(text) for text in as_patterns(matcher.value, is_regex=matcher.is_regex)]
    if not matcher.is_regex:
        return [matcher.value]
    return [pattern.text for pattern in patterns] if all(each.kind == "exact" for each in patterns) else None


def _short(patterns: list[str]) -> str | list[str]:
    return patterns[0] if len(patterns) == 1 else patterns
