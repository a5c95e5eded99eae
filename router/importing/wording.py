"""Alertmanager's texts, Go templates over a notification, as templates over the alert that opens an incident.

What is said of the group's common labels is said of the alert's labels, ``.Status`` is ``firing`` (a resolve carries no text),
and ``range .Alerts`` says of one alert, the newest, what Alertmanager says of each. Named templates and everything that has no
counterpart is refused with the reason; the caller leaves the text out, and our own default stands.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from router.rules.template import TemplateRefused, compile_template

_ACTION = re.compile(r"\{\{(-\s)?\s*((?:\"(?:[^\"\\]|\\.)*\"|`[^`]*`|[^\"`])*?)\s*(\s-)?\}\}", re.DOTALL)
_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|`[^`]*`|\$?(?:\.[A-Za-z_]\w*)+|\$|\.|-?\d+|[A-Za-z_]\w*|[()|])')
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_FILTERS = {"toUpper": "upper", "toLower": "lower", "title": "title", "trimSpace": "trim", "urlquery": "urlencode"}
_SAME = frozenset({"safeHtml", "safeUrl", "html", "js", "print"})
_COMPARE = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_LOGIC = {"and": " and ", "or": " or "}


class Untranslatable(ValueError):
    """The text says something our templates cannot."""


class Thing(NamedTuple):
    """What a part of a Go template stands for: an expression of ours, or something that only has fields."""

    kind: str  # text, root, alerts, resolved, alert, labels, annotations, pairs, pair
    code: str = ""


class Wording(NamedTuple):
    """A translated text, and whether it speaks of one alert where the original speaks of each."""

    text: str
    is_of_one: bool


_ROOT = Thing("root")


def translate(text: str, receiver: str) -> Wording:
    """The text as ours; Untranslatable with the reason."""
    writer = _Writer(text, receiver)
    written = writer.write(_ROOT, nested=False)
    try:
        compile_template(written)
    except TemplateRefused as error:
        raise Untranslatable(str(error)) from error
    return Wording(written, writer.is_of_one)


def _pieces(text: str) -> list[tuple[bool, str]]:
    """Text and actions in turn; True for an action."""
    pieces: list[tuple[bool, str]] = []
    place, trims = 0, False
    for found in _ACTION.finditer(text):
        between = text[place : found.start()]
        between = between.lstrip() if trims else between
        pieces.append((False, between.rstrip() if found[1] else between))
        pieces.append((True, found[2]))
        place, trims = found.end(), bool(found[3])
    rest = text[place:].lstrip() if trims else text[place:]
    return [*pieces, (False, rest)]


class _Writer:
    """Walks the pieces of one text."""

    def __init__(self, text: str, receiver: str) -> None:
        self.is_of_one = False
        self._pieces = _pieces(text)
        self._place = 0
        self._receiver = receiver
        self.ended_by = ""

    def write(self, dot: Thing, *, nested: bool) -> str:
        """Up to the action that ends this block (kept in ``ended_by``), or the end of the text."""
        written = ""
        while self._place < len(self._pieces):
            is_action, piece = self._pieces[self._place]
            self._place += 1
            if not is_action:
                if re.search(r"\{[{%#]|[}%#]\}", piece):
                    raise Untranslatable("the text holds braces that would begin a template here")
                written += piece
                continue
            word = piece.split(None, 1)[0] if piece.split() else ""
            if word in ("end", "else"):
                if not nested:
                    raise Untranslatable(f"{word} without its beginning")
                self.ended_by = piece
                return written
            written += self._action(word, piece, dot)
        if nested:
            raise Untranslatable("a block without its end")
        return written

    def _action(self, word: str, piece: str, dot: Thing) -> str:
        if piece.startswith("/*"):
            return ""
        rest = piece[len(word) :]
        match word:
            case "if":
                return self._if(rest, dot, "if")
            case "range":
                return self._range(rest, dot)
            case "with":
                found = self._value(rest, dot)
                return f"{{% if {_code(found)} %}}{self.write(found, nested=True)}{self._close()}{{% endif %}}"
            case "template" | "define" | "block" | "break" | "continue":
                raise Untranslatable(f"{{{{ {word} }}}}: there are no named templates or jumps here")
        value = _code(self._value(piece, dot))
        return value[1:-1] if re.fullmatch(r"'[^'\\{}%#]*'", value) else f"{{{{ {value} }}}}"

    def _if(self, condition: str, dot: Thing, word: str) -> str:
        written = f"{{% {word} {_code(self._value(condition, dot))} %}}{self.write(dot, nested=True)}"
        ended = self.ended_by
        if ended.startswith("else"):
            further = ended.removeprefix("else").strip()
            if further.startswith("if"):
                return written + self._if(further[2:], dot, "elif")
            written += f"{{% else %}}{self.write(dot, nested=True)}{self._close()}"
        return written + "{% endif %}"

    def _range(self, over: str, dot: Thing) -> str:
        found = self._value(over, dot)
        if found.kind == "alerts":
            self.is_of_one = True
            return self.write(Thing("alert"), nested=True) + self._close()
        if found.kind == "pairs":
            inner = self.write(Thing("pair"), nested=True) + self._close()
            return f"{{% for key, value in {found.code}|items %}}{inner}{{% endfor %}}"
        if found.kind == "resolved":
            self.write(Thing("alert"), nested=True)
            return self._close()
        raise Untranslatable(f"range over {over.strip()}")

    def _close(self) -> str:
        if self.ended_by != "end":
            raise Untranslatable(f"{self.ended_by} here has no counterpart")
        return ""

    def _value(self, text: str, dot: Thing) -> Thing:
        tokens, place = [], 0
        text = text.strip()
        while place < len(text):
            found = _TOKEN.match(text, place)
            if found is None:
                raise Untranslatable(f"{text[place:][:40]!r} cannot be read")
            tokens.append(found[1])
            place = found.end()
        return _Expression(tokens, dot, self._receiver).pipeline()


class _Expression:
    """One pipeline of a Go template."""

    def __init__(self, tokens: list[str], dot: Thing, receiver: str) -> None:
        self._tokens = tokens
        self._place = 0
        self._dot = dot
        self._receiver = receiver

    def _next(self) -> str:
        return self._tokens[self._place] if self._place < len(self._tokens) else ""

    def pipeline(self) -> Thing:
        value = self._command(None)
        while self._next() == "|":
            self._place += 1
            value = self._command(value)
        if self._next() not in ("", ")"):
            raise Untranslatable(f"{self._next()} stands where the expression should end")
        return value

    def _command(self, piped: Thing | None) -> Thing:
        head = self._next()
        if _WORD.match(head) and head not in ("true", "false"):
            self._place += 1
            arguments = []
            while self._next() not in ("", "|", ")"):
                arguments.append(self._operand())
            return _call(head, arguments + ([piped] if piped is not None else []))
        if piped is not None:
            raise Untranslatable(f"a pipe into {head or 'nothing'}")
        return self._operand()

    def _operand(self) -> Thing:
        word = self._next()
        self._place += 1
        if word == "(":
            value = self.pipeline()
            self._place += 1
            following = self._next()
            if following.startswith(".") and len(following) > 1:
                self._place += 1
                return self._fields(value, following)
            return value
        if word.startswith("$"):
            return self._fields(_ROOT, word[1:])
        if word.startswith("."):
            return self._fields(self._dot, word)
        if word[:1] in ('"', "`"):
            text = word[1:-1].replace('\\"', '"')
            if "\\" in text or "'" in text:
                raise Untranslatable(f"the text {word[:40]} in an expression")
            return Thing("text", f"'{text}'")
        if re.fullmatch(r"-?\d+|true|false", word):
            return Thing("text", word)
        raise Untranslatable(f"{word or 'nothing'} stands where a value should")

    def _fields(self, thing: Thing, path: str) -> Thing:
        for name in path.split(".")[1:] if path != "." else ():
            thing = _field(thing, name, self._receiver)
        return thing


_LABELS, _ANNOTATIONS, _ALERTS = Thing("labels", "labels"), Thing("annotations", "annotations"), Thing("alerts", "alerts")
_FIRING = Thing("text", "'firing'")
_MEMBERS: dict[tuple[str, str], Thing] = {
    ("root", "GroupLabels"): _LABELS,
    ("root", "CommonLabels"): _LABELS,
    ("root", "CommonAnnotations"): _ANNOTATIONS,
    ("root", "Alerts"): _ALERTS,
    ("root", "Status"): _FIRING,
    ("alerts", "Firing"): _ALERTS,
    ("alerts", "Resolved"): Thing("resolved", "0"),
    ("alert", "Labels"): _LABELS,
    ("alert", "Annotations"): _ANNOTATIONS,
    ("alert", "Status"): _FIRING,
    ("alert", "GeneratorURL"): Thing("text", "generator_url"),
    ("alert", "StartsAt"): Thing("text", "first_at"),
    ("labels", "SortedPairs"): Thing("pairs", "labels"),
    ("annotations", "SortedPairs"): Thing("pairs", "annotations"),
    ("pair", "Name"): Thing("text", "key"),
    ("pair", "Value"): Thing("text", "value"),
}


def _field(thing: Thing, name: str, receiver: str) -> Thing:
    if (thing.kind, name) == ("root", "Receiver"):
        return Thing("text", f"'{receiver}'")
    known = _MEMBERS.get((thing.kind, name))
    if known is None and thing.kind not in ("labels", "annotations"):
        raise Untranslatable(f".{name} has no counterpart")
    return known or _member(thing, name)


def _member(thing: Thing, name: str) -> Thing:
    if thing.kind == "labels" and name == "alertname":
        return Thing("text", "name")
    if _WORD.match(name):
        return Thing("text", f"{thing.code}.{name}")
    if re.search(r"[\"'\\]", name):
        raise Untranslatable(f"the label {name[:40]!r}")
    return Thing("text", f"{thing.code}['{name}']")


def _call(function: str, arguments: list[Thing]) -> Thing:
    codes = [argument.code for argument in arguments]
    match (function, arguments):
        case ("len", [thing]) if thing.kind in ("alerts", "resolved"):
            return Thing("text", thing.code)
        case ("index", [Thing(kind="alerts"), Thing(code="0")]):
            return Thing("alert")
        case ("index", [Thing(kind="labels" | "annotations") as thing, Thing(kind="text", code=name)]) if name.startswith("'"):
            return _member(thing, name[1:-1])
        case ("not", [_]):
            return Thing("text", f"(not {_code(arguments[0])})")
        case (_, [_]) if function in _FILTERS:
            return Thing("text", f"{_code(arguments[0])}|{_FILTERS[function]}")
        case (_, [_]) if function in _SAME:
            return arguments[0]
        case (_, [_, _]) if function in _COMPARE:
            return Thing("text", f"({_code(arguments[0])} {_COMPARE[function]} {_code(arguments[1])})")
        case (_, [_, _, *_]) if function in _LOGIC:
            return Thing("text", f"({_LOGIC[function].join(map(_code, arguments))})")
    raise Untranslatable(f"the function {function} with {len(codes)} values has no counterpart")


def _code(thing: Thing) -> str:
    if thing.kind not in ("text", "alerts", "resolved"):
        raise Untranslatable(f"{thing.kind} as a whole")
    return thing.code
