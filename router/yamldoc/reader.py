"""Text to data with places, in one walk over the events of libyaml.

The events are never composed into nodes by PyYAML: its composer recurses in C and dies of deep nesting. Here depth and
count are capped event by event, the work is linear in the text, and nothing read can raise.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

import yaml

from router.errors import Diagnostic
from router.yamldoc.anchors import WrittenOut
from router.yamldoc.document import DEFAULT, Document, Limits, Lines, Path, Place, Plain, cut_short, format_path, shown
from router.yamldoc.syntax import QUOTE_AT, SELF_EXPLAINED, Trouble, explain, quoting_hint

_REFUSED = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u200a\u200c-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_DIRECTIVE = re.compile(r"^%(?:YAML|TAG)\b", re.MULTILINE)
_CONTROL_CHARACTERS_SHOWN = 10
_BYTE_ORDER_MARK = "\ufeff"


def read(text: str | bytes, file: str, *, limits: Limits = DEFAULT, anchors: bool = False) -> Document:
    """Read one document; never raises, whatever the text. ``file`` is only a name for the diagnostics.

    ``anchors``: anchors, aliases and merge keys are written out instead of being refused, within the same limits.
    """
    if len(text) > limits.size:
        trouble = Trouble("too-large", 0, 0, f"found {len(text):,} bytes; a file may have {limits.size:,}", "split the file")
        return _unreadable("", file, limits, [trouble])
    try:
        decoded = text.decode() if isinstance(text, bytes) else text
    except UnicodeDecodeError as error:
        return _undecodable(error.object, file, limits, error.start)
    return _read(decoded.removeprefix(_BYTE_ORDER_MARK), file, limits, anchors=anchors)


def _read(text: str, file: str, limits: Limits, *, anchors: bool) -> Document:
    troubles = _refused_characters(text) or _directives(text)
    if troubles:
        return _unreadable(text, file, limits, troubles)
    reader = _Reader(text, file, limits, anchors=anchors)
    reader.run()
    return Document(
        file=file,
        text=text,
        data=reader.data if reader.is_readable else None,
        diagnostics=cut_short(reader.diagnostics, limits.diagnostics, reader.left_off),
        left_off=reader.left_off,
        is_readable=reader.is_readable,
        limits=limits,
        lines=reader.lines,
        root=reader.root if reader.is_readable else Place(0, 0),
        broken=frozenset(reader.broken),
    )


def _unreadable(text: str, file: str, limits: Limits, troubles: list[Trouble]) -> Document:
    lines = Lines(text, file)
    return Document(
        file=file,
        text=text,
        data=None,
        diagnostics=[_at_place(trouble, lines) for trouble in troubles],
        left_off=0,
        is_readable=False,
        limits=limits,
        lines=lines,
        root=Place(0, 0),
        broken=frozenset(),
    )


def _at_place(trouble: Trouble, lines: Lines, path: str = "") -> Diagnostic:
    span = lines.span(trouble.start, trouble.end)
    return Diagnostic(code=trouble.code, span=span, path=path, message=trouble.message, hint=trouble.hint)


def _undecodable(data: bytes, file: str, limits: Limits, start: int) -> Document:
    place = len(data[:start].decode())
    is_utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    found = "UTF-16" if is_utf16 else f"the byte 0x{data[start]:02x}"
    trouble = Trouble("not-utf8", place, place + 1, f"found {found}; expected UTF-8 text", "save the file as UTF-8")
    return _unreadable(data.decode(errors="replace"), file, limits, [trouble])


def _refused_characters(text: str) -> list[Trouble]:
    troubles: list[Trouble] = []
    for found in itertools.islice(_REFUSED.finditer(text), _CONTROL_CHARACTERS_SHOWN):
        message = f"found the control or invisible character U+{ord(found[0]):04X}; expected text"
        hint = 'remove it, or write it as an escape in double quotes: "\\uXXXX"'
        troubles.append(Trouble("control-character", found.start(), found.end(), message, hint))
    return troubles


def _directives(text: str) -> list[Trouble]:
    found = _DIRECTIVE.search(text)  # before the parser sees it: libyaml compares every %TAG with every other
    if found is None:
        return []
    message = f"found the directive {found[0]}; directives are not supported"
    return [Trouble("directive", found.start(), found.end(), message, "remove this line")]


class _Frame:
    """A container that is being filled."""

    __slots__ = ("at", "data", "key", "key_place", "merges", "place", "places")

    def __init__(self, data: Any, place: Place, at: Path) -> None:
        self.data = data
        self.at = at  # its own last path part; empty for the root
        self.place = place
        self.places: dict[str | int, Place] = {}
        place.children = self.places
        self.merges = False  # a mapping with the key <<
        self.key: str | None = None  # in a mapping: the key whose value comes next
        self.key_place: tuple[int, int] | None = None  # None while key is set: the value is to be thrown away


class _Reader:
    """One walk over the events; thrown away afterwards."""

    def __init__(self, text: str, file: str, limits: Limits, *, anchors: bool) -> None:
        self._writes_out = anchors
        self.text = text
        self.lines = Lines(text, file)
        self.limits = limits
        self.data: Any = None
        self.root = Place(0, 0)
        self.diagnostics: list[Diagnostic] = []
        self.left_off = 0
        self.broken: set[Path] = set()
        self.is_readable = True
        self._frames: list[_Frame] = []
        self._depth = 0
        self._skipping = 0  # depth at which a thrown-away container began, 0 for none
        self._documents = 0
        self._anchors: set[str] = set()
        self._handlers: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.AliasEvent: self._alias,
            yaml.MappingStartEvent: self._open,
            yaml.SequenceStartEvent: self._open,
            yaml.MappingEndEvent: self._close,
            yaml.SequenceEndEvent: self._close,
            yaml.DocumentStartEvent: self._document,
        }

    def run(self) -> None:
        """Walk until the end, or until nothing more can be made of the text."""
        parser = yaml.CSafeLoader(self.text)
        try:
            self._walk(WrittenOut(parser.get_event) if self._writes_out else parser.get_event)
        except yaml.YAMLError as error:
            self.is_readable = False
            trouble = explain(self.text, self.lines, error)
            line = self.lines.position(trouble.start)[0]
            if not any(found.span.line == line and found.code in SELF_EXPLAINED for found in self.diagnostics):
                self.diagnostics.append(_at_place(trouble, self.lines, format_path(self._path())))
        finally:
            parser.dispose()

    def _walk(self, get_event: Callable[[], Any]) -> None:
        handlers = self._handlers
        count = 0
        while self.is_readable:
            event = get_event()
            kind = type(event)
            if kind in handlers:
                count += 1
                if count > self.limits.nodes:
                    hint = "split the file"
                    self._stop(event, "too-many-values", f"found more than {self.limits.nodes:,} values", hint)
                else:
                    handlers[kind](event)
            elif kind is yaml.StreamEndEvent:
                return

    # what is told

    def _next(self) -> Path:
        """The path part of the value that comes next; empty before the root and before a key."""
        if not self._frames:
            return ()
        frame = self._frames[-1]
        if type(frame.data) is list:
            return (len(frame.data),)
        return () if frame.key is None else (frame.key,)

    def _path(self) -> Path:
        """Where the walk is: the value that comes next."""
        return (*(part for frame in self._frames for part in frame.at), *self._next())

    def _complain(self, event: Any, code: str, message: str, hint: str) -> None:
        if self._is_full():
            self.left_off += 1
            return
        trouble = Trouble(code, event.start_mark.index, self._end(event), message, hint)
        self.diagnostics.append(_at_place(trouble, self.lines, format_path(self._path())))

    def _complain_of_value(self, event: Any, code: str, message: str, hint: str) -> None:
        self._complain(event, code, message, hint)
        if not self._is_key_next():
            self.broken.add(self._path())

    def _is_full(self) -> bool:
        return len(self.diagnostics) >= self.limits.diagnostics

    def _quoting(self, what: str, event: Any) -> str:
        return "" if self._is_full() else quoting_hint(what, self.text, self.lines, event.start_mark.index)

    def _stop(self, event: Any, code: str, message: str, hint: str) -> None:
        self.is_readable = False
        trouble = Trouble(code, event.start_mark.index, event.end_mark.index, message, hint)
        self.diagnostics.append(_at_place(trouble, self.lines))

    def _end(self, event: Any) -> int:
        """Where an event ends, without the white space libyaml counts in after a block of text."""
        start: int = event.start_mark.index
        return start + len(self.text[start : event.end_mark.index].rstrip())

    # events

    def _document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            hint = "split the file, or remove the line ---"
            self._stop(event, "several-documents", "found a second document; a file holds one", hint)

    def _open(self, event: Any) -> None:
        self._depth += 1
        if self._depth > self.limits.depth:
            self._stop(event, "too-deep", f"found nesting deeper than {self.limits.depth} levels", "nest less")
            return
        if self._skipping:
            return
        self._properties(event)
        is_template = event.flow_style and self.text.startswith("{{", event.start_mark.index)
        if self._is_key_next():
            if is_template:
                self._complain(event, "unquoted-template", *self._template(event))
            else:
                hint = 'write a single word, or quote it: "[a]": …'
                self._complain(event, "complex-key", "found a list or mapping as a key; expected text", hint)
            self._throw_next_away()
            self._skipping = self._depth
        elif is_template:
            self._complain_of_value(event, "unquoted-template", *self._template(event))
            self._put(Plain("{{"), Place(event.start_mark.index, event.start_mark.index + 2))
            self._skipping = self._depth
        else:
            data: Any = {} if type(event) is yaml.MappingStartEvent else []
            place = Place(event.start_mark.index, event.end_mark.index if event.flow_style else -1)
            frame = _Frame(data, place, self._next())
            if self._put(data, place):
                self._frames.append(frame)
            else:
                self._skipping = self._depth

    def _close(self, event: Any) -> None:
        self._depth -= 1
        if self._skipping:
            if self._depth < self._skipping:
                self._skipping = 0
            return
        frame = self._frames.pop()
        place = frame.place
        if place.end >= 0:  # in brackets
            place.end = event.end_mark.index
        elif frame.places:  # the event of a block ends where the next thing begins: too far
            place.end = max(frame.places[next(reversed(frame.places))].end, place.start)
        else:
            place.end = place.start
        if frame.merges:
            self._merge(frame, event)

    def _alias(self, event: Any) -> None:
        if self._skipping:
            return
        name = f"*{event.anchor}"
        if self._is_key_next():
            hint = f'quote keys that begin with *: "{name}"'
            self._complain(event, "complex-key", f"found the alias {name} as a key; expected text", hint)
            self._throw_next_away()
            return
        if event.anchor in self._anchors:
            hint = "write the value out where it is needed"
            self._complain_of_value(event, "alias", f"found the alias {name}; aliases are not supported", hint)
        else:
            message = f"found {shown(name)[1:-1]} without quotes, which YAML reads as an alias"
            hint = self._quoting("globs that begin with *", event)
            self._complain_of_value(event, "unquoted-glob", message, hint)
        self._put(Plain(name), Place(event.start_mark.index, event.end_mark.index))

    def _scalar(self, event: Any) -> None:
        if self._skipping:
            return
        if event.anchor is not None or event.tag is not None:
            self._properties(event)
        text: str = event.value
        start: int = event.start_mark.index
        end: int = event.end_mark.index
        if self._is_key_next():
            self._key(event, text, start, end)
            return
        if not event.style:
            text = Plain(text)
        elif event.style in "|>":
            end = self._end(event)
            if not text:
                message = f"found {event.style} with no text on the lines below"
                hint = f'quote values that begin with {event.style}, or write "" for an empty text'
                self._complain_of_value(event, "unquoted-character", message, hint)
        self._put(text, Place(start, end))

    # parts of the work

    def _is_key_next(self) -> bool:
        if not self._frames:
            return False
        frame = self._frames[-1]
        return frame.key is None and type(frame.data) is dict

    def _throw_next_away(self) -> None:
        frame = self._frames[-1]
        frame.key = ""
        frame.key_place = None

    def _key(self, event: Any, text: str, start: int, end: int) -> None:
        frame = self._frames[-1]
        is_plain = not event.style
        if is_plain and not text:
            self._complain(event, "empty-key", "found no key before the colon", "write key: value")
            self._throw_next_away()
        elif is_plain and text == "<<" and not self._writes_out:
            hint = "write the keys out in every mapping that needs them"
            self._complain(event, "merge-key", "found the merge key <<, which is not supported", hint)
            self._throw_next_away()
        elif text in frame.data:
            first = frame.places[text].key
            assert first is not None
            line, column = self.lines.position(first[0])
            message = f"found the key {shown(text)} again; it stands first on line {line}, column {column}"
            frame.key = text
            self._complain(event, "duplicate-key", message, "keep one of the two")
            self._throw_next_away()
        else:
            frame.key = text
            frame.key_place = (start, end)
            frame.merges = frame.merges or (is_plain and text == "<<")

    def _merge(self, frame: _Frame, event: Any) -> None:
        """Put in what << stands for, a mapping or a list of them; what stands beside it goes first, then the first."""
        given, place = frame.data.pop("<<"), frame.places.pop("<<")
        sources = [(given, place)]
        if isinstance(given, list):
            sources = [(each, (place.children or {})[index]) for index, each in enumerate(given)]
        for source, at in sources:
            if not isinstance(source, dict):
                hint = "write a mapping there, or the alias of one: <<: *name"
                self._complain(event, "merge-key", "the merge key << takes a mapping, or a list of mappings", hint)
                return
            for key, value in source.items():
                if key not in frame.data:
                    frame.data[key] = value
                    frame.places[key] = (at.children or {})[key]

    def _put(self, value: Any, place: Place) -> bool:
        """Give a value to the container that waits for it; False if it is thrown away."""
        if not self._frames:
            self.data = value
            self.root = place
            return True
        frame = self._frames[-1]
        key = frame.key
        if key is None:
            frame.places[len(frame.data)] = place
            frame.data.append(value)
            return True
        frame.key = None
        place.key = frame.key_place
        if place.key is None:
            return False
        frame.data[key] = value
        frame.places[key] = place
        return True

    def _template(self, event: Any) -> tuple[str, str]:
        message = "found {{ without quotes, which YAML reads as a mapping"
        return message, self._quoting("templates", event)

    def _properties(self, event: Any) -> None:
        """Refuse an anchor or a tag; what has one is still read."""
        if event.anchor is not None:
            self._anchors.add(event.anchor)
            message = f"found &{event.anchor}, which YAML reads as an anchor; anchors are not supported"
            self._complain_of_value(event, "anchor", message, QUOTE_AT.format("&"))
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            message = f"found {shown(tag)[1:-1]} without quotes, which YAML reads as a tag; tags are not supported"
            hint = self._quoting("values that begin with !", event)
            self._complain_of_value(event, "tag", message, hint)
