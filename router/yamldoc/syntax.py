"""What libyaml's complaints mean to somebody who wrote a rule file.

libyaml says where it stood when it gave up; the line there usually shows what was meant. Every explanation has a code, the
place to look at, and a hint that can be typed in.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import yaml

from router.yamldoc.document import Lines

QUOTE_AT = "quote values that begin with {}"
SELF_EXPLAINED = frozenset({"unquoted-template", "unquoted-glob", "alias", "tag", "unquoted-character"})
"""Codes after which a complaint of libyaml about the same line tells nothing new."""

_QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:''|[^'])*'")
_TEMPLATE = re.compile(r"(?:^|[:\-,\[]\s)\s*(\{\{)")
_VALUE = re.compile(r"(?:[:\-]\s+|^\s*)(?=[^\s\-]|-\S)", re.MULTILINE)
_BRACKET = re.compile(r"\[|\{(?!\{)")
_LEFT_OVER = re.compile(r"^[^\[{]*[\]}]+$|,$")
_COMMENT = re.compile(r"\s+#.*\Z")
_WORD_IN_BRACKETS = re.compile(r"[^\s,\]}]*")
_LONGEST_SNIPPET = 60
_WINDOW = 300  # characters of a line that are looked at, for lines may be as long as files


class Trouble(NamedTuple):
    """A diagnostic that still stands at character offsets."""

    code: str
    start: int
    end: int
    message: str
    hint: str


class _Scene(NamedTuple):
    text: str
    lines: Lines
    problem: str  # libyaml's words
    context: str
    at: int  # where it gave up
    since: int  # where the thing it was reading began

    def character(self, offset: int) -> str:
        return self.text[offset : offset + 1]

    def line(self, offset: int) -> str:
        start, end = self.lines.line_bounds(offset)
        return self.text[start:end]

    def before(self, offset: int) -> str:
        start, _ = self.lines.line_bounds(offset)
        return self.text[start:offset]


def explain(text: str, lines: Lines, error: yaml.YAMLError) -> Trouble:
    """The trouble behind an error of libyaml."""
    problem_mark = getattr(error, "problem_mark", None)
    context_mark = getattr(error, "context_mark", None) or problem_mark
    at = min(problem_mark.index, len(text)) if problem_mark else 0
    since = min(context_mark.index, len(text)) if context_mark else 0
    problem = getattr(error, "problem", None) or "cannot be read"
    scene = _Scene(text, lines, problem, getattr(error, "context", None) or "", at, since)
    return _template(scene) or _by_words(scene)


def quoting_hint(what: str, text: str, lines: Lines, offset: int) -> str:
    """``quote globs that begin with *: "*-db"``, with the value that stands at the offset when it is short."""
    value = _snippet(text, lines, offset)
    if not value or len(value) > _LONGEST_SNIPPET or ("'" in value and '"' in value):
        return f"quote {what}"
    quote = "'" if '"' in value or "\\" in value else '"'
    return f"quote {what}: {quote}{value}{quote}"


def _snippet(text: str, lines: Lines, offset: int) -> str:
    """The whole unquoted value an offset lies in, as far as one line can tell; one word when it lies in brackets."""
    start, end = lines.line_bounds(offset)
    start, end = max(start, offset - _WINDOW), min(end, offset + _WINDOW)
    begin = start
    is_in_brackets = False
    for found in _VALUE.finditer(text, start, end):
        if found.end() > offset:
            break
        begin = found.end()
        is_in_brackets = is_in_brackets or _BRACKET.match(text, begin, offset) is not None
    value = _COMMENT.sub("", text[begin:end]).strip()
    if is_in_brackets or _LEFT_OVER.search(value):
        word = _WORD_IN_BRACKETS.match(text, offset, end)
        return word[0] if word else ""
    return value


def _template(scene: _Scene) -> Trouble | None:
    """``{{`` outside of quotes, on the line where libyaml gave up."""
    start, _ = scene.lines.line_bounds(scene.at)
    found = _TEMPLATE.search(_QUOTED.sub(lambda quoted: "_" * len(quoted[0]), scene.line(scene.at)))
    if found is None:
        return None
    place = start + found.start(1)
    message = "found {{ without quotes, which YAML reads as a mapping"
    hint = quoting_hint("templates", scene.text, scene.lines, place)
    return Trouble("unquoted-template", place, place + 2, message, hint)


def _by_words(scene: _Scene) -> Trouble:
    for words, rule in _RULES:
        if words in scene.problem or words in scene.context:
            return rule(scene)
    where = f" {scene.context}" if scene.context else ""
    return Trouble("syntax", scene.at, scene.at + 1, f"cannot be read as YAML{where}: {scene.problem}", "")


def _first_character(scene: _Scene) -> Trouble:
    character = scene.character(scene.at)
    if character == "\t":
        return _tab(scene)
    if character == ":":
        return _no_key(scene)
    message = f"found {character} without quotes; no value can begin with it"
    hint = quoting_hint(f"values that begin with {character}", scene.text, scene.lines, scene.at)
    return Trouble("unquoted-character", scene.at, scene.at + 1, message, hint)


def _reserved_character(scene: _Scene) -> Trouble:
    """Something like ``&``, ``!``, ``|`` or ``>`` began the value and meant text."""
    character = scene.character(scene.since)
    message = f"found {character} without quotes, which has a meaning of its own in YAML"
    hint = quoting_hint(f"values that begin with {character}", scene.text, scene.lines, scene.since)
    code = "tag" if character == "!" else "unquoted-character"
    return Trouble(code, scene.since, scene.at, message, hint)


def _glob(scene: _Scene) -> Trouble:
    if scene.before(scene.since).endswith(("]", "}")):
        return _after_bracket(scene.since)
    message = "found * without quotes, which YAML reads as an alias"
    hint = quoting_hint("globs that begin with *", scene.text, scene.lines, scene.since)
    return Trouble("unquoted-glob", scene.since, scene.at, message, hint)


def _tab(scene: _Scene) -> Trouble:
    start, _ = scene.lines.line_bounds(scene.at)
    place = max(scene.text.find("\t", start), start)
    message = "found a tab; YAML is indented with spaces"
    return Trouble("tab-indentation", place, place + 1, message, "replace the tab by spaces")


def _directive(scene: _Scene) -> Trouble:
    message = "found a line that begins with %; directives are not supported"
    return Trouble("directive", scene.since, scene.at, message, "remove this line")


def _colon(scene: _Scene) -> Trouble:
    head = _QUOTED.sub("_", scene.before(scene.at)).lstrip(" -")
    if ": " in head or head.endswith(":") or "{" in head or "[" in head:
        message = "found a second colon on the line; a value with a colon and a space needs quotes"
        hint = quoting_hint("the value", scene.text, scene.lines, max(scene.at - 1, 0))
        return Trouble("unquoted-colon", scene.at, scene.at + 1, message, hint)
    start, _ = scene.lines.line_bounds(scene.at)
    above = scene.text[:start].rstrip()
    above_start, above_end = scene.lines.line_bounds(max(len(above) - 1, 0))
    if above and ":" not in scene.text[above_start:above_end]:
        return _no_colon(scene._replace(since=above_end - len(scene.text[above_start:above_end].lstrip())))
    message = "found a key here; the line above already has a value, or is indented otherwise"
    hint = "indent this line as the keys beside it, or give the key above no value of its own"
    place = scene.at - len(scene.before(scene.at).lstrip())
    return Trouble("bad-indentation", place, scene.at, message, hint)


def _no_colon(scene: _Scene) -> Trouble:
    start, end = scene.lines.line_bounds(scene.since)
    line = scene.text[max(scene.since, start) : end]
    hint = "write key: value"
    if ":" in line:
        hint = "put a space after the colon"
    elif line.startswith("-"):
        hint = "put a space after the dash"
    message = "found a line without a colon and a space; expected key: value"
    return Trouble("missing-colon", max(scene.since, start), end, message, hint)


def _misplaced_entry(scene: _Scene) -> Trouble:
    character = scene.character(scene.at)
    message = f"found {character} where no list or mapping can begin"
    hint = f"begin the list on a line of its own, or quote the value if {character} is part of it"
    return Trouble("bad-indentation", scene.at, scene.at + 1, message, hint)


def _misaligned(scene: _Scene) -> Trouble:
    head = scene.before(scene.at).rstrip()
    if head.endswith(("]", "}")):
        return _after_bracket(scene.at)
    if scene.character(scene.at) == ":":
        return _no_key(scene)
    if head.endswith(('"', "'")):
        message = "found text after the closing quote"
        hint = "quote the whole value; inside '…' a quote is written '', inside \"…\" it is written \\\""
        return Trouble("text-after-quote", scene.at, scene.at + 1, message, hint)
    line, column = scene.lines.position(scene.since)
    message = f"found something that does not line up with what began on line {line}, column {column}"
    hint = "indent it as the lines it belongs to; quote a value that begins with [ or {"
    return Trouble("bad-indentation", scene.at, scene.at + 1, message, hint)


def _after_bracket(place: int) -> Trouble:
    message = "found text after the closing bracket"
    return Trouble("text-after-bracket", place, place + 1, message, "quote values that begin with [ or {")


def _no_key(scene: _Scene) -> Trouble:
    return Trouble("empty-key", scene.at, scene.at + 1, "found no key before the colon", "write key: value")


def _quote(scene: _Scene) -> Trouble:
    quote = scene.character(scene.since)
    message = f"found a {quote} that is never closed"
    return Trouble("unclosed-quote", scene.since, scene.since + 1, message, f"close it with {quote}")


def _escape(scene: _Scene) -> Trouble:
    place = max(scene.text.rfind("\\", 0, scene.at + 1), scene.since)
    message = f"found {scene.text[place : place + 2]} in double quotes, which is no escape YAML knows"
    hint = r"double the backslash (\\), or use single quotes, in which it is an ordinary character"
    return Trouble("bad-escape", place, min(place + 2, len(scene.text)), message, hint)


def _bracket(scene: _Scene) -> Trouble:
    bracket = scene.character(scene.since)
    closing = "]" if bracket == "[" else "}"
    line, column = scene.lines.position(scene.since)
    is_same_line = scene.lines.position(scene.at)[0] == line
    message = f"expected a comma or {closing}; the {bracket} on line {line}, column {column} is still open"
    hint = f"close it with {closing}; inside brackets quote values that contain , : [ ] {{ or }}"
    place = scene.at if is_same_line else scene.since
    return Trouble("unclosed-bracket", place, place + 1, message, hint)


def _content(scene: _Scene) -> Trouble:
    character = scene.character(scene.at)
    if not character.strip():
        opened = max(scene.text.rfind("[", 0, scene.at), scene.text.rfind("{", 0, scene.at))
        return _bracket(scene._replace(since=max(opened, 0)))
    return _first_character(scene)


def _after_end(scene: _Scene) -> Trouble:
    message = "found text after the end of the document"
    return Trouble("syntax", scene.at, scene.at + 1, message, "a file holds one mapping or one list, and nothing else")


_RULES: tuple[tuple[str, Callable[[_Scene], Trouble]], ...] = (
    ("scanning an alias", _glob),
    ("scanning an anchor", _reserved_character),
    ("scanning a tag", _reserved_character),
    ("parsing a tag", _reserved_character),
    ("undefined tag handle", _reserved_character),
    ("tab character", _tab),
    ("scanning a directive", _directive),
    ("block scalar", _reserved_character),
    ("found character that cannot start any token", _first_character),
    ("mapping values are not allowed", _colon),
    ("could not find expected ':'", _no_colon),
    ("entries are not allowed", _misplaced_entry),
    ("mapping keys are not allowed", _misplaced_entry),
    ("unexpected end of stream", _quote),
    ("unexpected document indicator", _quote),
    ("quoted scalar", _escape),
    ("expected ',' or", _bracket),
    ("expected node content", _content),
    ("expected <document start>", _after_end),
    ("did not find expected", _misaligned),
)
